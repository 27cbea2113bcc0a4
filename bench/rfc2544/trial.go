package rfc2544

import (
	"context"
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Trial is a load for a device.
type Trial struct {
	Sizes []int         // frame lengths without FCS, in turn
	Rate  float64       // frames a second; 0 is as fast as the generator can
	Time  time.Duration // how long, when Count is 0
	Count uint64        // how many frames
	Timed bool          // the times that frames take are wanted, not only how many arrive
}

// frames is how many frames the trial is to send, 0 if that is for the generator to find.
func (t Trial) frames() uint64 {
	if t.Count != 0 {
		return t.Count
	}
	return uint64(t.Rate * t.Time.Seconds())
}

// Outcome is what became of a trial.
type Outcome struct {
	Sent      uint64
	Received  uint64 // distinct frames
	Duplicate uint64
	Reordered uint64
	Seconds   float64 // that sending took
	Void      string  // why the device can't be blamed for what was lost, or ""
	Latency   *hdrhistogram.Histogram
}

// Lost is the number of frames that did not arrive.
func (o *Outcome) Lost() uint64 { return o.Sent - min(o.Sent, o.Received) }

// LossPercent is the share of frames that did not arrive.
func (o *Outcome) LossPercent() float64 {
	if o.Sent == 0 {
		return 0
	}
	return 100 * float64(o.Lost()) / float64(o.Sent)
}

// Tester does trials.
type Tester interface {
	Try(ctx context.Context, t Trial) (Outcome, error)
}

// Runner does trials, repeats void ones and counts.
type Runner struct {
	Tester Tester
	Voids  int                  // times that a void trial is done again
	Each   func(Trial, Outcome) // called after each trial, or nil

	Trials int // done so far
	Void   int // of them, void
}

// Try does a trial until one counts, or the last one all the same.
func (r *Runner) Try(ctx context.Context, t Trial) (o Outcome, err error) {
	for k := 0; ; k++ {
		if o, err = r.Tester.Try(ctx, t); err != nil {
			return o, err
		}
		r.Trials++
		if r.Each != nil {
			r.Each(t, o)
		}
		if o.Received > o.Sent {
			return o, fmt.Errorf("rfc2544: %d frames arrived of %d sent: somebody else sends on these wires", o.Received, o.Sent)
		}
		if o.Void == "" {
			return o, nil
		}
		if r.Void++; k >= r.Voids {
			return o, nil
		}
	}
}
