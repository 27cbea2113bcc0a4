package rfc2544

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pollux/bench"
)

// Sockets does trials with generator and receiver on AF_XDP sockets. It tells duplicates
// too, and works where the kernel can't run live frames; but a send costs it about as much
// as it costs the device under test, so that on few cores it may be the limit itself: its
// trials are void then.
//
// A time on the way begins when the frame is built, just before it goes to the ring, and
// ends when the receiver takes it from the ring: both batches are in it, and the
// receiver's wake-up.
type Sockets struct {
	Tx, Rx  *bench.Port
	GenCore int // core of both
	Flows   int
	Waited  func() (time.Duration, error)
}

// quiet is how long nothing must have come after a trial.
const quiet = 50 * time.Millisecond

// Try implements Tester.
func (s *Sockets) Try(ctx context.Context, t Trial) (o Outcome, err error) {
	fs, err := bench.NewFlowSet(bench.FlowSpec{Flows: max(1, s.Flows), Shapes: []bench.Shape{{Proto: bench.UDP, Sizes: t.Sizes}}})
	if err != nil {
		return o, err
	}
	waited := func() (time.Duration, error) { return 0, nil }
	if s.Waited != nil {
		waited = s.Waited
	}
	dropped, err := s.Rx.Dropped()
	if err != nil {
		return o, err
	}
	before, err := waited()
	if err != nil {
		return o, err
	}
	rx := bench.NewReceiver(s.Rx, fs)
	rx.Core, rx.Quiet = s.GenCore, quiet
	o.Latency = bench.NewLatencies()
	rx.Tally.Stamped = func(ns uint32) { _ = o.Latency.RecordValue(max(1, int64(ns))) } // 32 bits are in its range
	rxCtx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- rx.Run(rxCtx) }()

	g := bench.NewGenerator(s.Tx, fs)
	g.Stamp, g.Core, g.Rate, g.Count = true, s.GenCore, t.Rate, t.frames()
	genCtx, cancel := ctx, context.CancelFunc(func() {})
	if g.Count == 0 {
		genCtx, cancel = context.WithTimeout(ctx, t.Time)
	}
	start := time.Now()
	err = g.Run(genCtx)
	took := time.Since(start)
	cancel()
	stop()
	if err := errors.Join(err, <-done, ctx.Err()); err != nil {
		return o, err
	}
	r := bench.NewReport(g.Sent, rx.Tally, took)
	o.Sent, o.Received, o.Duplicate, o.Reordered, o.Seconds = r.Sent, r.Received, r.Duplicate, r.Reordered, r.Seconds

	noRoom, err := s.Rx.Dropped()
	if err != nil {
		return o, err
	}
	after, err := waited()
	if err != nil {
		return o, err
	}
	switch {
	case t.Rate > 0 && float64(o.Sent)/o.Seconds < (1-2*lateShare)*t.Rate:
		o.Void = fmt.Sprintf("the generator sent %.0f frames a second of %.0f", float64(o.Sent)/o.Seconds, t.Rate)
	case o.Lost() > 0 && noRoom > dropped:
		o.Void = fmt.Sprintf("the receiver had no room for %d frames", noRoom-dropped)
	default:
		o.Void = voidByCore(t, time.Since(start), after-before, o.Lost())
	}
	return o, nil
}
