package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"pollux/bench"
)

// demoShapes are the kinds of flow that the generator sends.
var demoShapes = []bench.Shape{
	{Proto: bench.UDP, Sizes: bench.IMIX},
	{Proto: bench.TCP, Sizes: bench.IMIX},
	{Proto: bench.UDP, IPv6: true, Sizes: []int{128, 512}},
	{Proto: bench.UDP, Sizes: bench.Min64},
	{Proto: bench.TCP, IPv6: true, Sizes: []int{1514}},
	{Proto: bench.ICMP, Sizes: []int{98}},
}

// demoWindow is how many packets may be on their way at once: fewer than any queue
// holds (a veth's has 256 places), so that a busy machine makes the demo slower and
// loses nothing.
const demoWindow = 192

// traffic sends the flows through the switch and compares the sums.
func (d *demo) traffic(ctx context.Context) (*demoSums, error) {
	fs, err := bench.NewFlowSet(bench.FlowSpec{Flows: d.flows, Shapes: demoShapes, Skew: 1, Seed: 1})
	if err != nil {
		return nil, err
	}
	tx, err := d.open(bench.PortConfig{NetNS: d.net.gen.Name, Device: "eth0", NoRx: true})
	if err != nil {
		return nil, err
	}
	rxPort, err := d.open(bench.PortConfig{NetNS: d.net.sink.Name, Device: "eth0"})
	if err != nil {
		return nil, err
	}
	rx := bench.NewReceiver(rxPort, fs)
	gen := bench.NewGenerator(tx, fs)
	gen.Count, gen.Rate, gen.Window, gen.Arrived = d.packets, d.rate, demoWindow, rx.Tally.Total
	gen.Patience = demoPatience

	d.step("%d packets of %d flows of uneven sizes: generator → pxg0 → pxg1 → sink", d.packets, fs.Len())
	before, err := d.state()
	if err != nil {
		return nil, err
	}
	start := time.Now()
	halt, err := d.exchange(ctx, gen, rx)
	if err != nil {
		return nil, err
	}
	took := time.Since(start)
	rep := bench.NewReport(gen.Sent, rx.Tally, took)
	fmt.Fprintf(d.out, "   sent %d, delivered %d in %.1f s: %.0f packets a second\n", rep.Sent, rep.Received, took.Seconds(), float64(rep.Received)/took.Seconds())

	if halt != nil {
		fmt.Fprintf(d.out, "   given up: %v\n", halt)
	}

	sums := newDemoSums(fs, rep, d.packets)
	sums.Halt = halt
	if err := d.losses(sums, before, rxPort); err != nil {
		return nil, err
	}
	for _, c := range []string{"show", "perf", "drops", "ipfix"} {
		if err := errors.Join(ctx.Err(), d.show(c)); err != nil {
			return nil, err
		}
	}
	return sums, errors.Join(ctx.Err(), d.records(ctx, fs, rep, sums))
}

// open opens a port that the demo closes.
func (d *demo) open(c bench.PortConfig) (*bench.Port, error) {
	p, err := bench.OpenPort(c)
	if err == nil {
		d.ports = append(d.ports, p)
	}
	return p, err
}

// exchange runs generator and receiver, and shows how far they are. halt says why
// the traffic was given up before its end: there are sums to look at all the same.
func (d *demo) exchange(ctx context.Context, gen *bench.Generator, rx *bench.Receiver) (halt, err error) {
	rxCtx, rxStop := context.WithCancel(context.Background())
	defer rxStop()
	rxDone, genDone := make(chan error, 1), make(chan error, 1)
	go func() { rxDone <- rx.Run(rxCtx) }()
	genCtx, genStop := context.WithTimeout(ctx, d.limit())
	defer genStop()
	go func() { genDone <- gen.Run(genCtx) }()

	show := progress(d.out, d.packets)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			show(rx.Tally.Total(), false)
		case <-d.sw.Done():
			genStop()
			err := errors.Join(<-genDone, errors.New("the switch ended in the middle:\n"+d.sw.Output()))
			rxStop()
			return nil, errors.Join(err, <-rxDone)
		case err := <-genDone:
			switch {
			case errors.Is(err, bench.ErrStalled):
				halt, err = err, nil
			case errors.Is(genCtx.Err(), context.DeadlineExceeded):
				halt = fmt.Errorf("it has taken %v, longer than it should", d.limit().Round(time.Second))
			case err == nil:
				d.await(ctx, gen, rx)
			}
			rxStop() // Run goes on until the wire is quiet
			err = errors.Join(err, <-rxDone)
			show(rx.Tally.Total(), true)
			return halt, errors.Join(err, ctx.Err())
		}
	}
}

// await gives the last packets time to arrive on a busy machine.
func (d *demo) await(ctx context.Context, gen *bench.Generator, rx *bench.Receiver) {
	seen, since := rx.Tally.Total(), time.Now()
	for seen < gen.Total() && time.Since(since) < demoLast && ctx.Err() == nil {
		time.Sleep(5 * time.Millisecond)
		if n := rx.Tally.Total(); n != seen {
			seen, since = n, time.Now()
		}
	}
}

// progress returns what shows a count: a bar on a terminal, a line now and then
// elsewhere.
func progress(out io.Writer, total uint64) func(n uint64, last bool) {
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		bar := progressbar.NewOptions64(int64(total), progressbar.OptionSetWriter(out), progressbar.OptionSetDescription("   delivered"),
			progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("packets"),
			progressbar.OptionSetWidth(30), progressbar.OptionThrottle(100*time.Millisecond))
		return func(n uint64, last bool) {
			_ = bar.Set64(int64(min(n, total)))
			if last {
				fmt.Fprintln(out)
			}
		}
	}
	next := total / 10
	return func(n uint64, last bool) {
		if n < next && !last {
			return
		}
		fmt.Fprintf(out, "   delivered %3d %%  %d\n", n*100/max(total, 1), n)
		for next <= n {
			next += max(total/10, 1)
		}
	}
}
