package wire

import (
	"pollux/flow"
)

// EtherTypes that decide which fields a match has.
const (
	etherIPv4  = 0x0800
	etherARP   = 0x0806
	etherRARP  = 0x8035
	etherIPv6  = 0x86dd
	etherMPLS  = 0x8847
	etherMPLSM = 0x8848
)

// fieldWriter writes a match as a list of fields, prerequisites first, in the order that
// Open vSwitch has. left is the bits that are not written yet, so that none is twice.
type fieldWriter struct {
	b    []byte
	v    Version
	m    *flow.Match
	left flow.Mask
}

var (
	fieldsBefore = []flow.Field{flow.RecircID, flow.ConjID, flow.InPort, flow.ActsetOutput, flow.EthSrc, flow.EthDst, flow.EthType}
	fieldsMPLS   = []flow.Field{flow.MPLSTC, flow.MPLSBOS, flow.MPLSTTL, flow.MPLSLabel}
	fieldsTCP    = []flow.Field{flow.TCPSrc, flow.TCPDst, flow.TCPFlags}
	fieldsUDP    = []flow.Field{flow.UDPSrc, flow.UDPDst}
	fieldsSCTP   = []flow.Field{flow.SCTPSrc, flow.SCTPDst}
	fieldsARP    = []flow.Field{flow.ARPOp, flow.ARPSPA, flow.ARPTPA, flow.ARPSHA, flow.ARPTHA}
	fieldsTunnel = []flow.Field{flow.TunSrc, flow.TunDst, flow.TunIPv6Src, flow.TunIPv6Dst, flow.TunGBPID, flow.TunGBPFlags}
	fieldsAfter  = []flow.Field{
		flow.PktMark, flow.CtState, flow.CtZone, flow.CtMark, flow.CtLabel, flow.CtNwProto, flow.CtNwSrc, flow.CtNwDst,
		flow.CtIPv6Src, flow.CtIPv6Dst, flow.CtTpSrc, flow.CtTpDst, flow.Metadata,
	}
)

func (w *fieldWriter) write() []byte {
	w.fields(fieldsBefore)
	w.vlan()
	switch uint16(flow.EthType.Get(&w.m.Key).Lo) {
	case etherMPLS, etherMPLSM:
		w.fields(fieldsMPLS)
	case etherIPv4:
		w.field(flow.IPv4Src)
		w.field(flow.IPv4Dst)
		w.ip(1, flow.ICMPType, flow.ICMPCode)
	case etherIPv6:
		w.field(flow.IPv6Src)
		w.field(flow.IPv6Dst)
		w.ip(58, flow.ICMPv6Type, flow.ICMPv6Code)
	case etherARP, etherRARP:
		w.fields(fieldsARP)
	}
	w.field(flow.TunID)
	w.tunnelFlag()
	w.fields(fieldsTunnel)
	if w.v < V15 {
		for f := flow.Reg0; f <= flow.Reg15; f++ {
			w.field(f)
		}
	} else {
		for f := flow.XReg0; f <= flow.XReg7; f++ {
			w.field(f)
		}
	}
	w.fields(fieldsAfter)
	return w.b
}

func (w *fieldWriter) fields(list []flow.Field) {
	for _, f := range list {
		w.field(f)
	}
}

// field writes f when the match asks for bits of it.
func (w *fieldWriter) field(f flow.Field) {
	mask := f.GetMask(&w.left)
	if mask.IsZero() {
		return
	}
	w.take(f)
	w.b = AppendOXM(w.b, w.v, OXM{Field: f, Value: f.Get(&w.m.Key), Mask: mask})
}

// tunnelFlag writes the one flag of tunnels, by a mask of its bit as Open vSwitch does: the
// field has two bytes.
func (w *fieldWriter) tunnelFlag() {
	f := flow.TunFlags
	mask := f.GetMask(&w.left)
	if mask.IsZero() {
		return
	}
	w.take(f)
	t := tlvOf(f, w.v)
	w.b = appendBigEndian(t.appendHead(w.b, true), f.Get(&w.m.Key), t.bytes)
	w.b = appendBigEndian(w.b, mask, t.bytes)
}

