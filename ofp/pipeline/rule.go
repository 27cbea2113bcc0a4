package pipeline

import (
	"slices"
	"sync/atomic"
	"time"

	"pollux/classifier"
	"pollux/flow"
)

// Rule is a flow in a table. A modification makes another Rule, which counts on with the
// counts of the one that it replaces.
type Rule struct {
	Flow     ruleFlow // immutable
	Created  int64    // ns, monotonic
	modified int64    // ns; when it was added or modified last: the hard timeout runs from there

	origin  origin         // with dead guarded by State.mu
	dead    bool           // no table has it any more
	again   bool           // it was added in the place of another, with a later number than that
	n       *ruleCounts    //
	counts  *tableCounters // of its table
	seq     uint64         // number of its addition, for stable display
	changed uint64         // number of its addition or modification
	cls     classifier.Rule
}

// ruleFlow is the flow of a rule, in less memory: its match is in the classifier's rule, and
// rules that do the same share their instructions.
type ruleFlow struct {
	Do           *Instructions
	Cookie       uint64
	IdleTimeout  uint16
	HardTimeout  uint16
	Flags        FlowFlags
	Importance   uint16
	Priority     uint16
	Table        uint8
	line, column int32
}

// origin is where a rule comes from.
type origin uint8

// The origins.
const (
	fromConfig     origin = iota // a reload makes these what the configuration says
	fromController               // a reload leaves these alone
	fromOverride                 // so does all else but Override
)

// ruleCounts is what a rule counts.
type ruleCounts struct {
	packets atomic.Uint64 // loops add, anybody reads
	bytes   atomic.Uint64
	used    atomic.Int64 // ns of the last packet; the rule's addition before the first
	renewed atomic.Int64 // ns of the last packet by which a learned flow was learned again, 0: none
}

// doesAs says whether what a controller sees of the rules' doings is the same. Rules that do the
// same share their instructions.
func (r *Rule) doesAs(old *Rule) bool {
	return r.Flow.Do == old.Flow.Do && r.Flow.Cookie == old.Flow.Cookie
}

// AsFlow returns the flow as it was added or modified.
func (r *Rule) AsFlow() Flow { return r.whole() }

// credit counts packets that matched the rule.
func (r *Rule) credit(packets, bytes uint64, now int64) {
	n := r.n
	n.packets.Add(packets)
	n.bytes.Add(bytes)
	if n.used.Load() < now {
		n.used.Store(now)
	}
}

// match returns the rule's match.
func (r *Rule) match() flow.Match { return flow.Match(r.cls.Unpack()) }

// whole returns the flow as it was added or modified.
func (r *Rule) whole() Flow {
	f := &r.Flow
	return Flow{
		Table: f.Table, Priority: f.Priority, Cookie: f.Cookie, IdleTimeout: f.IdleTimeout, HardTimeout: f.HardTimeout,
		Flags: f.Flags, Importance: f.Importance, Match: r.match(), Do: *f.Do, Line: int(f.line), Column: int(f.column),
	}
}

// deadline returns when the rule's time is over, as far as packets are credited. It can only
// become later. False: never.
func (r *Rule) deadline() (ns int64, some bool) {
	const never = int64(^uint64(0) >> 1)
	ns = never
	if t := r.Flow.HardTimeout; t != 0 {
		ns = r.since() + int64(t)*int64(time.Second)
	}
	if t := r.Flow.IdleTimeout; t != 0 {
		ns = min(ns, r.n.used.Load()+int64(t)*int64(time.Second))
	}
	return ns, ns != never
}

// late says whether the hard timeout has passed at now.
func (r *Rule) late(now int64) bool {
	t := r.Flow.HardTimeout
	return t != 0 && now-r.since() >= int64(t)*int64(time.Second)
}

// tableCounters counts the look-ups of one table: every packet that was looked up
// there, and those for which a rule was found.
type tableCounters struct {
	table   uint8
	lookups atomic.Uint64
	matches atomic.Uint64
}

// credit is the classifier.Creditor of one decision: whom its packets count for.
type credit struct {
	counted
	few [3]*Rule // rules' memory where that is enough
}

// counted is who a decision counts for, and on what rules it depends.
type counted struct {
	rules  []*Rule          // one per look-up that found a rule
	missed []*tableCounters // one per look-up that did not
	groups []*groupCounts   // groups and buckets that processed it, one per time
	floors []floor          // of look-ups that depended on lesser rules than those in rules
	young  []*Rule          // that were learned again
	names  []named          // of flows that were, or are to be, learned
	seen   *fdbEntry        // the sender's address, kept young; nil for none
}

// floor is the least priority that a rule of a table must have to matter to a look-up there.
type floor struct {
	table    uint8
	priority int32
}

// named is a flow that may be there or not.
type named struct {
	table uint8
	name  uint64 // classifier.Match.Name
}

// newCredit copies what a translation gathered.
func newCredit(of *counted) *credit {
	c := &credit{counted: counted{seen: of.seen}}
	c.rules = append(c.few[:0], of.rules...)
	c.missed, c.groups = slices.Clone(of.missed), slices.Clone(of.groups)
	c.floors, c.young, c.names = slices.Clone(of.floors), slices.Clone(of.young), slices.Clone(of.names)
	return c
}

// equal says whether both are for the same.
func (c *counted) equal(o *counted) bool {
	return c.seen == o.seen && same(c.rules, o.rules) && same(c.missed, o.missed) &&
		same(c.groups, o.groups) && same(c.floors, o.floors) && same(c.young, o.young) && same(c.names, o.names)
}

// same is slices.Equal, which is not inlined.
func same[T comparable](a, b []T) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// Outranks says whether all look-ups in a table gave rules of a higher priority than this.
func (c *credit) Outranks(table uint8, priority int32) bool {
	for _, r := range c.rules {
		if r.Flow.Table == table && int32(r.Flow.Priority) <= priority {
			return false
		}
	}
	for _, t := range c.missed {
		if t.table == table {
			return false
		}
	}
	for _, f := range c.floors {
		if f.table == table && f.priority <= priority {
			return false
		}
	}
	return true
}

// Names implements classifier.Creditor.
func (c *credit) Names(table uint8, name uint64) bool {
	for _, n := range c.names {
		if n.table == table && (n.name == name || name == 0) {
			return true
		}
	}
	return false
}

// Credit counts packets and bytes for every rule, table and address of the decision.
func (c *credit) Credit(packets, bytes uint64, now int64) {
	if packets == 0 {
		return
	}
	for _, r := range c.rules {
		r.credit(packets, bytes, now)
		r.counts.lookups.Add(packets)
		r.counts.matches.Add(packets)
	}
	for _, t := range c.missed {
		t.lookups.Add(packets)
	}
	for _, g := range c.groups {
		g.packets.Add(packets)
		g.bytes.Add(bytes)
	}
	for _, r := range c.young {
		if r.n.renewed.Load() < now {
			r.n.renewed.Store(now)
		}
	}
	if c.seen != nil {
		c.seen.touch(now)
	}
}

// clauses returns which conjunctions the flow is a part of; nil for none.
func (d *Instructions) clauses() (list *[]classifier.Clause) {
	for i := range d.Apply {
		if a := &d.Apply[i]; a.Kind == ActConjunction {
			if list == nil {
				list = new([]classifier.Clause)
			}
			c := &a.List.Conjunction
			*list = append(*list, classifier.Clause{ID: c.ID, Index: c.Clause, Of: c.Clauses})
		}
	}
	return list
}
