package cache

import (
	"testing"

	"pollux/flow"
)

// TestLossesByClass: packets that come into no flow are counted by class, and a class's
// losses are among what was seen of it.
func TestLossesByClass(t *testing.T) {
	c := New(Config{MaxFlows: 1, RecordRing: 1})
	defer c.Close()
	observe(c, 1, 0)
	observe(c, 2, 1) // pushes 1; from now on there is no room
	for etherType, n := range map[uint64]int{0x0800: 5, 0x86dd: 3, 0x0806: 2} {
		b, keys, idx := packetsOf(uint64(100+n), n)
		for i := range keys {
			keys[i].Set(flow.WEthDst, 0x020000000001<<16|etherType)
		}
		c.Observe(Point{}, b, flow.Keys{Whole: keys}, idx, nil, 2)
	}
	c.Publish()
	s := c.Stats()
	want := [NumClasses]uint64{IPv4: 5, IPv6: 3, Other: 2}
	if s.NoRoomBy != want || s.Lost[LossNoRoom].Packets != 10 {
		t.Errorf("no room for %v of %v, want %v", s.NoRoomBy, s.Lost[LossNoRoom], want)
	}
	want[IPv4] += 2
	if s.SeenBy != want {
		t.Errorf("seen %v, want %v", s.SeenBy, want)
	}
}
