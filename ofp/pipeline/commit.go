package pipeline

import (
	"math/bits"

	"pollux/actions"
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
	x.commitVLAN()
	for b := x.dirty >> flow.StageL2 << flow.StageL2; b != 0; b &= b - 1 {
		w := bits.TrailingZeros64(b)
		for _, f := range headerFields[w] {
			x.commitField(f)
		}
	}
	x.dirty = 0
}

// commitField emits a set of f where written bits differ from what ops wrote
// before. A packet's own value never counts as known, even where the mask happens
// to cover it: the program is to depend on nothing but the rules that matched, as
// two sound masks of one decision may differ in bits that made no difference.
// So rewriting a field does not narrow the megaflow either.
func (x *xlate) commitField(f flow.Field) {
	written := f.GetMask(&x.konst)
	if written.IsZero() || !flow.Fields[f].Pre.Met(&x.key) {
		return
	}
	now, was := f.Get(&x.key), f.Get(&x.base)
	if written.AndNot(f.GetMask(&x.baseKonst).AndNot(now.Xor(was))).IsZero() {
		return
	}
	op := actions.Op{Code: actions.OpSet, Field: f, V: now.And(written), M: written}
	if flow.Fields[f].Pre == flow.PreIP && x.key.EthType() == etherTypeIPv6 {
		op.A = etherTypeIPv6 // for the program's text alone
	}
	x.emit(op)
	f.Set(&x.base, now.And(written).Or(was.AndNot(written)))
	f.OrMask(&x.baseKonst, written)
}
