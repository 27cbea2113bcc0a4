package pmd

import (
	"pollux/actions"
	"pollux/classifier"
	"pollux/flow"
	"pollux/internal/packet"
)

// Some decisions are questions (actions.Question): what becomes of the packet depends on its
// length, or on headers that its key does not have. The packet is asked, and looked up again,
// with the answers in words of the key that it leaves empty, and the number of the list of all
// that was asked where a recirculation id would be. What is found there may be one more
// question. So packets that nobody asks cost nothing: a decision that asks is of no snapshot's
// generation, and is noticed where decisions of older ones are.
//
// Packets of one flow that differ in length may have different programs, and so overtake each
// other within a batch.

// Asks is a bit of Megaflow.Gen of decisions that ask. What they lead to is in Group.
const Asks = uint64(1) << 63

// askedOf returns the number of the list of questions whose answers k has; 0: none.
func askedOf(k *flow.Key) int32 { return int32(k.W[flow.WPort] >> 32) }

// Asked returns what packets of mf were asked before it was found. Only the loop's thread may
// call it; the list never changes.
func (l *Loop) Asked(mf *classifier.Megaflow) []actions.Question {
	return l.lists.questions(askedOf(&mf.Key))
}

// inquiry is the packets of a batch that were asked something, and scratch.
type inquiry struct {
	n     int                                   // there are so many
	first [packet.MaxBatch]*classifier.Megaflow // by packet: the decision that asked first

	answers flow.Key
	keys    [1]flow.Key // with answers
	found   [packet.MaxBatch]*classifier.Megaflow
	miss    [1]uint16
}

// forget ends a batch.
func (a *inquiry) forget() {
	if a.n > 0 {
		a.n = 0
		clear(a.first[:])
	}
}

// decide brings packet i's decision, which is of another generation than the snapshot in force,
// up to date, and if it asks, asks until there is one that decides.
func (l *Loop) decide(mf *classifier.Megaflow, i int) *classifier.Megaflow {
	s := l.subject(i)
	if mf = l.current(mf, &s); mf.Program.Asks == nil {
		return mf
	}
	a := &l.asking
	a.n++
	a.first[i] = mf
	a.answers.Clear()
	key := &a.keys[0]
	for mf.Program.Asks != nil {
		mf.Used = l.now
		number := mf.Group
		mf.Program.Asks.Answer(l.mem.Frame(l.batch.Desc[i]), l.batch.L25[i], l.batch.L3[i], &a.answers)
		key.CopyFrom(s.own)
		for w := range flow.NumWords {
			if a.answers.Map>>w&1 != 0 {
				key.Set(w, a.answers.W[w])
			}
		}
		key.Set(flow.WPort, uint64(number)<<32|s.own.W[flow.WPort])
		s.key, s.asked, s.answers = key, l.lists.questions(number), &a.answers
		l.stats.Asked++
		if miss := l.mega.Lookup(a.keys[:], identity[:1], &a.found, a.miss[:0]); len(miss) == 0 {
			mf = l.current(a.found[0], &s)
			continue
		}
		l.translate(&s)
		l.stats.AskedAnew++
		mf = l.install(&s, true)
	}
	return mf
}

// current returns mf, or what takes its place under the snapshot in force.
func (l *Loop) current(mf *classifier.Megaflow, s *subject) *classifier.Megaflow {
	if mf.Dead || mf.Gen&^Asks != l.snap.gen[b2i(mf.FDB)] {
		return l.revalidate(mf, s)
	}
	if l.cfg.Verify != 0 {
		return l.check(mf, s)
	}
	return mf
}

// lists are the lists of questions that decisions of a loop lead to or answer, by number. One
// that no decision uses is forgotten, so there are no more than decisions.
type lists struct {
	by   map[listKey]int32
	all  []list // 0 is the empty list
	free []int32
}

type listKey struct {
	before int32 // number of the list of all but the last
	last   actions.Question
}

type list struct {
	listKey
	questions []actions.Question
	refs      int
}

func newLists() lists {
	return lists{by: map[listKey]int32{}, all: make([]list, 1, roomy), free: make([]int32, 0, 4*roomy)}
}

// questions returns list n.
func (s *lists) questions(n int32) []actions.Question { return s.all[n].questions }

// hold counts one more user of list n.
func (s *lists) hold(n int32) {
	if n != 0 {
		s.all[n].refs++
	}
}

// next returns the number of list before with q added, counting one more user.
func (s *lists) next(before int32, q actions.Question) int32 {
	k := listKey{before, q}
	n, ok := s.by[k]
	if !ok {
		if last := len(s.free) - 1; last >= 0 {
			n = s.free[last]
			s.free = s.free[:last]
		} else {
			n = int32(len(s.all))
			s.all = append(s.all, list{})
		}
		of := s.all[before].questions
		s.all[n] = list{listKey: k, questions: append(of[:len(of):len(of)], q)}
		s.by[k] = n
		s.hold(before)
	}
	s.hold(n)
	return n
}

// drop takes one user off list n and forgets it with the last.
func (s *lists) drop(n int32) {
	for n != 0 {
		l := &s.all[n]
		if l.refs--; l.refs > 0 {
			return
		}
		before := l.before
		delete(s.by, l.listKey)
		*l = list{}
		s.free = append(s.free, n)
		n = before
	}
}
