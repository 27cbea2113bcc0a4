package bench

import (
	"fmt"
	"slices"
)

// Spread is a figure that was measured several times.
type Spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	Q1     float64 `json:"q1"` // a quarter of the values are below
	Q3     float64 `json:"q3"` // and above
	N      int     `json:"n"`
}

// NewSpread returns the spread of values, zero without any.
func NewSpread(values []float64) Spread {
	n := len(values)
	if n == 0 {
		return Spread{}
	}
	v := slices.Sorted(slices.Values(values))
	return Spread{Median: (v[(n-1)/2] + v[n/2]) / 2, Min: v[0], Max: v[n-1], Q1: v[(n-1)/4], Q3: v[n-1-(n-1)/4], N: n}
}

// String is the median with what it lies between.
func (s Spread) String() string {
	return fmt.Sprintf("%.3f [%.3f–%.3f]", s.Median, s.Min, s.Max)
}
