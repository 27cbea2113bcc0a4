package classifier

import (
	"iter"

	"pollux/flow"
)

// Table is one version of an OpenFlow table's rules. It is immutable: any number of
// threads may look things up. A new version comes from a Builder and shares with the
// old one what did not change. The zero Table is empty and ready for use.
type Table struct {
	subs  []*rules // best winner first; none is empty
	tries [numPrefixes]*trie
	count int
	next  uint64 // seq of the next rule

	clauses int // rules that have some

	id    uint64  // no other table has it, but that all that are as new have 0
	from  uint64  // the id of the table that its builder began with
	edits []*Rule // added, removed or put in the place of others since then; of many, what covers them
}

// rules is a table's rules of one mask.
type rules struct {
	edit  uint64
	shape *shape
	index [3]*node // index[i]: the hashes at the end of stage i, where another follows
	all   *node    // the rules by their last hash
	count int
}

// Len returns the number of rules.
func (t *Table) Len() int { return t.count }

// Subtables returns the number of different masks.
func (t *Table) Subtables() int { return len(t.subs) }

// find returns the rules of a mask, or nil, and their place.
func (t *Table) find(m *flow.Mask) (int, *rules) {
	h := hashMask(m)
	for i, s := range t.subs {
		if s.shape.hash == h && s.shape.mask == *m {
			return i, s
		}
	}
	return -1, nil
}

// Find returns the rule with exactly this match, which is normalized, and priority,
// or nil: the strict match of OpenFlow.
func (t *Table) Find(m *Match, priority int32) *Rule {
	_, s := t.find(&m.Mask)
	if s == nil {
		return nil
	}
	l := s.leaf(&m.Key)
	if i := l.find(&m.Key, priority); i >= 0 {
		return l.rules[i]
	}
	return nil
}

func (s *rules) leaf(k *flow.Key) *leaf {
	var h [4]uint64
	n := s.shape.hashes(k, &h)
	return s.all.get(h[n-1])
}

// Since returns the rules by which t differs from old: those that one of them has and the
// other has not, of which one that was replaced is left out. Where these are more than
// maxEdits it returns rules that stand for them: each of them is within one of its
// priority or a higher one. It is false where that is not known, as t was not made of
// old, or not in one step.
func (t *Table) Since(old *Table) ([]*Rule, bool) {
	if t.id == old.id {
		return nil, true
	}
	return t.edits, t.from == old.id
}

// Rules returns all rules, in an order that depends on the rules and their history
// alone, and that is not their priority's.
func (t *Table) Rules() iter.Seq[*Rule] {
	return func(yield func(*Rule) bool) {
		for _, s := range t.subs {
			if !s.all.each(yield) {
				return
			}
		}
	}
}

// Matching returns the rules whose match is m, which is normalized, or more specific: the
// loose match of OpenFlow's modify, delete and statistics requests. It looks at all rules
// whose mask is more specific.
func (t *Table) Matching(m *Match) iter.Seq[*Rule] {
	return func(yield func(*Rule) bool) {
		for _, s := range t.subs {
			if !s.shape.mask.Covers(&m.Mask) {
				continue
			}
			if s.shape.mask == m.Mask {
				// Those with the very match, of any priority: no look at others is needed.
				if l := s.leaf(&m.Key); l != nil {
					for _, r := range l.rules {
						if r.within(m) && !yield(r) {
							return
						}
					}
				}
				continue
			}
			if !s.all.each(func(r *Rule) bool {
				return !r.within(m) || yield(r)
			}) {
				return
			}
		}
	}
}

// Overlapping returns the rules of this priority that some packet of m could match:
// what OFPFF_CHECK_OVERLAP asks for.
func (t *Table) Overlapping(m *Match, priority int32) iter.Seq[*Rule] {
	return func(yield func(*Rule) bool) {
		for _, s := range t.subs {
			if s.all == nil || s.all.top.Priority < priority {
				continue
			}
			if !s.all.each(func(r *Rule) bool {
				return r.Priority != priority || !r.overlaps(m) || yield(r)
			}) {
				return
			}
		}
	}
}
