package cache_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"pollux/ipfix/cache"
	"pollux/ipfix/internal/frames"
)

// model is the slow, clear flow cache: a Go map that never forgets. It knows what was
// seen of each flow; records popped and flows held must add up to it.
type model struct {
	seen  map[cache.Key]cache.Counters
	total cache.Count
}

func (m *model) observe(pt cache.Point, inPort uint32, s frames.Spec, now int64) {
	add(m.seen, s.Key(pt, inPort), s.Counters(now))
	c := s.Counters(now)
	m.total.Packets++
	m.total.Octets += c.Octets
	m.total.L2Octets += c.L2Octets
}

func add(m map[cache.Key]cache.Counters, k cache.Key, c cache.Counters) {
	have, ok := m[k]
	if ok {
		have.Merge(&c)
		c = have
	}
	m[k] = c
}

func drawSpec(t *rapid.T) frames.Spec {
	s := frames.Spec{
		Kind:    frames.Kind(rapid.IntRange(0, int(frames.NumKinds)-1).Draw(t, "kind")),
		Src:     uint8(rapid.IntRange(1, 3).Draw(t, "src")),
		Dst:     uint8(rapid.IntRange(1, 3).Draw(t, "dst")),
		TCI:     rapid.SampledFrom([]int{-1, -1, 0, 5, 5 | 3<<13}).Draw(t, "tci"),
		SrcPort: uint16(rapid.IntRange(1, 3).Draw(t, "sport")),
		DstPort: uint16(rapid.IntRange(1, 2).Draw(t, "dport")),
		TOS:     rapid.SampledFrom([]uint8{0, 0, 0xb9}).Draw(t, "tos"),
		TTL:     uint8(rapid.IntRange(1, 255).Draw(t, "ttl")),
		Label:   rapid.SampledFrom([]uint32{0, 0, 0xfffff}).Draw(t, "label"),
		Flags:   rapid.SampledFrom([]uint8{0x10, 0x10, 0x02, 0x11, 0x14}).Draw(t, "flags"),
		Payload: rapid.IntRange(0, 64).Draw(t, "payload"),
		Pad:     rapid.Bool().Draw(t, "pad"),
	}
	s.Inner = s.TCI >= 0 && rapid.Bool().Draw(t, "inner")
	return s
}

// machine runs cache and model side by side.
type machine struct {
	t      *rapid.T
	cfg    cache.Config
	c      *cache.Cache
	b      *frames.Batch
	now    int64
	model  model
	popped map[cache.Key]cache.Counters
	out    cache.Count
	forced bool // FlushAll was called
	full   bool // the cache was full once
	eager  bool // the ring is emptied after each step
}

func newMachine(t *rapid.T) *machine {
	m := &machine{
		t: t, b: frames.NewBatch(),
		model:  model{seen: map[cache.Key]cache.Counters{}},
		popped: map[cache.Key]cache.Counters{},
		eager:  rapid.Bool().Draw(t, "eager"),
	}
	m.cfg = cache.Config{
		MaxFlows:      rapid.SampledFrom([]int{1, 2, 3, 17, 1000}).Draw(t, "maxFlows"),
		IdleTimeout:   int64(rapid.IntRange(1, 100).Draw(t, "idle")) * 1e6,
		ActiveTimeout: int64(rapid.IntRange(1, 200).Draw(t, "active")) * 1e6,
		EndLinger:     int64(rapid.IntRange(1, 50).Draw(t, "linger")) * 1e6,
		RecordRing:    rapid.SampledFrom([]int{1, 4, 64}).Draw(t, "ring"),
		Seed:          rapid.Uint64().Draw(t, "seed"),
		Memory:        &m.b.Memory,
	}
	m.c = cache.New(m.cfg)
	return m
}

