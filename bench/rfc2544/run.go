package rfc2544

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

// Test is one of the RFC's.
type Test string

// The tests.
const (
	Throughput  Test = "throughput" // section 26.1
	LatencyTest Test = "latency"    // 26.2, at the throughput found
	LossTest    Test = "loss"       // 26.3
	BurstTest   Test = "burst"      // 26.4, back-to-back frames
)

// Tests are all of them, in the order in which they are done.
var Tests = []Test{Throughput, LatencyTest, LossTest, BurstTest}

// Mix is frames of one size, or several in turn.
type Mix struct {
	Name  string
	Sizes []int // without FCS
}

// Spec says what is measured.
type Spec struct {
	Mixes      []Mix
	Tests      []Test
	Time       time.Duration // of a trial; the RFC wants 60 s
	Resolution float64       // share of the maximum to which the throughput is found
	Max        float64       // frames a second; 0 is what the device delivers at overload
	Confirm    int           // times that loss is tried again before it counts
	MaxBurst   uint64
	Repeats    int // bursts of the length found
}

// Result is one mix of frames.
type Result struct {
	Frame      string   `json:"frame"`    // length with FCS, or imix
	Overload   float64  `json:"overload"` // Mpps delivered of what was more than the device can take
	Offered    float64  `json:"overload_offered"`
	Throughput *Rate    `json:"throughput,omitempty"`
	Latency    *Latency `json:"latency,omitempty"`
	Loss       []Point  `json:"loss,omitempty"`
	Burst      *Burst   `json:"burst,omitempty"`
	Void       int      `json:"void_trials"` // of all trials; each was done again, a bounded number of times
	Trials     int      `json:"trials"`
}

// Rate is a throughput.
type Rate struct {
	Mpps  float64 `json:"mpps"`
	Gbps  float64 `json:"gbps"`            // of frames with FCS, preamble and gap apart
	Limit string  `json:"limit,omitempty"` // what kept the search from going higher, if not the device
}

// Latency is that of all frames of a trial.
type Latency struct {
	Mpps  float64 `json:"mpps"` // the load
	Count int64   `json:"count"`
	P50   float64 `json:"p50_us"`
	P99   float64 `json:"p99_us"`
	P999  float64 `json:"p999_us"`
	Max   float64 `json:"max_us"`
	Lost  uint64  `json:"lost"`
	Void  string  `json:"void,omitempty"`
	// Histogram is the whole of it: upper bound in µs and count of each step that is not
	// empty.
	Histogram [][2]float64 `json:"histogram,omitempty"`
}

// fcs is what a frame has on a wire beyond what is sent to a device.
const fcs = 4

// mean is the mean length of frames with FCS.
func mean(sizes []int) float64 {
	n := 0
	for _, s := range sizes {
		n += s
	}
	return float64(n)/float64(len(sizes)) + fcs
}

// TrialsExpected is about how many trials a run has: what a progress bar wants.
func (s Spec) TrialsExpected() int {
	n := overloads
	for _, t := range s.Tests {
		switch t {
		case Throughput:
			n += Search{Resolution: s.Resolution, Confirm: s.Confirm}.trials() / 2 // as most searches are
		case LatencyTest:
			n++
		case LossTest:
			n += 10
		case BurstTest:
			n += s.burstTrials()
		}
	}
	return n * len(s.Mixes)
}

func (s Spec) burstTrials() int {
	return (int(math.Log2(float64(s.MaxBurst))) + 8) * (1 + s.Confirm)
}

// Run does the tests for each mix and calls each after it.
func Run(ctx context.Context, s Spec, r *Runner, each func(Result)) (results []Result, err error) {
	for _, m := range s.Mixes {
		res, err := s.mix(ctx, m, r)
		if err != nil {
			return results, fmt.Errorf("%s: %w", m.Name, err)
		}
		results = append(results, res)
		if each != nil {
			each(res)
		}
	}
	return results, nil
}

// mix does the tests for one mix.
func (s Spec) mix(ctx context.Context, m Mix, r *Runner) (res Result, err error) {
	trials, void := r.Trials, r.Void
	defer func() { res.Trials, res.Void = r.Trials-trials, r.Void-void }()
	res.Frame = m.Name
	if err := res.overload(ctx, r, Trial{Sizes: m.Sizes, Time: s.Time}); err != nil {
		return res, err
	}
	most := s.Max
	if most == 0 {
		most = res.Overload * 1e6
	}
	load := most
	for _, t := range s.Tests {
		switch t {
		case Throughput:
			// A device may pass more when it is not offered too much.
			begin := most
			if s.Max == 0 {
				begin *= searchAbove
			}
			f, err := Search{Sizes: m.Sizes, Time: s.Time, Max: begin, Grow: s.Max == 0, Resolution: s.Resolution, Confirm: s.Confirm}.Run(ctx, r)
			if err != nil {
				return res, err
			}
			load, most = f.Rate, max(most, f.Rate)
			res.Throughput = &Rate{Mpps: f.Rate / 1e6, Gbps: f.Rate * mean(m.Sizes) * 8 / 1e9, Limit: f.Limit}
		case LatencyTest:
			if load == 0 {
				continue
			}
			if res.Latency, err = latency(ctx, r, Trial{Sizes: m.Sizes, Rate: load, Time: s.Time, Timed: true}); err != nil {
				return res, err
			}
		case LossTest:
			if res.Loss, err = Curve(ctx, r, m.Sizes, most, s.Time); err != nil {
				return res, err
			}
		case BurstTest:
			b, err := Bursts{Sizes: m.Sizes, Max: s.MaxBurst, Confirm: s.Confirm, Repeats: s.Repeats}.Run(ctx, r)
			if err != nil {
				return res, err
			}
			res.Burst = &b
		}
	}
	return res, nil
}

// overloads is how often overload is tried; the best counts, as what disturbs only takes.
const overloads = 3

// overload offers all that the generator can.
func (res *Result) overload(ctx context.Context, r *Runner, t Trial) error {
	for range overloads {
		o, err := r.Try(ctx, t)
		if err != nil {
			return err
		}
		if got := float64(o.Received) / o.Seconds / 1e6; got > res.Overload {
			res.Overload, res.Offered = got, float64(o.Sent)/o.Seconds/1e6
		}
	}
	if res.Overload == 0 {
		return errors.New("of all frames none arrived: does the device forward?")
	}
	return nil
}

// searchAbove is where a search begins, of what was delivered at overload.
const searchAbove = 1.25

// latency measures the times of all frames of a trial.
func latency(ctx context.Context, r *Runner, t Trial) (*Latency, error) {
	o, err := r.Try(ctx, t)
	if err != nil || o.Latency == nil {
		return nil, err
	}
	h := o.Latency
	us := func(q float64) float64 { return float64(h.ValueAtQuantile(q)) / 1000 }
	l := &Latency{Mpps: t.Rate / 1e6, Count: h.TotalCount(), P50: us(50), P99: us(99), P999: us(99.9), Max: float64(h.Max()) / 1000, Lost: o.Lost(), Void: o.Void}
	for _, b := range h.Distribution() {
		if b.Count > 0 {
			l.Histogram = append(l.Histogram, [2]float64{float64(b.To) / 1000, float64(b.Count)})
		}
	}
	return l, nil
}
