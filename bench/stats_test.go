package bench

import (
	"errors"
	"testing"
)

func TestSpread(t *testing.T) {
	for _, tc := range []struct {
		in   []float64
		want Spread
	}{
		{nil, Spread{}},
		{[]float64{3}, Spread{3, 3, 3, 3, 3, 1}},
		{[]float64{3, 1}, Spread{2, 1, 3, 1, 3, 2}},
		{[]float64{9, 1, 5}, Spread{5, 1, 9, 1, 9, 3}},
		{[]float64{4, 1, 3, 2}, Spread{2.5, 1, 4, 1, 4, 4}},
		{[]float64{5, 1, 3, 2, 4}, Spread{3, 1, 5, 2, 4, 5}},
	} {
		if got := NewSpread(tc.in); got != tc.want {
			t.Errorf("NewSpread(%v) = %+v, want %+v", tc.in, got, tc.want)
		}
	}
}

func TestReadingGoesByTheWorstRun(t *testing.T) {
	for _, tc := range []struct {
		disturbed []float64
		starved   float64
		want      string
	}{
		{nil, 0.1, "read ratio: nobody else had the core for more than 0.0 % of a run"},
		{[]float64{0, 0.05}, 0, "read ratio: nobody else had the core for more than 5.0 % of a run"},
		{[]float64{0.5, 0.01}, 0, "read the column own ratio: others had the core for up to 50.0 % of a run"},
		{[]float64{0.01, 0.01}, 0.9, "read ratio: nobody else had the core for more than 1.0 % of a run; the generator's core they had for up to 90.0 %, and rates are too low by that"},
	} {
		var r VethResult
		for _, d := range tc.disturbed {
			r.Devices = append(r.Devices, VethDevice{Disturbed: d, Starved: tc.starved})
		}
		if got := r.Reading(); got != tc.want {
			t.Errorf("%v: %q, want %q", tc.disturbed, got, tc.want)
		}
	}
}

func TestStarvedRunsAreTriedAgain(t *testing.T) {
	for _, tc := range []struct {
		starved []float64 // of the tries, as far as there are any
		want    float64
		again   int
	}{
		{[]float64{0.1}, 0.1, 0},
		{[]float64{0.9, 0.02}, 0.02, 1},
		{[]float64{0.9, 0.4, 0.05}, 0.05, 2},
		{[]float64{0.9, 0.4, 0.5}, 0.4, 2},
	} {
		tries := 0
		run, err := leastStarved(func() (VethRun, error) {
			tries++
			return VethRun{Starved: tc.starved[tries-1]}, nil
		})
		if err != nil || run.Starved != tc.want || run.Again != tc.again || tries != len(tc.starved) {
			t.Errorf("%v: %+v after %d tries, %v", tc.starved, run, tries, err)
		}
	}
	if _, err := leastStarved(func() (VethRun, error) { return VethRun{}, errors.New("broken") }); err == nil {
		t.Error("an error of a try is lost")
	}
}
