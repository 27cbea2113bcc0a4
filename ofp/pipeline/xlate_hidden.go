package pipeline

import (
	"pollux/actions"
	"pollux/flow"
)

// hide marks a look at bits that the key does not have, to which q asks.
func (x *xlate) hide(q actions.Question) {
	if !x.lost && x.ask(q) {
		return
	}
	if x.tr != nil {
		x.tr.fail("what is asked for was under an MPLS label, and is not what actions wrote there, or no more than one type")
	}
	x.fail(actions.DropHidden)
}

// question is what shows the hidden bits of a packet of type typ, of whose labels as many as
// now are gone.
func (x *xlate) question(typ uint16) actions.Question {
	if isMPLS(typ) {
		return actions.Question{What: actions.AskLabels, Labels: x.popped}
	}
	return actions.Question{What: actions.AskHeaders, Labels: x.popped, Type: typ}
}

// reveal makes hidden bits known that have been asked for.
func (x *xlate) reveal() {
	if x.hidden.Map == 0 || x.lost || len(x.up.Asked) == 0 {
		return
	}
	q := x.question(x.key.EthType())
	a := x.answered(&q)
	switch {
	case a == nil:
	case a.What == actions.AskLabels:
		for i, at := range labelAt {
			h := x.hidden.W[at.w] >> at.shift & 0xffffffff
			if h == 0 {
				continue
			}
			from, shift := a.Label(i)
			x.show(at.w, h<<at.shift, x.up.Answers.W[from]>>shift<<at.shift)
			x.labels[i] = 3 + 3*a.Place + uint8(i)
		}
	default:
		for _, w := range belowL2[2:] {
			x.show(w, x.hidden.W[w], x.up.Answers.W[w])
		}
	}
}

// show makes hidden bits h of a word those of v.
func (x *xlate) show(w flow.Word, h, v uint64) {
	if h == 0 {
		return
	}
	x.key.Set(w, x.key.W[w]&^h|v&h)
	x.base.Set(w, x.base.W[w]&^h|v&h)
	x.hidden.Put(w, x.hidden.W[w]&^h)
}

// needLabels un-wildcards bits of a word of labels. They are neither constant nor hidden.
func (x *xlate) needLabels(w flow.Word, b uint64) {
	for i, own := range x.labels {
		part := b >> labelAt[i].shift & 0xffffffff
		switch {
		case labelAt[i].w != w || part == 0 || own == foreign:
		case own > 2:
			q := actions.Question{Place: own/3 - 1}
			from, shift := q.Label(int(own % 3))
			x.up.Mask.Or(from, part<<shift)
		default:
			x.up.Mask.Or(labelAt[own].w, part<<labelAt[own].shift)
		}
	}
}
