package pipeline

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"pollux/ofp/ofperr"
)

// FlowEntry is one flow with its counters, for statistics.
type FlowEntry struct {
	Flow           Flow
	Packets, Bytes uint64 // 0 where the flow's flags say that they are not counted
	Duration       int64  // ns since it was added
	HardAge        int64  // ns since it was added or modified
	IdleAge        int64  // ns since its last packet, or since it was added
}

// AggregateStats is the sum over flows.
type AggregateStats struct {
	Packets, Bytes uint64
	Flows          uint32
}

// FlowStats returns the flows that f selects (OpenFlow 1.3 section 7.3.5.2), as of now: by
// table, then the highest priority first, then the oldest. They are those of one snapshot,
// however long the caller takes. Counters have what loops have credited. The error is
// BadTable.
func (s *State) FlowStats(f *FlowFilter) (iter.Seq[FlowEntry], error) {
	rules, err := s.snap.Load().selected(f)
	if err != nil {
		return nil, err
	}
	now := s.now()
	return func(yield func(FlowEntry) bool) {
		for _, r := range rules {
			if !yield(r.entry(now)) {
				return
			}
		}
	}, nil
}

// Aggregate returns the sums over the flows that f selects (OpenFlow 1.3 section 7.3.5.3).
// The error is BadTable.
func (s *State) Aggregate(f *FlowFilter) (AggregateStats, error) {
	var sum AggregateStats
	snap := s.snap.Load()
	if err := f.checkTable(); err != nil {
		return sum, err
	}
	for id := range tablesOf(f.Table) {
		for r := range f.rules(snap.tables[id].rules) {
			packets, bytes := r.counters()
			sum.Flows++
			sum.Packets += packets
			sum.Bytes += bytes
		}
	}
	return sum, nil
}

func (f *FlowFilter) checkTable() error {
	if f.Table >= NumTables && f.Table != AllTables {
		return fmt.Errorf("table %d; there are tables 0 to %d: %w", f.Table, NumTables-1, ofperr.BadTable)
	}
	return nil
}

// everything selects all flows.
var everything = FlowFilter{Table: AllTables, OutPort: AnyPort, OutGroup: AnyGroup}

// selected returns the rules that f selects, in the order of FlowStats.
func (s *Snapshot) selected(f *FlowFilter) ([]*Rule, error) { return s.selectedSince(f, 0) }

// selectedSince is selected of the rules that have come or changed since a change.
func (s *Snapshot) selectedSince(f *FlowFilter, number uint64) ([]*Rule, error) {
	if err := f.checkTable(); err != nil {
		return nil, err
	}
	var out []*Rule
	for id := range tablesOf(f.Table) {
		from := len(out)
		for r := range f.rules(s.tables[id].rules) {
			if r.changed > number {
				out = append(out, r)
			}
		}
		slices.SortFunc(out[from:], func(a, b *Rule) int {
			if a.Flow.Priority != b.Flow.Priority {
				return int(b.Flow.Priority) - int(a.Flow.Priority)
			}
			if a.seq < b.seq {
				return -1
			}
			return 1
		})
	}
	return out, nil
}

// counters returns what the rule counted, as far as it is to count.
func (r *Rule) counters() (packets, bytes uint64) {
	if r.Flow.Flags&NoPacketCounts == 0 {
		packets = r.n.packets.Load()
	}
	if r.Flow.Flags&NoByteCounts == 0 {
		bytes = r.n.bytes.Load()
	}
	return packets, bytes
}

func (r *Rule) entry(now int64) FlowEntry {
	e := FlowEntry{
		Flow: r.whole(), Duration: max(now-r.Created, 0), HardAge: max(now-r.modified, 0),
		IdleAge: max(now-r.n.used.Load(), 0),
	}
	e.Packets, e.Bytes = r.counters()
	return e
}