// take marks f as written.
func (w *fieldWriter) take(f flow.Field) {
	i := &flow.Fields[f]
	if i.Bits == 128 {
		w.left.W[i.Word], w.left.W[i.Word+1] = 0, 0
		return
	}
	w.left.W[i.Word] &^= ^uint64(0) >> (64 - i.Bits) << i.Shift
}

// vlan writes what is asked of the outer tag. OXM tells VID and priority apart; what it
// can't say so, a part of the priority or a priority without a tag, goes as the whole TCI.
func (w *fieldWriter) vlan() {
	v, mask := flow.VlanTCI.Get(&w.m.Key).Lo, flow.VlanTCI.GetMask(&w.left).Lo
	if mask == 0 {
		return
	}
	w.take(flow.VlanTCI)
	pcp := mask >> 13
	if w.v == V10 || pcp != 0 && (pcp != 7 || v&flow.VlanCFI == 0) {
		if w.v == V10 && v == 0 && mask == vlanPresentMask {
			mask = 0xffff // no tag, as Open vSwitch says it
		}
		t := byHeader[tlvKey{class: flow.Fields[flow.VlanTCI].NXMClass, number: flow.Fields[flow.VlanTCI].NXMField}]
		w.b = t.appendValue(w.b, flow.Value{Lo: v}, flow.Value{Lo: mask})
		return
	}
	if vid := mask & vlanPresentMask; vid != 0 {
		w.b = AppendOXM(w.b, w.v, OXM{Field: flow.VlanVID, Value: flow.Value{Lo: v & vid}, Mask: flow.Value{Lo: vid}})
	}
	if pcp != 0 {
		w.b = AppendOXM(w.b, w.v, OXM{Field: flow.DlVlanPCP, Value: flow.Value{Lo: v >> 13}, Mask: flow.Value{Lo: pcp}})
	}
}

// ip writes what IPv4 and IPv6 have in common, and what is above them; icmp is the number
// of the protocol whose type and code follow.
func (w *fieldWriter) ip(icmp uint8, icmpType, icmpCode flow.Field) {
	w.field(flow.IPFrag)
	w.dscp()
	w.field(flow.IPECN)
	w.field(flow.IPTTL)
	if icmp == 58 {
		w.field(flow.IPv6Label)
		w.field(flow.IPv6ExtHdr)
	}
	if flow.IPProto.GetMask(&w.m.Mask) != flow.IPProto.Full() {
		w.field(flow.IPProto)
		return
	}
	w.field(flow.IPProto)
	switch w.m.Key.NwProto() {
	case 6:
		w.fields(fieldsTCP)
	case 17:
		w.fields(fieldsUDP)
	case 132:
		w.fields(fieldsSCTP)
	case icmp:
		w.field(icmpType)
		w.field(icmpCode)
		if icmp == 58 {
			w.neighbour()
		}
	}
}

// neighbour writes the fields of neighbour discovery that the type has.
func (w *fieldWriter) neighbour() {
	for _, f := range []flow.Field{flow.NDReserved, flow.NDTarget, flow.NDOptionsType, flow.NDSLL, flow.NDTLL} {
		if flow.Prereqs(f, &w.m.Key, &w.m.Mask) == nil {
			w.field(f)
		}
	}
}

// dscp writes the upper six bits of the traffic class, which NXM has as bits 2 to 7.
func (w *fieldWriter) dscp() {
	f := flow.IPDSCP
	if w.v == V10 {
		f = flow.IPTOS
	}
	mask := flow.IPDSCP.GetMask(&w.left)
	if mask.IsZero() {
		return
	}
	w.take(flow.IPDSCP)
	v := flow.IPDSCP.Get(&w.m.Key)
	if f == flow.IPTOS {
		v.Lo <<= 2
	}
	w.b = AppendOXM(w.b, w.v, OXM{Field: f, Value: v, Mask: f.Full()})
}
