package bench

import (
	"context"
	"runtime"
	"time"
)

// Receiver counts what arrives at a port.
type Receiver struct {
	Port  *Port
	Tally *Tally
	Core  int           // core to pin to, or -1
	Quiet time.Duration // how long nothing may have come before Run returns, once ctx has ended
}

// NewReceiver returns a receiver that is not pinned.
func NewReceiver(p *Port, fs *FlowSet) *Receiver {
	return &Receiver{Port: p, Tally: NewTally(fs.Len()), Core: -1, Quiet: 200 * time.Millisecond}
}

// Run counts until ctx has ended and the wire has been quiet for Quiet.
func (r *Receiver) Run(ctx context.Context) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if r.Core >= 0 {
		undo, err := Pin(r.Core)
		if err != nil {
			return err
		}
		defer undo()
	}
	last := time.Now()
	before := r.Tally.Total()
	for {
		if r.Port.Receive(256, r.Tally.Add) > 0 {
			continue
		}
		now := time.Now()
		if t := r.Tally.Total(); t != before { // foreign frames don't keep it awake
			before, last = t, now
		}
		if ctx.Err() != nil && now.Sub(last) >= r.Quiet {
			return nil
		}
		if err := r.Port.Wait(1); err != nil {
			return err
		}
	}
}
