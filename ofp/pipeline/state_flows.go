package pipeline

import (
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"

	"pollux/classifier"
	"pollux/flow"
)

// replace makes flows the rules of next. Rules of flows that stay are kept.
func (s *State) replace(next *Snapshot, flows []Flow, now int64) error {
	var tables [NumTables]*classifier.Builder
	stays := map[*Rule]bool{}
	for i := range flows {
		f := &flows[i]
		if err := checkFlow(f); err != nil {
			return err
		}
		if tables[f.Table] == nil {
			tables[f.Table] = next.tables[f.Table].rules.Builder()
		}
		b := tables[f.Table]
		m := classifier.Match(f.Match)
		if old := b.Find(&m, int32(f.Priority)); old != nil {
			if r := old.Data.(*Rule); r.Flow.same(f) {
				stays[r] = true
				continue
			}
		}
		r := s.newRule(f, next.tables[f.Table].counts, now)
		b.Add(r)
		stays[r.Data.(*Rule)] = true
	}
	for i, t := range next.tables {
		if t.rules.Len() > 0 && tables[i] == nil {
			tables[i] = t.rules.Builder()
		}
		b := tables[i]
		if b == nil {
			continue
		}
		for old := range t.rules.Rules() {
			if now := b.Find(&old.Match, old.Priority); now != nil && !stays[now.Data.(*Rule)] {
				b.Remove(&old.Match, old.Priority)
			}
		}
		next.tables[i] = &table{id: t.id, rules: b.Table(), counts: t.counts}
	}
	return nil
}

// checkFlow refuses flows that were not made by ParseFlow and could not have been.
func checkFlow(f *Flow) error {
	if f.Table >= NumTables {
		return flowErr(f, "table %d; there are tables 0 to %d", f.Table, NumTables-1)
	}
	if f.Do.Goto != 0 && (f.Do.Goto <= f.Table || f.Do.Goto >= NumTables) {
		return flowErr(f, "goto_table:%d from table %d; it only goes forward, to %d at most", f.Do.Goto, f.Table, NumTables-1)
	}
	for _, a := range append(append([]Action(nil), f.Do.Apply...), f.Do.Write...) {
		if a.Kind == ActResubmit && a.Table >= NumTables && a.Table != TableKeep {
			return flowErr(f, "resubmit to table %d; there are tables 0 to %d", a.Table, NumTables-1)
		}
	}
	return checkActions(f)
}

func (s *State) newRule(f *Flow, counts *tableCounters, now int64) *classifier.Rule {
	s.seq++
	r := &Rule{Flow: *f, Created: now, counts: counts, seq: s.seq}
	r.used.Store(now)
	return &classifier.Rule{Match: classifier.Match(f.Match), Priority: int32(f.Priority), Data: r, Clauses: f.clauses()}
}

// Add adds one flow. It takes the place of one with the same table, match and
// priority, and starts counting anew, as in OpenFlow 1.3 section 6.4.
func (s *State) Add(f Flow) error {
	if err := checkFlow(&f); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.next()
	t := next.tables[f.Table]
	next.tables[f.Table] = &table{id: t.id, rules: t.rules.With([]*classifier.Rule{s.newRule(&f, t.counts, s.now())}, nil), counts: t.counts}
	if err := next.sampling.check(&f); err != nil {
		return err
	}
	s.putRules(next)
	return nil
}

// ErrNoFlow says that a flow does not exist.
var ErrNoFlow = errors.New("no such flow")

