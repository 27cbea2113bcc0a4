package report

import (
	"fmt"

	"pollux/bench"
)

// table is a table of the report, for both of its forms.
type table struct {
	title, note string
	head        []string // the first column is text, the others are figures
	rows        [][]string
}

// tables returns all that the set has figures for.
func (s *Set) tables() (list []table) {
	if s.Memory != nil {
		list = append(list, memoryTable(s.Memory.Results))
	}
	if s.Veth != nil {
		list = append(list, vethTable(s.Veth.Result))
	}
	if len(s.Runs) > 0 {
		list = append(list, runsTable(s.Runs), stagesTable(s.Runs))
		if t := loadTable(s.Runs); len(t.rows) > 0 {
			list = append(list, t)
		}
	}
	for _, st := range s.Stalls {
		list = append(list, stallsTable(st))
		if len(st.Allocs) > 0 {
			list = append(list, allocsTable(st))
		}
	}
	if s.Storm != nil {
		list = append(list, stormTable(s.Storm))
	}
	return list
}

func memoryTable(results []bench.MemoryResult) table {
	t := table{
		title: "Data path alone", note: "One loop, memory source to memory sink, 64-byte packets, flows in turn. Times are processor time of the loop's thread: median [middle half of the turns]. Cost is beyond IPFIX off in the same round.",
		head: []string{"flows / masks / IPFIX", "Mpps", "ns a packet", "cost of IPFIX", "exact cache", "others had the core"},
	}
	for _, r := range results {
		cost := ""
		if r.Sampling > 0 {
			cost = fmt.Sprintf("%+.0f %%", r.Cost.Median)
		}
		t.rows = append(t.rows, []string{
			fmt.Sprintf("%s / %d / %s", thousands(r.Flows), r.Masks, r.IPFIX()), fmt.Sprintf("%.1f", r.Mpps.Median),
			fmt.Sprintf("%.1f [%.1f–%.1f]", r.NsPacket.Median, r.NsPacket.Q1, r.NsPacket.Q3), cost, share(r.ExactShare), share(r.Disturbed),
		})
	}
	return t
}

func vethTable(v *bench.VethResult) table {
	t := table{
		title: "On wires: between two veths over AF_XDP", note: fmt.Sprintf("%d-byte frames. The devices take turns on the same wires; the kernel's transmit path is the limit of all. Ratios are to the best of all. %s.", v.Size, capital(v.Reading())),
		head: []string{"device", "delivered, Mpps", "least", "most", "ratio", "own ratio", "round trip p50, µs", "p99, µs", "first packet, ms", "calls a packet", "wake-ups a packet"},
	}
	for i := range v.Devices {
		d := &v.Devices[i]
		t.rows = append(t.rows, []string{
			d.Name, fmt.Sprintf("%.3f", d.Mpps.Median), fmt.Sprintf("%.3f", d.Mpps.Min), fmt.Sprintf("%.3f", d.Mpps.Max),
			fmt.Sprintf("%.2f", d.Ratio), fmt.Sprintf("%.2f", d.RatioOwn), measured(d.P50, "%.1f"), measured(d.P99, "%.1f"),
			fmt.Sprintf("%.0f", d.First.Median), measured(d.Calls, "%.4f"), measured(d.Wakeups, "%.4f"),
		})
	}
	return t
}

// measured writes a median, where there is one: not every run has round trips, and the
// kernel's own switches have no thread whose calls could be counted.
func measured(s bench.Spread, format string) string {
	if s.N == 0 {
		return "–"
	}
	return fmt.Sprintf(format, s.Median)
}

func runsTable(runs []*bench.RunResult) table {
	t := table{
		title: "Scenarios", note: "Packets come from memory and go to memory; source and sink are in the figures. Times are medians [middle half of the turns]; with a rate, by the wall clock and only of iterations that had packets.",
		head: []string{"scenario", "Mpps", "ns a packet", "cycles", "exact", "megaflow", "miss", "masks", "dropped", "allocations a million packets", "GC pauses", "others had the core"},
	}
	for _, r := range runs {
		dropped := uint64(0)
		for _, c := range r.Drops {
			dropped += c.Packets
		}
		packets := float64(max(r.Packets, 1))
		t.rows = append(t.rows, []string{
			r.Name + ": " + r.Title, fmt.Sprintf("%.2f", r.Mpps.Median), fmt.Sprintf("%.1f [%.1f–%.1f]", r.Ns.Median, r.Ns.Q1, r.Ns.Q3),
			fmt.Sprintf("%.0f", r.Cycles.Median), share(r.ExactShare), share(r.MegaflowShare), share(r.UpcallShare), fmt.Sprint(r.Subtables),
			share(float64(dropped) / packets), fmt.Sprintf("%.1f", 1e6*float64(r.Go.Objects)/packets), fmt.Sprint(r.Go.Pauses), share(r.Disturbed),
		})
	}
	return t
}

