package bench

import (
	"fmt"
	"strings"

	"pollux/actions"
	"pollux/bench/scenarios"
	"pollux/internal/clock"
	"pollux/pmd"
	"pollux/pmd/datapath"
)

// RunResult is what a scenario comes to. Times a packet are processor time of the loops,
// so that others who use the machine count as little as may be; with a rate they are of
// the iterations that had packets, by the wall clock. All loops count together.
type RunResult struct {
	Kind    string  `json:"kind"` // KindRun
	Name    string  `json:"name"`
	Title   string  `json:"title"`
	Machine Machine `json:"machine"`

	Flows    int     `json:"flows"`
	Masks    int     `json:"masks"`
	Sampling int     `json:"sampling"`
	Loops    int     `json:"loops"`
	Rate     float64 `json:"rate,omitempty"` // packets a second that came to each loop, if not as fast as could be

	Mpps   Spread      `json:"mpps"` // with a rate as came; else what the cores would do undisturbed
	Ns     Spread      `json:"ns_packet"`
	Cycles Spread      `json:"cycles_packet"`
	Stages []StageCost `json:"stages"`

	ExactShare    float64 `json:"exact_share"`    // of packets, 0 to 1
	MegaflowShare float64 `json:"megaflow_share"` // simple matches among them
	UpcallShare   float64 `json:"upcall_share"`
	Upcalls       float64 `json:"upcalls_second"`
	UpcallNs      float64 `json:"upcall_ns"`
	Megaflows     int     `json:"megaflows"`
	Subtables     int     `json:"subtables"`

	Packets     uint64            `json:"packets"` // that came in while it was measured, settling included
	Go          GoCost            `json:"go"`      // likewise
	Drops       datapath.ByReason `json:"drops"`   // while it was measured
	Sums        datapath.Sums     `json:"sums"`    // of everything: In + Cloned = Sent + Dropped + Held
	Unaccounted int64             `json:"unaccounted"`
	Disturbed   float64           `json:"disturbed"` // share of the time that others had the cores, 0 to 1
	Elsewhere   Spread            `json:"elsewhere_ns_packet"`
	Iterations  Iterations        `json:"iterations"`

	Load   *TableLoad  `json:"load,omitempty"`   // where there are many rules
	Record *RecordCost `json:"record,omitempty"` // where every packet of many flows is accounted
}

// KindRun is the Kind of a RunResult.
const KindRun = "run"

// StageCost is what a packet costs in one stage. Stages are timed in a share of the
// batches, and by the wall clock.
type StageCost struct {
	Stage  string `json:"stage"`
	Ns     Spread `json:"ns_packet"`
	Cycles Spread `json:"cycles_packet"`
}

// TableLoad is what bringing rules into the tables took.
type TableLoad struct {
	Rules        int     `json:"rules"`
	Tables       int     `json:"tables"`
	Fields       int     `json:"fields"` // that they match
	ParseSeconds float64 `json:"parse_seconds"`
	Seconds      float64 `json:"load_seconds"`
	Bytes        uint64  `json:"bytes"` // of memory that the tables keep
}

// newRunResult makes figures of the turns of a scenario.
func newRunResult(s *scenarios.Scenario, turns []memoryTurn) *RunResult {
	res := &RunResult{
		Kind: KindRun, Name: s.Name, Title: s.Title, Machine: ThisMachine(), Flows: s.Traffic.Flows, Masks: s.Traffic.Masks,
		Sampling: s.IPFIX.Sampling, Loops: s.Switch.Loops, Rate: float64(s.Traffic.Rate),
	}
	hz := clock.Hz()
	var mpps, ns, cycles, other []float64
	var all memoryTurn
	for _, t := range turns {
		n := t.ns()
		rate := 1e3 / n * float64(s.Switch.Loops)
		if s.Traffic.Rate > 0 {
			n = float64(t.work.busy) / hz * 1e9 / float64(t.packets)
			rate = float64(t.packets) / float64(t.wall) * 1e3
		}
		mpps, ns, cycles = append(mpps, rate), append(ns, n), append(cycles, n*hz/1e9)
		other = append(other, float64(t.other)/float64(t.packets))
		all.add(t)
	}
	res.Mpps, res.Ns, res.Cycles, res.Elsewhere = NewSpread(mpps), NewSpread(ns), NewSpread(cycles), NewSpread(other)
	for stage := range pmd.NumStages {
		var list, ticks []float64
		for _, t := range turns {
			if n, ok := t.work.packet(stage); ok {
				list, ticks = append(list, n/hz*1e9), append(ticks, n)
			}
		}
		res.Stages = append(res.Stages, StageCost{stage.String(), NewSpread(list), NewSpread(ticks)})
	}
	packets := float64(all.packets)
	res.ExactShare, res.MegaflowShare = float64(all.exact)/packets, float64(all.mega)/packets
	res.UpcallShare = float64(all.slow.upcalls) / packets
	res.Upcalls = float64(all.slow.upcalls) / (float64(all.wall) / 1e9)
	if all.slow.upcalls > 0 {
		res.UpcallNs = float64(ticks(all.slow.ticks)) / float64(all.slow.upcalls)
	}
	res.Disturbed = max(0, 1-float64(all.loop)/float64(all.wall)/float64(s.Switch.Loops))
	return res
}

