package cache_test

import (
	"testing"

	"pgregory.net/rapid"

	"pollux/flow"
	"pollux/ipfix/cache"
	"pollux/ipfix/internal/frames"
)

// TestSlotsChangeNothing gives the same packets, one by one, to a cache that is told of
// slots and to one that is not. Slots get other keys all the time, entries are evicted and
// reused, generations begin again, points change: records, flows held and statistics are
// equal after each packet.
func TestSlotsChangeNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { differ(t, rapid.IntRange(1, 300).Draw(t, "steps")) })
}

func differ(t *rapid.T, steps int) {
	b := frames.NewBatch()
	cfg := cache.Config{
		MaxFlows:      rapid.SampledFrom([]int{1, 2, 5, 40}).Draw(t, "maxFlows"),
		IdleTimeout:   40e6,
		ActiveTimeout: int64(rapid.IntRange(1, 60).Draw(t, "active")) * 1e6,
		EndLinger:     5e6,
		RecordRing:    rapid.SampledFrom([]int{1, 64}).Draw(t, "ring"),
		Memory:        &b.Memory,
		QoS:           rapid.Bool().Draw(t, "qos"),
	}
	if rapid.Bool().Draw(t, "five") {
		cfg.KeyMask = fiveTuple()
	}
	with, without := cache.New(cfg), cache.New(cfg)
	defer with.Close()
	defer without.Close()
	x := exact{keys: make([]flow.Key, rapid.IntRange(1, 12).Draw(t, "slots"))}
	with.UseSlots(len(x.keys))
	if rapid.Bool().Draw(t, "nearWrap") {
		with.NearWrap()
	}
	if rapid.Bool().Draw(t, "askAhead") {
		with.AskAhead()
	}
	if rapid.Bool().Draw(t, "plain") {
		with.Plain()
	}
	pool := rapid.SliceOfN(rapid.Custom(drawPkt), 1, 8).Draw(t, "pool")
	points := rapid.SliceOfN(rapid.Custom(drawPoint), 1, 3).Draw(t, "points")
	pairs := [2]*cache.Cache{with, without}
	now := int64(0)
	for range steps {
		switch rapid.SampledFrom([]string{"packet", "packet", "packet", "packet", "packet", "sweep", "flush"}).Draw(t, "step") {
		case "packet":
			pt := rapid.SampledFrom(points).Draw(t, "point")
			load(b, 1, []pkt{rapid.SampledFrom(pool).Draw(t, "packet")})
			slots := x.slots(t, b, with.Forget)
			dropped := rapid.IntRange(0, 7).Draw(t, "dropped") == 0
			for i, s := range [][]int32{slots, nil} {
				pairs[i].Observe(pt, &b.Batch, flow.Keys{Whole: b.Keys[:]}, b.Idx[:1], s, now)
				if dropped {
					pairs[i].Dropped(pt, &b.Batch, flow.Keys{Whole: b.Keys[:]}, b.Idx[:1], s, 5, now)
				}
			}
		case "sweep":
			now += int64(rapid.IntRange(0, 20e6).Draw(t, "pass"))
			for _, c := range pairs {
				c.Sweep(now, 1000)
			}
		case "flush":
			n := rapid.IntRange(0, 3).Draw(t, "flush")
			for _, c := range pairs {
				c.FlushAll(n)
			}
		}
		same(t, with, without, rapid.Bool().Draw(t, "pop"))
	}
}

func same(t *rapid.T, with, without *cache.Cache, pop bool) {
	for pop {
		a, ok := with.Records().Pop()
		b, too := without.Records().Pop()
		if a != b || ok != too {
			t.Fatalf("records\nwith slots %v %+v\n   without %v %+v", ok, a, too, b)
		}
		if !ok {
			break
		}
	}
	all := func(c *cache.Cache) (rs []cache.Record) {
		cursor := 0
		for first := true; first || cursor != 0; first = false {
			c.Each(&cursor, 100, func(r *cache.Record) { rs = append(rs, *r) })
		}
		return rs
	}
	a, b := all(with), all(without)
	if len(a) != len(b) {
		t.Fatalf("%d flows with slots, %d without", len(a), len(b))
	}
	for i := range a {
		if a[i] != b[i] {
			t.Fatalf("flow %d\nwith slots %+v\n   without %+v", i, a[i], b[i])
		}
	}
	with.Publish()
	without.Publish()
	s, o := with.Stats(), without.Stats()
	s.Probes, s.Lookups, o.Probes, o.Lookups = 0, 0, 0, 0
	if s != o {
		t.Fatalf("statistics\nwith slots %+v\n   without %+v", s, o)
	}
}

