package cache

import (
	"runtime"
	"sync/atomic"

	"pollux/flow"
	"pollux/internal/packet"
	"pollux/internal/ring"
)

// Cache is the flow cache of one poll loop. Make it with New.
type Cache struct {
	index   index
	hot     []hot
	cold    []cold
	qos     []tcpState // nil unless TCP is measured
	free    []uint32   // numbers of free entries, the lowest on top at first
	high    uint32     // entries at and after it have never been used
	far     uint32     // with more entries used than this their lines are asked for ahead
	bonds   [2][]bond  // by direction, by slot of the exact-match cache
	points  points
	tunnels pool[Tunnel]
	secret  secrets
	mem     *packet.Memory
	arena   *arena
	cleanup runtime.Cleanup

	custom bool // mask differs from OVSKey
	mask   [NumClasses]ckey
	outer  flow.Mask // of the tunnel words

	sampling uint32
	shown    atomic.Uint32 // sampling, for other threads
	sampler  sampler
	chosen   chosen

	align                bool
	idle, active, linger int64
	coarseActive         uint32
	hand                 uint32 // next entry that Sweep looks at
	victim               uint32 // next entry that eviction looks at
	period               int64  // ns in which the hand goes round
	swept                int64  // when quota was last worked out
	quota                int    // entries that the hand may look at before it is too fast
	published            int64  // when Sweep last made Stats current

	max     uint64 // flows that there is room for; never written after New
	records *ring.SPSC[Record]
	n       numbers
	gone    bool   // a record went to the ring in this Observe
	plain   bool   // tests: the plain version of tallyBonds serves
	touched uint64 // keeps the loads of find from being thrown away
	scratch scratch
}

// New returns an empty cache. A configuration that Check refuses is a bug of the
// caller and panics. The memory of the tables goes with Close or, at the latest, with
// the cache.
func New(cfg Config) *Cache {
	if err := cfg.Check(); err != nil {
		panic("cache: " + err.Error())
	}
	cfg.defaults()
	a := &arena{}
	n := cfg.MaxFlows
	c := &Cache{
		index: newIndex(a, n, true),
		hot:   room[hot](a, n, true),
		cold:  room[cold](a, n, true),
		free:  room[uint32](a, n, true),
		// A call holds the point, and the tunnels of a chunk, before flows do.
		points:  points{pool: newPool[Point](a, n+1)},
		tunnels: newPool[Tunnel](a, n+chunk),
		mem:     cfg.Memory,
		far:     farEntries,
		arena:   a,
		max:     uint64(n),
		align:   cfg.Align,
		records: ring.New[Record](cfg.RecordRing),
	}
	if cfg.QoS {
		c.qos = room[tcpState](a, n, true)
	}
	for i := range c.free {
		c.free[i] = uint32(n - 1 - i)
		c.hot[i].check = 1<<16 | nowhere
	}
	s := sampler{state: cfg.Seed}
	for i := range c.secret {
		c.secret[i] = s.next()
	}
	c.sampler, c.sampling = sampler{state: s.next()}, 1
	c.SetSampling(cfg.Sampling)
	c.SetTimeouts(cfg.IdleTimeout, cfg.ActiveTimeout, cfg.EndLinger)
	c.useMask(cfg.KeyMask)
	c.cleanup = runtime.AddCleanup(c, (*arena).free, a)
	return c
}

// useMask makes m, or OVSKey if it is nil, the mask of flow keys.
func (c *Cache) useMask(m *flow.Mask) {
	all := *OVSKey()
	if m != nil {
		c.custom = true
		for w := range m.W {
			all.W[w] &= m.W[w]
		}
		c.mask = compactMask(&all)
	}
	for w := flow.WTunID; w <= flow.WTunDstLo; w++ {
		c.outer.Or(w, all.W[w])
	}
}

// Close gives the memory of the tables back; flows that are still held are given up as
// by Abandon. The records in the ring and the numbers stay, and a packet that is yet
// observed finds no room. Owner only, or anyone once the owner has let go of the cache.
func (c *Cache) Close() {
	if c.arena == nil {
		return
	}
	c.Abandon()
	c.cleanup.Stop()
	c.arena.free()
	c.arena = nil
	c.hot, c.cold, c.qos, c.free, c.high = nil, nil, nil, nil, 0
	c.bonds = [2][]bond{}
	c.index = index{slots: make([]uint64, 2), mask: 1}
	c.points.pool = pool[Point]{index: index{slots: make([]uint64, 2), mask: 1}, free: nowhere}
	c.tunnels = pool[Tunnel]{index: index{slots: make([]uint64, 2), mask: 1}, free: nowhere}
}

// Records returns the ring by which records leave. One thread, the exporter, pops.
func (c *Cache) Records() *ring.SPSC[Record] { return c.records }

// Sampling returns N of sampling 1:N. Any thread may call it.
func (c *Cache) Sampling() uint32 { return c.shown.Load() }

// Len returns the number of flows held. Owner only.
func (c *Cache) Len() int { return len(c.hot) - len(c.free) }

// Each calls fn with the flows that are among n entries from *cursor on, and
// moves the cursor; it is 0 again after the last. The record is fn's only during the
// call. A whole round with nothing in between shows every flow once. Of a flow that was
// reported by EndActive and has been quiet since, Packets is 0 and only its key, Last
// and Total mean something. Owner only.
func (c *Cache) Each(cursor *int, n int, fn func(*Record)) {
	r := &c.scratch.record
	for ; n > 0 && *cursor < int(c.high); n-- {
		if x := uint32(*cursor); c.hot[x].live() {
			c.record(r, x, EndNone)
			fn(r)
		}
		*cursor++
	}
	if *cursor >= int(c.high) {
		*cursor = 0
	}
	runtime.KeepAlive(c)
}
