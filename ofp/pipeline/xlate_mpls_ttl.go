package pipeline

import (
	"pollux/actions"
	"pollux/flow"
)

const innerTTL = 0xff // of WMPLS: the TTL of the label under the top one

// copyTTLOut copies the TTL of the label or the IP header under the top label to that
// label. What else is under it has none.
func (x *xlate) copyTTLOut() {
	if !x.has(flow.MPLSTTL) {
		return
	}
	var ttl uint64
	switch l, labelled := x.below(); {
	case x.failed != actions.DropNone:
		return
	case labelled:
		x.need(flow.WMPLS, innerTTL)
		ttl = x.key.W[flow.WMPLS] & innerTTL
	case l == nil:
		if ttl = uint64(x.under & 0xff); x.under != 0 {
			break
		}
		q := actions.Question{What: actions.AskTTL, Labels: x.popped + 1}
		a := x.answered(&q)
		if a == nil || x.lost {
			x.hide(q)
			return
		}
		if x.noted(a, 1<<8) == 0 {
			return
		}
		ttl = x.noted(a, 0xff)
	case flow.PreIP.Met(&l.key):
		var m flow.Mask
		flow.IPTTL.OrMask(&m, flow.IPTTL.Full())
		b := m.W[flow.WIP] &^ l.konst.W[flow.WIP]
		if b&l.hidden.W[flow.WIP] != 0 {
			x.hide(x.question(l.key.EthType()))
			return
		}
		x.up.Mask.Or(flow.WIP, b)
		ttl = flow.IPTTL.Get(&l.key).Lo
	default:
		return
	}
	x.write(flow.MPLSTTL, flow.Value{Lo: ttl}, flow.MPLSTTL.Full())
}

// below says what is under the top label: another one, or what a pushed one hides, or, with
// neither, what the packet's own last label does.
func (x *xlate) below() (l *layer, labelled bool) {
	if n := len(x.layers); n > 0 {
		l = &x.layers[n-1]
		return l, isMPLS(l.key.EthType())
	}
	x.needField(flow.MPLSBOS, flow.MPLSBOS.Full())
	return nil, flow.MPLSBOS.Get(&x.key).IsZero()
}

// copyTTLIn copies the top label's TTL to the label or the IP header under it.
func (x *xlate) copyTTLIn() {
	if !x.has(flow.MPLSTTL) {
		return
	}
	x.needField(flow.MPLSTTL, flow.MPLSTTL.Full())
	l, labelled := x.below()
	if x.failed != actions.DropNone || l != nil && !labelled && !flow.PreIP.Met(&l.key) {
		return
	}
	x.commit()
	x.emit(actions.OpCopyTTLIn)
	ttl := uint16(flow.MPLSTTL.Get(&x.key).Lo)
	x.written |= 1 << flow.WMPLS
	f := flow.MPLSTTL
	switch {
	case labelled:
		w := flow.WMPLS
		x.setWord(w, x.key.W[w]&^innerTTL|uint64(ttl), x.konst.W[w]|innerTTL, x.hidden.W[w]&^innerTTL)
	case l != nil:
		f = flow.IPTTL
	default:
		x.under = 1<<8 | ttl
	}
	if l != nil {
		setBits(&l.key, &l.konst, &l.hidden, f, ttl)
		setBits(&l.base, &l.baseKonst, &l.hidden, f, ttl)
	}
}
