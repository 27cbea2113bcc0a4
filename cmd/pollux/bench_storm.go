package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"pollux/bench"
)

func newBenchStormCmd() *cobra.Command {
	var s bench.StormSpec
	var asJSON bool
	var out string
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
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if s.Flows < 1 || s.Batch < 1 || s.Batch > 65536 || s.Traffic < 1 {
				return fmt.Errorf("flows %d, batch %d, traffic %d: must be 1 or more, a batch 65536 at most", s.Flows, s.Batch, s.Traffic)
			}
			if s.Time < time.Second {
				return fmt.Errorf("time %v: must be 1s or more", s.Time)
			}
			cmd.SilenceUsage = true
			ctx, stop := untilSignal(cmd)
			defer stop()
			file, err := newResults(out)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, file.close()) }()
			b := newBar("storm", int(s.Time/time.Second))
			s.Each = b.each
			res, err := bench.RunStorm(ctx, s)
			b.clear()
			if err != nil {
				return err
			}
			if err := file.add(res); err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(res)
			}
			fmt.Fprint(cmd.OutOrStdout(), res)
			return nil
		},
	}
	f := cmd.Flags()
	f.DurationVar(&s.Time, "time", 30*time.Second, "length of the storm")
	f.IntVar(&s.Flows, "flows", 10_000, "flows that are added a second, and as many deleted")
	f.IntVar(&s.Batch, "batch", 100, "of them before each barrier")
	f.IntVar(&s.Traffic, "traffic", 1000, "flows of the traffic")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	f.StringVar(&out, "out", "", "file to write the JSON to, beside what is printed")
	return cmd
}
