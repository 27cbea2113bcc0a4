package cache_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"pollux/flow"
	"pollux/ipfix/cache"
	"pollux/ipfix/internal/frames"
)

// model is the slow, clear flow cache: Go maps that never forget.
type model struct {
	seen    map[cache.Key]cache.Counters // of each flow, ever; records popped and flows held add up to it
	pending map[cache.Key]cache.Counters // since the flow's last record
	told    map[cache.Key]cache.Total    // by records, since the flow began
	total   cache.Count
	classes [cache.NumClasses]uint64
}

func (m *model) observe(k cache.Key, c cache.Counters) {
	add(m.seen, k, c)
	add(m.pending, k, c)
	m.total.Packets++
	m.total.Octets += c.Octets
	m.total.L2Octets += c.L2Octets
	m.classes[k.Class]++
}

func add(m map[cache.Key]cache.Counters, k cache.Key, c cache.Counters) {
	have, ok := m[k]
	if ok {
		have.Merge(&c)
		c = have
	}
	m[k] = c
}

// machine runs cache and model side by side.
type machine struct {
	t                             *rapid.T
	cfg                           cache.Config
	five                          bool
	c                             *cache.Cache
	b                             *frames.Batch
	exact                         exact
	now                           int64
	model                         model
	popped                        map[cache.Key]cache.Counters
	out                           cache.Count
	minIdle, minActive, minLinger int64 // the shortest timeouts ever in force
	forced                        bool  // FlushAll was called
	full                          bool  // the cache was full once
	eager                         bool  // the ring is emptied after each step
	known                         bool  // pending is what the next records are to say
	drops                         uint64
}

func newMachine(t *rapid.T) *machine {
	m := &machine{
		t: t, b: frames.NewBatch(), known: true,
		model: model{
			seen: map[cache.Key]cache.Counters{}, pending: map[cache.Key]cache.Counters{},
			told: map[cache.Key]cache.Total{},
		},
		popped: map[cache.Key]cache.Counters{},
		eager:  rapid.Bool().Draw(t, "eager"),
		five:   rapid.IntRange(0, 2).Draw(t, "five") == 0,
	}
	m.cfg = cache.Config{
		MaxFlows:      rapid.SampledFrom([]int{1, 2, 3, 17, 1000, 1000}).Draw(t, "maxFlows"),
		IdleTimeout:   int64(rapid.IntRange(1, 100).Draw(t, "idle")) * 1e6,
		ActiveTimeout: int64(rapid.IntRange(1, 200).Draw(t, "active")) * 1e6,
		EndLinger:     int64(rapid.IntRange(1, 50).Draw(t, "linger")) * 1e6,
		RecordRing:    rapid.SampledFrom([]int{1, 4, 64, 4096}).Draw(t, "ring"),
		Seed:          rapid.Uint64().Draw(t, "seed"),
		Memory:        &m.b.Memory,
	}
	if m.five {
		m.cfg.KeyMask = fiveTuple()
	}
	m.c = cache.New(m.cfg)
	m.minIdle, m.minActive, m.minLinger = m.cfg.IdleTimeout, m.cfg.ActiveTimeout, min(m.cfg.EndLinger, m.cfg.IdleTimeout)
	if rapid.Bool().Draw(t, "nearWrap") {
		m.c.NearWrap()
	}
	if rapid.Bool().Draw(t, "askAhead") {
		m.c.AskAhead()
	}
	m.exact.keys = make([]flow.Key, rapid.IntRange(1, 20).Draw(t, "slots"))
	if rapid.IntRange(0, 3).Draw(t, "useSlots") != 0 {
		m.c.UseSlots(len(m.exact.keys))
	}
	return m
}

