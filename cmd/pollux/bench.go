package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/spf13/cobra"

	"pollux/bench"
)

func newBenchCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Make traffic and measure",
		Long:  "Make traffic and measure: a generator and counter on sockets of their own, a bare forwarder to compare with, the benchmarks of the switch, other switches beside it, and reports. What has to do with devices, and peers, needs root.",
	}
	cmd.AddCommand(newBenchGenCmd(), newBenchForwardCmd(), newBenchVethCmd(), newBenchRFC2544Cmd(), newBenchMemoryCmd(), newBenchCoresCmd(),
		newBenchRunCmd(), newBenchListCmd(), newBenchStallsCmd(), newBenchStormCmd(), newBenchPeersCmd(), newBenchCompareCmd(), newBenchReportCmd())
	return cmd
}

// untilSignal returns a context that ends with SIGINT, SIGTERM or SIGHUP.
func untilSignal(cmd *cobra.Command) (context.Context, context.CancelFunc) {
	return onSignal(cmd, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
}

// untilEnded is untilSignal of what does something else with SIGHUP.
func untilEnded(cmd *cobra.Command) (context.Context, context.CancelFunc) {
	return onSignal(cmd, os.Interrupt, syscall.SIGTERM)
}

func onSignal(cmd *cobra.Command, signals ...os.Signal) (context.Context, context.CancelFunc) {
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	return signal.NotifyContext(ctx, signals...)
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
	var both bool
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
			f := &bench.Forwarder{In: a, Out: b, Batch: batch, Core: core, Both: both}
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
	intRange(cmd.Flags(), &core, "core", -1, -1, runtime.NumCPU()-1, "core to run on; -1 leaves that to the kernel")
	intRange(cmd.Flags(), &batch, "batch", 256, 1, 256, "frames a system call, at most")
	cmd.Flags().BoolVar(&both, "both", false, "forward the other way, too")
	_ = cmd.MarkFlagRequired("in")
	_ = cmd.MarkFlagRequired("out")
	return cmd
}
