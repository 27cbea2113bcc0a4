package rfc2544

import (
	"context"
	"strings"
	"testing"
	"time"
)

func TestVoidByCore(t *testing.T) {
	const s, ms = time.Second, time.Millisecond
	rate, timed, burst := Trial{Rate: 1e6}, Trial{Rate: 1e6, Timed: true}, Trial{Count: 64}
	for _, c := range []struct {
		name         string
		trial        Trial
		took, waited time.Duration
		lost         uint64
		void         bool
	}{
		{"undisturbed", rate, s, 0, 0, false},
		{"lost with its core", rate, s, ms, 9, false},
		{"lost while others had it", rate, s, 2 * ms, 1, true},
		{"passed all the same", rate, s, 500 * ms, 0, false},
		{"times of a device with its core", timed, s, 10 * ms, 0, false},
		{"times of one without", timed, s, 11 * ms, 0, true},
		{"times, and lost", timed, s, 2 * ms, 1, true},
		{"a burst with its core", burst, 40 * ms, 300 * time.Microsecond, 1, false},
		{"a burst without", burst, 40 * ms, 500 * time.Microsecond, 1, true},
		{"overload", Trial{}, s, 500 * ms, 1e6, false},
		{"no time at all", burst, 0, 0, 1, false},
	} {
		if got := voidByCore(c.trial, c.took, c.waited, c.lost); (got != "") != c.void {
			t.Errorf("%s: %q, want void %v", c.name, got, c.void)
		}
	}
	if got := voidByCore(rate, s, 25*ms, 1); got != "others had the device's core for 25ms, 2.5 % of the trial" {
		t.Errorf("%q", got)
	}
}

// coreless loses a frame in each trial above a rate, in which it had no core.
type coreless struct{ above float64 }

func (c coreless) Try(_ context.Context, t Trial) (o Outcome, err error) {
	o.Sent = max(t.Count, uint64(t.Rate*t.Time.Seconds()), 1)
	o.Received, o.Seconds = o.Sent, 1
	waited := time.Duration(0)
	if t.Rate > c.above {
		o.Received, waited = o.Sent-1, 100*time.Millisecond
	}
	o.Void = voidByCore(t, time.Second, waited, o.Lost())
	return o, nil
}

// TestSearchEndsAtVoidTrials: the rate found is told as the highest that could be tried,
// not as the device's.
func TestSearchEndsAtVoidTrials(t *testing.T) {
	r := &Runner{Tester: coreless{600_000}, Voids: 2}
	f, err := Search{Max: 1e6, Resolution: 0.01, Time: time.Second}.Run(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	if f.Rate > 600_000 || f.Rate < 580_000 || !strings.Contains(f.Limit, "device's core") || f.Void == 0 {
		t.Errorf("%+v", f)
	}
	if f.Void%3 != 0 {
		t.Errorf("%d void trials: each was to be done three times", f.Void)
	}
}
