package bench

import (
	"fmt"
	"strings"

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

	QuietMpps   float64 `json:"quiet_mpps"`     // in the loop's own time, beside nothing
	Ran         float64 `json:"ran_seconds"`    // processor time of the loop
	Waited      float64 `json:"waited_seconds"` // that others had its core, and it would have run
	Stolen      float64 `json:"stolen_seconds"` // that the host had it
	Unaccounted int64   `json:"unaccounted"`
}

// Stall is one long iteration. Its time is in three parts: the loop's thread ran, or it
// waited for its core, or it was held.
type Stall struct {
	At     float64 `json:"at"` // seconds before the end of the run, when it was over
	Ns     int64   `json:"ns"`
	Ran    int64   `json:"ran_ns"`    // by the thread's own clock
	Waited int64   `json:"waited_ns"` // for the core, that others had
	Held   int64   `json:"held_ns"`   // the rest: Go's runtime had it sleep, or the host took the core
	Cause  string  `json:"cause"`
}

// Cause is how many long iterations there were of a cause.
type Cause struct {
	Cause   string `json:"cause"`
	Count   int    `json:"count"`
	Longest int64  `json:"longest_ns"`
}

// What a long iteration comes of, which is what the largest of its three parts says.
const (
	// CauseGC is that the runtime held the thread while garbage was collected.
	CauseGC = "garbage was collected"
	// CauseRuntime is that the runtime held it otherwise: to let others have a turn.
	CauseRuntime = "held by Go's scheduler"
	// CauseOthers is that other threads had the core, which the scheduler counts.
	CauseOthers = "others had the core"
	// CauseHost is that the host ran other machines: some time was stolen just then.
	CauseHost = "the host had the core"
	// CauseOwn is that the thread ran: the loop's own work, and interrupts in it.
	CauseOwn = "the loop's own work"
)

// causes are all of them.
var causes = []string{CauseGC, CauseRuntime, CauseOthers, CauseHost, CauseOwn}

// stealRoom is how long before and after an iteration the kernel may have counted what was
// stolen in it.
const stealRoom = 2 * stealStep

// judge says what each long iteration comes of, by readings of the loop's thread.
func (r *StallsResult) judge(long []pmd.Long, list []moment) {
	if n := len(list); n > 0 {
		all := during(list, list[0].at, list[n-1].at)
		r.Waited, r.Stolen = all.waited.Seconds(), all.stolen.Seconds()
	}
	end := clock.Now()
	gcs := collections(list)
	by := map[string]*Cause{}
	for _, name := range causes {
		by[name] = &Cause{Cause: name}
	}
	for _, l := range long {
		s := newStall(l, list, gcs)
		s.At = float64(end-l.End) / 1e9
		r.Long = append(r.Long, s)
		c := by[s.Cause]
		c.Count++
		c.Longest = max(c.Longest, s.Ns)
	}
	for _, name := range causes {
		r.Causes = append(r.Causes, *by[name])
	}
}

// newStall takes an iteration apart.
func newStall(l pmd.Long, list []moment, gcs []span) (s Stall) {
	s.Ns = int64(float64(l.Ticks) / clock.Hz() * 1e9)
	from := l.End - s.Ns
	// What lies between the readings and the iteration is other iterations, in which the
	// thread ran.
	d := during(list, from, l.End)
	s.Waited = min(int64(d.waited), s.Ns)
	s.Held = min(max(d.at-int64(d.ran+d.waited), 0), s.Ns-s.Waited)
	s.Ran = s.Ns - s.Waited - s.Held
	stolen := during(list, from-int64(stealRoom), l.End+int64(stealRoom)).stolen > 0
	switch {
	case s.Waited >= max(s.Held, s.Ran):
		s.Cause = CauseOthers
	case s.Held > s.Ran && within(gcs, from, l.End):
		s.Cause = CauseGC
	case stolen:
		s.Cause = CauseHost
	case s.Held > s.Ran:
		s.Cause = CauseRuntime
	default:
		s.Cause = CauseOwn
	}
	return s
}

// within says whether any of the spans touches a while.
func within(spans []span, from, to int64) bool {
	for _, p := range spans {
		if p.from <= to && p.to >= from {
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
	if r.QuietMpps > 0 && r.Ran > 0 {
		busy := float64(r.Packets) / r.Ran / 1e6
		fmt.Fprintf(&b, "in the loop's own time: %.2f Mpps, and %.2f before, beside nothing: %.2f of it\n", busy, r.QuietMpps, busy/r.QuietMpps)
	}
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
	fmt.Fprintf(&b, "others had the loop's core for %.2f s, %.1f %% of the time; the host for %.2f s\n", r.Waited, 100*r.Waited/s, r.Stolen)
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
			fmt.Fprintf(&b, "    %s, %.3f s before the end: ran %s, waited for the core %s, held %s: %s\n",
				NsText(float64(l.Ns)), l.At, NsText(float64(l.Ran)), NsText(float64(l.Waited)), NsText(float64(l.Held)), l.Cause)
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
