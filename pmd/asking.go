package pmd

import (
	"math/bits"

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
// What follows from the key alone (Question.OfKey) is asked once of a flow that the exact cache
// keeps: that remembers what was found with the answers. Where such a decision is out of date the
// flow is looked up anew by its own key, as what is asked of it may have changed.
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
	first [packet.MaxBatch]*classifier.Megaflow // by packet: what serves all with its key

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

// serves notes what serves all packets with packet i's key.
func (a *inquiry) serves(i int, mf *classifier.Megaflow) {
	a.first[i] = mf
	a.n++
}

// decide brings packet i's decision, which is of another generation than the snapshot in force,
// up to date, and if it asks, asks until there is one that decides.
func (l *Loop) decide(mf *classifier.Megaflow, i int) *classifier.Megaflow {
	a, s, had := &l.asking, l.subject(i), mf
	switch {
	case askedOf(&mf.Key) == 0:
		mf = l.current(mf, &s)
	case !mf.Dead && l.cfg.Verify == 0 && mf.Gen&^Asks == l.snap.gen[b2i(mf.FDB)]:
		s = l.subjectOf(mf, i)
	default:
		if mf = l.mega.Find(s.key); mf != nil {
			mf = l.current(mf, &s)
		} else {
			l.translate(&s)
			l.stats.Revalidated++
			mf = l.install(&s, true)
		}
		a.serves(i, mf)
	}
	if mf.Program.Asks == nil {
		l.keep(i, had)
		return mf
	}
	if s.answers == nil {
		a.serves(i, mf)
		a.answers.Clear()
	}
	ofKey := true
	for mf.Program.Asks != nil {
		mf.Used = l.now
		q := mf.Program.Asks
		l.lists.answer(mf.Group, q, s.own, l.mem.Frame(l.batch.Desc[i]), l.batch.L25[i], l.batch.L3[i], &a.answers)
		l.withAnswers(&s, mf.Group)
		l.stats.Asked++
		mf = l.found(&s, l.lists.guess(mf.Group, q, &a.answers))
		if ofKey = ofKey && q.OfKey(); ofKey && a.first[i] != nil {
			a.first[i] = mf
		}
	}
	l.keep(i, had)
	return mf
}

// keep has the exact cache know anew the key of packet i, for which it had a decision, if another
// serves all packets with that key by now. A decision that stays in its place and has come to ask is
// no other: what was found with the answers is.
func (l *Loop) keep(i int, had *classifier.Megaflow) {
	first := l.asking.first[i]
	if first != nil && first != had && !l.passBy.off && l.slots[i] >= 0 {
		l.again = append(l.again, uint16(i))
	}
}

// found returns the decision about s, which is known by answers. guess may have been it the last time.
func (l *Loop) found(s *subject, guess *classifier.Ref) *classifier.Megaflow {
	a := &l.asking
	if mf := guess.Live(); mf != nil && mf.Mask.Match(s.key, &mf.Key) {
		return l.current(mf, s)
	}
	if miss := l.mega.Lookup(a.keys[:], identity[:1], &a.found, a.miss[:0]); len(miss) == 0 {
		*guess = a.found[0].Ref()
		return l.current(a.found[0], s)
	}
	l.translate(s)
	l.stats.AskedAnew++
	return l.install(s, true)
}

// withAnswers makes s one that has answered list number, as it stands in l.asking.
func (l *Loop) withAnswers(s *subject, number int32) {
	a := &l.asking
	key := &a.keys[0]
	key.CopyFrom(s.own)
	for b := a.answers.Map; b != 0; b &= b - 1 {
		w := flow.Word(bits.TrailingZeros64(b))
		key.Set(w, a.answers.W[w])
	}
	key.Set(flow.WPort, uint64(number)<<32|s.own.W[flow.WPort])
	s.key, s.asked, s.answers = key, l.lists.questions(number), &a.answers
}

// subjectOf returns packet i, whose decision mf the exact cache has: what has been asked of it
// follows from its key.
func (l *Loop) subjectOf(mf *classifier.Megaflow, i int) subject {
	s := l.subject(i)
	number := askedOf(&mf.Key)
	if number == 0 {
		return s
	}
	l.asking.answers.Clear()
	for n := number; n != 0; n = l.lists.all[n].before {
		l.lists.answer(n, &l.lists.all[n].last, s.own, nil, packet.None, packet.None, &l.asking.answers)
	}
	l.withAnswers(&s, number)
	return s
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

	places places
}

type listKey struct {
	before int32 // number of the list of all but the last
	last   actions.Question
}

type list struct {
	listKey
	questions []actions.Question
	refs      int
	serial    uint32                   // by which places are remembered; 0: they are not
	found     *[guesses]classifier.Ref // by the last answer's low bits: what was found with one of them
}

// guesses is how many decisions a list remembers. What is guessed right costs no look-up, 60 to 100 ns
// of the 280 of a packet that is asked by hash.
const guesses = 16

// guess returns where list n remembers what may serve packets with these answers, the last of which
// is that to q.
func (s *lists) guess(n int32, q *actions.Question, answers *flow.Key) *classifier.Ref {
	w, shift := q.Note()
	return &s.all[n].found[answers.W[w]>>shift%guesses]
}

func newLists() lists {
	return lists{by: map[listKey]int32{}, all: make([]list, 1, roomy), free: make([]int32, 0, 4*roomy), places: newPlaces()}
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
		s.all[n] = list{listKey: k, questions: append(of[:len(of):len(of)], q), found: new([guesses]classifier.Ref)}
		s.number(&s.all[n])
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
