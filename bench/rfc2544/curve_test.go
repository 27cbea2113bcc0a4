package rfc2544

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"pollux/bench"
)

func TestCurve(t *testing.T) {
	r := &Runner{Tester: &model{capacity: 750_000}}
	points, err := Curve(context.Background(), r, nil, 1e6, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	// 100, 90 and 80 % lose; 70 and 60 % do not, and end it.
	want := []float64{25, 16.667, 6.25, 0, 0}
	if len(points) != len(want) {
		t.Fatalf("%+v", points)
	}
	for i, p := range points {
		if p.Percent != 100-10*i || math.Abs(p.Loss-want[i]) > 0.01 || math.Abs(p.Offered-float64(p.Percent)/100) > 0.001 {
			t.Errorf("point %d: %+v, want a loss of %g %%", i, p, want[i])
		}
	}
	if _, err := Curve(context.Background(), r, nil, 0, time.Second); err == nil {
		t.Error("a maximum of 0 is accepted")
	}
}

func TestBurstsProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{room: uint64(rapid.IntRange(0, 1<<21).Draw(t, "room"))}
		b := Bursts{Max: uint64(rapid.IntRange(1, 1<<20).Draw(t, "max")), Confirm: 1, Repeats: 3}
		res, err := b.Run(context.Background(), &Runner{Tester: m})
		if err != nil {
			t.Fatal(err)
		}
		truth := min(m.room, b.Max)
		if res.Frames > truth || truth-res.Frames > 1+res.Frames/burstStep || res.AtLimit != (m.room >= b.Max) {
			t.Fatalf("found %+v, the room is %d, the limit %d", res, m.room, b.Max)
		}
		if res.Frames > 0 && res.Passed != 3 {
			t.Fatalf("%+v", res)
		}
	})
}

func TestRunAndText(t *testing.T) {
	s := Spec{Tests: Tests, Time: time.Second, Resolution: 0.01, Confirm: 1, MaxBurst: 10_000, Repeats: 5}
	var err error
	if s.Mixes, err = ParseMixes([]string{"64", "imix"}); err != nil {
		t.Fatal(err)
	}
	m := &timed{model{capacity: 900_000, room: 2048, generator: 5e6}}
	r := &Runner{Tester: m}
	var b strings.Builder
	res, err := Run(context.Background(), s, r, func(res Result) { res.Text(&b) })
	if err != nil || len(res) != 2 {
		t.Fatal(res, err)
	}
	text := b.String()
	for _, want := range []string{
		"64    overload      0.9", "64    throughput    0.8", "Mpps, 0.4", "64    latency       p50 10.0  p99 10.0  p99.9 10.0  max 500.2 µs of",
		"loss          at load  100%:", "back-to-back  2", "5 of 5 such bursts passed", "imix  throughput",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

// timed is model with a histogram: all frames take 10 µs, but one.
type timed struct{ model }

func (m *timed) Try(ctx context.Context, t Trial) (Outcome, error) {
	o, err := m.model.Try(ctx, t)
	o.Latency = bench.NewLatencies()
	_ = o.Latency.RecordValues(10_000, int64(o.Received)-1)
	_ = o.Latency.RecordValue(500_000)
	return o, err
}

func TestHistogramAddsUp(t *testing.T) {
	l, err := latency(context.Background(), &Runner{Tester: &timed{model{capacity: 1e6}}}, Trial{Rate: 1000, Time: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, b := range l.Histogram {
		sum += b[1]
	}
	if l.Count != 1000 || sum != 1000 || math.Abs(l.P50-10) > 0.02 || math.Abs(l.Max-500) > 1 {
		t.Errorf("%+v", l)
	}
}

func TestPercent(t *testing.T) {
	for p, want := range map[float64]string{0: "0", 0.0001: "<0.001 %", 0.0123: "0.0123 %", 12.345: "12.3 %", 100: "100 %"} {
		if got := percent(p); got != want {
			t.Errorf("%g: %q, want %q", p, got, want)
		}
	}
}

func TestParse(t *testing.T) {
	if m, err := ParseMixes(Standard); err != nil || len(m) != 8 || m[0].Sizes[0] != 60 || m[6].Sizes[0] != 1514 || len(m[7].Sizes) != 12 {
		t.Errorf("%+v, %v", m, err)
	}
	for _, bad := range [][]string{nil, {"63"}, {"1519"}, {"64", "big"}, {""}} {
		if _, err := ParseMixes(bad); err == nil {
			t.Errorf("%q: accepted", bad)
		}
	}
	if tests, err := ParseTests([]string{"loss", "throughput"}); err != nil || len(tests) != 2 || tests[0] != Throughput {
		t.Errorf("%v, %v", tests, err)
	}
	for _, bad := range [][]string{nil, {"jitter"}} {
		if _, err := ParseTests(bad); err == nil {
			t.Errorf("%q: accepted", bad)
		}
	}
}
