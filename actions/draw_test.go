package actions

import (
	"math"
	"testing"

	"pollux/internal/packet"
)

// TestDrawIsUnbiased: as many packets are drawn as the probability says, within five
// standard deviations, for probabilities that are no power of two; and draws of
// neighbours do not hang together.
func TestDrawIsUnbiased(t *testing.T) {
	idx := make([]uint16, packet.MaxBatch)
	for i := range idx {
		idx[i] = uint16(i)
	}
	for _, p := range []uint16{1, 655, 32768, 40000, 65534} {
		e := &Exec{dice: uint64(p)} // a fixed seed: the outcome is the same every time
		const rounds = 20_000
		n, both, last := 0, 0, -2
		for range rounds {
			for _, i := range e.draw(p, idx) {
				n++
				if int(i) == last+1 {
					both++
				}
				last = int(i)
			}
			last = -2
		}
		q := float64(p) / 65535
		total := float64(rounds * packet.MaxBatch)
		if want, sd := q*total, math.Sqrt(q*(1-q)*total); math.Abs(float64(n)-want) > 5*sd+1 {
			t.Errorf("probability %d/65535: drew %d of %.0f, want %.0f ± %.0f", p, n, total, want, 5*sd)
		}
		pairs := float64(rounds * (packet.MaxBatch - 1))
		if want, sd := q*q*pairs, math.Sqrt(q*q*(1+2*q)*pairs); math.Abs(float64(both)-want) > 5*sd+5 {
			t.Errorf("probability %d/65535: %d neighbours drawn, want %.0f ± %.0f", p, both, want, 5*sd)
		}
	}
}

func TestDrawAllocs(t *testing.T) {
	e := NewExec(nil, nil)
	idx := []uint16{1, 2, 3}
	if a := testing.AllocsPerRun(100, func() { e.draw(30000, idx) }); a != 0 {
		t.Errorf("%v allocations", a)
	}
}
