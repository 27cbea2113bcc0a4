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
		flow.EthDst, flow.EthSrc,
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

// commitField emits a set of f where written bits differ, or may differ, from the
// packet's. A packet's own value counts as known only if the mask covers it: for
// the program must be the same for all packets of the mask. It is not looked at
// for this, so that rewriting a field does not narrow the megaflow.
func (x *xlate) commitField(f flow.Field) {
	written := f.GetMask(&x.konst)
	if written.IsZero() || !flow.Fields[f].Pre.Met(&x.key) {
		return
	}
	now, was := f.Get(&x.key), f.Get(&x.base)
	known := f.GetMask(&x.baseKonst).Or(f.GetMask(&x.up.Mask))
	if written.AndNot(known.AndNot(now.Xor(was))).IsZero() {
		return
	}
	x.emit(actions.Op{Code: actions.OpSet, Field: f, V: now.And(written), M: written})
	f.Set(&x.base, now.And(written).Or(was.AndNot(written)))
	f.OrMask(&x.baseKonst, written)
}