func drawPoint(t *rapid.T) cache.Point {
	return rapid.SampledFrom([]cache.Point{
		{}, {Dir: cache.Egress, Egress: 7}, {Dir: cache.Egress, Egress: 8}, {Domain: 1}, {ID: 1},
		{Dir: cache.Egress, Egress: 7, Domain: 1 << 31, ID: 5}, {Probability: 3},
		{Verdict: cache.Verdict{Known: true}},
		{Verdict: cache.Verdict{Known: true, Cookie: 1 << 63, Table: 3, Status: cache.StatusDropped, Drop: 2}},
	}).Draw(t, "point")
}

func (m *machine) observe(t *rapid.T) {
	pool := rapid.SliceOfN(rapid.Custom(drawPkt), 1, 4).Draw(t, "pool")
	pkts := rapid.SliceOfN(rapid.SampledFrom(pool), 1, 70).Draw(t, "packets")
	pt, in := drawPoint(t), uint32(rapid.IntRange(1, 2).Draw(t, "inPort"))
	load(m.b, in, pkts)
	if m.c.Len()+len(pkts) > m.cfg.MaxFlows {
		m.full = true
		m.known = false // who was in when is the cache's to decide
	}
	slots := m.exact.slots(t, m.b, m.c.Forget)
	m.c.Observe(pt, &m.b.Batch, flow.Keys{Whole: m.b.Keys[:]}, m.b.Idx[:len(pkts)], slots, m.now)
	dropped := 0
	if rapid.IntRange(0, 3).Draw(t, "drop") == 0 {
		dropped = rapid.IntRange(1, len(pkts)).Draw(t, "dropped")
		m.c.Dropped(pt, &m.b.Batch, flow.Keys{Whole: m.b.Keys[:]}, m.b.Idx[:dropped], slots, 9, m.now)
	}
	for i, p := range pkts {
		c := p.counters(m.now)
		if i < dropped {
			drop(&c, c.Octets, c.L2Octets, 9)
			m.drops++
		}
		m.model.observe(p.key(pt, in, m.five), c)
	}
}

func (m *machine) sweep(t *rapid.T) {
	m.now += int64(rapid.IntRange(0, 60e6).Draw(t, "pass"))
	m.c.Sweep(m.now, rapid.IntRange(0, 100).Draw(t, "budget"))
}

func (m *machine) flush(t *rapid.T) {
	m.forced = true
	done := m.c.FlushAll(rapid.IntRange(0, 100).Draw(t, "budget"))
	if done != (m.c.Len() == 0) {
		t.Fatalf("FlushAll says %v with %d flows held", done, m.c.Len())
	}
}

func (m *machine) tune(t *rapid.T) {
	idle := int64(rapid.IntRange(1, 100).Draw(t, "idle")) * 1e6
	active := int64(rapid.IntRange(1, 200).Draw(t, "active")) * 1e6
	linger := int64(rapid.IntRange(1, 50).Draw(t, "linger")) * 1e6
	m.c.SetTimeouts(idle, active, linger)
	m.minIdle, m.minActive, m.minLinger = min(m.minIdle, idle), min(m.minActive, active), min(m.minLinger, linger, idle)
}

// pop takes up to n records, checks that each had a reason to end, that its totals go on
// from the record before, and that it says what the model knows.
func (m *machine) pop(n int) {
	for ; n > 0; n-- {
		r, ok := m.c.Records().Pop()
		if !ok {
			return
		}
		quiet, age := m.now-r.Last, m.now-r.First
		good := false
		switch r.End {
		case cache.EndIdle:
			good = quiet >= m.minIdle
		case cache.EndActive:
			good = age >= m.minActive
		case cache.EndDetected:
			good = r.Proto == 6 && r.Total.TCP[cache.FIN]+r.Total.TCP[cache.RST] > 0 && quiet >= m.minLinger
		case cache.EndForced:
			good = m.forced
		case cache.EndLack:
			good = m.full
		}
		if !good || r.Packets == 0 {
			m.t.Fatalf("record ended for reason %v after %d ns, quiet for %d: %+v", r.End, age, quiet, r)
		}
		m.totals(&r)
		if m.known {
			want := m.model.pending[r.Key]
			want.Total = r.Total
			if r.Counters != want {
				m.t.Fatalf("record of %+v\n got %+v\nwant %+v", r.Key, r.Counters, want)
			}
			delete(m.model.pending, r.Key)
		}
		add(m.popped, r.Key, r.Counters)
		m.out.Packets += r.Packets
		m.out.Octets += r.Octets
		m.out.L2Octets += r.L2Octets
	}
}

