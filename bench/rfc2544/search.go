package rfc2544

import (
	"context"
	"fmt"
	"time"
)

// Search finds the highest rate without loss by halving.
type Search struct {
	Sizes      []int
	Time       time.Duration // of a trial
	Max        float64       // frames a second: where the search begins
	Resolution float64       // share of Max at which it ends, e.g. 0.01
	Confirm    int           // times that a trial with loss is repeated before it counts
}

// Found is what a search came to.
type Found struct {
	Rate   float64 // frames a second; 0 if there was loss at every rate
	Limit  string  // what kept the search from going higher if it was not the device, or ""
	Trials int
	Void   int
}

// Run searches. It does at most (2+log2(1/Resolution))·(1+Confirm) trials, void ones
// apart.
func (s Search) Run(ctx context.Context, r *Runner) (f Found, err error) {
	if !(s.Max > 0) || !(s.Resolution > 0 && s.Resolution < 1) {
		return f, fmt.Errorf("rfc2544: search up to %g frames a second to %g of it: want a rate above 0 and a share between 0 and 1", s.Max, s.Resolution)
	}
	trials, void := r.Trials, r.Void
	defer func() { f.Trials, f.Void = r.Trials-trials, r.Void-void }()

	// The upper end may itself be without loss.
	lo, hi, rate := 0.0, s.Max, s.Max
	for {
		o, err := s.passes(ctx, r, rate)
		if err != nil {
			return f, err
		}
		switch {
		case o.Lost() == 0 && o.Void == "":
			lo = rate
		default:
			hi = rate
			f.Limit = ""
			if o.Lost() == 0 {
				// The generator could not; the device did all that it was given.
				f.Limit = o.Void
			}
		}
		if hi-lo <= s.Resolution*s.Max || lo == s.Max {
			break
		}
		rate = (lo + hi) / 2
	}
	if lo == s.Max {
		f.Limit = fmt.Sprintf("the search began at %.0f frames a second", s.Max)
	}
	f.Rate = lo
	return f, nil
}

// passes tries a rate, again if there was loss.
func (s Search) passes(ctx context.Context, r *Runner, rate float64) (o Outcome, err error) {
	for range 1 + s.Confirm {
		if o, err = r.Try(ctx, Trial{Sizes: s.Sizes, Rate: rate, Time: s.Time}); err != nil || o.Lost() == 0 {
			return o, err
		}
	}
	return o, nil
}
