package classifier

import "pollux/flow"

// Lookup returns the rule that wins among those that match key, or nil. Unless wild
// is nil, every bit of key that the answer depended on is added to it: with any key
// that agrees on wild the answer is the same.
//
// Masks are visited in the order of their best rule, until the rule found wins over
// all that is left. It allocates nothing and may run in any thread.
func (t *Table) Lookup(key *flow.Key, wild *flow.Mask) *Rule {
	var best *Rule
	for _, s := range t.subs {
		if best != nil && best.before(s.all.top) {
			break
		}
		var r *Rule
		if wild == nil {
			r = s.lookup(key)
		} else {
			r = s.lookupWild(key, wild, &t.tries)
		}
		if r != nil && (best == nil || r.before(best)) {
			best = r
		}
	}
	return best
}

// lookup is lookupWild where nobody asks for bits.
func (s *rules) lookup(key *flow.Key) *Rule {
	h := uint64(0)
	last := len(s.shape.stages) - 1
	for i := range s.shape.stages {
		h = s.shape.stages[i].packed.hash(key, h)
		if i < last && s.index[i].get(h) == nil {
			return nil
		}
	}
	return s.winner(key, h)
}

// lookupWild looks stage by stage. What proves that no rule matches is all that
// goes into wild: a few upper bits of one field when its trie says so, or the
// stages so far when no rule has their hash.
func (s *rules) lookupWild(key *flow.Key, wild *flow.Mask, tries *[numPrefixes]*trie) *Rule {
	h, ok := s.hashWild(key, wild, tries)
	if !ok {
		return nil
	}
	return s.winner(key, h)
}

// leafWild is lookupWild for whoever wants more than the best rule.
func (s *rules) leafWild(key *flow.Key, wild *flow.Mask, tries *[numPrefixes]*trie) *leaf {
	h, ok := s.hashWild(key, wild, tries)
	if !ok {
		return nil
	}
	return s.all.get(h)
}

// hashWild returns the last hash of key, or false where no rule can match.
func (s *rules) hashWild(key *flow.Key, wild *flow.Mask, tries *[numPrefixes]*trie) (uint64, bool) {
	h := uint64(0)
	last := len(s.shape.stages) - 1
	for i := range s.shape.stages {
		st := &s.shape.stages[i]
		for _, f := range st.prefixes {
			p := prefixFields[f]
			if match, n := tries[f].check(p.read(&key.W), int(s.shape.length[f])); !match {
				p.or(wild, n)
				return 0, false
			}
		}
		h = st.packed.hash(key, h)
		if i < last && s.index[i].get(h) == nil {
			s.shape.or(wild, i+1)
			return 0, false
		}
	}
	s.shape.or(wild, last+1)
	return h, true
}

// winner returns the best rule that matches key, whose last hash is h.
func (s *rules) winner(key *flow.Key, h uint64) *Rule {
	if l := s.all.get(h); l != nil {
		for _, r := range l.rules {
			if s.shape.all.equal(key, r.key) {
				return r
			}
		}
	}
	return nil
}
