package vswitch

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"pollux/pmd"
)

// perfText writes what loops measured of themselves, in the words of
// pmd-perf-show.
func perfText(w io.Writer, loops []PerfShow) {
	for i := range loops {
		if i > 0 {
			fmt.Fprintln(w)
		}
		loops[i].text(w)
	}
}

func (v *PerfShow) text(w io.Writer) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "  %-21s %s\n", name+":", fmt.Sprintf(format, args...))
	}
	fmt.Fprintf(w, "loop %d on core %d, %s measured, %.0f MHz:\n", v.Loop, v.Core, seconds(v.Seconds), v.Hz/1e6)
	idle := v.Iterations - v.Busy
	line("Iterations", "%d", v.Iterations)
	line("- busy", "%d, %s of the time", v.Busy, percent(v.BusyShare))
	line("- idle", "%d, %s", idle, plural(v.Sleeps, "nap"))
	line("Rx packets", "%d (%.1f cycles, %.1f ns a packet)", v.Packets, v.TicksPacket, v.NsPacket)
	line("- simple-match hits", "%d (%s)", v.SimpleHits, percent(v.SimpleShare))
	line("- exact-match hits", "%d (%s)", v.ExactHits, percent(v.ExactShare))
	line("- megaflow hits", "%d (%s, %.2f subtables a hit)", v.MegaHits, percent(v.MegaShare), v.MasksHit)
	line("- upcalls", "%d (%s, %.1f us each)", v.Upcalls, percent(v.UpcallShare), v.UpcallNs/1e3)
	line("Batches", "%d (%.1f packets each)", v.Batches, v.BatchMean)
	if h := batchText(v.BatchHist); len(h) > 0 {
		line("- sizes", "%s", wrap(h, 24))
	}
	if len(v.Stages) > 0 {
		var parts []string
		for s := range pmd.NumStages {
			parts = append(parts, fmt.Sprintf("%s %.1f", s, v.Stages[s.String()]))
		}
		line("Stages, ns a packet", "%s", wrap(parts, 24))
		line("- sampled", "%d packets; translate and transmit: all", v.TimedPackets)
	}
	var queues []string
	for _, q := range v.Queues {
		queues = append(queues, fmt.Sprintf("%s:%d %s", q.Port, q.Queue, percent(q.Usage)))
	}
	if len(queues) > 0 {
		line("Queues, last minute", "%s", wrap(queues, 24))
	}
	line("Megaflows", "%d in %s", v.Megaflows, plural(v.Subtables, "subtable"))
	line("- renewed", "%d, no change of tables touched them", v.Renewed)
	line("- revalidated", "%d, %d with another outcome", v.Revalidated, v.Changed)
	if v.Narrowed > 0 {
		line("- too many masks", "%d megaflows made exact", v.Narrowed)
	}
	line("- aged, evicted", "%d, %d; no room %d", v.Aged, v.Evicted, v.NoRoom)
	if v.Verified > 0 {
		line("- verified", "%d, %d differed", v.Verified, v.Differed)
	}
	line("Other loops", "%d frames handed off, %d taken over", v.HandedOff, v.TookOver)
}

// batchText writes a histogram of batch sizes in steps of powers of two.
func batchText(hist map[int]uint32) []string {
	var all uint64
	steps := map[int]uint64{} // highest size of the step → batches
	for n, c := range hist {
		step := 1
		for step < n {
			step *= 2
		}
		steps[step] += uint64(c)
		all += uint64(c)
	}
	var parts []string
	for _, step := range slices.Sorted(maps.Keys(steps)) {
		name := fmt.Sprint(step)
		if step > 2 {
			name = fmt.Sprintf("%d-%d", step/2+1, step)
		}
		parts = append(parts, fmt.Sprintf("%s: %s", name, percent(float64(steps[step])/float64(all))))
	}
	return parts
}

// wrap joins parts by commas, in lines that end before column 80 where the first begins
// at column indent, as the others do.
func wrap(parts []string, indent int) string {
	var b strings.Builder
	at := indent
	for i, p := range parts {
		if i > 0 {
			b.WriteByte(',')
			if at+len(p)+3 > 80 {
				b.WriteString("\n" + strings.Repeat(" ", indent))
				at = indent
			} else {
				b.WriteByte(' ')
			}
		}
		b.WriteString(p)
		at += len(p) + 2
	}
	return b.String()
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