// Delete removes the flow with exactly this table (id), priority and match.
func (s *State) Delete(id uint8, priority uint16, match flow.Match) error {
	if id >= NumTables {
		return fmt.Errorf("table %d; there are tables 0 to %d", id, NumTables-1)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.next()
	t := next.tables[id]
	b := t.rules.Builder()
	m := classifier.Match(match)
	m.Normalize()
	if b.Remove(&m, int32(priority)) == nil {
		return fmt.Errorf("table %d, priority %d, match %q: %w", id, priority, match.String(), ErrNoFlow)
	}
	next.tables[id] = &table{id: id, rules: b.Table(), counts: t.counts}
	s.putRules(next)
	return nil
}

// idle and late say whether the rule's timeouts have passed at now.
func (r *Rule) idle(now int64) bool {
	t := r.Flow.IdleTimeout
	return t != 0 && now-r.used.Load() >= int64(t)*int64(time.Second)
}

func (r *Rule) late(now int64) bool {
	t := r.Flow.HardTimeout
	return t != 0 && now-r.Created >= int64(t)*int64(time.Second)
}

// hasIdleRule says whether a rule seems to have been idle for too long.
func (s *Snapshot) hasIdleRule(now int64) bool {
	for _, t := range s.tables {
		if t.rules.Len() == 0 {
			continue
		}
		for c := range t.rules.Rules() {
			if c.Data.(*Rule).idle(now) {
				return true
			}
		}
	}
	return false
}

// Expire removes the rules whose idle or hard timeout has passed at now, and
// returns how many. What loops have counted and not yet credited is asked for
// first, through OnIdle.
func (s *State) Expire(now int64) int {
	s.bringUpToDate(now)
	return s.expire(now)
}

func (s *State) expire(now int64) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.next()
	n := 0
	for i, t := range next.tables {
		if t.rules.Len() == 0 {
			continue
		}
		var b *classifier.Builder
		for c := range t.rules.Rules() {
			switch r := c.Data.(*Rule); {
			case r.late(now):
				s.expired.Hard++
			case r.idle(now):
				s.expired.Idle++
			default:
				continue
			}
			if b == nil {
				b = t.rules.Builder()
			}
			b.Remove(&c.Match, c.Priority)
			n++
		}
		if b != nil {
			next.tables[i] = &table{id: t.id, rules: b.Table(), counts: t.counts}
		}
	}
	if n > 0 {
		s.putRules(next)
	}
	return n
}

// Expired returns how many rules have timed out.
func (s *State) Expired() ExpiryStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.expired
}

// FlowStats is one flow with its counters.
type FlowStats struct {
	Table    uint8   `json:"table"`
	Priority uint16  `json:"priority"`
	Cookie   uint64  `json:"cookie"`
	Duration float64 `json:"duration"` // seconds since it was added
	Packets  uint64  `json:"n_packets"`
	Bytes    uint64  `json:"n_bytes"`
	IdleAge  int64   `json:"idle_age"` // whole seconds since its last packet, or since it was added
	Idle     uint16  `json:"idle_timeout,omitempty"`
	Hard     uint16  `json:"hard_timeout,omitempty"`
	Match    string  `json:"match"`
	Actions  string  `json:"actions"`
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
	var out []FlowStats
	for _, t := range s.tables {
		if t.rules.Len() == 0 {
			continue
		}
		rules := make([]*Rule, 0, t.rules.Len())
		for c := range t.rules.Rules() {
			rules = append(rules, c.Data.(*Rule))
		}
		sort.Slice(rules, func(i, j int) bool {
			a, b := rules[i], rules[j]
			if a.Flow.Priority != b.Flow.Priority {
				return a.Flow.Priority > b.Flow.Priority
			}
			return a.seq < b.seq
		})
		for _, r := range rules {
			out = append(out, r.stats(now))
		}
	}
	return out
}

func (r *Rule) stats(now int64) FlowStats {
	f := &r.Flow
	return FlowStats{
		Table: f.Table, Priority: f.Priority, Cookie: f.Cookie,
		Duration: float64(max(now-r.Created, 0)) / float64(time.Second),
		Packets:  r.packets.Load(), Bytes: r.bytes.Load(),
		IdleAge: max(now-r.used.Load(), 0) / int64(time.Second),
		Idle:    f.IdleTimeout, Hard: f.HardTimeout,
		Match: f.Match.Format(nil), Actions: f.Do.Format(nil), Flow: *f,
	}
}

// String writes the flow as ovs-ofctl dump-flows does.
func (f *FlowStats) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, " cookie=%#x, duration=%.3fs, table=%d, n_packets=%d, n_bytes=%d, ", f.Cookie, f.Duration, f.Table, f.Packets, f.Bytes)
	f.Flow.formatTimeouts(&b)
	fmt.Fprintf(&b, "idle_age=%d, ", f.IdleAge)
	if f.Priority != DefaultPriority {
		fmt.Fprintf(&b, "priority=%d", f.Priority)
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

// DumpTables returns the tables that have rules or had look-ups.
func (s *Snapshot) DumpTables() []TableStats {
	var out []TableStats
	for _, t := range s.tables {
		st := TableStats{t.id, t.rules.Len(), t.counts.lookups.Load(), t.counts.matches.Load()}
		if st.Active > 0 || st.Lookups > 0 {
			out = append(out, st)
		}
	}
	return out
}
