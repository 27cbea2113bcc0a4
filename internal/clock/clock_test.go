package clock

import (
	"testing"
	"time"
)

func TestTicksFollowTheClock(t *testing.T) {
	hz := Hz()
	if hz < 1e6 {
		t.Fatalf("%.0f ticks a second: not a counter", hz)
	}
	n0, c0 := Now(), Ticks()
	time.Sleep(30 * time.Millisecond)
	n1, c1 := Now(), Ticks()
	if n1 <= n0 || c1 <= c0 {
		t.Fatalf("clock stood still: now %d→%d ticks %d→%d", n0, n1, c0, c1)
	}
	if d := Wall(n1).Sub(Wall(n0)); d != time.Duration(n1-n0) {
		t.Fatalf("wall difference %v, monotonic %v", d, time.Duration(n1-n0))
	}
}

func BenchmarkNow(b *testing.B) {
	for b.Loop() {
		Now()
	}
}

func BenchmarkTicks(b *testing.B) {
	for b.Loop() {
		Ticks()
	}
}
