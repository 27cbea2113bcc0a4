package cache

import (
	"sync/atomic"
	"unsafe"

	"pollux/internal/packet"
	"pollux/internal/ring"
)

// Cache is the flow cache of one poll loop. Make it with New.
type Cache struct {
	index   index
	entries []entry
	free    []uint32 // numbers of free entries, the lowest on top at first
	high    uint32   // entries at and after it have never been used
	secret  [words]uint64
	mem     *packet.Memory

	custom bool // mask differs from OVSKey
	mask   [3]ckey

	sampling uint32
	shown    atomic.Uint32 // sampling, for other threads
	sampler  sampler

	idle, active, linger int64
	hand                 uint32 // next entry that Sweep looks at
	victim               uint32 // next entry that eviction looks at
	period               int64  // ns in which the hand goes round
	swept                int64  // when quota was last worked out
	quota                int    // entries that the hand may look at before it is too fast

	records *ring.SPSC[Record]
	n       numbers
	changed bool   // this Observe changed more than what was seen
	touched uint64 // keeps the loads of find from being thrown away
	scratch scratch
}

// New returns an empty cache. A configuration that Check refuses is a bug of the
// caller and panics.
func New(cfg Config) *Cache {
	if err := cfg.Check(); err != nil {
		panic("cache: " + err.Error())
	}
	cfg.defaults()
	c := &Cache{
		index:    newIndex(cfg.MaxFlows),
		entries:  make([]entry, cfg.MaxFlows),
		free:     make([]uint32, cfg.MaxFlows),
		mem:      cfg.Memory,
		sampling: cfg.Sampling,
		idle:     cfg.IdleTimeout,
		active:   cfg.ActiveTimeout,
		linger:   min(cfg.EndLinger, cfg.IdleTimeout),
		records:  ring.New[Record](cfg.RecordRing),
	}
	touch(c.entries)
	touch(c.index.slots)
	for i := range c.free {
		c.free[i] = uint32(len(c.free) - 1 - i)
	}
	s := sampler{state: cfg.Seed}
	for i := range c.secret {
		c.secret[i] = s.next()
	}
	c.sampler = sampler{state: s.next()}
	if c.sampling > 1 {
		c.sampler = newSampler(c.sampling, c.sampler.state)
	}
	c.shown.Store(c.sampling)
	if cfg.KeyMask != nil {
		c.custom = true
		m := *cfg.KeyMask
		all := OVSKey()
		for w := range m.W {
			m.W[w] &= all.W[w]
		}
		c.mask = compactMask(&m)
	}
	c.period = sweepPeriod(c.idle, c.active, c.linger)
	return c
}

// touch writes to every page of s, so that the kernel finds them before the first
// packet does: a page fault costs a poll loop more than a thousand packets.
func touch[T any](s []T) {
	var zero T
	step := max(1, 4096/int(unsafe.Sizeof(zero)))
	for i := 0; i < len(s); i += step {
		s[i] = zero
	}
}

// Records returns the ring by which records leave. One thread, the exporter, pops.
func (c *Cache) Records() *ring.SPSC[Record] { return c.records }

// Sampling returns N of sampling 1:N. Any thread may call it.
func (c *Cache) Sampling() uint32 { return c.shown.Load() }

// Close gives the memory of the flows back: the cache is as if it had room for none.
// The records in the ring and the numbers stay. Owner only, or anyone once the owner
// has let go of the cache.
func (c *Cache) Close() {}

// Len returns the number of flows held. Owner only.
func (c *Cache) Len() int { return len(c.entries) - len(c.free) }

// Each calls fn with the flows that are among n entries from *cursor on, and
// moves the cursor; it is 0 again after the last. The record is fn's only during the
// call. A whole round with nothing in between shows every flow once. Owner only.
func (c *Cache) Each(cursor *int, n int, fn func(*Record)) {
	var r Record
	for ; n > 0 && *cursor < int(c.high); n-- {
		if e := &c.entries[*cursor]; e.packets != 0 {
			e.record(&r, EndNone)
			fn(&r)
		}
		*cursor++
	}
	if *cursor >= int(c.high) {
		*cursor = 0
	}
}
