package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"pollux/bench"
)

func newBenchCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Make traffic and measure",
		Long:  "Make traffic and measure: a generator and counter on sockets of their own, a bare forwarder to compare with, the benchmarks of the switch, and reports of them. gen, forward and veth need root.",
	}
	cmd.AddCommand(newBenchGenCmd(), newBenchForwardCmd(), newBenchVethCmd(), newBenchMemoryCmd(),
		newBenchRunCmd(), newBenchListCmd(), newBenchStallsCmd(), newBenchCompareCmd(), newBenchReportCmd())
	return cmd
}

// untilSignal returns a context that ends with SIGINT, SIGTERM or SIGHUP.
func untilSignal(cmd *cobra.Command) (context.Context, context.CancelFunc) {
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	return signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
}

// writeJSON writes v as people and scripts can read it.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func newBenchForwardCmd() *cobra.Command {
	var in, out string
	var core, batch int
	cmd := &cobra.Command{
		Use:   "forward --in DEVICE --out DEVICE",
		Short: "Forward what arrives at one device out of another, unread, until stopped",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cmd.SilenceUsage = true
			a, err := bench.OpenPort(bench.PortConfig{Device: in})
			if err != nil {
				return err
			}
			b, err := bench.OpenPort(bench.PortConfig{Device: out})
			if err != nil {
				return errors.Join(err, a.Close())
			}
			f := &bench.Forwarder{In: a, Out: b, Batch: batch, Core: core}
			ctx, stop := untilSignal(cmd)
			defer stop()
			f.Ready = func() { fmt.Fprintln(cmd.OutOrStdout(), "ready") }
			err = f.Run(ctx)
			fmt.Fprintf(cmd.ErrOrStderr(), "forwarded %d, dropped %d\n", f.Forwarded(), f.Dropped())
			return errors.Join(err, b.Close(), a.Close())
		},
	}
	cmd.Flags().StringVar(&in, "in", "", "device to receive from")
	cmd.Flags().StringVar(&out, "out", "", "device to send to")
	cmd.Flags().IntVar(&core, "core", -1, "core to run on; -1 leaves that to the kernel")
	cmd.Flags().IntVar(&batch, "batch", 256, "frames a system call, at most")
	_ = cmd.MarkFlagRequired("in")
	_ = cmd.MarkFlagRequired("out")
	return cmd
}

func newBenchVethCmd() *cobra.Command {
	var s bench.VethSpec
	var asJSON, verbose bool
	var file string
	cmd := &cobra.Command{
		Use:   "veth",
		Short: "Compare the switch with a bare forwarder between two veths",
		Long: `Compare the switch with a bare forwarder between two veths.

The generator (core 0) offers more than either can take; what an XDP program at
the far end counts is what was delivered. Runs of the two take turns.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			cmd.SilenceUsage = true
			results, err := newResults(file)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, results.close()) }()
			exe, err := os.Executable()
			if err != nil {
				return err
			}
			s.Exe = exe
			out := cmd.OutOrStdout()
			if verbose {
				s.Echo = cmd.ErrOrStderr()
			}
			if !asJSON {
				fmt.Fprintf(out, "%-4s %-10s %-10s %13s %15s %12s %9s\n", "run", "device", "generator", "offered Mpps", "delivered Mpps", "disturbed %", "own Mpps")
				s.Each = func(r bench.VethRun) {
					fmt.Fprintf(out, "%-4d %-10s %-10s %13.3f %15.3f %12.1f %9.3f\n", r.Repeat, r.Device, r.Generator, r.Offered, r.Delivered, 100*r.Disturbed, r.Own)
				}
			}
			ctx, stop := untilSignal(cmd)
			defer stop()
			res, err := bench.RunVeth(ctx, s)
			if err != nil {
				return err
			}
			if err := results.add(bench.NewVethReport(res)); err != nil {
				return err
			}
			if asJSON {
				return writeJSON(out, res)
			}
			fmt.Fprintf(out, "\npollux    %s Mpps\nforwarder %s Mpps\nratio     %.2f of what was delivered, %.2f of what was delivered in the time each had its core\n", res.Pollux, res.Forwarder, res.Ratio, res.RatioOwn)
			fmt.Fprintln(out, res.Reading())
			return nil
		},
	}
	f := cmd.Flags()
	f.IntVar(&s.Size, "size", 60, "frame length in bytes without FCS")
	f.IntVar(&s.Flows, "flows", 1, "distinct UDP flows")
	f.IntVar(&s.Repeats, "repeats", 5, "runs of each")
	f.DurationVar(&s.Time, "time", 2*time.Second, "length of a run")
	f.IntVar(&s.GenCore, "gen-core", 0, "core of the generator")
	f.IntVar(&s.DUTCore, "core", 1, "core of the device under test")
	f.BoolVar(&s.Sockets, "sockets", false, "generate through sockets rather than in the kernel")
	f.BoolVarP(&verbose, "verbose", "v", false, "show what the devices under test say")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	f.StringVar(&file, "out", "", "file to write the result to for bench report, beside what is printed")
	return cmd
}
