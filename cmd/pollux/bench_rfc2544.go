package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"pollux/bench"
	"pollux/bench/rfc2544"
	"pollux/bench/wirepeers"
)

// rfcFlags are the flags of `bench rfc2544`.
type rfcFlags struct {
	spec         rfc2544.Spec
	rig          rfc2544.Rig
	sizes, tests []string
	dut, maxRate string
	voids        int
	asJSON       bool
	verbose      bool
}

func newBenchRFC2544Cmd() *cobra.Command {
	var g rfcFlags
	cmd := &cobra.Command{
		Use:   "rfc2544",
		Short: "Throughput without loss, latency, loss curve and back-to-back frames by RFC 2544",
		Long: `Throughput without loss, latency at that load, loss against load and the longest burst
that passes whole, by the method of RFC 2544, between two veths (or two given devices).

Frames are stamped by the generator's program in the kernel and timed by a program at the
far end; in a time are both wires, the device, and the rest of the generator's batch, a
few microseconds. With --sockets both ends are AF_XDP sockets: their batches and the
receiver's wake-up are in the times, duplicates are counted, too, and the generator may be
the limit; that is then said.

A trial in which the generator did not keep its rate, or frames were lost while others had
the device's core, is void and done again, --voids times at most. Loss counts when it
shows again (--confirm). The RFC wants trials of 60 s; the default is 1 s.`,
		Example: `  pollux bench rfc2544 --sizes 64,imix --time 5s
  pollux bench rfc2544 --dut ovs-afxdp --tests throughput,latency --json
  pollux bench rfc2544 --gen-dev eth1 --sink-dev eth2 --time 60s`,
		Args: cobra.NoArgs,
	}
	f := cmd.Flags()
	f.StringSliceVar(&g.sizes, "sizes", rfc2544.Standard, "frame lengths, FCS included, and imix")
	f.StringSliceVar(&g.tests, "tests", []string{"throughput", "latency", "loss", "burst"}, "what to measure")
	f.StringVar(&g.dut, "dut", bench.DevicePollux, "device under test: pollux, forwarder, or a peer of bench veth")
	f.StringVar(&g.rig.GenDev, "gen-dev", "", "send from this device rather than between veths")
	f.StringVar(&g.rig.GenNS, "gen-netns", "", "network namespace of that device")
	f.StringVar(&g.rig.SinkDev, "sink-dev", "", "device where the frames arrive")
	f.StringVar(&g.rig.SinkNS, "sink-netns", "", "network namespace of that device")
	f.DurationVar(&g.spec.Time, "time", time.Second, "length of a trial")
	f.Float64Var(&g.spec.Resolution, "resolution", 0.01, "share of the maximum to which the throughput is found")
	f.StringVar(&g.maxRate, "max-rate", "0", "frames a second where the search begins, as in 200k or 1.5m; 0 is what is delivered at overload")
	f.IntVar(&g.spec.Confirm, "confirm", 1, "times that loss is tried again before it counts")
	f.IntVar(&g.voids, "voids", 2, "times that a void trial is done again")
	f.Uint64Var(&g.spec.MaxBurst, "max-burst", 1<<20, "frames of the longest burst that is tried")
	f.IntVar(&g.spec.Repeats, "burst-repeats", 10, "bursts of the length found that are tried again")
	f.IntVar(&g.rig.Flows, "flows", 1, "distinct UDP flows")
	f.IntVar(&g.rig.GenCore, "gen-core", 0, "core of the generator")
	f.IntVar(&g.rig.DUTCore, "core", 1, "core of the device under test")
	f.IntVar(&g.rig.Nice, "nice", 0, "nice value of the threads that forward and send; -20 on a machine that others use")
	f.BoolVar(&g.rig.Sockets, "sockets", false, "generate and receive through sockets rather than in the kernel")
	f.BoolVarP(&g.verbose, "verbose", "v", false, "show each trial, and what the device under test says")
	f.BoolVar(&g.asJSON, "json", false, "print JSON")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := g.check(); err != nil {
			return err
		}
		cmd.SilenceUsage = true
		return g.run(cmd)
	}
	return cmd
}

