package rfc2544

import (
	"context"
	"fmt"
	"time"

	"pollux/bench"
)

// Wires does trials between two devices, with generator and stopwatch in the kernel.
type Wires struct {
	GenNS, GenDev   string
	SinkNS, SinkDev string
	GenCore         int
	Flows           int
	Nice            int // of the generator
	// Waited returns how long the device under test has waited for its core while others
	// ran there, or nil if nobody knows.
	Waited func() (time.Duration, error)

	watch *bench.Stopwatch
	gen   *bench.PacedGen
	sizes []int // of gen
	run   uint32
}

// Tolerances of a trial that counts.
const (
	lateShare   = 0.005                 // of the trial, that the generator may have been late
	settleTime  = 30 * time.Millisecond // without a frame, after which none is expected
	settleLimit = time.Second
)

// Open attaches the stopwatch.
func (w *Wires) Open() (err error) {
	w.watch, err = bench.NewStopwatch(w.SinkNS, w.SinkDev)
	return err
}

// Close takes everything off the devices.
func (w *Wires) Close() error {
	var err error
	if w.gen != nil {
		err = w.gen.Close()
		w.gen = nil
	}
	if w.watch != nil {
		if e := w.watch.Close(); err == nil {
			err = e
		}
		w.watch = nil
	}
	return err
}

// Try implements Tester.
func (w *Wires) Try(ctx context.Context, t Trial) (o Outcome, err error) {
	if err := w.generator(t.Sizes); err != nil {
		return o, err
	}
	w.run++
	if err := w.watch.Reset(w.run); err != nil {
		return o, err
	}
	began := time.Now()
	before, err := w.waited()
	if err != nil {
		return o, err
	}
	pace := bench.Pace{Run: w.run, Rate: t.Rate, Count: t.frames(), Time: t.Time}
	if pace.Count != 0 {
		pace.Time = 2*t.Time + 5*time.Second // the count ends it, unless the generator has no core
	}
	p, err := w.gen.Run(ctx, pace)
	if err != nil {
		return o, err
	}
	if err := ctx.Err(); err != nil {
		return o, err
	}
	e, err := w.settle(ctx, p.Sent)
	if err != nil {
		return o, err
	}
	after, err := w.waited()
	if err != nil {
		return o, err
	}
	o = Outcome{Sent: p.Sent, Received: e.Count, Reordered: e.Reordered, Seconds: p.Took.Seconds(), Latency: e.Latency}
	switch {
	case p.Sent < pace.Count:
		o.Void = fmt.Sprintf("the generator sent %d of %d frames", p.Sent, pace.Count)
	case float64(p.Late) > lateShare*float64(p.Took):
		o.Void = fmt.Sprintf("the generator was late by %v of %v", p.Late.Round(time.Microsecond), p.Took.Round(time.Millisecond))
	default:
		o.Void = voidByCore(t, time.Since(began), after-before, o.Lost())
	}
	return o, nil
}

// generator makes a generator of the sizes, unless the last one is.
func (w *Wires) generator(sizes []int) (err error) {
	if w.gen != nil && fmt.Sprint(w.sizes) == fmt.Sprint(sizes) {
		return nil
	}
	if w.gen != nil {
		if err := w.gen.Close(); err != nil {
			return err
		}
		w.gen = nil
	}
	w.sizes = sizes
	w.gen, err = bench.NewPacedGen(bench.PacedSpec{NetNS: w.GenNS, Device: w.GenDev, Sizes: sizes, Flows: w.Flows, Core: w.GenCore, Nice: w.Nice})
	return err
}

// settle waits until all have arrived or nothing has for a while.
func (w *Wires) settle(ctx context.Context, sent uint64) (e bench.Elapsed, err error) {
	var last uint64
	moved, end := time.Now(), time.Now().Add(settleLimit)
	for {
		n, err := w.watch.Count()
		if err != nil {
			return e, err
		}
		now := time.Now()
		if n != last {
			last, moved = n, now
		}
		if n >= sent || now.Sub(moved) > settleTime || now.After(end) || ctx.Err() != nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	return w.watch.Read()
}

func (w *Wires) waited() (time.Duration, error) {
	if w.Waited == nil {
		return 0, nil
	}
	return w.Waited()
}
