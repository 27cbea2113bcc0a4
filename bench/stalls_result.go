package bench

import (
	"fmt"
	"strings"
	"time"

	"pollux/internal/clock"
	"pollux/pmd"
)

// KindStalls is the Kind of a StallsResult.
const KindStalls = "stalls"

// StallsResult is what a run beside a busy control plane comes to.
type StallsResult struct {
	Kind    string  `json:"kind"`
	Title   string  `json:"title"` // of the scenario
	Machine Machine `json:"machine"`
	Seconds float64 `json:"seconds"`

	Packets    uint64 `json:"packets"`
	FlowMods   uint64 `json:"flow_mods"`
	Renewed    uint64 `json:"renewed"`     // decisions that no flow-mod since had touched
	Translated uint64 `json:"revalidated"` // decisions that were translated again
	Statistics uint64 `json:"statistics"`  // times that all were asked for
	Records    uint64 `json:"records"`     // exported
	Go         GoCost `json:"go"`

	Iterations Iterations `json:"iterations"`
	LongNs     int64      `json:"long_ns"` // iterations of this length or more are long
	LongCount  uint64     `json:"long_count"`
	Long       []Stall    `json:"long"` // of them those that were noted: all, unless they came too thick
	Causes     []Cause    `json:"causes"`

	// Allocs is what the loop allocated in a second run, of NotedSeconds and NotedMods.
	Allocs       []AllocSite `json:"allocs"`
	NotedSeconds float64     `json:"noted_seconds"`
	NotedMods    uint64      `json:"noted_flow_mods"`

	Ran         float64 `json:"ran_seconds"`    // processor time of the loop
	Waited      float64 `json:"waited_seconds"` // that others had its core, and it would have run
	Unaccounted int64   `json:"unaccounted"`
}

// Stall is one long iteration.
type Stall struct {
	At     float64 `json:"at"` // seconds before the end of the run, when it was over
	Ns     int64   `json:"ns"`
	Waited int64   `json:"waited_ns"` // of them, for the core that others had
	Cause  string  `json:"cause"`
}

// What a long iteration comes of.
const (
	// CauseOthers is that the scheduler gave the core to others for most of it.
	CauseOthers = "others had the core"
	// CauseGC is that garbage was collected at the time, and nothing else explains it: it
	// may be that, or not.
	CauseGC = "garbage was collected"
	// CauseNeither is that neither was so: interrupts, a host that runs other machines,
	// or work of the loop itself.
	CauseNeither = "neither"
)

// Cause is how many long iterations there were of a cause.
type Cause struct {
	Cause   string `json:"cause"`
	Count   int    `json:"count"`
	Longest int64  `json:"longest_ns"`
}

// collecting is how long before the end of a collection it may have stopped the world for
// the first of its two times, which the runtime does not date.
const collecting = 50 * time.Millisecond

// judge says what each long iteration comes of.
func (r *StallsResult) judge(long []pmd.Long, waits []waiting, gcs []collection) {
	end := clock.Now()
	causes := map[string]*Cause{}
	for _, name := range []string{CauseOthers, CauseGC, CauseNeither} {
		causes[name] = &Cause{Cause: name}
	}
	for _, l := range long {
		ns := int64(float64(l.Ticks) / clock.Hz() * 1e9)
		s := Stall{At: float64(end-l.End) / 1e9, Ns: ns}
		s.Waited = min(int64(waitedDuring(waits, l.End-ns, l.End)), ns)
		from, to := clock.Wall(l.End-ns), clock.Wall(l.End)
		s.Cause = CauseNeither
		switch {
		case 2*s.Waited >= ns:
			s.Cause = CauseOthers
		case collected(gcs, from, to):
			s.Cause = CauseGC
		}
		r.Long = append(r.Long, s)
		c := causes[s.Cause]
		c.Count++
		c.Longest = max(c.Longest, ns)
	}
	for _, name := range []string{CauseOthers, CauseGC, CauseNeither} {
		r.Causes = append(r.Causes, *causes[name])
	}
}

// collected says whether garbage was collected at a time.
func collected(gcs []collection, from, to time.Time) bool {
	for _, g := range gcs {
		if g.end.After(from) && g.end.Add(-collecting).Before(to) {
			return true
		}
	}
	return false
}