// check reads the flags.
func (g *rfcFlags) check() (err error) {
	var errs []error
	note := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	g.spec.Mixes, err = rfc2544.ParseMixes(g.sizes)
	note(err)
	g.spec.Tests, err = rfc2544.ParseTests(g.tests)
	note(err)
	g.spec.Max, err = parseRate(g.maxRate)
	note(err)
	if g.spec.Time < 10*time.Millisecond {
		note(fmt.Errorf("time %v: want a trial of 10ms or more", g.spec.Time))
	}
	if r := g.spec.Resolution; !(r >= 0.0001 && r <= 0.5) {
		note(fmt.Errorf("resolution %g: want 0.0001 to 0.5", r))
	}
	for _, n := range []struct {
		name  string
		value int
	}{{"confirm", g.spec.Confirm}, {"voids", g.voids}, {"burst-repeats", g.spec.Repeats}} {
		if n.value < 0 || n.value > 1000 {
			note(fmt.Errorf("%s %d: want 0 to 1000", n.name, n.value))
		}
	}
	if g.spec.MaxBurst < 1 || g.spec.MaxBurst > 1<<30 {
		note(fmt.Errorf("max-burst %d: want 1 to %d", g.spec.MaxBurst, 1<<30))
	}
	if (g.rig.GenDev == "") != (g.rig.SinkDev == "") {
		note(errors.New("gen-dev and sink-dev: want both, or neither for veths of its own"))
	}
	return errors.Join(errs...)
}

// device is what is started between veths.
func (g *rfcFlags) device() (bench.Device, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	switch g.dut {
	case bench.DevicePollux:
		return bench.NewPollux(bench.DevicePollux, exe, "", ""), nil
	case bench.DeviceForwarder:
		return bench.NewForwarder(exe), nil
	}
	d, err := wirepeers.New([]string{g.dut})
	if err != nil {
		return nil, err
	}
	return d[0], nil
}

func (g *rfcFlags) run(cmd *cobra.Command) (err error) {
	if g.rig.GenDev == "" {
		if g.rig.Device, err = g.device(); err != nil {
			return err
		}
	}
	if g.verbose {
		g.rig.Echo = cmd.ErrOrStderr()
	}
	defer bench.FavourSession(g.rig.Nice)()
	ctx, stop := untilSignal(cmd)
	defer stop()
	tester, done, err := g.rig.Open(ctx)
	if err != nil {
		return err
	}
	r := &rfc2544.Runner{Tester: tester, Voids: g.voids}
	clear := func() {}
	if g.verbose {
		r.Each = func(t rfc2544.Trial, o rfc2544.Outcome) {
			fmt.Fprintf(cmd.ErrOrStderr(), "trial: %.0f a second asked, %d sent in %.3f s, %d lost %s\n", t.Rate, o.Sent, o.Seconds, o.Lost(), o.Void)
		}
	}
	if !g.verbose && term.IsTerminal(int(os.Stderr.Fd())) {
		bar := progressbar.NewOptions(g.spec.TrialsExpected(), progressbar.OptionSetWriter(os.Stderr), progressbar.OptionClearOnFinish(), progressbar.OptionSetDescription("trials, about"))
		r.Each = func(rfc2544.Trial, rfc2544.Outcome) { _ = bar.Add(1) }
		clear = func() { _ = bar.Clear() }
	}
	out := cmd.OutOrStdout()
	each := func(res rfc2544.Result) {
		clear()
		if !g.asJSON {
			res.Text(out)
		}
	}
	res, err := rfc2544.Run(ctx, g.spec, r, each)
	clear()
	if err = errors.Join(err, done()); err != nil {
		return err
	}
	if g.asJSON {
		return writeJSON(out, res)
	}
	return nil
}
