package rfc2544

import (
	"context"
	"fmt"
	"time"
)

// Point is the loss at one load.
type Point struct {
	Percent int     `json:"percent"` // of the maximum
	Offered float64 `json:"offered_mpps"`
	Loss    float64 `json:"loss_percent"`
	Void    string  `json:"void,omitempty"` // the last of several tries was void for this reason
}

// Curve measures the loss at 100, 90, … 10 % of max frames a second. It ends, as the
// RFC has it, after two loads in a row without loss: below, there is none.
func Curve(ctx context.Context, r *Runner, sizes []int, max float64, d time.Duration) (points []Point, err error) {
	if !(max > 0) {
		return nil, fmt.Errorf("rfc2544: loss curve up to %g frames a second: want a rate above 0", max)
	}
	clean := 0
	for p := 100; p >= 10; p -= 10 {
		t := Trial{Sizes: sizes, Rate: max * float64(p) / 100, Time: d}
		o, err := r.Try(ctx, t)
		if err != nil {
			return points, err
		}
		points = append(points, Point{Percent: p, Offered: float64(o.Sent) / o.Seconds / 1e6, Loss: o.LossPercent(), Void: o.Void})
		if o.Lost() != 0 || o.Void != "" {
			clean = 0
		} else if clean++; clean == 2 {
			return points, nil
		}
	}
	return points, nil
}
