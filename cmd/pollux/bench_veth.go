package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pollux/bench"
	"pollux/bench/wirepeers"
)

func newBenchVethCmd() *cobra.Command {
	var s bench.VethSpec
	var asJSON, verbose bool
	var file string
	var peers, variants []string
	cmd := &cobra.Command{
		Use:   "veth",
		Short: "Compare the switch with a bare forwarder, and with other switches, between two veths",
		Long: `Compare the switch with a bare forwarder, and with other switches, between two veths.

The generator (core 0) offers more than any can take; what an XDP program at the far end
counts is what was delivered. Then datagrams go there and back one by one, between blocking
sockets on core 0: a round trip is two passes, both hosts' network stacks and the wake-up
of a halted core at each end. Runs of the devices take turns; one in which others had the
generator's core for more than a tenth is tried again, twice at most. Calls and wake-ups a packet
are those of the thread that forwards, under overload.

Peers: ` + strings.Join(wirepeers.Names(), ", ") + `; "installed" is all that can be started here.
A variant is the switch with other settings, as NAME:DATAPATH:PORT, each in YAML, as in
  --variant 'small:burst: 64:tx_budget: 32'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if s.Devices, err = vethDevices(peers, variants); err != nil {
				return err
			}
			cmd.SilenceUsage = true
			results, err := newResults(file)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, results.close()) }()
			out := cmd.OutOrStdout()
			if verbose {
				s.Echo = cmd.ErrOrStderr()
			}
			if !asJSON {
				fmt.Fprintf(out, "%-4s %-15s %-9s %8s %10s %6s %6s  %s\n", "run", "device", "generator", "offered", "delivered", "own", "dist%", "first packet, round trips")
				s.Each = func(r bench.VethRun) { vethRunLine(out, r) }
			}
			defer bench.FavourSession(s.Nice)()
			ctx, stop := untilSignal(cmd)
			defer stop()
			res, err := bench.RunVeth(ctx, s)
			if err != nil {
				return err
			}
			report := bench.NewVethReport(res)
			if err := results.add(report); err != nil {
				return err
			}
			if asJSON {
				return writeJSON(out, report)
			}
			vethTable(out, res)
			return nil
		},
	}
	f := cmd.Flags()
	intRange(f, &s.Size, "size", 60, 60, 1514, "frame length in bytes without FCS")
	intRange(f, &s.Flows, "flows", 1, 1, 1<<20, "distinct UDP flows")
	intRange(f, &s.Repeats, "repeats", 5, 1, 1000, "runs of each")
	spanRange(f, &s.Time, "time", 2*time.Second, 10*time.Millisecond, time.Hour, "length of a run")
	f.IntVar(&s.RoundTrips, "round-trips", 20000, "round trips of a run; 0 for none")
	f.StringSliceVar(&peers, "peers", nil, "other switches to measure in turn, or installed")
	f.StringArrayVar(&variants, "variant", nil, "the switch with other settings, in turn (repeatable)")
	intRange(f, &s.GenCore, "gen-core", 0, 0, runtime.NumCPU()-1, "core of the generator")
	intRange(f, &s.DUTCore, "core", 1, 0, runtime.NumCPU()-1, "core of the device under test")
	f.IntVar(&s.Nice, "nice", 0, "nice value of the threads that forward, send and answer; -20 on a machine that others use")
	f.BoolVar(&s.Sockets, "sockets", false, "generate through sockets rather than in the kernel")
	f.BoolVarP(&verbose, "verbose", "v", false, "show what the devices under test say")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	f.StringVar(&file, "out", "", "file to write the result to for bench report, beside what is printed")
	return cmd
}

// vethDevices are the switch, the forwarder, variants of the switch and peers.
func vethDevices(peers, variants []string) (devices []bench.Device, err error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	devices = []bench.Device{bench.NewPollux(bench.DevicePollux, exe, "", ""), bench.NewForwarder(exe)}
	names := map[string]bool{bench.DevicePollux: true, bench.DeviceForwarder: true}
	for _, v := range variants {
		parts := splitVariant(v)
		if len(parts) != 3 || parts[0] == "" || names[parts[0]] {
			return nil, fmt.Errorf("variant %q: want NAME:DATAPATH:PORT with a name of its own, as in 'small:burst: 64:tx_budget: 32'", v)
		}
		names[parts[0]] = true
		devices = append(devices, bench.NewPollux(parts[0], exe, parts[1], parts[2]))
	}
	if slices.Contains(peers, "installed") {
		if len(peers) > 1 {
			return nil, errors.New("peers: installed is all of them: want it alone")
		}
		peers = wirepeers.Installed()
	}
	more, err := wirepeers.New(peers)
	return append(devices, more...), err
}

// splitVariant splits at colons that no space follows: those within YAML have one.
func splitVariant(v string) (parts []string) {
	from := 0
	for i := range v {
		if v[i] == ':' && (i+1 == len(v) || v[i+1] != ' ') {
			parts = append(parts, v[from:i])
			from = i + 1
		}
	}
	return append(parts, v[from:])
}

func vethRunLine(w io.Writer, r bench.VethRun) {
	trips := ""
	if t := r.Trips; t != nil {
		trips = fmt.Sprintf(", p50 %.1f p99 %.1f µs", t.P50, t.P99)
		if t.Lost > 0 {
			trips += fmt.Sprintf(", %d lost", t.Lost)
		}
	}
	if r.Starved > 0.1 {
		trips += fmt.Sprintf("; others had the generator's core for %.0f %%", 100*r.Starved)
	}
	fmt.Fprintf(w, "%-4d %-15s %-9s %8.3f %10.3f %6.3f %6.1f  %.0f ms%s\n", r.Repeat, r.Device, r.Generator, r.Offered, r.Delivered, r.Own, 100*r.Disturbed, r.First, trips)
}

// vethTable prints the medians, and what they are of the best.
func vethTable(w io.Writer, res *bench.VethResult) {
	fmt.Fprintf(w, "\nmedian of %d, %d-byte frames, ratios to the best\n", res.Devices[0].Mpps.N, res.Size+4)
	fmt.Fprintf(w, "%-15s %21s %5s %6s %5s %18s %11s %9s %12s %10s\n", "device", "Mpps [min–max]", "ratio", "own", "ratio", "p50 / p99 µs", "ratios", "first ms", "calls/packet", "wake-ups")
	for i := range res.Devices {
		d := &res.Devices[i]
		trips, ratios := "-", "-"
		if d.P50.N > 0 {
			trips, ratios = fmt.Sprintf("%.1f / %.1f", d.P50.Median, d.P99.Median), fmt.Sprintf("%.2f / %.2f", d.RatioP50, d.RatioP99)
		}
		known := func(s bench.Spread) string {
			if s.N == 0 {
				return "unknown"
			}
			return fmt.Sprintf("%.4f", s.Median)
		}
		fmt.Fprintf(w, "%-15s %21s %5.2f %6.3f %5.2f %18s %11s %9.0f %12s %10s\n", d.Name, d.Mpps, d.Ratio, d.Own.Median, d.RatioOwn,
			trips, ratios, d.First.Median, known(d.Calls), known(d.Wakeups))
	}
	fmt.Fprintln(w, res.Reading())
}