func stagesTable(runs []*bench.RunResult) table {
	t := table{title: "Stages", note: "Nanoseconds a packet, medians. Stages are timed by the wall clock, in one batch of 16.", head: []string{"scenario"}}
	for _, st := range runs[0].Stages {
		t.head = append(t.head, st.Stage)
	}
	for _, r := range runs {
		row := []string{r.Name}
		for _, st := range r.Stages {
			row = append(row, fmt.Sprintf("%.1f", st.Ns.Median))
		}
		t.rows = append(t.rows, row)
	}
	return t
}

func loadTable(runs []*bench.RunResult) table {
	t := table{
		title: "Loading rules", note: "What it takes to make and read the text of the rules, and to bring them into the tables.",
		head: []string{"scenario", "rules", "tables", "fields", "read, s", "loaded, s", "memory, MB"},
	}
	for _, r := range runs {
		if l := r.Load; l != nil {
			t.rows = append(t.rows, []string{
				r.Name, thousands(l.Rules), fmt.Sprint(l.Tables), fmt.Sprint(l.Fields),
				fmt.Sprintf("%.2f", l.ParseSeconds), fmt.Sprintf("%.2f", l.Seconds), fmt.Sprintf("%.0f", float64(l.Bytes)/1e6),
			})
		}
	}
	return t
}

func stallsTable(st *bench.StallsResult) table {
	own, asked := st.Own()
	it := &st.Iterations
	t := table{
		title: "Stalls: " + st.Title,
		note: fmt.Sprintf("A loop beside a busy control plane for %.0f s: %.0f flow-mods a second, all statistics %.0f times a second, %.0f flow records a second, %.2f Mpps. Allocations were counted in a second run of %.0f s.",
			st.Seconds, float64(st.FlowMods)/st.Seconds, float64(st.Statistics)/st.Seconds, float64(st.Records)/st.Seconds, float64(st.Packets)/st.Seconds/1e6, st.NotedSeconds),
		head: []string{"figure", "value"},
		rows: [][]string{
			{"iterations", thousands(int(it.Count))},
			{"p50 / p99 / p99.9 / p99.999", fmt.Sprintf("%s / %s / %s / %s", bench.NsText(it.P50), bench.NsText(it.P99), bench.NsText(it.P999), bench.NsText(it.P99999))},
			{"longest", bench.NsText(it.Max)},
			{"objects that the loop allocated by itself", thousands(int(own))},
			{"objects that it allocated when asked for something", thousands(int(asked))},
			{"collections of garbage, pauses of all threads", fmt.Sprintf("%d, %d", st.Go.GCs, st.Go.Pauses)},
			{"longest pause", bench.NsText(1e9 * st.Go.PauseMax)},
			{"time that others had the loop's core", share(st.Waited / st.Seconds)},
		},
	}
	for _, c := range st.Causes {
		v := fmt.Sprint(c.Count)
		if c.Count > 0 {
			v += ", longest " + bench.NsText(float64(c.Longest))
		}
		t.rows = append(t.rows, []string{fmt.Sprintf("iterations of %s or more: %s", bench.NsText(float64(st.LongNs)), c.Cause), v})
	}
	return t
}

func stormTable(r *bench.StormResult) table {
	ns := func(n int64) string { return bench.NsText(float64(n)) }
	return table{
		title: "Storm of flow-mods",
		note: fmt.Sprintf("A loop beside a controller that adds and deletes %s flows a second over an OpenFlow session for %.0f s, with a barrier every %s of each.",
			thousands(r.Spec.Flows), r.Seconds, thousands(r.Spec.Batch)),
		head: []string{"figure", "value"},
		rows: [][]string{
			{"flow-mods a second", thousands(int(float64(r.FlowMods) / r.Seconds))},
			{"until a barrier is answered: p50 / p99 / longest", ns(r.BarrierNs[0]) + " / " + ns(r.BarrierNs[1]) + " / " + ns(r.BarrierNs[2])},
			{"Mpps before and after, in it", fmt.Sprintf("%.2f, %.2f: %.2f of it", r.Calm.Mpps, r.Stormy.Mpps, r.Stormy.Mpps/r.Calm.Mpps)},
			{"the same by the loop's own time", fmt.Sprintf("%.2f, %.2f: %.2f of it", r.Calm.OwnMpps, r.Stormy.OwnMpps, r.Stormy.OwnMpps/r.Calm.OwnMpps)},
			{"packets that met tables older than the last barrier", fmt.Sprintf("%s of %s", thousands(int(r.Stale)), thousands(int(r.Checked)))},
		},
	}
}

func allocsTable(st *bench.StallsResult) table {
	t := table{title: "Allocations of the loop", note: "By the innermost functions of the stack.", head: []string{"site", "objects", "bytes"}}
	for _, a := range st.Allocs {
		t.rows = append(t.rows, []string{a.Site, fmt.Sprint(a.Objects), fmt.Sprint(a.Bytes)})
	}
	return t
}

func share(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v < 0.001:
		return "<0.1 %"
	}
	return fmt.Sprintf("%.1f %%", 100*v)
}

// capital is a sentence of a clause.
func capital(s string) string {
	if s == "" {
		return s
	}
	return string(s[0]-'a'+'A') + s[1:]
}
