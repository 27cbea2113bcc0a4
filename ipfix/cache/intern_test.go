package cache

import (
	"testing"

	"pgregory.net/rapid"

	"pollux/flow"
)

// TestPoolAgainstMap: equal values have equal numbers as long as somebody holds them, and
// different ones different numbers.
func TestPoolAgainstMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := &arena{}
		defer a.free()
		const room = 5
		p := newPool[Point](a, room)
		s := &secrets{1, 2, 3, 4}
		narrow := rapid.Bool().Draw(t, "narrow") // few hashes: chains are long
		hash := func(v *Point) uint32 {
			if narrow {
				return v.hash(s) & 1
			}
			return v.hash(s)
		}
		number, holders := map[Point]uint32{}, map[Point]int{}
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			v := Point{ID: uint32(rapid.IntRange(0, 8).Draw(t, "value"))}
			if holders[v] > 0 && rapid.Bool().Draw(t, "leave") {
				p.leave(number[v])
				if holders[v]--; holders[v] == 0 {
					delete(holders, v)
				}
				continue
			}
			n, ok := p.enter(&v, hash(&v))
			switch _, was := holders[v]; {
			case ok != (was || len(holders) < room):
				t.Fatalf("%v: %v with %d of %d held", v, ok, len(holders), room)
			case ok && was && n != number[v]:
				t.Fatalf("%v has number %d and %d", v, number[v], n)
			case ok && p.items[n].value != v:
				t.Fatalf("number %d is %v, want %v", n, p.items[n].value, v)
			case ok:
				for o := range holders {
					if o != v && number[o] == n {
						t.Fatalf("%v and %v have number %d", o, v, n)
					}
				}
				number[v] = n
				holders[v]++
			}
		}
	})
}

// TestPointsOutnumberNumbers: when more points are held than there are numbers, packets
// at new ones are counted as lost and those of known ones are not.
func TestPointsOutnumberNumbers(t *testing.T) {
	c := New(Config{MaxFlows: 70_000})
	defer c.Close()
	b, keys, idx := packetsOf(1, 1)
	const more = 10
	for id := range uint32(nowhere + more) {
		c.Observe(Point{ID: id}, b, flow.Keys{Whole: keys}, idx, nil, 0)
	}
	c.Observe(Point{ID: 5}, b, flow.Keys{Whole: keys}, idx, nil, 0)
	c.Publish()
	s := c.Stats()
	if s.Flows != nowhere || s.Lost[LossNoRoom] != (Count{more, more * 86, more * 100}) || s.Held().Packets != nowhere+1 {
		t.Errorf("%d flows, lost %+v, held %+v", s.Flows, s.Lost, s.Held())
	}
	c.SetTimeouts(ms, -1, 0)
	for now := int64(2 * ms); c.Len() > 0; now += ms {
		c.Sweep(now, 1000)
		for _, ok := c.Records().Pop(); ok; _, ok = c.Records().Pop() {
		}
	}
	c.Observe(Point{ID: nowhere + more}, b, flow.Keys{Whole: keys}, idx, nil, 1<<40)
	if c.Len() != 1 {
		t.Error("numbers given back are not given out again")
	}
}

