package rfc2544

import (
	"context"
	"fmt"
	"math"
	"time"
)

// Search finds the highest rate without loss by halving.
type Search struct {
	Sizes      []int
	Time       time.Duration // of a trial
	Max        float64       // frames a second: where the search begins
	Grow       bool          // go beyond Max while there is no loss: it is a guess
	Resolution float64       // share of the rate to which it is found, e.g. 0.01
	Confirm    int           // times that a trial with loss is repeated before it counts
}

// Found is what a search came to.
type Found struct {
	Rate   float64 // frames a second; 0 if there was loss at every rate
	Limit  string  // what kept the search from going higher if it was not the device, or ""
	Trials int
	Void   int
}

// maxGrowth is how often a guess is doubled.
const maxGrowth = 8

// Run searches. It does at most trials() of them, void ones apart.
func (s Search) Run(ctx context.Context, r *Runner) (f Found, err error) {
	if !(s.Max > 0) || !(s.Resolution > 0 && s.Resolution < 1) {
		return f, fmt.Errorf("rfc2544: search up to %g frames a second to %g of it: want a rate above 0 and a share between 0 and 1", s.Max, s.Resolution)
	}
	trials, void := r.Trials, r.Void
	defer func() { f.Trials, f.Void = r.Trials-trials, r.Void-void }()

	lo, hi, rate, grown := 0.0, s.Max, s.Max, 0
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
			// Where the trial is void the generator could not, or the device had no core:
			// it may do more.
			f.Limit = o.Void
		}
		if lo == hi {
			if !s.Grow || grown == maxGrowth {
				f.Limit = fmt.Sprintf("%.0f frames a second were the limit of the search", hi)
				break
			}
			grown++
			hi *= 2
			rate = hi
			continue
		}
		if hi-lo <= s.Resolution*hi || hi <= s.Resolution*s.Max {
			break
		}
		rate = (lo + hi) / 2
	}
	f.Rate = lo
	return f, nil
}

// trials bounds how many there are: halvings down to Resolution of Max, as many again for
// Resolution of a rate as low as that, and doublings.
func (s Search) trials() int {
	n := 3 + 2*int(math.Ceil(math.Log2(1/s.Resolution)))
	if s.Grow {
		n += maxGrowth
	}
	return n * (1 + s.Confirm)
}

// passes tries a rate, again if there was loss.
func (s Search) passes(ctx context.Context, r *Runner, rate float64) (o Outcome, err error) {
	for range 1 + s.Confirm {
		if o, err = r.Try(ctx, Trial{Sizes: s.Sizes, Rate: rate, Time: s.Time}); err != nil || o.Lost() == 0 || o.Void != "" {
			return o, err
		}
	}
	return o, nil
}
