package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"pollux/bench/peers"
)

func newBenchPeersCmd() *cobra.Command {
	var s peers.Spec
	var only string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "peers",
		Short: "Measure the switch beside OVS-DPDK, on the same work, in turns on the same core (root)",
		Long: `Measure the switch beside OVS-DPDK, on the same work, in turns on the same core.

Both forward from a source in memory to a sink in memory. Each has the core for half a
second, then the other; what counts is the processor time of the polling thread. Nothing
is installed: make bench-peers does that. Open vSwitch runs with a database and sockets
of its own; nothing that runs on the machine is touched. The number of huge pages is
raised for the run and restored.

docs/benchmarks.md says what is compared and how to read it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if s.Cases, err = peers.Only(peers.Cases(), only); err != nil {
				return err
			}
			if s.Repeats < 1 || s.Time < 30*time.Millisecond {
				return fmt.Errorf("%d repeats of %v: must be 1 or more, of 30ms or more", s.Repeats, s.Time)
			}
			if s.Limit <= 0 {
				return fmt.Errorf("limit %v: must be more than 0", s.Limit)
			}
			cmd.SilenceUsage = true
			out := cmd.OutOrStdout()
			if !asJSON {
				s.Begun = func(r *peers.Result) { r.Head(out) }
				s.Each = func(r peers.Row) { r.Line(out) }
			} else if term.IsTerminal(int(os.Stderr.Fd())) {
				bar := progressbar.NewOptions(len(s.Cases), progressbar.OptionSetWriter(os.Stderr), progressbar.OptionClearOnFinish())
				s.Each = func(peers.Row) { _ = bar.Add(1) }
			}
			ctx, stop := untilSignal(cmd)
			defer stop()
			res, err := peers.Run(ctx, s)
			if res == nil {
				return err
			}
			if asJSON {
				return errors.Join(err, writeJSON(out, res))
			}
			res.Foot(out)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&only, "only", "", "only cases that have this text in their name")
	f.IntVar(&s.Repeats, "repeats", 3, "times that both switches are started anew, each case")
	f.DurationVar(&s.Time, "time", 1500*time.Millisecond, "measured of each side, each repeat")
	f.DurationVar(&s.Limit, "limit", 11*time.Minute, "time of all cases together: what is late has fewer repeats")
	f.IntVar(&s.Core, "core", 1, "core of the polling threads")
	f.IntVar(&s.Control, "control-core", 0, "core of everything else")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
