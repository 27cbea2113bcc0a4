package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/klauspost/cpuid/v2"
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"pollux/bench"
)

func newBenchMemoryCmd() *cobra.Command {
	var s bench.MemorySpec
	var flows, masks []int
	var ipfix string
	var asJSON, verbose bool
	cmd := &cobra.Command{
		Use:   "memory",
		Short: "Measure one poll loop between a memory source and a memory sink",
		Long: `Measure one poll loop between a memory source and a memory sink: no device, no
kernel. The source writes the headers of the next packet of its flows into a fresh
frame; its cost, and the sink's, are part of every figure. Flows come in turn, which
is the worst order for a cache.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			for _, sc := range bench.MemoryScenarios() {
				if (len(flows) == 0 || contains(flows, sc.Flows)) && (len(masks) == 0 || contains(masks, sc.Masks)) &&
					(ipfix == "" || (ipfix == "1:1") == sc.IPFIX) {
					s.Scenarios = append(s.Scenarios, sc)
				}
			}
			if len(s.Scenarios) == 0 || ipfix != "" && ipfix != "off" && ipfix != "1:1" {
				return fmt.Errorf("no scenario is chosen: flows are 1, 1000, 100000, 1000000, masks 1, 20, ipfix off, 1:1")
			}
			cmd.SilenceUsage = true
			if s.Exe, err = os.Executable(); err != nil {
				return err
			}
			if verbose {
				s.Echo = cmd.ErrOrStderr()
			}
			if term.IsTerminal(int(os.Stderr.Fd())) && !verbose {
				bar := progressbar.NewOptions(len(s.Scenarios)*s.Repeats, progressbar.OptionSetWriter(os.Stderr), progressbar.OptionClearOnFinish())
				s.Each = func(done, all int, sc bench.MemoryScenario, mpps float64) { _ = bar.Set(done) }
			}
			ctx, stop := untilSignal(cmd)
			defer stop()
			res, err := bench.RunMemory(ctx, s)
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), res)
			}
			memoryTable(cmd.OutOrStdout(), s, res)
			return nil
		},
	}
	f := cmd.Flags()
	f.IntSliceVar(&flows, "flows", nil, "only scenarios with these numbers of flows")
	f.IntSliceVar(&masks, "masks", nil, "only scenarios with these numbers of masks")
	f.StringVar(&ipfix, "ipfix", "", "only scenarios with IPFIX off, or 1:1")
	f.IntVar(&s.Repeats, "repeats", 3, "runs of each")
	f.DurationVar(&s.Time, "time", time.Second, "measured of each run")
	f.DurationVar(&s.Warm, "warm", 300*time.Millisecond, "before that, at least; and until every flow was seen three times")
	f.IntVar(&s.Core, "core", runtime.NumCPU()-1, "core of the loop")
	f.BoolVarP(&verbose, "verbose", "v", false, "show what the switch says")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func contains(list []int, n int) bool {
	for _, v := range list {
		if v == n {
			return true
		}
	}
	return false
}

// memoryTable prints the results.
func memoryTable(w io.Writer, s bench.MemorySpec, res []bench.MemoryResult) {
	fmt.Fprintf(w, "%s, one loop on core %d, 64-byte packets, median [min–max] of %d\n\n", cpuid.CPU.BrandName, s.Core, s.Repeats)
	fmt.Fprintf(w, "%8s %5s %5s  %-24s  %-22s  %7s  %10s  %11s\n", "flows", "masks", "ipfix", "Mpps", "ns/packet", "exact %", "megaflow %", "disturbed %")
	for _, r := range res {
		fmt.Fprintf(w, "%s  %-24s  %-22s  %7.2f  %10.2f  %11.1f\n", r.MemoryScenario, r.Mpps,
			fmt.Sprintf("%.1f [%.1f–%.1f]", r.NsPacket.Median, r.NsPacket.Min, r.NsPacket.Max), 100*r.ExactShare, 100*r.MegaflowShare, 100*r.Disturbed)
	}
}
