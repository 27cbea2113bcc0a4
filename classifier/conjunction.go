package classifier

import (
	"math/bits"

	"pollux/flow"
)

// # Conjunctions
//
// A rule with clauses is no answer by itself. It says that packets which it matches fulfil one
// of the clauses of a conjunction; and once rules of one priority fulfil all of them, the packet
// is looked up again, among the rules without clauses, as one that has the conjunction's number
// as conj_id. So n addresses and m ports take n+m rules instead of n times m (ovs-fields(7),
// "Conjunctive Match Fields").
//
// Of conjunctions of several priorities that are fulfilled the highest comes first, and of
// several of one priority that with the lowest number. Where the second look-up finds
// nothing, the next one has its turn. A rule without clauses that matches wins over all
// conjunctions of its own priority and of lower ones.
//
// The masks are those of all that was visited: the set of rules with clauses that match is, as
// the answer is, one and the same for all keys that agree on them.

// Clause is one of the clauses of a conjunction.
type Clause struct {
	ID    uint32
	Index uint8 // of the clause, less than Of
	Of    uint8 // clauses in all, 2 to 64
}

// HasClauses says whether some rule has clauses: then LookupConjunctive is the way to look up.
func (t *Table) HasClauses() bool { return t.clauses > 0 }

// LookupConjunctive is Lookup for tables whose rules may have clauses. floor is the least
// priority of all that the answer depended on: a rule with less, added or removed, changes
// nothing in it.
func (t *Table) LookupConjunctive(key *flow.Key, wild *flow.Mask) (r *Rule, floor int32) {
	if wild == nil {
		wild = new(flow.Mask)
	}
	var room [32]*Rule
	hard, soft := t.gather(key, wild, room[:0])
	least := int32(-1)
	if hard != nil {
		least = hard.Priority
	}
	for level := highest(soft, 1<<30); level > least; level = highest(soft, level) {
		for id, ok := fulfilled(soft, level, -1); ok; id, ok = fulfilled(soft, level, int64(id)) {
			k := *key
			flow.ConjID.Set(&k, flow.Value{Lo: uint64(id)})
			if r, _ := t.gather(&k, wild, nil); r != nil {
				return r, min(level, r.Priority)
			}
		}
	}
	return hard, least
}

// gather returns the best rule without clauses that matches, and appends to soft those with
// clauses that match, at least as many as have a higher priority. With a soft of nil they are
// not gathered.
func (t *Table) gather(key *flow.Key, wild *flow.Mask, soft []*Rule) (*Rule, []*Rule) {
	var best *Rule
	for _, s := range t.subs {
		if best != nil && best.before(s.all.top) {
			break
		}
		l := s.leafWild(key, wild, &t.tries)
		if l == nil {
			continue
		}
		for _, r := range l.rules {
			if !s.shape.all.equal(key, r.key) {
				continue
			}
			if r.Clauses == nil {
				if best == nil || r.before(best) {
					best = r
				}
				break // the others have lower priorities
			}
			if soft != nil {
				soft = append(soft, r)
			}
		}
	}
	return best, soft
}

// highest returns the highest priority below less that one of the rules has, or -1.
func highest(rules []*Rule, less int32) int32 {
	most := int32(-1)
	for _, r := range rules {
		if r.Priority < less {
			most = max(most, r.Priority)
		}
	}
	return most
}

// fulfilled returns the lowest number above another of a conjunction of which rules of this
// priority fulfil all clauses.
func fulfilled(rules []*Rule, priority int32, above int64) (id uint32, ok bool) {
	for i, r := range rules {
		if r.Priority != priority {
			continue
		}
		for _, c := range *r.Clauses {
			if ok && c.ID >= id || c.Of == 0 || int64(c.ID) <= above {
				continue
			}
			var have uint64
			for _, o := range rules[i:] { // that of the first rule which has the ID decides
				if o.Priority != priority {
					continue
				}
				for _, d := range *o.Clauses {
					if d.ID == c.ID && d.Of == c.Of {
						have |= 1 << d.Index
					}
				}
			}
			if bits.OnesCount64(have) == int(c.Of) {
				id, ok = c.ID, true
			}
		}
	}
	return id, ok
}
