package rfc2544

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// model is a device that passes capacity frames a second and room more at once; every
// disturbed-th trial loses frames for a reason of the machine's, which is known or not.
type model struct {
	capacity  float64
	room      uint64
	generator float64 // the most it can send; 0 is any rate
	disturbed int     // 0 is never
	known     bool
	trials    int
}

func (m *model) Try(_ context.Context, t Trial) (o Outcome, err error) {
	m.trials++
	rate := t.Rate
	if rate == 0 {
		rate = 1e9
		if m.generator != 0 {
			rate = m.generator
		}
	}
	if m.generator != 0 && rate > m.generator {
		rate, o.Void = m.generator, "the generator is slow"
	}
	o.Sent = t.Count
	if o.Sent == 0 {
		o.Sent = uint64(rate * t.Time.Seconds())
	}
	o.Seconds = float64(o.Sent) / rate
	passed := o.Sent
	if rate > m.capacity {
		passed = min(o.Sent, uint64(m.capacity*o.Seconds)+m.room)
	}
	o.Received = passed
	if m.disturbed != 0 && m.trials%m.disturbed == 0 && o.Received > 0 {
		o.Received -= min(o.Received, 100)
		if m.known {
			o.Void = "others had the core"
		}
	}
	return o, nil
}

func TestSearchFindsTheCapacity(t *testing.T) {
	for _, tc := range []struct {
		name  string
		m     model
		s     Search
		want  float64
		limit string
	}{
		{"below", model{capacity: 700_000}, Search{Max: 1e6}, 700_000, ""},
		{"above a guess", model{capacity: 3_300_000}, Search{Max: 1e6, Grow: true}, 3_300_000, ""},
		{"above the limit", model{capacity: 3_300_000}, Search{Max: 1e6}, 1e6, "limit of the search"},
		{"nothing passes", model{}, Search{Max: 1e6}, 0, ""},
		{"disturbed, unknown", model{capacity: 700_000, disturbed: 3}, Search{Max: 1e6, Confirm: 1}, 700_000, ""},
		{"disturbed, known", model{capacity: 700_000, disturbed: 2, known: true}, Search{Max: 1e6}, 700_000, ""},
		{"the generator is slow", model{capacity: 3e6, generator: 800_000}, Search{Max: 1e6}, 800_000, "the generator is slow"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.s.Time, tc.s.Resolution = time.Second, 0.01
			f, err := tc.s.Run(context.Background(), &Runner{Tester: &tc.m, Voids: 2})
			if err != nil {
				t.Fatal(err)
			}
			if f.Rate > tc.want || f.Rate < tc.want*0.98-1 || !strings.Contains(f.Limit, tc.limit) || (tc.limit == "") != (f.Limit == "") {
				t.Errorf("found %+v, want %.0f, limit %q", f, tc.want, tc.limit)
			}
		})
	}
}

// TestSearchProperty: whatever the capacity, the rate found had no loss, the next one up
// had, and the number of trials is bounded.
func TestSearchProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{capacity: float64(rapid.IntRange(1, 20_000_000).Draw(t, "capacity"))}
		s := Search{
			Max: float64(rapid.IntRange(1000, 20_000_000).Draw(t, "max")), Resolution: rapid.Float64Range(0.001, 0.2).Draw(t, "resolution"),
			Grow: rapid.Bool().Draw(t, "grow"), Confirm: rapid.IntRange(0, 2).Draw(t, "confirm"), Time: time.Second,
		}
		f, err := s.Run(context.Background(), &Runner{Tester: m})
		if err != nil {
			t.Fatal(err)
		}
		// A trial of a second loses nothing up to one frame more than the capacity.
		if f.Rate > m.capacity+1 {
			t.Fatalf("found %.1f of %.1f", f.Rate, m.capacity)
		}
		// The lowest rate with loss is apart from it by a share of itself.
		if f.Limit == "" && m.capacity-f.Rate > s.Resolution*max(f.Rate/(1-s.Resolution), s.Max)+1 {
			t.Fatalf("found %.1f of %.1f, resolution %g of %.0f", f.Rate, m.capacity, s.Resolution, s.Max)
		}
		if f.Limit != "" && f.Rate < s.Max {
			t.Fatalf("ended at %.1f, the limit is %.1f: %s", f.Rate, s.Max, f.Limit)
		}
		most := s.trials()
		if m.trials > most || f.Trials != m.trials {
			t.Fatalf("%d trials, counted %d, bound %d", m.trials, f.Trials, most)
		}
	})
}

func TestSearchRefuses(t *testing.T) {
	for _, s := range []Search{{Resolution: 0.1}, {Max: math.NaN(), Resolution: 0.1}, {Max: 1}, {Max: 1, Resolution: 1}, {Max: -1, Resolution: 0.1}} {
		if _, err := s.Run(context.Background(), &Runner{Tester: &model{}}); err == nil {
			t.Errorf("%+v: accepted", s)
		}
	}
}

func TestRunnerRepeatsVoidTrials(t *testing.T) {
	m := &model{capacity: 1, disturbed: 1, known: true}
	r := &Runner{Tester: m, Voids: 3}
	o, err := r.Try(context.Background(), Trial{Rate: 100, Time: time.Second})
	if err != nil || o.Void == "" || m.trials != 4 || r.Trials != 4 || r.Void != 4 {
		t.Errorf("%d trials, %+v, %+v, %v", m.trials, r, o, err)
	}
}

// more gives back more than it was sent.
type more struct{}

func (more) Try(context.Context, Trial) (Outcome, error) { return Outcome{Sent: 1, Received: 2}, nil }

func TestRunnerNoticesStrangers(t *testing.T) {
	if _, err := (&Runner{Tester: more{}}).Try(context.Background(), Trial{}); err == nil || !strings.Contains(err.Error(), "somebody else") {
		t.Errorf("error %v", err)
	}
}
