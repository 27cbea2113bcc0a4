package classifier

import (
	"math/bits"

	"pollux/flow"
)

// Match is the packets that a rule is for: those whose key, under Mask, is Key.
type Match struct {
	Key  flow.Key // masked
	Mask flow.Mask
}

// Matches says whether k is one of the packets.
func (m *Match) Matches(k *flow.Key) bool { return m.Mask.Match(k, &m.Key) }

// Normalize clears the bits of Key that Mask does not look at and makes both
// bitmaps tell the truth.
func (m *Match) Normalize() {
	for w := range m.Mask.W {
		v, b := m.Key.W[w]&m.Mask.W[w], uint64(1)<<w
		m.Key.W[w] = v
		m.Key.Map &^= b
		if v != 0 {
			m.Key.Map |= b
		}
		m.Mask.Map &^= b
		if m.Mask.W[w] != 0 {
			m.Mask.Map |= b
		}
	}
}

// Equal says whether both match the same packets by the same bits. Both are normalized.
func (m *Match) Equal(o *Match) bool {
	return m.Mask.Map == o.Mask.Map && m.Mask.W == o.Mask.W && m.Key.W == o.Key.W
}

// Name tells a table's rules apart: by match, which is normalized, and priority. It is not 0,
// and it may happen that two have the same.
func (m *Match) Name(priority int32) uint64 {
	h := uint64(uint32(priority))
	for b := m.Mask.Map; b != 0; b &= b - 1 {
		w := bits.TrailingZeros64(b)
		h = fold(h^m.Mask.W[w], fixedSalts[w])
		h = fold(h^m.Key.W[w]^fixedSalts[flow.NumWords], fixedSalts[w])
	}
	return h | 1
}

// Within says whether every packet of m is one of o, as far as the masks tell: the
// loose match of OpenFlow 1.5.1 section 6.4, where o is the request's.
func (m *Match) Within(o *Match) bool {
	return m.Mask.Covers(&o.Mask) && o.Mask.Match(&m.Key, &o.Key)
}

// Overlaps says whether some key could match both.
func (m *Match) Overlaps(o *Match) bool {
	for w := range m.Mask.W {
		if (m.Key.W[w]^o.Key.W[w])&m.Mask.W[w]&o.Mask.W[w] != 0 {
			return false
		}
	}
	return true
}

// Rule is one rule of a table. Once it has been added it belongs to that table and
// its versions, and is not changed any more, for poll loops read it.
type Rule struct {
	// Match is what Add reads, nil for every packet. The rule keeps a copy in a fraction of
	// the memory, so that whoever added it may forget Match, and nothing else.
	Match    *Match
	Priority int32     // higher wins; OpenFlow has 0 to 65535
	Data     any       // the OpenFlow rule
	Clauses  *[]Clause // of conjunctions; nil for most

	seq   uint64   // order of insertion; among equal priorities the lower wins
	shape *shape   // of the rules of its mask
	key   []uint64 // the masked words that shape has
}

// Unpack returns the rule's match.
func (r *Rule) Unpack() Match {
	var m Match
	switch {
	case r.shape != nil:
		m.Mask = r.shape.mask
		for i, w := range r.shape.all.word {
			if v := r.key[i]; v != 0 {
				m.Key.Set(w, v)
			}
		}
	case r.Match != nil:
		m = *r.Match
	}
	return m
}

// pack keeps m, which is normalized and of the mask of s.
func (r *Rule) pack(m *Match, s *shape) {
	r.shape, r.key = s, make([]uint64, len(s.all.word))
	s.all.put(&m.Key, r.key)
}

// within says whether the rule's match is o or within it, where its mask covers that of o.
func (r *Rule) within(o *Match) bool {
	for i, w := range r.shape.all.word {
		if (r.key[i]^o.Key.W[w])&o.Mask.W[w] != 0 {
			return false
		}
	}
	return true
}

// overlaps is Match.Overlaps.
func (r *Rule) overlaps(o *Match) bool {
	all := &r.shape.all
	for i, w := range all.word {
		if (r.key[i]^o.Key.W[w])&all.bits[i]&o.Mask.W[w] != 0 {
			return false
		}
	}
	return true
}

// before says whether r wins over o where both match.
func (r *Rule) before(o *Rule) bool {
	if r.Priority != o.Priority {
		return r.Priority > o.Priority
	}
	return r.seq < o.seq
}

// soft is 1 for a rule that has clauses.
func (r *Rule) soft() int {
	if r.Clauses != nil {
		return 1
	}
	return 0
}