// FlowStats is one flow with its counters, in words.
type FlowStats struct {
	Table    uint8   `json:"table"`
	Priority uint16  `json:"priority"`
	Cookie   uint64  `json:"cookie"`
	Duration float64 `json:"duration"` // seconds since it was added
	Packets  uint64  `json:"n_packets"`
	Bytes    uint64  `json:"n_bytes"`
	IdleAge  int64   `json:"idle_age"` // whole seconds since its last packet, or since it was added
	HardAge  int64   `json:"hard_age"` // whole seconds since it was added or modified
	Idle     uint16  `json:"idle_timeout,omitempty"`
	Hard     uint16  `json:"hard_timeout,omitempty"`
	Match    string  `json:"match"`
	Actions  string  `json:"actions"`
	Hidden   bool    `json:"hidden,omitempty"` // that of Override: before all others, and unknown to controllers
	Flow     Flow    `json:"-"`
}

// DumpFlows returns the flows of all tables as of now: by table, then the highest
// priority first, then the oldest. Counters have what loops have credited.
func (s *State) DumpFlows() []FlowStats {
	return s.snap.Load().DumpFlows(s.now())
}

// DumpFlows is State.DumpFlows for one snapshot. Ports are numbers; Flow.Format
// gives them names.
func (s *Snapshot) DumpFlows(now int64) []FlowStats {
	rules, err := s.selected(&everything)
	override := overrideOf(s.tables[0].rules)
	if override != nil {
		rules = slices.Insert(rules, 0, override)
	}
	if err != nil || len(rules) == 0 {
		return nil
	}
	out := make([]FlowStats, len(rules))
	for i, r := range rules {
		e := r.entry(now)
		out[i] = e.words()
	}
	if override != nil {
		out[0].Hidden = true
	}
	return out
}

// words puts the entry in words.
func (e *FlowEntry) words() FlowStats {
	f := &e.Flow
	return FlowStats{
		Table: f.Table, Priority: f.Priority, Cookie: f.Cookie,
		Duration: float64(e.Duration) / float64(time.Second),
		Packets:  e.Packets, Bytes: e.Bytes, IdleAge: e.IdleAge / int64(time.Second), HardAge: e.HardAge / int64(time.Second),
		Idle: f.IdleTimeout, Hard: f.HardTimeout,
		Match: f.Match.Format(nil), Actions: f.Do.Format(nil), Flow: *f,
	}
}

// String writes the flow as ovs-ofctl dump-flows does.
func (f *FlowStats) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, " cookie=%#x, duration=%.3fs, table=%d, n_packets=%d, n_bytes=%d, ", f.Cookie, f.Duration, f.Table, f.Packets, f.Bytes)
	f.Flow.formatTimeouts(&b)
	fmt.Fprintf(&b, "idle_age=%d, ", f.IdleAge)
	if f.HardAge != int64(f.Duration) {
		fmt.Fprintf(&b, "hard_age=%d, ", f.HardAge)
	}
	if f.Priority != DefaultPriority {
		priority := int(f.Priority)
		if f.Hidden {
			priority = overridePriority
		}
		fmt.Fprintf(&b, "priority=%d", priority)
		if f.Match != "" {
			b.WriteByte(',')
		}
	}
	b.WriteString(f.Match)
	if f.Priority != DefaultPriority || f.Match != "" {
		b.WriteByte(' ')
	}
	b.WriteString("actions=" + f.Actions)
	return b.String()
}

// TableStats counts the look-ups of one table.
type TableStats struct {
	Table   uint8  `json:"table"`
	Active  int    `json:"active"` // rules
	Lookups uint64 `json:"lookups"`
	Matches uint64 `json:"matches"`
}

// TableStats returns the counts of all tables of the pipeline, by number.
func (s *State) TableStats() []TableStats {
	snap := s.snap.Load()
	out := make([]TableStats, 0, NumTables)
	for _, t := range snap.tables {
		if !snap.off.has(t.id) {
			out = append(out, t.stats())
		}
	}
	return out
}

func (t *table) stats() TableStats {
	return TableStats{t.id, t.rules.Len(), t.counts.lookups.Load(), t.counts.matches.Load()}
}

// DumpTables returns the tables that have rules or had look-ups.
func (s *Snapshot) DumpTables() []TableStats {
	var out []TableStats
	for _, t := range s.tables {
		if st := t.stats(); st.Active > 0 || st.Lookups > 0 {
			out = append(out, st)
		}
	}
	return out
}
