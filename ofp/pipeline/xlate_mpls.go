package pipeline

import (
	"pollux/actions"
	"pollux/flow"
)

// # Labels
//
// The key shows the three topmost labels, of which fields name the top one, and of what is
// under labels nothing. So a pushed label takes the network header out of sight, and a popped
// one brings headers to light that the key never had. They are hidden bits of the working copy:
// zero in the key. Sending the packet, and writing to its headers, work as ever; who looks at
// them has the packet asked (xlate_ask.go), and the next translation reveals them where the label
// is popped. What an action writes is known without that. Whether something looks at hidden bits
// follows from what was looked at before, so that all packets of a megaflow ask or none does.
//
// Some cannot be asked for, and the translation fails with DropHidden: bytes that actions wrote
// as fields of one protocol and that a label popped to another type shows as those of another,
// and headers by two types at once.
//
// Pushing keeps what it hides, and popping that very label brings it back.
//
// Labels are pushed and popped by ops at once, not by comparison with the base: whoever
// goes back to an earlier working copy has the ops run on a copy of the packet (clone).

// maxLabels is how many labels actions may have pushed on top of a packet at once.
const maxLabels = 8

// belowL2 is the words that change when a label is pushed or popped.
var belowL2 = func() (words []flow.Word) {
	for w := flow.WMPLS; w < flow.NumWords; w++ {
		words = append(words, w)
	}
	return words
}()

const belowL2Map = (1<<flow.NumWords - 1) &^ (1<<flow.WMPLS - 1)

// labels is whose the labels are that the working copy shows, the top one first: 0 to 2 the
// packet's own, by their place in its key; from 3 on those of answers, three a Question.Place;
// others are constants or hidden.
type labels [3]uint8

// labelAt is where labels are in the key.
var labelAt = [...]struct {
	w     flow.Word
	shift uint
}{{flow.WMPLS, 32}, {flow.WMPLS, 0}, {flow.WMPLS2, 32}}

const foreign = 0xff

// layer is what a pushed label hides.
type layer struct {
	key, base        flow.Key
	konst, baseKonst flow.Mask
	hidden           flow.Mask
	labels           labels
	under            uint16
}

// setWord makes a word of the working copy and of the base v, with constant bits k and
// hidden bits h.
func (x *xlate) setWord(w flow.Word, v, k, h uint64) {
	x.key.Set(w, v)
	x.base.Set(w, v)
	x.konst.Put(w, k)
	x.baseKonst.Put(w, k)
	x.hidden.Put(w, h)
}

// setEthType makes the packet one of this type.
func (x *xlate) setEthType(typ uint16) {
	for _, k := range [...]*flow.Key{&x.key, &x.base} {
		flow.EthType.Set(k, flow.Value{Lo: uint64(typ)})
	}
	flow.EthType.OrMask(&x.konst, flow.EthType.Full())
	flow.EthType.OrMask(&x.baseKonst, flow.EthType.Full())
	x.written |= belowL2Map | 1<<flow.WEthDst
	x.dirty &^= belowL2Map
}

// pushMPLS pushes a label. It is a copy of the one under it. On others it is as ovs-actions(7)
// has it: label 0, but 2 on IPv6; the traffic class is the low bits of IP's DSCP, or 0; the TTL
// is IP's, or 64. (OpenFlow 1.5.1 section 5.8.1 has 0 there, and IP's TTL.)
func (x *xlate) pushMPLS(typ uint16) {
	lse := uint32(64) | 1<<8
	labelled := x.has(flow.MPLSLabel)
	switch {
	case labelled:
		x.need(flow.WMPLS, uint64(^uint32(1<<8))<<32)
		lse = uint32(x.key.W[flow.WMPLS]>>32) &^ (1 << 8)
	case flow.PreIP.Met(&x.key):
		x.needField(flow.IPTTL, flow.IPTTL.Full())
		x.needField(flow.IPDSCP, flow.Value{Lo: 7})
		if ttl := uint32(flow.IPTTL.Get(&x.key).Lo); ttl != 0 {
			lse = lse&^0xff | ttl
		}
		lse |= uint32(flow.IPDSCP.Get(&x.key).Lo&7) << 9
		if x.key.EthType() == etherTypeIPv6 {
			lse |= 2 << 12
		}
	}
	if x.failed != actions.DropNone {
		return
	}
	if len(x.layers) == maxLabels {
		if x.tr != nil {
			x.tr.fail("more than %d MPLS labels pushed", maxLabels)
		}
		x.fail(actions.DropTranslate)
		return
	}
	x.commit()
	x.layers = append(x.layers, layer{x.key, x.base, x.konst, x.baseKonst, x.hidden, x.labels, x.under})
	x.under = 0
	l := &x.layers[len(x.layers)-1]
	op := x.emit(actions.OpPushMPLS)
	op.A, op.B = uint32(typ), lse
	if labelled {
		x.setWord(flow.WMPLS2, l.key.W[flow.WMPLS]<<32, l.konst.W[flow.WMPLS]<<32, l.hidden.W[flow.WMPLS]<<32)
		x.setWord(flow.WMPLS, uint64(lse)<<32|l.key.W[flow.WMPLS]>>32,
			0xffffffff<<32|l.konst.W[flow.WMPLS]>>32, l.hidden.W[flow.WMPLS]>>32)
		x.labels = labels{foreign, l.labels[0], l.labels[1]}
	} else {
		x.setWord(flow.WMPLS, uint64(lse)<<32, ^uint64(0), 0)
		x.setWord(flow.WMPLS2, 0, ^uint64(0), 0)
		x.labels = labels{foreign, foreign, foreign}
		for _, w := range belowL2[2:] {
			x.setWord(w, 0, ^uint64(0), 0)
		}
	}
	x.setEthType(typ)
}

