package cache

import (
	"pollux/flow"
	"runtime"
	"testing"
)

// TestSetTimeouts: flows held are judged by the timeouts of now.
func TestSetTimeouts(t *testing.T) {
	c := New(Config{IdleTimeout: 1000 * ms, ActiveTimeout: -1})
	defer c.Close()
	observe(c, 1, 0)
	c.Sweep(900*ms, 10)
	if c.Len() != 1 {
		t.Fatal("the flow left before its timeout")
	}
	c.SetTimeouts(100*ms, -1, 0)
	c.Sweep(920*ms, 10)
	if c.Len() != 0 {
		t.Error("the flow outlived a timeout that was shortened")
	}
	observe(c, 1, 1000*ms)
	c.SetTimeouts(5000*ms, -1, 0)
	c.Sweep(2000*ms, 10)
	if c.Len() != 1 {
		t.Error("the flow did not live up to a timeout that was lengthened")
	}
	c.SetTimeouts(0, 0, 0)
	if c.idle != int64(DefaultIdleTimeout) || c.active != int64(DefaultActiveTimeout) || c.linger != int64(DefaultEndLinger) {
		t.Errorf("zeros gave %d, %d, %d", c.idle, c.active, c.linger)
	}
}

// TestSetSampling: what is selected follows, and the equation holds throughout.
func TestSetSampling(t *testing.T) {
	c := New(Config{Seed: 3})
	defer c.Close()
	b, keys, idx := packetsOf(1, 200)
	last := uint64(0)
	for _, tt := range []struct {
		n        uint32
		from, to uint64
	}{{1, 10_000, 10_000}, {10, 800, 1200}, {2, 4700, 5300}, {0, 10_000, 10_000}} {
		c.SetSampling(tt.n)
		for range 50 {
			c.Observe(Point{}, b, flow.Keys{Whole: keys}, idx, nil, 0)
		}
		c.Publish()
		s := c.Stats()
		if got := s.Seen.Packets - last; got < tt.from || got > tt.to {
			t.Errorf("1 in %d of 10,000: %d", tt.n, got)
		}
		if s.Held() != s.Seen || c.Sampling() != max(tt.n, 1) {
			t.Errorf("seen %+v, held %+v, sampling %d", s.Seen, s.Held(), c.Sampling())
		}
		last = s.Seen.Packets
	}
	if s := c.Stats(); s.Offered != 40_000 {
		t.Errorf("offered %d", s.Offered)
	}
}

// TestClose: what was held is counted as given up, and packets that come yet find no room.
func TestClose(t *testing.T) {
	c := New(Config{QoS: true})
	c.UseSlots(8)
	observe(c, 1, 0)
	observe(c, 2, 0)
	c.FlushAll(1)
	c.Close()
	c.Close()
	c.Forget(3)
	observe(c, 1, 1)
	tcp(c, 3, 0, 1)
	b, keys, idx := packetsOf(1, 1)
	c.Dropped(Point{}, b, flow.Keys{Whole: keys}, idx, nil, 1, 1)
	c.Sweep(1<<40, 10)
	c.Each(new(int), 5, func(*Record) { t.Error("a closed cache shows a flow") })
	if !c.FlushAll(10) || c.Len() != 0 {
		t.Error("a closed cache holds flows")
	}
	s := c.Stats()
	if s.Seen.Packets != 4 || s.Recorded.Packets != 1 || s.Lost[LossStop].Packets != 1 || s.Lost[LossNoRoom].Packets != 2 ||
		s.Held() != (Count{}) || s.DropsUntold != 1 {
		t.Errorf("%+v", s)
	}
	if r, ok := c.Records().Pop(); !ok || r.End != EndForced {
		t.Error("the record that was in the ring is gone")
	}
}

// TestMemoryGoesWithTheCache: caches that nobody closes give their memory back too.
func TestMemoryGoesWithTheCache(t *testing.T) {
	done := make(chan struct{})
	func() {
		c := New(Config{MaxFlows: 100_000})
		runtime.AddCleanup(c, func(done chan struct{}) { close(done) }, done)
		observe(c, 1, 0)
	}()
	for range 100 {
		runtime.GC()
		select {
		case <-done:
			return
		default:
			runtime.Gosched()
		}
	}
	t.Error("an unreachable cache is not collected: its own cleanup must keep it alive")
}

// TestArena: memory is zeroed, aligned and goes back.
func TestArena(t *testing.T) {
	a := &arena{}
	for _, n := range []int{1, 100, 1 << 20} {
		s := room[hot](a, n, true)
		for i := range s {
			if s[i] != (hot{}) {
				t.Fatalf("entry %d of %d is not zero", i, n)
			}
			s[i].packets = 1
		}
	}
	if s := room[hot](a, 0, true); s != nil {
		t.Error("room for nothing")
	}
	if len(a.regions) != 3 {
		t.Errorf("%d regions, want 3", len(a.regions))
	}
	a.free()
	if len(a.regions) != 0 {
		t.Error("regions are left")
	}
}
