package pmd_test

import "testing"

// TestPassBy: packets end up going the way that takes less, whichever that is, change over
// when it changes, and spend little on trials of the other.
func TestPassBy(t *testing.T) {
	const batch = 64
	for _, c := range []struct {
		name          string
		with, without float64 // ticks a packet
		most          float64 // share of packets that may go the other way
		off           bool
	}{
		{"the cache pays", 60, 90, 0.01, false},
		{"it does not", 150, 90, 0.1, true},
		{"it pays enough", 80, 90, 0.01, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newRig(t, 1, 1, false).loop
			off := l.Took(1, 1)
			var other, all int
			for n := range 1 << 18 {
				ticks := c.with
				if off {
					ticks = c.without
				}
				if n%97 == 0 {
					ticks *= 50 // others had the core
				}
				off = l.Took(batch, ticks)
				if n > 1<<16 { // after the first trials
					all++
					if off != c.off {
						other++
					}
				}
			}
			if share := float64(other) / float64(all); share > c.most {
				t.Errorf("%.1f %% of packets went the dearer way, want at most %.1f %%", 100*share, 100*c.most)
			}
		})
	}
}

// TestPassByChangesOver: flows that fit into the cache come after flows that do not.
func TestPassByChangesOver(t *testing.T) {
	l := newRig(t, 1, 1, false).loop
	run := func(with, without float64, batches int) (off bool) {
		share := 0
		for n := range batches {
			if off = l.Took(256, map[bool]float64{false: with, true: without}[l.Took(0, 0)]); off && n >= batches/2 {
				share++
			}
		}
		return share > batches/4
	}
	for range 3 {
		if !run(150, 90, 1<<20) {
			t.Error("the cache costs more than it saves, and is asked")
		}
		if run(60, 90, 1<<20) {
			t.Error("the cache pays, and is passed by")
		}
	}
	// Batches too small to judge by change nothing.
	was := l.Took(0, 0)
	for range 1 << 16 {
		if l.Took(1, 1000) != was {
			t.Fatal("single packets decided")
		}
	}
}
