package pipeline

import (
	"math/bits"

	"pollux/actions"
	"pollux/flow"
)

// # Choices
//
// What is chosen by a hash of headers follows from all bits of them, so that a decision that had
// them in its mask would serve one flow. Instead the packet is asked which place it has
// (actions.AskChoice): a decision serves all flows that go the same way, and there are as many as
// places. The answer is about the packet's own headers, so it is asked for only while what is
// hashed is as it came in.

// choiceBy begins a choice by a hash, in scratch.
func (x *xlate) choiceBy(h actions.Hash) *actions.Choice {
	x.choice = actions.Choice{Hash: h, Places: x.choice.Places[:0]}
	return &x.choice
}

// chosen returns the place that the packet has in c, which is scratch; -1 if there is none to
// choose, or the translation ends to ask.
func (x *xlate) chosen(c *actions.Choice) int {
	if c.Links == 0 && len(c.Places) == 0 {
		return -1
	}
	if only, ok := c.Only(); ok {
		return only
	}
	if n, ok := x.asked(c); ok {
		return n
	}
	x.wild.Clear()
	c.Hash.Needs(&x.key, &x.wild)
	x.needMask(&x.wild)
	return c.Of(&x.key)
}

// asked returns what the packet answered to c, or -1 if the translation ends to ask it. It
// reports false where c is to be looked at here: what is hashed has been written, or the question is
// one too many. That the decision's mask has what is hashed anyway is no reason: a decision that
// stands over a change of tables may have another mask than one made now, and must not differ.
func (x *xlate) asked(c *actions.Choice) (n int, ok bool) {
	if !x.untouched(&c.Hash) {
		return 0, false
	}
	q := actions.Question{What: actions.AskChoice, Choice: c}
	if a := x.answered(&q); a != nil {
		return int(x.noted(a, 0xffff)), true
	}
	q.Choice = x.made.choice(c)
	return -1, x.ask(q)
}

// untouched says whether all that h may look at, in whatever packet of the decision, is as it
// came in. What a controller sends, or gives back, is decided about once, and is not asked.
func (x *xlate) untouched(h *actions.Hash) bool {
	if x.out {
		return false
	}
	x.wild.Clear()
	h.Might(&x.wild)
	if x.wild.Map&(1<<flow.StageL2-1) != 0 {
		return false // metadata, of which nothing comes in
	}
	for b := x.wild.Map; b != 0; b &= b - 1 {
		w := flow.Word(bits.TrailingZeros64(b))
		if x.wild.W[w]&(x.konst.W[w]|x.hidden.W[w]) != 0 {
			return false
		}
	}
	switch {
	case x.wild.Map&(1<<flow.WMPLS|1<<flow.WMPLS2) != 0 && (x.popped > 0 || len(x.layers) > 0):
		return false // other labels are in their place
	case x.wild.Map&(1<<flow.WVLAN) != 0 && x.vlan != (vlanStack{}):
		return false
	}
	return true
}

func (x *xlate) multipath(m *Multipath) {
	c := x.choiceBy(actions.Hash{Of: actions.HashOf(m.Fields), Basis: m.Basis})
	c.Links, c.Algorithm, c.Arg = uint32(m.MaxLink)+1, m.Algorithm, m.Arg
	link := x.chosen(c)
	if link < 0 {
		return
	}
	x.setField(m.Dst.Field, flow.Value{Lo: uint64(link)}.And(flow.Ones(uint(m.Dst.Bits))).Shl(uint(m.Dst.Lo)), m.Dst.mask())
}

// bundle chooses a member that is up, and outputs to it or writes its number, as OpenFlow 1.0
// has it, which is 0xffff (OFPP_NONE) if none is.
func (x *xlate) bundle(b *Bundle) {
	port := x.member(b)
	if x.failed != actions.DropNone {
		return
	}
	if b.Dst.Bits != 0 {
		x.setField(b.Dst.Field, flow.Value{Lo: uint64(port & 0xffff)}.And(flow.Ones(uint(b.Dst.Bits))).Shl(uint(b.Dst.Lo)), b.Dst.mask())
		return
	}
	if port == AnyPort {
		x.note(actions.DropPortDown)
		if x.tr != nil {
			x.tr.warn("no member is up")
		}
		return
	}
	x.output(port)
}

// member returns the member of a bundle that is for the packet, or AnyPort: there is none, or the
// translation ends to ask.
func (x *xlate) member(b *Bundle) uint32 {
	if !b.HRW {
		for _, p := range b.Slaves {
			if x.memberUp(p) {
				return p
			}
		}
		return AnyPort
	}
	c := x.choiceBy(actions.Hash{Of: actions.HashOf(b.Fields), Basis: b.Basis})
	for i, p := range b.Slaves {
		if x.memberUp(p) {
			c.Places = append(c.Places, actions.Place{ID: uint32(i), N: uint16(i), Weight: 1})
		}
	}
	if i := x.chosen(c); i >= 0 {
		return b.Slaves[i]
	}
	return AnyPort
}

// memberUp says whether a member can be output to.
func (x *xlate) memberUp(n uint32) bool {
	switch n {
	case flow.PortIn, flow.PortNormal, flow.PortFlood, flow.PortAll:
		return true
	}
	x.path.Uses.Port(n)
	p := x.snap.ports.get(n)
	return p != nil && p.canSend()
}
