package pipeline

import (
	"math/bits"

	"pollux/flow"
)

// headerFields lists, for each word, the fields by which its bits are written to a
// packet. VLAN tags have their own way (commitVLAN).
var headerFields = func() (t [flow.NumWords][]flow.Field) {
	for _, f := range []flow.Field{
		flow.EthDst, flow.EthSrc, flow.MPLSLabel, flow.MPLSTC, flow.MPLSTTL,
		flow.IPv4Src, flow.IPv4Dst, flow.ARPSPA, flow.ARPTPA,
		flow.IPTOS, flow.IPTTL, flow.IPv6Label, flow.ARPOp,
		flow.IPv6Src, flow.IPv6Dst,
		flow.NDTarget, flow.ARPSHA, flow.NDSLL, flow.ARPTHA, flow.NDTLL,
		flow.TCPSrc, flow.TCPDst, flow.UDPSrc, flow.UDPDst, flow.SCTPSrc, flow.SCTPDst,
		flow.ICMPType, flow.ICMPCode, flow.ICMPv6Type, flow.ICMPv6Code,
		flow.NDReserved, flow.NDOptionsType,
	} {
		w := flow.Fields[f].Word
		t[w] = append(t[w], f)
	}
	return t
}()

// commit emits the difference between the base and the working copy's headers and
// makes them one.
func (x *xlate) commit() {
	if x.dirty == 0 {
		return
	}
	if x.dirty>>flow.WVLAN&1 != 0 {
		x.commitVLAN()
	}
	for b := x.dirty >> flow.StageL2 << flow.StageL2; b != 0; b &= b - 1 {
		w := flow.Word(bits.TrailingZeros64(b))
		for _, f := range headerFields[w] {
			if x.news(w)&inPlace[f] != 0 || flow.Fields[f].Bits == 128 && x.news(w)|x.news(w+1) != 0 {
				x.commitField(f)
			}
		}
	}
	x.dirty = 0
}

// news is the bits of a word that actions wrote and that ops so far have not written alike.
func (x *xlate) news(w flow.Word) uint64 {
	return x.konst.W[w] &^ (x.baseKonst.W[w] &^ (x.key.W[w] ^ x.base.W[w]))
}

// commitField emits a set of f where written bits differ from what ops wrote
// before. A packet's own value never counts as known, even where the mask happens
// to cover it: the program is to depend on nothing but the rules that matched, as
// two sound masks of one decision may differ in bits that made no difference.
// So rewriting a field does not narrow the megaflow either.
func (x *xlate) commitField(f flow.Field) {
	i := &flow.Fields[f]
	if !i.Pre.Met(&x.key) {
		return
	}
	var v, m flow.Value
	if i.Bits == 128 {
		m.Hi, m.Lo = x.settle(i.Word, x.konst.W[i.Word]), x.settle(i.Word+1, x.konst.W[i.Word+1])
		v.Hi, v.Lo = x.key.W[i.Word]&m.Hi, x.key.W[i.Word+1]&m.Lo
	} else {
		b := x.settle(i.Word, x.konst.W[i.Word]&inPlace[f])
		v.Lo, m.Lo = x.key.W[i.Word]&b>>i.Shift, b>>i.Shift
	}
	op := x.emitSet(f, v, m)
	if i.Pre == flow.PreIP && x.key.EthType() == etherTypeIPv6 {
		op.A = etherTypeIPv6 // for the program's text alone
	}
}

// settle makes bits of a word in the base what they are in the working copy, and returns them.
func (x *xlate) settle(w flow.Word, b uint64) uint64 {
	x.base.Set(w, x.base.W[w]&^b|x.key.W[w]&b)
	x.baseKonst.Or(w, b)
	return b
}
