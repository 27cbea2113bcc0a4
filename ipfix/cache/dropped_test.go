package cache

import (
	"testing"

	"pollux/flow"
)

// TestDropped: drops are part of what their flow counts, whoever finds it.
func TestDropped(t *testing.T) {
	for _, slot := range []int32{-1, 0} {
		c := New(Config{})
		c.UseSlots(1)
		b, keys, idx := packetsOf(1, 3)
		slots := []int32{slot, slot, slot}
		c.Observe(Point{}, b, flow.Keys{Whole: keys}, idx, slots, 0)
		c.Dropped(Point{}, b, flow.Keys{Whole: keys}, idx[:2], slots, 7, 0)
		c.Dropped(Point{}, b, flow.Keys{Whole: keys}, idx[2:], slots, 8, 0)
		c.Dropped(Point{}, b, flow.Keys{Whole: keys}, idx[:1], slots, 9, 0)  // more than were counted
		c.Dropped(Point{ID: 1}, b, flow.Keys{Whole: keys}, idx, slots, 9, 0) // nothing was counted there
		c.FlushAll(1)
		r, _ := c.Records().Pop()
		if r.Packets != 3 || r.Dropped != 3 || r.DroppedOctets != 3*86 || r.DroppedL2Octets != 300 || r.DropReason != 8 ||
			r.Total.Dropped != 3 || r.Total.DroppedOctets != 3*86 || r.Total.DroppedL2Octets != 300 {
			t.Errorf("slot %d: %+v", slot, r.Counters)
		}
		if s := c.Stats(); s.DropsUntold != 4 || s.Seen != s.Recorded {
			t.Errorf("slot %d: %d drops untold, want 4; seen %v, recorded %v", slot, s.DropsUntold, s.Seen, s.Recorded)
		}
		c.Close()
	}
}

// TestDroppedOfSampled: of the packets dropped those count that sampling had selected, at
// the point asked for.
func TestDroppedOfSampled(t *testing.T) {
	c := New(Config{Sampling: 3, Seed: 9})
	defer c.Close()
	b, keys, idx := packetsOf(1, 256)
	for i := range keys {
		keys[i].W[flow.WL4] = uint64(i) << 48
	}
	in, out := Point{}, Point{Dir: Egress, Egress: 4}
	for range 20 {
		c.Observe(in, b, flow.Keys{Whole: keys}, idx, nil, 0)
		c.Observe(out, b, flow.Keys{Whole: keys}, idx[:100], nil, 0)
		c.Dropped(in, b, flow.Keys{Whole: keys}, idx, nil, 1, 0)
	}
	n := 0
	c.Each(new(int), 1<<16, func(r *Record) {
		n++
		if want := r.Packets; r.Point == out && r.Dropped != 0 || r.Point == in && r.Dropped != want {
			t.Errorf("%d packets, %d dropped at %+v", r.Packets, r.Dropped, r.Point)
		}
	})
	c.Publish()
	if s := c.Stats(); n < 256 || s.DropsUntold != 0 {
		t.Errorf("%d flows, %d drops untold", n, s.DropsUntold)
	}
}

// TestDroppedAfterEviction: a flow that had to leave before the drop was known, and came
// again, has no more drops than packets.
func TestDroppedAfterEviction(t *testing.T) {
	c := New(Config{MaxFlows: 1})
	defer c.Close()
	b, keys, idx := packetsOf(1, 3)
	keys[1] = udpKey(2)
	c.Observe(Point{}, b, flow.Keys{Whole: keys}, idx, nil, 0)
	c.Dropped(Point{}, b, flow.Keys{Whole: keys}, idx, nil, 1, 0)
	c.FlushAll(1)
	for r, ok := c.Records().Pop(); ok; r, ok = c.Records().Pop() {
		if r.Dropped > r.Packets {
			t.Errorf("%d packets, %d dropped", r.Packets, r.Dropped)
		}
	}
	if s := c.Stats(); s.DropsUntold != 2 {
		t.Errorf("%d drops untold, want 2", s.DropsUntold)
	}
}
