package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"pollux/bench"
)

func newBenchStormCmd() *cobra.Command {
	var s bench.StormSpec
	var r besideRun
	cmd := &cobra.Command{
		Use:   "storm",
		Short: "See what a controller that changes flows without end costs, and that barriers hold",
		Long: `See what a controller that changes flows without end costs, and that barriers hold.

One loop forwards from memory to memory, while a controller adds and deletes flows over an
OpenFlow session, with a barrier after each batch. Each batch has also the one flow that
all packets meet write another version into them: a packet that came in after a barrier's
reply and leaves with an older version is counted. The same loop's speed before and after
the storm is beside its speed in it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if s.Flows < 1 || s.Batch < 1 || s.Batch > 65536 || s.Traffic < 1 {
				return fmt.Errorf("flows %d, batch %d, traffic %d: must be 1 or more, a batch 65536 at most", s.Flows, s.Batch, s.Traffic)
			}
			s.Time = r.time
			return r.run(cmd, func(ctx context.Context, each func(done, all int)) (fmt.Stringer, error) {
				s.Each = each
				return bench.RunStorm(ctx, s)
			})
		},
	}
	r.flags(cmd, 30*time.Second)
	f := cmd.Flags()
	f.IntVar(&s.Flows, "flows", 10_000, "flows that are added a second, and as many deleted")
	f.IntVar(&s.Batch, "batch", 100, "of them before each barrier")
	f.IntVar(&s.Traffic, "traffic", 1000, "flows of the traffic")
	return cmd
}