// TestSlotsAreUsed: what is bound is found with no look-up, in both directions at once,
// until it is forgotten or the flow has left.
func TestSlotsAreUsed(t *testing.T) {
	b := frames.NewBatch()
	c := cache.New(cache.Config{MaxFlows: 8, Memory: &b.Memory})
	c.UseSlots(4)
	load(b, 1, []pkt{{Spec: frames.Spec{Kind: frames.UDP4, Src: 1, Dst: 2, TCI: -1, TTL: 9}}})
	points := []cache.Point{{}, {Dir: cache.Egress, Egress: 3}}
	lookups := func(slot int32) uint64 {
		c.Publish()
		before := c.Stats().Lookups
		for _, pt := range points {
			c.Observe(pt, &b.Batch, flow.Keys{Whole: b.Keys[:]}, b.Idx[:1], []int32{slot}, 0)
		}
		c.Publish()
		return c.Stats().Lookups - before
	}
	for i, tt := range []struct {
		slot  int32
		first func()
		want  uint64
	}{
		{2, func() {}, 2},
		{2, func() {}, 0},
		{3, func() {}, 2},
		{3, func() {}, 0},
		{2, func() {}, 0},
		{2, func() { c.Forget(2) }, 2},
		{2, func() { c.Forget(3) }, 0},
		{2, func() { c.FlushAll(10) }, 2},
		{2, func() {}, 0},
		{4, func() {}, 2}, // there is no such slot
		{4, func() {}, 2},
		{-1, func() {}, 2},
	} {
		tt.first()
		if got := lookups(tt.slot); got != tt.want {
			t.Errorf("step %d, slot %d: %d look-ups, want %d", i, tt.slot, got, tt.want)
		}
	}
	if n := c.Bonds(); n != 2 {
		t.Errorf("%d bonds hold, want 2", n)
	}
}

// TestOldBondsStayBroken: an entry that has been reused as often as there are generations
// is not taken for what it was.
func TestOldBondsStayBroken(t *testing.T) {
	b := frames.NewBatch()
	c := cache.New(cache.Config{MaxFlows: 1, Memory: &b.Memory})
	c.UseSlots(2)
	udp := func(port uint16) []pkt {
		return []pkt{{Spec: frames.Spec{Kind: frames.UDP4, Src: 1, Dst: 2, TCI: -1, TTL: 9, SrcPort: port}}}
	}
	observe := func(port uint16, slot int32) {
		load(b, 1, udp(port))
		c.Observe(cache.Point{}, &b.Batch, flow.Keys{Whole: b.Keys[:]}, b.Idx[:1], []int32{slot}, 0)
	}
	observe(1, 1)
	load(b, 1, udp(2))
	for range 1<<16 - 2 {
		c.FlushAll(1)
		c.Records().Pop()
		c.Observe(cache.Point{}, &b.Batch, flow.Keys{Whole: b.Keys[:]}, b.Idx[:1], []int32{0}, 0)
	}
	// The next flow of the only entry has the generation that slot 1 was bound to.
	c.FlushAll(1)
	c.Records().Pop()
	observe(2, 0)
	if n := c.Bonds(); n != 1 {
		t.Fatalf("%d bonds hold, want that of slot 0", n)
	}
	observe(1, 1)
	if r, _ := c.Records().Pop(); r.SrcPort != 2 || r.Packets != 1 {
		t.Errorf("%d packets of port %d, want 1 of port 2: slot 1 was taken for what it was", r.Packets, r.SrcPort)
	}
}
