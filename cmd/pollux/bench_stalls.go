package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"pollux/bench"
	"pollux/bench/scenarios"
)

func newBenchStallsCmd() *cobra.Command {
	var s bench.StallsSpec
	var r besideRun
	cmd := &cobra.Command{
		Use:   "stalls [SCENARIO|FILE]",
		Short: "See how steady a loop is beside a busy control plane",
		Long: `See how steady a loop is beside a busy control plane.

One loop forwards from memory to memory, every packet accounted, while flows are added
and deleted, all statistics asked for, and records exported. The loop's own histogram
says how long its iterations took; what it allocates is counted exactly; long iterations
are put down to the collection of garbage, Go's scheduler, others who had the core, the
host, or the loop's own work, by the clock of its thread.

Without a scenario there are 10,000 flows of 20 masks.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			for _, name := range args {
				if s.Scenario, err = scenarios.Open(name); err != nil {
					return err
				}
			}
			if s.FlowMods < 1 {
				return fmt.Errorf("flow-mods %d: must be 1 or more", s.FlowMods)
			}
			s.Time = r.time
			return r.run(cmd, func(ctx context.Context, each func(done, all int)) (fmt.Stringer, error) {
				s.Each = each
				return bench.RunStalls(ctx, s)
			})
		},
	}
	r.flags(cmd, time.Minute)
	f := cmd.Flags()
	f.IntVar(&s.FlowMods, "flow-mods", 1000, "changes of flows a second, about, each with a barrier")
	f.DurationVar(&s.Long, "long", time.Millisecond, "iterations of this length or more are told apart by cause")
	return cmd
}