// Own is how many objects the loop allocated by itself, and how many where the control
// plane had asked it for something.
func (r *StallsResult) Own() (own, asked int64) {
	for _, a := range r.Allocs {
		if a.Asked {
			asked += a.Objects
		} else {
			own += a.Objects
		}
	}
	return own, asked
}

// String is the whole in some lines, with the histogram.
func (r *StallsResult) String() string {
	var b strings.Builder
	s := r.Seconds
	fmt.Fprintln(&b, r.Title)
	fmt.Fprintf(&b, "%.0f s: %.2f Mpps, %.0f flow-mods a second, all statistics %.0f times a second, %.0f flow records a second\n",
		s, float64(r.Packets)/s/1e6, float64(r.FlowMods)/s, float64(r.Statistics)/s, float64(r.Records)/s)
	fmt.Fprintf(&b, "decisions older than the tables: %d renewed, %d translated again\n", r.Renewed, r.Translated)
	it := &r.Iterations
	fmt.Fprintf(&b, "iterations: %d; p50 %s, p99 %s, p99.9 %s, p99.999 %s, longest %s\n\n", it.Count, NsText(it.P50), NsText(it.P99), NsText(it.P999), NsText(it.P99999), NsText(it.Max))
	b.WriteString(it.Text())
	own, asked := r.Own()
	fmt.Fprintf(&b, "\nallocated in the loop: %d objects by itself, %d for what it was asked (in another %.0f s, with %d flow-mods)\n", own, asked, r.NotedSeconds, r.NotedMods)
	for _, a := range r.Allocs {
		fmt.Fprintf(&b, "  %8d objects, %9d bytes: %s\n", a.Objects, a.Bytes, a.Site)
	}
	fmt.Fprintf(&b, "garbage collected %d times; the world stood still %d times, %s at most\n", r.Go.GCs, r.Go.Pauses, NsText(1e9*r.Go.PauseMax))
	fmt.Fprintf(&b, "others had the loop's core for %.2f s, %.1f %% of the time\n", r.Waited, 100*r.Waited/s)
	fmt.Fprintf(&b, "iterations of %s or more: %d", NsText(float64(r.LongNs)), r.LongCount)
	if n := uint64(len(r.Long)); n < r.LongCount {
		fmt.Fprintf(&b, ", of which %d are told apart", n)
	}
	b.WriteByte('\n')
	for _, c := range r.Causes {
		fmt.Fprintf(&b, "  %-22s %6d", c.Cause, c.Count)
		if c.Count > 0 {
			fmt.Fprintf(&b, ", longest %s", NsText(float64(c.Longest)))
		}
		b.WriteByte('\n')
	}
	told := 0
	for _, l := range r.Long {
		if l.Cause != CauseOthers && told < toldMost {
			told++
			fmt.Fprintf(&b, "    %s, %.3f s before the end, %s of it waiting for the core: %s\n", NsText(float64(l.Ns)), l.At, NsText(float64(l.Waited)), l.Cause)
		}
	}
	if r.Unaccounted != 0 {
		fmt.Fprintf(&b, "UNACCOUNTED packets: %d\n", r.Unaccounted)
	}
	return b.String()
}

// toldMost is how many long iterations are told of one by one.
const toldMost = 20

// NsText writes a time in the unit that suits it.
func NsText(ns float64) string {
	switch {
	case ns < 1e3:
		return fmt.Sprintf("%.0f ns", ns)
	case ns < 1e6:
		return fmt.Sprintf("%.3g µs", ns/1e3)
	case ns < 1e9:
		return fmt.Sprintf("%.3g ms", ns/1e6)
	}
	return fmt.Sprintf("%.3g s", ns/1e9)
}

// Text draws the histogram, a line an octave.
func (it *Iterations) Text() string {
	var b strings.Builder
	octaves := it.Octaves()
	most := uint64(0)
	for _, o := range octaves {
		most = max(most, o.Count)
	}
	for _, o := range octaves {
		// As a logarithm, or the few long ones are not seen.
		bar := strings.Repeat("█", int(40*logShare(o.Count, most)+0.5))
		fmt.Fprintf(&b, "  %8s – %-8s %12d  %s\n", NsText(o.From), NsText(o.To), o.Count, bar)
	}
	return b.String()
}