func (m *machine) observe(t *rapid.T) {
	specs := rapid.SliceOfN(rapid.Custom(drawSpec), 1, 70).Draw(t, "frames")
	pt := rapid.SampledFrom([]cache.Point{
		{}, {Dir: cache.Egress, Egress: 7}, {Domain: 1}, {ID: 1}, {Dir: cache.Egress, Egress: 7, Domain: 1 << 31, ID: 5},
	}).Draw(t, "point")
	in := uint32(rapid.IntRange(1, 2).Draw(t, "inPort"))
	m.b.Load(in, specs)
	if m.c.Len()+len(specs) > m.cfg.MaxFlows {
		m.full = true
	}
	m.c.Observe(pt, &m.b.Batch, m.b.Keys[:], m.b.Idx[:len(specs)], nil, m.now)
	for _, s := range specs {
		m.model.observe(pt, in, s, m.now)
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

// pop takes up to n records and checks that each had a reason to end.
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
			good = quiet >= m.cfg.IdleTimeout
		case cache.EndActive:
			good = age >= m.cfg.ActiveTimeout
		case cache.EndDetected:
			good = r.Proto == 6 && r.TCPFlags&5 != 0 && quiet >= min(m.cfg.EndLinger, m.cfg.IdleTimeout)
		case cache.EndForced:
			good = m.forced
		case cache.EndLack:
			good = m.full
		}
		if !good {
			m.t.Fatalf("record ended for reason %v after %d ns, quiet for %d: %+v", r.End, age, quiet, r)
		}
		add(m.popped, r.Key, r.Counters)
		m.out.Packets += r.Packets
		m.out.Octets += r.Octets
		m.out.L2Octets += r.L2Octets
	}
}

// check compares everything.
func (m *machine) check() {
	if m.eager {
		m.pop(1 << 20)
	}
	held := map[cache.Key]cache.Counters{}
	var sum cache.Count
	cursor, n := 0, 0
	for first := true; first || cursor != 0; first = false {
		m.c.Each(&cursor, 5, func(r *cache.Record) {
			if _, twice := held[r.Key]; twice {
				m.t.Fatalf("flow twice in the cache: %+v", r.Key)
			}
			held[r.Key] = r.Counters
			sum.Packets += r.Packets
			sum.Octets += r.Octets
			sum.L2Octets += r.L2Octets
			n++
		})
	}
	s := m.c.Stats()
	if n != m.c.Len() || uint64(n) != s.Flows || n > m.cfg.MaxFlows {
		m.t.Fatalf("%d flows seen, Len %d, Stats %d, room for %d", n, m.c.Len(), s.Flows, m.cfg.MaxFlows)
	}
	if s.Seen != m.model.total || s.Offered != m.model.total.Packets {
		m.t.Fatalf("seen %+v of %d, want %+v", s.Seen, s.Offered, m.model.total)
	}
	if s.Held() != sum {
		m.t.Fatalf("held by the statistics %+v, by the entries %+v", s.Held(), sum)
	}
	var ended uint64
	for _, e := range s.Ended {
		ended += e
	}
	if got := s.Inserted - ended; got != s.Flows+s.LostFlows[cache.LossStop] {
		m.t.Fatalf("inserted %d, ended %d, held %d", s.Inserted, ended, s.Flows)
	}
	if m.c.Records().Len() == 0 && s.Recorded != m.out {
		m.t.Fatalf("recorded %+v, popped %+v", s.Recorded, m.out)
	}
	if m.c.Records().Len() == 0 && s.Lost == ([cache.NumLosses]cache.Count{}) {
		m.compareFlows(held)
	}
}

// compareFlows compares flow by flow: nothing was lost, and the ring is empty.
func (m *machine) compareFlows(held map[cache.Key]cache.Counters) {
	got := map[cache.Key]cache.Counters{}
	for k, c := range m.popped {
		add(got, k, c)
	}
	for k, c := range held {
		add(got, k, c)
	}
	for k, want := range m.model.seen {
		if got[k] != want {
			m.t.Fatalf("flow %+v\n got %+v\nwant %+v", k, got[k], want)
		}
	}
	if len(got) != len(m.model.seen) {
		m.t.Fatalf("%d flows, want %d", len(got), len(m.model.seen))
	}
}

// TestAgainstModel runs random commands on caches from tiny to roomy with rings
// that fill up, and compares with the model after each.
func TestAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine(t)
		t.Repeat(map[string]func(*rapid.T){
			"observe": m.observe,
			"sweep":   m.sweep,
			"flush":   m.flush,
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
	})
}

// TestAbandon: what is given up is counted.
func TestAbandon(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine(t)
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
