package main

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"time"

	"github.com/klauspost/cpuid/v2"
	"github.com/spf13/cobra"

	"pollux/bench"
)

func newBenchMemoryCmd() *cobra.Command {
	var s bench.MemorySpec
	var flows, masks []int
	var asJSON bool
	var file string
	cmd := &cobra.Command{
		Use:   "memory",
		Short: "Measure one poll loop between a memory source and a memory sink, and what IPFIX costs it",
		Long: `Measure one poll loop between a memory source and a memory sink: no device, no
kernel. The source writes the headers of the next packet of its flows into a fresh
frame; its cost, and the sink's, are part of every figure. Flows come in turn, which
is the worst order for a cache.

Each mix of flows is measured without IPFIX, with 1 packet in 100 accounted, and with
every packet accounted, in short turns on one core. Cost is the processor time a packet
takes beyond that of the turn without IPFIX in the same round, in percent. The exporter,
which sends to a socket on loopback, runs on other cores: its time is told apart.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			for _, m := range bench.MemoryMixes() {
				if (len(flows) == 0 || slices.Contains(flows, m.Flows)) && (len(masks) == 0 || slices.Contains(masks, m.Masks)) {
					s.Mixes = append(s.Mixes, m)
				}
			}
			if len(s.Mixes) == 0 {
				return fmt.Errorf("nothing to measure is chosen: flows are 1, 1000, 100000, 1000000, masks 1, 20")
			}
			cmd.SilenceUsage = true
			results, err := newResults(file)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, results.close()) }()
			b := newBar("memory", len(s.Mixes))
			s.Each = b.each
			ctx, stop := untilSignal(cmd)
			defer stop()
			res, err := bench.RunMemory(ctx, s)
			b.clear()
			if err != nil {
				return err
			}
			report := bench.NewMemoryReport(res)
			if err := results.add(report); err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), report)
			}
			memoryTable(cmd.OutOrStdout(), s, res)
			return nil
		},
	}
	f := cmd.Flags()
	f.IntSliceVar(&flows, "flows", nil, "only with these numbers of flows")
	f.IntSliceVar(&masks, "masks", nil, "only with these numbers of masks")
	intRange(f, &s.Turns, "turns", 21, 1, 10_000, "turns of each setting")
	spanRange(f, &s.Time, "time", 60*time.Millisecond, time.Millisecond, time.Minute, "measured of each turn")
	spanRange(f, &s.Settle, "settle", 10*time.Millisecond, time.Microsecond, time.Minute, "of each turn before that")
	intRange(f, &s.Burst, "burst", 256, 1, 256, "packets that the loop takes at a time")
	intRange(f, &s.Core, "core", runtime.NumCPU()-1, 0, runtime.NumCPU()-1, "core of the loop")
	f.BoolVar(&asJSON, "json", false, "print JSON, as --out has it")
	f.StringVar(&file, "out", "", "file to write the results to for bench report and compare, beside what is printed")
	return cmd
}

// memoryTable prints the results.
func memoryTable(w io.Writer, s bench.MemorySpec, res []bench.MemoryResult) {
	fmt.Fprintf(w, "%s, one loop on core %d, 64-byte packets,\nmedian of %d turns [of the fastest]\n\n", cpuid.CPU.BrandName, s.Core, s.Turns)
	fmt.Fprintf(w, "%8s %5s %5s  %6s  %-13s %-15s %8s %7s %5s\n", "flows", "masks", "ipfix", "Mpps", "ns/packet", "cost %", "exporter", "exact %", "dist%")
	for i, r := range res {
		cost := ""
		if r.Sampling > 0 {
			cost = fmt.Sprintf("%+.1f [%+.1f]", r.Cost.Median, r.CostFastest)
		} else if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%s  %6.2f  %-13s %-15s %8.2f %7.2f %5.1f\n", r.MemoryScenario, r.Mpps.Median,
			fmt.Sprintf("%.1f [%.1f]", r.NsPacket.Median, r.NsPacket.Min), cost, r.Elsewhere.Median, 100*r.ExactShare, 100*r.Disturbed)
	}
	fmt.Fprint(w, `
exporter: ns a packet of all other threads meanwhile; without IPFIX, of the runtime.
dist: share of the time that others had the core.
`)
	if !slices.ContainsFunc(res, func(r bench.MemoryResult) bool { return r.Record != nil }) {
		return
	}
	fmt.Fprintf(w, `
A record, when a flow ends, costs:

%8s %5s %5s  %14s  %18s  %s
`, "flows", "masks", "ipfix", "loop ns/record", "exporter ns/record", "exporter core %, each flow told once a minute")
	for _, r := range res {
		if c := r.Record; c != nil {
			fmt.Fprintf(w, "%s  %14.0f  %18.0f  %.2f\n", r.MemoryScenario, c.Loop, c.Exporter, 100*c.Exporter*1e-9*float64(r.Flows)/60)
		}
	}
}