// counts adds what the rig has counted; before are its sums when measuring began.
func (res *RunResult) counts(r *memoryRig, before datapath.Sums) {
	st := r.dp.Stats()
	res.Sums, res.Unaccounted = st.Sums, st.Sums.Unaccounted()
	res.Packets = st.Sums.In.Packets - before.In.Packets
	for reason, c := range st.Sums.Dropped {
		res.Drops[reason] = c
		res.Drops[reason].Packets -= before.Dropped[reason].Packets
		res.Drops[reason].Bytes -= before.Dropped[reason].Bytes
	}
	var times pmd.Times
	for i, l := range r.dp.Loops() {
		t := l.Times()
		for k, n := range t.Count {
			times.Count[k] += n
		}
		times.Max = max(times.Max, t.Max)
		res.Megaflows += st.Loops[i].Megaflows
		res.Subtables = max(res.Subtables, st.Loops[i].Subtables)
	}
	res.Iterations = newIterations(&times)
	res.Iterations.Buckets = nil // only those of stalls are drawn
}

// RunHeader is the head of the table that lines of RunResults make.
func RunHeader() string {
	return fmt.Sprintf("%-20s %7s  %-22s %8s %7s %7s %7s %6s %8s %9s %6s", "scenario", "Mpps", "ns/packet [spread]", "cycles", "exact %", "mega %", "miss %", "masks", "drop %", "allocs/pkt", "dist %")
}

// String is the result in one line.
func (res *RunResult) String() string {
	dropped := uint64(0)
	for _, c := range res.Drops {
		dropped += c.Packets
	}
	packets := max(float64(res.Packets), 1)
	line := fmt.Sprintf("%-20s %7.2f  %-22s %8.0f %7.2f %7.2f %7.2f %6d %8.2f %9.2g %6.1f", res.Name, res.Mpps.Median,
		fmt.Sprintf("%.1f [%.1f–%.1f]", res.Ns.Median, res.Ns.Min, res.Ns.Max), res.Cycles.Median,
		100*res.ExactShare, 100*res.MegaflowShare, 100*res.UpcallShare, res.Subtables, 100*float64(dropped)/packets,
		float64(res.Go.Objects)/packets, 100*res.Disturbed)
	if res.Unaccounted != 0 {
		line += fmt.Sprintf("  UNACCOUNTED %d", res.Unaccounted)
	}
	return strings.TrimRight(line, " ")
}

// Detail is what the line leaves out, in lines that are indented.
func (res *RunResult) Detail() string {
	var b strings.Builder
	b.WriteString("    ns:")
	for _, s := range res.Stages {
		fmt.Fprintf(&b, " %s %.1f", s.Stage, s.Ns.Median)
	}
	fmt.Fprintf(&b, "\n    iterations: p50 %.1f µs, p99.9 %.1f µs, longest %.0f µs; collections of garbage %d, pauses %d, longest %.0f µs\n",
		res.Iterations.P50/1e3, res.Iterations.P999/1e3, res.Iterations.Max/1e3, res.Go.GCs, res.Go.Pauses, res.Go.PauseMax*1e6)
	if res.UpcallShare > 0 {
		fmt.Fprintf(&b, "    misses: %.0f a second, %.0f ns each\n", res.Upcalls, res.UpcallNs)
	}
	if l := res.Load; l != nil {
		fmt.Fprintf(&b, "    rules: %d in %d tables on %d fields, made and read in %.2f s, loaded in %.2f s, %.0f MB\n",
			l.Rules, l.Tables, l.Fields, l.ParseSeconds, l.Seconds, float64(l.Bytes)/1e6)
	}
	if c := res.Record; c != nil {
		fmt.Fprintf(&b, "    a record: %.0f ns of the loop, %.0f ns of the exporter\n", c.Loop, c.Exporter)
	}
	for reason, c := range res.Drops {
		if c.Packets > 0 {
			fmt.Fprintf(&b, "    dropped, %s: %d\n", reasonName(reason), c.Packets)
		}
	}
	return b.String()
}

func reasonName(r int) string { return actions.Reason(r).String() }