// totals checks a record's totals: those of the flow's records up to it. That a flow left
// in silence shows in Began, which is then as late as First.
func (m *machine) totals(r *cache.Record) {
	was, ok := m.model.told[r.Key]
	if !ok || r.Total.Began != was.Began || r.Total.Packets == r.Packets {
		was = cache.Total{Began: r.First}
	}
	want := m.summed(was, &r.Counters)
	if r.Total != want {
		m.t.Fatalf("totals of %+v\n got %+v\nwant %+v, of these\n %+v", r.Key, r.Total, want, r.Counters)
	}
	if r.End == cache.EndActive {
		m.model.told[r.Key] = r.Total
	} else {
		delete(m.model.told, r.Key)
	}
}

func (m *machine) summed(t cache.Total, c *cache.Counters) cache.Total {
	t.Packets += c.Packets
	t.Octets += c.Octets
	t.L2Octets += c.L2Octets
	t.SumSq += c.SumSq
	t.Dropped += c.Dropped
	t.DroppedOctets += c.DroppedOctets
	t.DroppedL2Octets += c.DroppedL2Octets
	t.Multicast += c.Multicast
	t.Broadcast += c.Broadcast
	for f := range t.TCP {
		t.TCP[f] += c.TCP[f]
	}
	return t
}

// check compares everything.
func (m *machine) check() {
	if m.eager {
		m.pop(1 << 20)
	} else {
		m.known = false // records wait in the ring while packets go on
	}
	m.c.Publish()
	held := map[cache.Key]cache.Counters{}
	var sum cache.Count
	cursor, n := 0, 0
	for first := true; first || cursor != 0; first = false {
		m.c.Each(&cursor, 5, func(r *cache.Record) {
			if _, twice := held[r.Key]; twice {
				m.t.Fatalf("flow twice in the cache: %+v", r.Key)
			}
			n++
			if r.Packets == 0 {
				if m.eager && r.Total != m.model.told[r.Key] {
					m.t.Fatalf("a flow that is quiet since its record: %+v\nrecords told %+v", r, m.model.told[r.Key])
				}
				held[r.Key] = cache.Counters{}
				return
			}
			held[r.Key] = r.Counters
			sum.Packets += r.Packets
			sum.Octets += r.Octets
			sum.L2Octets += r.L2Octets
		})
	}
	s := m.c.Stats()
	if n != m.c.Len() || uint64(n) != s.Flows || n > m.cfg.MaxFlows {
		m.t.Fatalf("%d flows seen, Len %d, Stats %d, room for %d", n, m.c.Len(), s.Flows, m.cfg.MaxFlows)
	}
	if s.Seen != m.model.total || s.Offered != m.model.total.Packets || s.SeenBy != m.model.classes {
		m.t.Fatalf("seen %+v %v of %d, want %+v %v", s.Seen, s.SeenBy, s.Offered, m.model.total, m.model.classes)
	}
	if s.Held() != sum {
		m.t.Fatalf("held by the statistics %+v, by the entries %+v", s.Held(), sum)
	}
	left := s.Silent + s.LostFlows[cache.LossStop]
	for why, e := range s.Ended {
		if cache.EndReason(why) != cache.EndActive {
			left += e
		}
	}
	if s.Inserted-left != s.Flows {
		m.t.Fatalf("inserted %d, left %d, held %d", s.Inserted, left, s.Flows)
	}
	if m.c.Records().Len() == 0 && s.Recorded != m.out {
		m.t.Fatalf("recorded %+v, popped %+v", s.Recorded, m.out)
	}
	if m.c.Records().Len() == 0 && s.Lost == ([cache.NumLosses]cache.Count{}) {
		m.compareFlows(held, s.DropsUntold)
	}
}

