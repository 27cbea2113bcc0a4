package classifier

import (
	"math/bits"
	"slices"

	"pollux/flow"
)

// Path is how a decision was found, as far as it matters when tables change. Immutable;
// decisions share it.
type Path struct {
	Tables [4]uint64 // bit t: table t was looked in
	// Written has bit w where word w of the key was not always the packet's own when a
	// table was looked in: actions had written it, or the look-up was for another port.
	Written uint64
	Uses    Uses
	// Two cache lines, to the byte: each loop makes its own, and they are to share none.
}

// Equal says whether both are the same. It compares word by word, as Look and Uses write.
func (p *Path) Equal(o *Path) bool {
	d := p.Written ^ o.Written
	for i := range p.Tables {
		d |= p.Tables[i] ^ o.Tables[i]
	}
	return d|p.Uses.differ(&o.Uses) == 0
}

// Hash hashes all of p.
func (p *Path) Hash() uint64 {
	h := (p.Written ^ p.Uses.fold()*0xff51afd7ed558ccd) * 0x9e3779b97f4a7c15
	for _, t := range p.Tables {
		h = (h ^ t) * 0x9e3779b97f4a7c15
	}
	return h
}

// Look adds a look-up in a table with a key whose words in written are not the packet's.
func (p *Path) Look(table uint8, written uint64) {
	p.Tables[table>>6] |= 1 << (table & 63)
	p.Written |= written
}

// Changes are the last changes of the tables, by which a loop finds out whether a decision
// that is older than the tables in force still stands. Immutable: each change makes a new
// one, and threads may use all of them.
//
// # Why a decision that no change touches stands
//
// A decision was found by looking in tables, one after the other, with a key that began as
// the packet's and that actions rewrote on the way. Suppose that one rule has come or gone
// since, and that no packet of the megaflow can have matched it in any of these look-ups, or
// that all look-ups in its table gave rules of higher priority. Then each look-up gives the
// rule that it gave before: what went was not the answer, and what came does not match, or
// loses. By induction over the look-ups the walk is the same, for every
// packet of the megaflow, so its mask is as sufficient as it was, its program is what a fresh
// translation would give, and the rules to be credited are those that were credited. A
// second change is judged on that same walk, and so on over all changes since. A rule that
// was replaced by another with its match counts as one that went and one that came.
//
// That no packet can have matched is what Touched proves. All packets of a megaflow agree
// with the one in hand where the megaflow's mask looks. So if the rule wants another value of
// a bit that both masks cover, in a word that still was the packet's own whenever a table was
// looked in, then it matched none of them. What is in a word that was rewritten, or in a bit
// that the megaflow does not cover, may be anything: there the rule is taken to match. The
// rules that the look-ups gave are those that the decision credits (Creditor.Outranks); of
// two rules of one priority either may win.
//
// A port, group or meter is asked by its number, and a decision knows whom it asked (Uses). Who
// was not asked, before the change or after it, as the walk is the same, had no part in it. The
// port that packets came in by is known by the key.
//
// What a decision asked by name (Named), which learn actions do, is looked up whatever packets
// match: it stands if none of the rules that came or went has such a name.
//
// What else decides about packets (exporters, learned addresses) has no place in this
// argument: a change of it makes all decisions that depend on it to be translated again.
type Changes struct {
	since [2]uint64 // by Megaflow.FDB: of decisions older than that nothing is known
	log   []change  // oldest first, all later than since
}

// change is one rule that came or went, or with others what else changed at once.
type change struct {
	gen      [2]uint64 // by Megaflow.FDB: decisions of this generation know it
	others   *Others
	table    uint8
	priority int32
	name     uint64      // of the rule; 0 where it stands for many
	words    []wordMatch // what the rule wants, the most bits first: they mostly tell
}

type wordMatch struct {
	word uint8
	mask uint64
	key  uint64
}

// maxChanges is how many changes are remembered. To judge a decision by so many costs
// about as much as to translate it.
const maxChanges = 128

// Edit is a rule that a table gained or lost.
type Edit struct {
	Table uint8
	Rule  *Rule
}

// All returns the successor of c after a change that may touch any decision. gen are the
// generations, by Megaflow.FDB, of decisions made after it. c may be nil.
func (c *Changes) All(gen [2]uint64) *Changes { return &Changes{since: gen} }

