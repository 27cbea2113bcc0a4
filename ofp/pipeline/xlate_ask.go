package pipeline

import (
	"pollux/actions"
	"pollux/flow"
)

// # Questions
//
// What a packet's key does not have, its bytes may: its length, and the headers under labels
// that actions have popped. Where a translation comes to need that it ends, and its answer is a
// question (actions.Question). The packet is asked, and translated again from the start with
// the answer at hand, until all is known. Nothing has been done to the packet meanwhile: the
// answer says what the packet will be like at that point of the program, as far as no action has
// written there, and what was written is constant. So a decision is one program, one mask and
// one credit, however much was asked, where Open vSwitch recirculates.
//
// What was asked follows from bits of the mask, and answers are looked at bit by bit as headers
// are. So two packets that agree on a mask, and were asked the same, have one decision.

// ask asks, unless it was asked already, and ends the translation. It reports false where the
// question is one too many.
func (x *xlate) ask(q actions.Question) bool {
	notes := uint8(0)
	for i := range x.up.Asked {
		a := &x.up.Asked[i]
		switch {
		case a.What == actions.AskLength || a.What == actions.AskTTL:
			notes++
			if q.What == actions.AskLength || q.What == actions.AskTTL {
				q.Place = notes
			}
		case a.What == q.What:
			q.Place++
		}
	}
	switch most := [...]uint8{
		actions.AskLength: actions.MaxNotes, actions.AskTTL: actions.MaxNotes, actions.AskLabels: actions.MaxLabels, actions.AskHeaders: 1,
		actions.AskChoice: actions.MaxChoices,
	}; {
	case q.Place >= most[q.What]:
		return false
	case x.answered(&q) != nil:
		return false
	case q.What == actions.AskHeaders && !isMPLS(x.up.Key.EthType()):
		return false // the answer's place in the key is taken
	}
	if x.failed == actions.DropNone {
		x.asks = q
	}
	x.fail(actions.DropHidden)
	return true
}

// answered returns the question that has been asked and is the same as q, or nil.
func (x *xlate) answered(q *actions.Question) *actions.Question {
	for i := range x.up.Asked {
		if a := &x.up.Asked[i]; a.Same(q) {
			return a
		}
	}
	return nil
}

// noted returns bits m of the answer to q, which is in a note, and looks at them.
func (x *xlate) noted(q *actions.Question, m uint64) uint64 {
	w, shift := q.Note()
	x.up.Mask.Or(w, m<<shift)
	return x.up.Answers.W[w] >> shift & m
}

// checkLarger is check_pkt_larger: whether the packet, as it is now, has more than n bytes.
func (x *xlate) checkLarger(n int, dst Subfield) {
	x.commit() // tags count
	larger := uint64(0)
	switch most := n - x.grown; {
	case most < 0:
		larger = 1
	default:
		q := actions.Question{What: actions.AskLength, Length: uint32(most)}
		a := x.answered(&q)
		if a == nil {
			if !x.ask(q) {
				if x.tr != nil {
					x.tr.fail("more than %d lengths are asked for", actions.MaxNotes)
				}
				x.fail(actions.DropTranslate)
			}
			return
		}
		larger = x.noted(a, 1)
	}
	if x.tr != nil {
		x.tr.detail("%s is %d", dst, larger)
	}
	x.setField(dst.Field, flow.Value{Lo: larger}.Shl(uint(dst.Lo)), dst.mask())
}
