package main

import (
	"fmt"
	"io"
	"os"

	"github.com/klauspost/cpuid/v2"
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"pollux/bench"
	"pollux/internal/cpu"
)

func newBenchCoresCmd() *cobra.Command {
	var s bench.CoresSpec
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "cores",
		Short: "Measure what more loops bring: one alone, then all, each with queues of its own",
		Long: `Measure what more loops bring. Each loop has a queue of a memory source and one of a
memory sink; one runs alone, then all do, in short turns. A loop's throughput is its
packets by the processor time of its thread, so that other programs decide little: what
is missing to the number of loops is what they cost each other, in caches and memory.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(s.Cores) == 0 {
				s.Cores = cpu.Allowed()
			}
			cmd.SilenceUsage = true
			if term.IsTerminal(int(os.Stderr.Fd())) {
				bar := progressbar.NewOptions(len(bench.CoresMixes()), progressbar.OptionSetWriter(os.Stderr), progressbar.OptionClearOnFinish())
				s.Each = func(done, all int) { _ = bar.Set(done) }
			}
			ctx, stop := untilSignal(cmd)
			defer stop()
			res, err := bench.RunCores(ctx, s)
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), res)
			}
			coresTable(cmd.OutOrStdout(), s, res)
			return nil
		},
	}
	f := cmd.Flags()
	f.IntSliceVar(&s.Cores, "cores", nil, "cores of the loops (default all)")
	f.IntVar(&s.Turns, "turns", 15, "turns of each setting")
	f.DurationVar(&s.Time, "time", 0, "measured of each turn (default 60ms)")
	f.DurationVar(&s.Settle, "settle", 0, "of each turn before that (default 10ms)")
	f.IntVar(&s.Burst, "burst", 256, "packets that a loop takes at a time")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// coresTable prints the results.
func coresTable(w io.Writer, s bench.CoresSpec, res []bench.CoresResult) {
	fmt.Fprintf(w, "%s, loops on cores %v, 64-byte packets, median of %d turns [least–most]\n\n", cpuid.CPU.BrandName, s.Cores, s.Turns)
	fmt.Fprintf(w, "%10s %5s %5s  %10s  %10s  %-21s %6s %6s\n", "flows/loop", "masks", "ipfix", "alone Mpps", "all Mpps", "ratio", "wall", "dist%")
	for _, r := range res {
		ipfix := "off"
		if r.Sampling > 0 {
			ipfix = fmt.Sprintf("1:%d", r.Sampling)
		}
		fmt.Fprintf(w, "%10d %5d %5s  %10.2f  %10.2f  %-21s %6.2f %6.1f\n", r.Flows, r.Masks, ipfix, r.Alone.Median, r.Together.Median, r.Ratio, r.Wall.Median, 100*r.Disturbed)
	}
	fmt.Fprintln(w, "\nratio: by the processor time of each loop's thread; wall: by the clock, what this machine\ngave meanwhile; dist: share of the time that others had the cores.")
}
