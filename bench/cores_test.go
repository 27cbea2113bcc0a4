package bench

import (
	"context"
	"fmt"
	"testing"
	"time"

	"pollux/internal/cpu"
)

// TestCores: every figure of a small run is there, and wrong cores are refused.
func TestCores(t *testing.T) {
	cores := cpu.Allowed()
	if len(cores) < 2 {
		t.Skip("needs two cores")
	}
	s := CoresSpec{Mixes: []CoresMix{{100, 1, 1}}, Cores: cores[:2], Turns: 2, Time: 5 * time.Millisecond, Settle: time.Millisecond, Burst: 64}
	res, err := RunCores(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	if len(res) != 1 || res[0].Loops != 2 || res[0].Alone.Min <= 0 || res[0].Together.Min <= 0 || res[0].Ratio.N != 2 || res[0].Wall.Min <= 0 {
		t.Errorf("%+v", res)
	}
	for _, wrong := range [][]int{{cores[0]}, {cores[0], cores[0]}, {cores[0], 8191}} {
		s.Cores = wrong
		if _, err := RunCores(context.Background(), s); err == nil {
			t.Errorf("cores %v were accepted", wrong)
		}
	}
}

// BenchmarkCores reports what two loops do by what one does, each by the processor time of
// its thread: 2 is perfect. It fails for nothing: other programs' caches count in it.
func BenchmarkCores(b *testing.B) {
	cores := cpu.Allowed()
	if len(cores) < 2 {
		b.Skip("needs two cores")
	}
	for _, mix := range CoresMixes() {
		b.Run(fmt.Sprintf("flows=%d/masks=%d/sampling=%d", mix.Flows, mix.Masks, mix.Sampling), func(b *testing.B) {
			for b.Loop() {
				res, err := RunCores(context.Background(), CoresSpec{Mixes: []CoresMix{mix}, Cores: cores[:2]})
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(res[0].Ratio.Median, "ratio")
				b.ReportMetric(res[0].Wall.Median, "wall-ratio")
				b.ReportMetric(res[0].Alone.Median, "alone-Mpps")
				b.ReportMetric(res[0].Together.Median, "together-Mpps")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}
