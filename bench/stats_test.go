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

func TestReadingGoesByTheWorstRun(t *testing.T) {
	for _, tc := range []struct {
		disturbed []float64
		want      string
	}{
		{nil, "read ratio: nobody else had the core for more than 0.0 % of a run"},
		{[]float64{0, 0.05}, "read ratio: nobody else had the core for more than 5.0 % of a run"},
		{[]float64{0.5, 0.01}, "read the column own ratio: others had the core for up to 50.0 % of a run"},
	} {
		var r VethResult
		for _, d := range tc.disturbed {
			r.Devices = append(r.Devices, VethDevice{Disturbed: d})
		}
		if got := r.Reading(); got != tc.want {
			t.Errorf("%v: %q, want %q", tc.disturbed, got, tc.want)
		}
	}
}