// compareFlows compares flow by flow: nothing was lost, and the ring is empty.
func (m *machine) compareFlows(held map[cache.Key]cache.Counters, untold uint64) {
	got := map[cache.Key]cache.Counters{}
	for k, c := range m.popped {
		add(got, k, c)
	}
	for k, c := range held {
		if c.Packets != 0 {
			add(got, k, c)
		}
	}
	dropped := uint64(0)
	for k, want := range m.model.seen {
		have := got[k]
		dropped += have.Dropped
		have.Total, want.Total = cache.Total{}, cache.Total{} // see totals
		if untold != 0 || m.full {
			clearDrops(&have)
			clearDrops(&want)
		}
		if have != want {
			m.t.Fatalf("flow %+v\n got %+v\nwant %+v", k, have, want)
		}
	}
	if len(got) != len(m.model.seen) {
		m.t.Fatalf("%d flows, want %d", len(got), len(m.model.seen))
	}
	if dropped+untold != m.drops {
		m.t.Fatalf("%d packets dropped and %d untold, want %d", dropped, untold, m.drops)
	}
}

func clearDrops(c *cache.Counters) {
	c.Dropped, c.DroppedOctets, c.DroppedL2Octets, c.DropReason = 0, 0, 0, 0
}

// TestAgainstModel runs random commands on caches from tiny to roomy with rings
// that fill up, slots that change their keys and points that change, and compares with
// the model after each.
func TestAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine(t)
		defer m.c.Close()
		t.Repeat(map[string]func(*rapid.T){
			"observe": m.observe,
			"again":   m.observe,
			"sweep":   m.sweep,
			"flush":   m.flush,
			"tune":    m.tune,
			"pop":     func(t *rapid.T) { m.pop(rapid.IntRange(0, 8).Draw(t, "pop")) },
			"":        func(*rapid.T) { m.check() },
		})
		// At the end everything comes out.
		m.forced = true
		for !m.c.FlushAll(64) {
			m.pop(64)
		}
		m.pop(1 << 20)
		m.check()
		lost := m.c.Stats().Lost[cache.LossNoRoom]
		if m.out.Packets+lost.Packets != m.model.total.Packets || m.out.Octets+lost.Octets != m.model.total.Octets ||
			m.out.L2Octets+lost.L2Octets != m.model.total.L2Octets {
			t.Fatalf("popped %+v + lost %+v, seen %+v", m.out, lost, m.model.total)
		}
		if p, tun := m.c.Interned(); p != 0 || tun != 0 {
			t.Fatalf("an empty cache holds %d points and %d tunnels", p, tun)
		}
	})
}

// TestAbandon: what is given up is counted.
func TestAbandon(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine(t)
		defer m.c.Close()
		for range rapid.IntRange(1, 4).Draw(t, "batches") {
			m.observe(t)
		}
		m.c.Abandon()
		s := m.c.Stats()
		if s.Flows != 0 || m.c.Len() != 0 || s.Held() != (cache.Count{}) {
			t.Fatalf("still holds %d flows, %+v", s.Flows, s.Held())
		}
		m.pop(1 << 20)
		m.check()
		if got := m.out.Packets + s.Lost[cache.LossStop].Packets + s.Lost[cache.LossNoRoom].Packets; got != m.model.total.Packets {
			t.Fatalf("popped and lost %d packets, saw %d", got, m.model.total.Packets)
		}
	})
}

func ExampleConfig_Check() {
	fmt.Println((&cache.Config{MaxFlows: -1}).Check())
	// Output: max flows -1: want 1 to 67108864
}
