package pipeline

import (
	"slices"

	"pollux/actions"
	"pollux/flow"
	"pollux/internal/packet"
	"pollux/pmd"
)

// questioned is a packet on the way to its decision, as a loop has it.
type questioned struct {
	own     *flow.Key
	frame   []byte
	asked   []actions.Question
	answers flow.Key
}

// upcall asks the tables.
func (p *questioned) upcall(s *Snapshot, commit bool) *pmd.Upcall {
	u := &pmd.Upcall{Key: p.own, Asked: p.asked, Answers: &p.answers, Thread: 0, Commit: commit}
	s.Translate(u)
	return u
}

// answer gives the answer to q.
func (p *questioned) answer(q *actions.Question) {
	l25, l3 := uint16(packet.None), uint16(packet.None)
	if !q.OfKey() {
		l25, l3 = headersAt(p.frame)
	}
	q.Answer(p.own, p.frame, l25, l3, &p.answers)
	p.asked = append(slices.Clip(p.asked), *q)
}

// settle translates until nothing is asked any more. The frame is not looked at where all that is
// asked follows from the key.
func settle(s *Snapshot, key *flow.Key, frame []byte, commit bool) (u *pmd.Upcall, asked int) {
	p := questioned{own: key, frame: frame}
	for u = p.upcall(s, commit); u.Program.Asks != nil; u = p.upcall(s, commit) {
		p.answer(u.Program.Asks)
	}
	return u, len(p.asked)
}

// apart returns the packet whose cache's key is k and that was asked the same as p.
func (p *questioned) apart(k flow.Key) *questioned {
	q := &questioned{own: &flow.Key{}, asked: p.asked}
	theirs := uint64(actions.AnswerMap)
	for i := range p.asked {
		if p.asked[i].What == actions.AskHeaders {
			theirs |= actions.HeadersMap
		}
	}
	for w := range flow.NumWords {
		switch {
		case k.W[w] == 0:
		case theirs>>w&1 != 0:
			q.answers.Set(w, k.W[w])
		default:
			q.own.Set(w, k.W[w])
		}
	}
	return q
}

// resumed translates a packet that a controller gives back as it was.
func resumed(s *Snapshot, frame []byte, p *actions.Punt) *pmd.Upcall {
	var meta flow.Key
	p.Key(&meta)
	key := extract(frame, &meta)
	q := questioned{own: &key, frame: frame}
	for {
		u := &pmd.Upcall{Key: &key, Asked: q.asked, Answers: &q.answers, Thread: 0}
		s.TranslateResumed(u, p.Frozen.(*Frozen))
		if u.Program.Asks == nil {
			return u
		}
		q.answer(u.Program.Asks)
	}
}

// resume has a packet go on that has paused.
func (w *world) resume(p *actions.Punt, frame []byte) []sent {
	prog := resumed(w.state.Snapshot(), frame, p).Program
	w.or.gaveUp = w.or.gaveUp || prog.Drop == actions.DropHidden
	return execute(prog, frame, w.resume)
}