// TestTunnels: the outer header is part of the key, with every id, and told as it was.
func TestTunnels(t *testing.T) {
	v4 := func(id uint64, far uint32) func(*flow.Key) {
		return func(k *flow.Key) { k.Set(flow.WTunID, id); k.Set(flow.WTunIPv4, uint64(far)<<32|0x0a000001) }
	}
	tests := []struct {
		name string
		set  func(*flow.Key)
		want Tunnel
	}{
		{"none", func(*flow.Key) {}, Tunnel{}},
		{"id 0", v4(0, 0x01020304), Tunnel{On: true, Src: [16]byte{1, 2, 3, 4}, Dst: [16]byte{10, 0, 0, 1}}},
		{"id of 64 bits", v4(1<<64-1, 0x01020304), Tunnel{On: true, ID: 1<<64 - 1, Src: [16]byte{1, 2, 3, 4}, Dst: [16]byte{10, 0, 0, 1}}},
		{"another end", v4(0, 0x01020305), Tunnel{On: true, Src: [16]byte{1, 2, 3, 5}, Dst: [16]byte{10, 0, 0, 1}}},
		{"id alone", func(k *flow.Key) { k.Set(flow.WTunID, 0) }, Tunnel{On: true}},
		{"IPv6", func(k *flow.Key) {
			k.Set(flow.WTunID, 7)
			k.Set(flow.WTunSrcHi, 0x20010db8<<32)
			k.Set(flow.WTunSrcLo, 1)
			k.Set(flow.WTunDstHi, 0x20010db8<<32)
			k.Set(flow.WTunDstLo, 2)
		}, Tunnel{On: true, IPv6: true, ID: 7, Src: [16]byte{0x20, 1, 0xd, 0xb8, 15: 1}, Dst: [16]byte{0x20, 1, 0xd, 0xb8, 15: 2}}},
	}
	c := New(Config{})
	defer c.Close()
	b, keys, idx := packetsOf(1, len(tests))
	for i, tt := range tests {
		tt.set(&keys[i])
	}
	for range 3 {
		c.Observe(Point{}, b, flow.Keys{Whole: keys}, idx, nil, 0)
	}
	got := map[Tunnel]uint64{}
	c.Each(new(int), 100, func(r *Record) { got[r.Tunnel] = r.Packets })
	for _, tt := range tests {
		if got[tt.want] != 3 {
			t.Errorf("%s: %d packets of %+v, want 3", tt.name, got[tt.want], tt.want)
		}
	}
	if _, n := c.Interned(); len(got) != len(tests) || n != len(tests)-1 {
		t.Errorf("%d flows, %d tunnels: want %d, %d", len(got), n, len(tests), len(tests)-1)
	}
	c.FlushAll(100)
	if p, n := c.Interned(); p != 0 || n != 0 {
		t.Errorf("%d points and %d tunnels are held by nobody", p, n)
	}

	// A mask without tunnels has one flow of them all.
	m := OVSKey()
	for w := flow.WTunID; w <= flow.WTunDstLo; w++ {
		m.W[w], m.Map = 0, m.Map&^(1<<w)
	}
	c = New(Config{KeyMask: m})
	defer c.Close()
	c.Observe(Point{}, b, flow.Keys{Whole: keys}, idx, nil, 0)
	if c.Len() != 1 {
		t.Errorf("%d flows, want 1", c.Len())
	}
}

// TestPointsAreKeys: packets that differ in any member of their point are other flows, and
// the record has the point whole.
func TestPointsAreKeys(t *testing.T) {
	points := []Point{
		{}, {Dir: Egress}, {Egress: 1}, {Domain: 1}, {ID: 1}, {Probability: 1},
		{Verdict: Verdict{Cookie: 1 << 40}}, {Verdict: Verdict{Table: 1}}, {Verdict: Verdict{Known: true}},
		{Verdict: Verdict{Status: StatusDropped}}, {Verdict: Verdict{Drop: 1}},
	}
	c := New(Config{})
	defer c.Close()
	c.UseSlots(1)
	b, keys, idx := packetsOf(1, 1)
	for range 3 {
		for _, pt := range points {
			c.Observe(pt, b, flow.Keys{Whole: keys}, idx, []int32{0}, 0)
		}
	}
	got := map[Point]uint64{}
	c.Each(new(int), 100, func(r *Record) { got[r.Point] = r.Packets })
	for _, pt := range points {
		if got[pt] != 3 {
			t.Errorf("%d packets at %+v, want 3", got[pt], pt)
		}
	}
}

// TestTunnelsOutnumberNumbers: packets of a tunnel that has no number are lost, and are
// not taken for those of the flow that came by none.
func TestTunnelsOutnumberNumbers(t *testing.T) {
	c := New(Config{MaxFlows: 70_000})
	defer c.Close()
	c.UseSlots(1)
	b, keys, idx := packetsOf(1, 2)
	keys[1].Set(flow.WTunID, 0)
	const more = 10
	for id := range uint64(nowhere + more) {
		keys[1].W[flow.WTunID] = id
		c.Observe(Point{}, b, flow.Keys{Whole: keys}, idx, []int32{-1, -1}, 0)
		c.Dropped(Point{}, b, flow.Keys{Whole: keys}, idx[1:], nil, 1, 0)
	}
	c.Publish()
	s := c.Stats()
	if s.Flows != nowhere+1 || s.Lost[LossNoRoom] != (Count{more, more * 86, more * 100}) || s.DropsUntold != more {
		t.Errorf("%d flows, lost %+v, %d drops untold", s.Flows, s.Lost, s.DropsUntold)
	}
	c.Each(new(int), 1, func(r *Record) {
		if r.Tunnel.On || r.Packets != nowhere+more {
			t.Errorf("%d packets by tunnel %+v", r.Packets, r.Tunnel)
		}
	})
}
