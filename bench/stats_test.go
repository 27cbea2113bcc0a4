package bench

import "testing"

func TestSpread(t *testing.T) {
	for _, tc := range []struct {
		in   []float64
		want Spread
	}{
		{nil, Spread{}},
		{[]float64{3}, Spread{3, 3, 3, 1}},
		{[]float64{3, 1}, Spread{2, 1, 3, 2}},
		{[]float64{9, 1, 5}, Spread{5, 1, 9, 3}},
		{[]float64{4, 1, 3, 2}, Spread{2.5, 1, 4, 4}},
	} {
		if got := NewSpread(tc.in); got != tc.want {
			t.Errorf("NewSpread(%v) = %+v, want %+v", tc.in, got, tc.want)
		}
	}
}
