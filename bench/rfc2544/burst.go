package rfc2544

import (
	"context"
	"fmt"
)

// Bursts finds the longest burst, sent as fast as the generator can, that passes whole.
type Bursts struct {
	Sizes   []int
	Max     uint64 // frames of the longest that is tried
	Confirm int    // times that a burst with loss is repeated before it counts
	Repeats int    // bursts of the length found that must pass too; RFC 2544 wants 50
}

// Burst is the longest burst without loss.
type Burst struct {
	Frames  uint64  `json:"frames"`
	Mpps    float64 `json:"offered_mpps"` // how fast they were sent
	AtLimit bool    `json:"at_limit"`     // no longer one was tried
	Passed  int     `json:"passed"`       // of Repeats, how many passed
	Repeats int     `json:"repeats"`
}

// burstStep is the share of its length to which a burst is found.
const burstStep = 64

// Run doubles the length until there is loss, then halves the distance.
func (b Bursts) Run(ctx context.Context, r *Runner) (res Burst, err error) {
	if b.Max < 1 {
		return res, fmt.Errorf("rfc2544: bursts of at most %d frames: want 1 or more", b.Max)
	}
	passes := func(n uint64) (bool, error) {
		for range 1 + b.Confirm {
			o, err := r.Try(ctx, Trial{Sizes: b.Sizes, Count: n})
			if err != nil {
				return false, err
			}
			if o.Lost() == 0 {
				res.Frames = n
				if o.Seconds > 0 {
					res.Mpps = float64(n) / o.Seconds / 1e6
				}
				return true, nil
			}
		}
		return false, nil
	}
	lo, hi := uint64(0), min(b.Max, 64)
	for {
		ok, err := passes(hi)
		if err != nil {
			return res, err
		}
		if !ok {
			break
		}
		if lo = hi; hi == b.Max {
			res.AtLimit = true
			break
		}
		hi = min(2*hi, b.Max)
	}
	for !res.AtLimit && hi-lo > 1+lo/burstStep {
		mid := lo + (hi-lo)/2
		ok, err := passes(mid)
		if err != nil {
			return res, err
		}
		if ok {
			lo = mid
		} else {
			hi = mid
		}
	}
	res.Repeats = b.Repeats
	for range b.Repeats {
		if res.Frames == 0 {
			break
		}
		o, err := r.Try(ctx, Trial{Sizes: b.Sizes, Count: res.Frames})
		if err != nil {
			return res, err
		}
		if o.Lost() == 0 {
			res.Passed++
		}
	}
	return res, nil
}
