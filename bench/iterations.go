package bench

import (
	"math"

	"pollux/internal/clock"
	"pollux/pmd"
)

// Iterations is how long iterations of a loop took, ns. An iteration takes up to 256
// packets, or finds none.
type Iterations struct {
	Count   uint64           `json:"count"`
	P50     float64          `json:"p50"`
	P99     float64          `json:"p99"`
	P999    float64          `json:"p99.9"`
	P99999  float64          `json:"p99.999"`
	Max     float64          `json:"max"`
	Buckets []IterationCount `json:"buckets,omitempty"` // those that are not empty
}

// IterationCount is one bucket: times from From to To, ns.
type IterationCount struct {
	From  float64 `json:"from"`
	To    float64 `json:"to"`
	Count uint64  `json:"count"`
}

// newIterations makes figures of a loop's histogram.
func newIterations(t *pmd.Times) (it Iterations) {
	ns := 1e9 / clock.Hz()
	for i, n := range t.Count {
		if n == 0 {
			continue
		}
		lo, hi := pmd.TimesRange(i)
		it.Buckets = append(it.Buckets, IterationCount{float64(lo) * ns, float64(hi+1) * ns, n})
		it.Count += n
	}
	it.Max = float64(t.Max) * ns
	it.P50, it.P99, it.P999, it.P99999 = it.quantile(.5), it.quantile(.99), it.quantile(.999), it.quantile(.99999)
	return it
}

// quantile returns the time that a share of the iterations took no longer than: the end
// of its bucket, or the longest if that is in it.
func (it *Iterations) quantile(share float64) float64 {
	want, seen := uint64(math.Ceil(share*float64(it.Count))), uint64(0)
	for _, b := range it.Buckets {
		if seen += b.Count; seen >= want {
			return min(b.To, it.Max)
		}
	}
	return 0
}

// Octaves sums the buckets up by powers of two of 64 ns, empty ones between others too.
func (it *Iterations) Octaves() (list []IterationCount) {
	const least = 64
	for _, b := range it.Buckets {
		k := 0
		for edge := float64(least); (b.From+b.To)/2 >= edge; edge *= 2 {
			k++
		}
		for len(list) <= k {
			from := float64(least) * math.Exp2(float64(len(list)-1))
			if len(list) == 0 {
				from = 0
			}
			list = append(list, IterationCount{From: from, To: least * math.Exp2(float64(len(list)))})
		}
		list[k].Count += b.Count
	}
	for len(list) > 0 && list[0].Count == 0 {
		list = list[1:]
	}
	return list
}

// logShare is n as a share of most, both as logarithms; 1 of them is not nothing.
func logShare(n, most uint64) float64 {
	if n == 0 {
		return 0
	}
	return (1 + math.Log2(float64(n))) / (1 + math.Log2(float64(max(most, 1))))
}
