package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"pollux/bench"
	"pollux/bench/scenarios"
)

// genFlags are the flags of `bench gen`.
type genFlags struct {
	tx, rx      bench.PortConfig
	flows       bench.FlowSpec
	protos      []string
	sizes       string
	ipv6        bool
	vlan        uint16
	rate        float64
	count       uint64
	duration    time.Duration
	core, batch int
	json        bool
	top         int
}

func newBenchGenCmd() *cobra.Command {
	var g genFlags
	cmd := &cobra.Command{
		Use:   "gen --dev DEVICE [--rx-dev DEVICE]",
		Short: "Send flows out of a device and, if asked, count them where they arrive",
		Example: `  pollux bench gen --dev veth0 --flows 1000 --rate 200k --count 1000000
  pollux bench gen --netns a --dev veth0 --rx-netns b --rx-dev veth3 --proto udp,tcp --size imix --json`,
		Args: cobra.NoArgs,
	}
	f := cmd.Flags()
	f.StringVar(&g.tx.Device, "dev", "", "device to send from")
	f.StringVar(&g.tx.NetNS, "netns", "", "network namespace of that device")
	f.StringVar(&g.rx.Device, "rx-dev", "", "device where the traffic arrives")
	f.StringVar(&g.rx.NetNS, "rx-netns", "", "network namespace of that device")
	f.IntVar(&g.flows.Flows, "flows", 1000, "number of flows")
	f.Float64Var(&g.flows.Skew, "skew", 0, "unevenness: flow i gets packets in proportion to 1/i^skew")
	f.Uint64Var(&g.flows.Seed, "seed", 1, "seed of the flows")
	f.StringSliceVar(&g.protos, "proto", []string{"udp"}, "protocols, dealt out in turn: udp, tcp, icmp")
	f.StringVar(&g.sizes, "size", "60", "frame lengths without FCS, used in turn, or imix")
	f.BoolVar(&g.ipv6, "ipv6", false, "IPv6 rather than IPv4")
	f.Uint16Var(&g.vlan, "vlan", 0, "VLAN tag; 0 for none")
	intRange(f, &g.core, "core", -1, -1, runtime.NumCPU()-1, "core to send from; -1 leaves that to the kernel")
	intRange(f, &g.batch, "batch", 64, 1, 256, "packets a system call, at most")
	rate := f.String("rate", "0", "packets a second, as in 200k or 1.5m; 0 is flat out")
	f.Uint64Var(&g.count, "count", 0, "packets to send; 0 is until --time is over")
	spanRange(f, &g.duration, "time", 0, 0, 1000*time.Hour, "how long to send")
	intRange(f, &g.top, "top", 10, 0, 1<<20, "flows to list")
	f.BoolVar(&g.json, "json", false, "print JSON")
	_ = cmd.MarkFlagRequired("dev")
	cmd.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		if g.rate, err = parseRate(*rate); err != nil {
			return err
		}
		if g.count == 0 && g.duration == 0 {
			return errors.New("neither --count nor --time is given: one of them must say when to stop")
		}
		cmd.SilenceUsage = true
		return g.run(cmd)
	}
	return cmd
}

// parseRate reads a number with an optional k or m behind it.
func parseRate(s string) (float64, error) {
	var r scenarios.Rate
	err := r.UnmarshalText([]byte(s))
	return float64(r), err
}

// spec completes the flow set from the flags.
func (g *genFlags) spec() (bench.FlowSpec, error) {
	s := g.flows
	var sizes []int
	if g.sizes == "imix" {
		sizes = bench.IMIX
	} else {
		for _, t := range strings.Split(g.sizes, ",") {
			n, err := strconv.Atoi(t)
			if err != nil {
				return s, fmt.Errorf("size %q: must be a number of bytes, several with commas, or imix", t)
			}
			sizes = append(sizes, n)
		}
	}
	protos := map[string]bench.Proto{"udp": bench.UDP, "tcp": bench.TCP, "icmp": bench.ICMP}
	for _, name := range g.protos {
		p, ok := protos[name]
		if !ok {
			return s, fmt.Errorf("protocol %q: must be udp, tcp or icmp", name)
		}
		s.Shapes = append(s.Shapes, bench.Shape{Proto: p, IPv6: g.ipv6, VLAN: g.vlan, Sizes: sizes})
	}
	return s, nil
}

func (g *genFlags) run(cmd *cobra.Command) (err error) {
	spec, err := g.spec()
	if err != nil {
		return err
	}
	fs, err := bench.NewFlowSet(spec)
	if err != nil {
		return err
	}
	var rx *bench.Receiver
	if g.rx.Device != "" {
		p, err := bench.OpenPort(g.rx)
		if err != nil {
			return err
		}
		defer p.Close()
		rx = bench.NewReceiver(p, fs)
	}
	g.tx.NoRx = true
	tx, err := bench.OpenPort(g.tx)
	if err != nil {
		return err
	}
	defer tx.Close()

	ctx, stop := untilSignal(cmd)
	defer stop()
	if g.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, g.duration)
		defer cancel()
	}
	rxCtx, rxStop := context.WithCancel(context.Background())
	defer rxStop()
	rxDone := make(chan error, 1)
	if rx != nil {
		go func() { rxDone <- rx.Run(rxCtx) }()
	}
	gen := bench.NewGenerator(tx, fs)
	gen.Rate, gen.Count, gen.Core, gen.Batch = g.rate, g.count, g.core, g.batch
	start := time.Now()
	err = gen.Run(ctx)
	took := time.Since(start)
	rxStop()
	var tally *bench.Tally
	if rx != nil {
		err = errors.Join(err, <-rxDone)
		tally = rx.Tally
	}
	if err != nil {
		return err
	}
	rep := bench.NewReport(gen.Sent, tally, took)
	if rx != nil {
		if rep.NoRoom, err = rx.Port.Dropped(); err != nil {
			return err
		}
	}
	if g.json {
		return writeJSON(cmd.OutOrStdout(), rep)
	}
	return g.show(cmd, fs, rep)
}

// show prints the largest flows and the sum.
func (g *genFlags) show(cmd *cobra.Command, fs *bench.FlowSet, rep *bench.Report) error {
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	if g.rx.Device == "" {
		fmt.Fprintf(w, "sent %d in %.3f s: %.3f Mpps\n", rep.Sent, rep.Seconds, rep.TxMpps)
		return w.Flush()
	}
	fmt.Fprintln(w, "flow\tproto\tsource\tdestination\tsent\treceived\tlost\tduplicate\treordered")
	for _, f := range rep.Flows[:min(g.top, len(rep.Flows))] {
		i := fs.Info(f.Flow)
		fmt.Fprintf(w, "%d\t%v\t%v:%d\t%v:%d\t%d\t%d\t%d\t%d\t%d\n", f.Flow, i.Proto, i.Src, i.SrcPort, i.Dst, i.DstPort,
			f.Sent, f.Received, f.Lost, f.Duplicate, f.Reordered)
	}
	if n := len(rep.Flows) - g.top; n > 0 {
		fmt.Fprintf(w, "and %d more\n", n)
	}
	fmt.Fprintln(w, rep)
	if rep.NoRoom > 0 {
		fmt.Fprintf(os.Stderr, "%d frames found no room on the receiving ring\n", rep.NoRoom)
	}
	return w.Flush()
}
