package pipeline

import (
	"slices"
	"sync/atomic"

	"pollux/classifier"
)

// Rule is a flow in a table.
type Rule struct {
	Flow    Flow  // immutable
	Created int64 // ns, monotonic

	counts  *tableCounters // of its table
	seq     uint64         // order of addition, for stable display
	packets atomic.Uint64  // loops add, anybody reads
	bytes   atomic.Uint64
	used    atomic.Int64 // ns of the last packet; Created before the first
}

// credit counts packets that matched the rule.
func (r *Rule) credit(packets, bytes uint64, now int64) {
	r.packets.Add(packets)
	r.bytes.Add(bytes)
	if r.used.Load() < now {
		r.used.Store(now)
	}
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
	rules  []*Rule          // one per look-up that found a rule
	missed []*tableCounters // one per look-up that did not
	floors []floor          // of look-ups that depended on lesser rules than those in rules
	seen   *fdbEntry        // the sender's address, kept young; nil for none
	few    [3]*Rule         // rules' memory where that is enough
}

// floor is the least priority that a rule of a table must have to matter to a look-up there.
type floor struct {
	table    uint8
	priority int32
}

// newCredit copies what a translation gathered.
func newCredit(rules []*Rule, missed []*tableCounters, floors []floor, seen *fdbEntry) *credit {
	c := &credit{seen: seen}
	c.rules = append(c.few[:0], rules...)
	if len(missed) > 0 {
		c.missed = append([]*tableCounters(nil), missed...)
	}
	c.floors = slices.Clone(floors)
	return c
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
	if c.seen != nil {
		c.seen.touch(now)
	}
}

// clauses returns which conjunctions the rule is a part of.
func (d *Instructions) clauses() (list []classifier.Clause) {
	for i := range d.Apply {
		if a := &d.Apply[i]; a.Kind == ActConjunction {
			list = append(list, classifier.Clause{ID: a.Conjunction.ID, Index: a.Conjunction.Clause, Of: a.Conjunction.Clauses})
		}
	}
	return list
}
