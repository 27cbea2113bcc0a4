package pipeline

import "hash/maphash"

// sharedDos is the instructions of all rules, each once: tables of many flows mostly have few
// that differ, and an Action is large.
type sharedDos struct {
	seed maphash.Seed
	by   map[uint64]*sharedDo // by hash
}

// sharedDo is instructions and how many rules in tables have them.
type sharedDo struct {
	do   *Instructions
	refs int
	next *sharedDo // of the same hash
}

// share returns instructions that are those of do, for a rule that comes into a table: those
// which others have, or a copy of do. The lists are shared with do.
func (s *State) share(do *Instructions) *Instructions {
	if do.empty() && do.Trigger == nil {
		return &drops
	}
	h := s.hashDo(do)
	for e := s.dos.by[h]; e != nil; e = e.next {
		if e.do.equal(do) {
			e.refs++
			return e.do
		}
	}
	if s.dos.by == nil {
		s.dos.by = map[uint64]*sharedDo{}
	}
	c := *do
	s.dos.by[h] = &sharedDo{do: &c, refs: 1, next: s.dos.by[h]}
	return &c
}

// drops is the instructions of all flows that drop.
var drops Instructions

// unshare counts a rule with do that has gone out of its table.
func (s *State) unshare(do *Instructions) {
	if do == &drops {
		return
	}
	h := s.hashDo(do)
	var prev *sharedDo
	for e := s.dos.by[h]; e != nil; prev, e = e, e.next {
		if e.do != do {
			continue
		}
		if e.refs--; e.refs > 0 {
			return
		}
		switch {
		case prev != nil:
			prev.next = e.next
		case e.next != nil:
			s.dos.by[h] = e.next
		default:
			delete(s.dos.by, h)
		}
		return
	}
}

// hashDo hashes what equal compares.
func (s *State) hashDo(do *Instructions) uint64 {
	if s.dos.seed == (maphash.Seed{}) {
		s.dos.seed = maphash.MakeSeed()
	}
	var h maphash.Hash
	h.SetSeed(s.dos.seed)
	maphash.WriteComparable(&h, [4]uint64{uint64(do.Meter), do.Metadata, do.MetadataMask, uint64(do.Goto)})
	for _, list := range [2][]Action{do.Apply, do.Write} {
		hashActions(&h, list)
	}
	return h.Sum64()
}

func hashActions(h *maphash.Hash, list []Action) {
	maphash.WriteComparable(h, len(list))
	for i := range list {
		a := list[i]
		l := a.List
		a.List = nil
		maphash.WriteComparable(h, a)
		if l != nil {
			l.hash(h)
		}
	}
}

// hash adds what equal compares. Rules that differ in their lists alone are as many as others.
func (l *Lists) hash(h *maphash.Hash) {
	h.WriteString(l.Note)
	maphash.WriteComparable(h, [...]uint64{
		uint64(len(l.Note)), uint64(len(l.IDs)), uint64(l.Conjunction.ID), uint64(l.Conjunction.Clause), uint64(l.Conjunction.Clauses),
		uint64(l.FinIdle), uint64(l.FinHard),
	})
	for _, id := range l.IDs {
		maphash.WriteComparable(h, id)
	}
	if l.Sample != nil {
		maphash.WriteComparable(h, *l.Sample)
	}
	if l.Controller != nil {
		maphash.WriteComparable(h, *l.Controller)
	}
	if l.Multipath != nil {
		maphash.WriteComparable(h, *l.Multipath)
	}
	if b := l.Bundle; b != nil {
		maphash.WriteComparable(h, [...]uint64{uint64(b.Fields), uint64(b.Basis), uint64(len(b.Slaves))})
		for _, p := range b.Slaves {
			maphash.WriteComparable(h, p)
		}
	}
	if n := l.Learn; n != nil {
		maphash.WriteComparable(h, [...]uint64{uint64(n.Table), uint64(n.Priority), n.Cookie, uint64(n.Limit), uint64(len(n.Specs))})
		for i := range n.Specs {
			maphash.WriteComparable(h, n.Specs[i])
		}
	}
	hashActions(h, l.Actions)
}
