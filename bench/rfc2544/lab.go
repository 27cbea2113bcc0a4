package rfc2544

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"pollux/bench"
)

// Rig says between what trials are done.
type Rig struct {
	Device  bench.Device // started between two veths; nil is whatever lies between GenDev and SinkDev
	GenDev  string       // device to send from, with Device nil; GenNS its namespace or ""
	GenNS   string
	SinkDev string
	SinkNS  string
	GenCore int
	DUTCore int
	Flows   int
	Nice    int  // of the thread that forwards and of the generator in the kernel
	Sockets bool // generator and receiver on AF_XDP sockets rather than in the kernel
	Echo    io.Writer
}

// Open makes the wires, starts the device and returns what does trials there.
func (g Rig) Open(ctx context.Context) (t Tester, close func() error, err error) {
	var closers []func() error
	close = func() error {
		var errs []error
		for i := len(closers) - 1; i >= 0; i-- {
			errs = append(errs, closers[i]())
		}
		closers = nil
		return errors.Join(errs...)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, close())
		}
	}()
	var waited func() (time.Duration, error)
	var pid int
	if g.Device != nil {
		w, err := bench.NewVethWires("pxrfc")
		if err != nil {
			return nil, close, err
		}
		closers = append(closers, w.Close)
		place, err := w.Place(g.DUTCore, g.GenCore)
		if err != nil {
			return nil, close, err
		}
		place.Echo = g.Echo
		run, err := g.Device.Start(place)
		if err != nil {
			return nil, close, err
		}
		closers = append(closers, run.Stop)
		g.GenNS, g.GenDev, g.SinkNS, g.SinkDev = w.Gen.Name, "gen0", w.Sink.Name, "sink0"
		pid = run.Pid()
		waited = func() (time.Duration, error) {
			t, err := bench.PinnedTime(pid, g.DUTCore)
			return t.Waited, err
		}
	}
	if g.Sockets {
		s := &Sockets{GenCore: g.GenCore, Flows: g.Flows, Waited: waited}
		if s.Rx, err = bench.OpenPort(bench.PortConfig{NetNS: g.SinkNS, Device: g.SinkDev}); err != nil {
			return nil, close, err
		}
		closers = append(closers, s.Rx.Close)
		if s.Tx, err = bench.OpenPort(bench.PortConfig{NetNS: g.GenNS, Device: g.GenDev, NoRx: true}); err != nil {
			return nil, close, err
		}
		closers = append(closers, s.Tx.Close)
		return s, close, g.begin(ctx, s, pid)
	}
	k := &Wires{GenNS: g.GenNS, GenDev: g.GenDev, SinkNS: g.SinkNS, SinkDev: g.SinkDev, GenCore: g.GenCore, Flows: max(1, g.Flows), Nice: g.Nice, Waited: waited}
	closers = append(closers, k.Close)
	if err := k.Open(); err != nil {
		return nil, close, err
	}
	return k, close, g.begin(ctx, k, pid)
}

// warmUp is how long the first packet may take.
const warmUp = 10 * time.Second

// begin waits for the first packet and then favours the device.
func (g Rig) begin(ctx context.Context, t Tester, pid int) error {
	if err := g.passes(ctx, t); err != nil || pid == 0 {
		return err
	}
	return bench.Favour(pid, g.DUTCore, g.Nice)
}

// passes sends a few frames until some arrive: a device may need a moment, and learns
// addresses.
func (g Rig) passes(ctx context.Context, t Tester) error {
	for deadline := time.Now().Add(warmUp); ; {
		o, err := t.Try(ctx, Trial{Sizes: bench.Min64, Rate: 10_000, Count: 100, Time: time.Second})
		if err != nil {
			return err
		}
		if o.Received > 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("rfc2544: nothing that is sent out of %s arrives at %s within %v", g.GenDev, g.SinkDev, warmUp)
		}
	}
}
