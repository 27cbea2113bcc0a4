package flow

import (
	"fmt"
	"strings"
)

// Format writes the match as ovs-ofctl does, in its order; ports, when not nil,
// gives names. ParseMatch reads it back. A match of every packet is "".
func (m *Match) Format(ports PortNames) string {
	f := matchFormatter{m: m, ports: ports, left: m.Mask}
	f.fields(PktMark, RecircID, ConjID, SkbPriority, ActsetOutput, CtState, CtZone, CtMark, CtLabel,
		CtNwSrc, CtIPv6Src, CtNwDst, CtIPv6Dst, CtNwProto, CtTpSrc, CtTpDst, PacketType)
	f.protocol()
	for r := Reg0; r <= Reg15; r++ {
		f.field(r)
	}
	f.fields(TunID, TunSrc, TunDst, TunIPv6Src, TunIPv6Dst, TunGBPID, TunGBPFlags, TunTOS, TunTTL, TunFlags,
		Metadata, InPort)
	f.vlan()
	f.fields(VlanTPID, VlanTCI2, VlanTPID2, EthSrc, EthDst, EthType)
	t := EthType.Get(&m.Key).Lo
	switch t {
	case etherIPv6:
		f.fields(IPv6Src, IPv6Dst, IPv6Label)
	case etherARP, etherRARP:
		f.fields(ARPSPA, ARPTPA, ARPOp, ARPSHA, ARPTHA)
	}
	f.fields(IPv4Src, IPv4Dst, IPProto, IPDSCP, IPECN, IPTTL,
		MPLSLabel, MPLSTC, MPLSTTL, MPLSBOS, IPFrag)
	proto := m.Key.NwProto()
	switch {
	case t == etherIPv4 && proto == protoICMP:
		f.fields(ICMPType, ICMPCode)
	case t == etherIPv6 && proto == protoICMPv6:
		f.fields(ICMPv6Type, ICMPv6Code, NDTarget, NDSLL, NDTLL, NDReserved, NDOptionsType)
	}
	f.fields(TCPSrc, TCPDst, TCPFlags, IPv6ExtHdr)
	return f.b.String()
}

// matchFormatter writes fields one by one and takes their bits from left, so
// that none is written twice.
type matchFormatter struct {
	m     *Match
	left  Mask
	ports PortNames
	b     strings.Builder
}

func (f *matchFormatter) put(format string, args ...any) {
	if f.b.Len() > 0 {
		f.b.WriteByte(',')
	}
	fmt.Fprintf(&f.b, format, args...)
}

// take removes the field from what is left to be written.
func (f *matchFormatter) take(fields ...Field) {
	for _, x := range fields {
		i := &Fields[x]
		if i.Bits == 128 {
			f.left.W[i.Word], f.left.W[i.Word+1] = 0, 0
			continue
		}
		f.left.W[i.Word] &^= ^uint64(0) >> (64 - i.Bits) << i.Shift
	}
}

func (f *matchFormatter) fields(list ...Field) {
	for _, x := range list {
		f.field(x)
	}
}

// field writes one field when the mask has bits of it.
func (f *matchFormatter) field(x Field) {
	mask := x.GetMask(&f.left)
	if mask.IsZero() {
		return
	}
	f.take(x)
	v := x.Get(&f.m.Key)
	name := Fields[x].Name
	switch x {
	case IPDSCP: // written as nw_tos, whose upper bits it is
		name, v.Lo, mask.Lo = "nw_tos", v.Lo<<2, mask.Lo<<2
		if mask.Lo == 0xfc {
			f.put("%s=%d", name, v.Lo)
			return
		}
	case ICMPv6Type:
		name = "icmp_type"
	case ICMPv6Code:
		name = "icmp_code"
	case TCPSrc:
		name = "tp_src"
	case TCPDst:
		name = "tp_dst"
	}
	f.put("%s=%s", name, matchValue(x, v, mask, f.ports))
}

// matchValue writes a value as matches have it, which is FormatValue's way but
// for numbers: fixed widths of some, and hexadecimal under a mask.
func matchValue(x Field, v, mask Value, ports PortNames) string {
	i := &Fields[x]
	exact := mask == x.Full()
	switch {
	case x == IPv6Label && exact:
		return fmt.Sprintf("0x%05x", v.Lo)
	case x == IPv6Label:
		return fmt.Sprintf("0x%05x/0x%05x", v.Lo, mask.Lo)
	case (x == EthType || x == VlanTPID || x == VlanTPID2 || x == VlanTCI2) && exact:
		return fmt.Sprintf("0x%04x", v.Lo)
	case x == VlanTCI2 || x == EthType || x == VlanTPID || x == VlanTPID2:
		return fmt.Sprintf("0x%04x/0x%04x", v.Lo, mask.Lo)
	case x == CtZone:
		return formatPlain(Decimal, v)
	case i.Format == Decimal && !exact:
		return fmt.Sprintf("0x%x/0x%x", v.Lo, mask.Lo)
	}
	return FormatValue(x, v, mask, ports)
}

// protocol writes the shorthand for the Ethernet type and the IP protocol.
func (f *matchFormatter) protocol() {
	if EthType.GetMask(&f.left) != EthType.Full() {
		return
	}
	t := uint16(EthType.Get(&f.m.Key).Lo)
	proto := -1
	if IPProto.GetMask(&f.left) == IPProto.Full() {
		proto = int(IPProto.Get(&f.m.Key).Lo)
	}
	best := ""
	for word, s := range shorthands {
		if s.ethType != t || word == "ip6" {
			continue
		}
		if s.proto >= 0 && s.proto == proto {
			best = word
			break
		}
		if s.proto < 0 {
			best = word
		}
	}
	if best == "" {
		return
	}
	f.put("%s", best)
	f.take(EthType)
	if shorthands[best].proto >= 0 {
		f.take(IPProto)
	}
}

// vlan writes the outer tag in the plainest way that says all of it.
func (f *matchFormatter) vlan() {
	mask := VlanTCI.GetMask(&f.left).Lo
	if mask == 0 {
		return
	}
	f.take(VlanTCI)
	tci := VlanTCI.Get(&f.m.Key).Lo
	const vidBits, pcpBits = 0xfff, 0xe000
	vid, pcp := mask&vidBits, mask&pcpBits
	if tci&mask&VlanCFI != 0 && (vid == 0 || vid == vidBits) && (pcp == 0 || pcp == pcpBits) && vid|pcp != 0 {
		if vid != 0 {
			f.put("dl_vlan=%d", tci&vidBits)
		}
		if pcp != 0 {
			f.put("dl_vlan_pcp=%d", tci>>13)
		}
		return
	}
	if mask == 0xffff {
		f.put("vlan_tci=0x%04x", tci)
		return
	}
	f.put("vlan_tci=0x%04x/0x%04x", tci, mask)
}