// Learned returns the successor of c after a change that may touch any decision that
// depends on learned addresses, and no other.
func (c *Changes) Learned(gen [2]uint64) *Changes {
	return &Changes{since: [2]uint64{c.since[0], gen[1]}, log: c.log}
}

// Rules returns the successor of c after a change of these rules and of nothing else. c has
// one successor at most, since both share memory.
func (c *Changes) Rules(gen [2]uint64, edits []Edit) *Changes {
	if len(edits) > maxChanges {
		if edits = byTable(edits); len(edits) > maxChanges {
			return c.All(gen)
		}
	}
	next := c.forget(len(edits))
	for _, e := range edits {
		m, ch := e.Rule.Unpack(), change{gen: gen, table: e.Table, priority: e.Rule.Priority}
		if e.Rule.shape != nil {
			ch.name = m.Name(ch.priority)
		}
		ch.words = matchWords(m)
		next.log = append(next.log, ch)
	}
	return next
}

// Beside returns the successor of c after a change of some ports, groups and meters, which is not
// written any more, and of nothing else. As of Rules, there is one successor.
func (c *Changes) Beside(gen [2]uint64, o *Others) *Changes {
	next := c.forget(1)
	next.log = append(next.log, change{gen: gen, others: o})
	return next
}

// forget returns c with room for n changes more.
func (c *Changes) forget(n int) *Changes {
	next := *c
	if over := len(c.log) + n - maxChanges; over > 0 {
		// Of a generation that has lost one of its changes nothing is known.
		for f := range next.since {
			next.since[f] = max(next.since[f], c.log[over-1].gen[f])
		}
		next.log = c.log[over:]
	}
	return &next
}

// byTable returns one edit a table that stands for all of them: any packet may match it.
func byTable(edits []Edit) []Edit {
	var at [256]*Rule
	var out []Edit
	for _, e := range edits {
		if r := at[e.Table]; r != nil {
			r.Priority = max(r.Priority, e.Rule.Priority)
			continue
		}
		at[e.Table] = &Rule{Priority: e.Rule.Priority}
		out = append(out, Edit{e.Table, at[e.Table]})
	}
	return out
}

func matchWords(m Match) []wordMatch {
	words := make([]wordMatch, 0, bits.OnesCount64(m.Mask.Map))
	for b := m.Mask.Map; b != 0; b &= b - 1 {
		w := bits.TrailingZeros64(b)
		words = append(words, wordMatch{uint8(w), m.Mask.W[w], m.Key.W[w]})
	}
	slices.SortStableFunc(words, func(a, b wordMatch) int {
		return bits.OnesCount64(b.mask) - bits.OnesCount64(a.mask)
	})
	return words
}

// Touched says whether a decision of generation gen may not stand any more. fdb is 1 if it
// depends on learned addresses, else 0, mask is its megaflow's, key that of any packet of the
// megaflow, p the path by which it was found and by whom it credits. What is not known is
// taken for touched.
func (c *Changes) Touched(gen uint64, fdb int, key *flow.Key, mask *flow.Mask, p *Path, by Creditor) bool {
	if c == nil || p == nil || gen < c.since[fdb] {
		return true
	}
	for i := len(c.log) - 1; i >= 0; i-- {
		ch := &c.log[i]
		if ch.gen[fdb] <= gen {
			break
		}
		if ch.others != nil {
			if ch.others.touch(p, key.InPort()) {
				return true
			}
			continue
		}
		if p.Uses.Marks&Named != 0 && (by == nil || by.Names(ch.table, ch.name)) {
			return true
		}
		if p.Tables[ch.table>>6]>>(ch.table&63)&1 != 0 && ch.mayMatch(key, mask, p.Written) &&
			(by == nil || !by.Outranks(ch.table, ch.priority)) {
			return true
		}
	}
	return false
}

// mayMatch says whether some packet that agrees with key on mask can match the rule, when
// the words in written may hold anything.
func (c *change) mayMatch(key *flow.Key, mask *flow.Mask, written uint64) bool {
	for i := range c.words {
		m := &c.words[i]
		if written>>m.word&1 == 0 && (key.W[m.word]^m.key)&m.mask&mask.W[m.word] != 0 {
			return false
		}
	}
	return true
}
