package pipeline

import (
	"math/bits"

	"pollux/flow"
)

// need un-wildcards bits of a word of the working copy that were looked at, as far
// as they are the packet's.
func (x *xlate) need(w flow.Word, b uint64) {
	if 1<<w&(shiftedWords|x.hidden.Map) != 0 {
		x.needShifted(w, b)
		return
	}
	x.up.Mask.Or(w, b&^x.konst.W[w])
}

// shiftedWords may show bits that are elsewhere in the packet's key: tags and labels.
const shiftedWords = 1<<flow.WVLAN | 1<<flow.WMPLS | 1<<flow.WMPLS2

// needShifted is need for words of which some bits may be hidden, or elsewhere.
func (x *xlate) needShifted(w flow.Word, b uint64) {
	if w == flow.WVLAN {
		x.needVLAN(b)
		return
	}
	b &^= x.konst.W[w]
	switch {
	case b&x.hidden.W[w] != 0:
		x.hide(x.question(x.key.EthType()))
	case w == flow.WMPLS || w == flow.WMPLS2:
		x.needLabels(w, b)
	default:
		x.up.Mask.Or(w, b)
	}
}

// needMask is need for every word of m.
func (x *xlate) needMask(m *flow.Mask) {
	for b := m.Map; b != 0; b &= b - 1 {
		w := flow.Word(bits.TrailingZeros64(b))
		x.need(w, m.W[w])
	}
}

// needField un-wildcards bits m of a field.
func (x *xlate) needField(f flow.Field, m flow.Value) {
	i := &flow.Fields[f]
	if i.Bits == 128 {
		x.need(i.Word, m.Hi)
		x.need(i.Word+1, m.Lo)
		return
	}
	x.need(i.Word, m.Lo<<i.Shift&inPlace[f])
}

// has says whether the packet has f now; that is looking at it.
func (x *xlate) has(f flow.Field) bool {
	p := flow.Fields[f].Pre
	return p == flow.PreNone || x.meets(p)
}

// meets says whether a prerequisite is met now; that is looking at the packet.
func (x *xlate) meets(p flow.Prereq) bool {
	x.needMask(&prereqMasks[p])
	return p.Met(&x.key)
}

// inPlace is, of each field that has at most 64 bits, where in its word these are.
var inPlace = func() (t [flow.NumFields]uint64) {
	for f := range flow.NumFields {
		if i := &flow.Fields[f]; i.Bits <= 64 {
			t[f] = ^uint64(0) >> (64 - i.Bits) << i.Shift
		}
	}
	return t
}()

// prereqMasks is what is looked at to find out whether a prerequisite is met.
var prereqMasks = func() (t [flow.NumPrereqs]flow.Mask) {
	for p := range flow.NumPrereqs {
		p.Mask(&t[p])
	}
	return t
}()