// popMPLS removes the top label if there is one; what it had above it has type typ.
func (x *xlate) popMPLS(typ uint16) {
	if !x.has(flow.MPLSLabel) {
		return
	}
	n := len(x.layers)
	if n == 0 && isMPLS(typ) {
		// Another label follows, unless this one says that it is the last: then it is as if the
		// payload were one.
		x.needField(flow.MPLSBOS, flow.MPLSBOS.Full())
	}
	if x.failed != actions.DropNone {
		return
	}
	bottom := !flow.MPLSBOS.Get(&x.key).IsZero()
	x.emit(actions.OpPopMPLS).A = uint32(typ)
	switch {
	case n > 0:
		l := &x.layers[n-1]
		x.layers = x.layers[:n-1]
		if was := l.key.EthType(); was != typ && !(isMPLS(was) && isMPLS(typ)) {
			x.lost = x.lost || x.wrote
			x.uncover(typ)
			break
		}
		for _, w := range belowL2 {
			x.key.Set(w, l.key.W[w])
			x.base.Set(w, l.base.W[w])
			x.konst.Put(w, l.konst.W[w])
			x.baseKonst.Put(w, l.baseKonst.W[w])
			x.hidden.Put(w, l.hidden.W[w])
		}
		x.labels, x.under = l.labels, l.under
	case isMPLS(typ) && !bottom:
		x.popped++
		two, more := x.key.W[flow.WMPLS], x.key.W[flow.WMPLS2]
		kTwo, kMore := x.konst.W[flow.WMPLS], x.konst.W[flow.WMPLS2]
		hTwo, hMore := x.hidden.W[flow.WMPLS], x.hidden.W[flow.WMPLS2]
		x.setWord(flow.WMPLS, two<<32|more>>32, kTwo<<32|kMore>>32, hTwo<<32|hMore>>32)
		x.setWord(flow.WMPLS2, 0, 0, ^uint64(0))
		x.labels = labels{x.labels[1], x.labels[2], foreign}
	default:
		ttl := x.under
		x.popped++
		x.lost = x.lost || ttl != 0 && typ != etherTypeIPv4 && typ != etherTypeIPv6
		x.uncover(typ)
		if ttl != 0 && (typ == etherTypeIPv4 || typ == etherTypeIPv6) {
			setBits(&x.key, &x.konst, &x.hidden, flow.IPTTL, ttl&0xff)
			setBits(&x.base, &x.baseKonst, &x.hidden, flow.IPTTL, ttl&0xff)
		}
	}
	x.setEthType(typ)
	x.reveal()
}

func isMPLS(typ uint16) bool { return typ == etherTypeMPLS || typ == etherTypeMPLSM }

// uncover makes the working copy that of a packet of type typ of which no more is known.
func (x *xlate) uncover(typ uint16) {
	x.labels, x.under = labels{foreign, foreign, foreign}, 0
	hidden := func(yes bool) (konst, hidden uint64) {
		if yes {
			return 0, ^uint64(0)
		}
		return ^uint64(0), 0
	}
	for _, w := range belowL2 {
		var k, h uint64
		switch w {
		case flow.WMPLS, flow.WMPLS2:
			k, h = hidden(isMPLS(typ))
		default:
			k, h = hidden(typ == etherTypeIPv4 || typ == etherTypeIPv6 || typ == etherTypeARP || typ == etherTypeRARP)
		}
		x.setWord(w, 0, k, h)
	}
}

// setBits makes a field a constant.
func setBits(k *flow.Key, konst, hidden *flow.Mask, f flow.Field, v uint16) {
	f.Set(k, flow.Value{Lo: uint64(v)})
	f.OrMask(konst, f.Full())
	w := flow.Fields[f].Word
	hidden.Put(w, hidden.W[w]&^konst.W[w])
}
