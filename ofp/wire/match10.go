package wire

import (
	"encoding/binary"
	"math/bits"

	"pollux/flow"
)

// match10Len is the length of the match of OpenFlow 1.0 (struct ofp_match, section 5.2.3).
const match10Len = 40

// Wildcards of the match of 1.0 (enum ofp_flow_wildcards): a set bit leaves a field out; of
// addresses it is the number of low bits that are left out, 32 and more: all.
const (
	wildInPort  = 1 << 0
	wildVLAN    = 1 << 1
	wildEthSrc  = 1 << 2
	wildEthDst  = 1 << 3
	wildEthType = 1 << 4
	wildProto   = 1 << 5
	wildTpSrc   = 1 << 6
	wildTpDst   = 1 << 7
	wildPCP     = 1 << 20
	wildTOS     = 1 << 21
	wildAll     = 1<<22 - 1

	wildNwSrcShift = 8
	wildNwDstShift = 14

	vlanNone10 = 0xffff // OFP_VLAN_NONE: a packet without a tag
)

// parseMatch10 reads the match of 1.0, and says whether every field is asked for. What the
// packet can't have by the rest of the match is left out, as Open vSwitch does: 1.0 has no
// error for it.
func parseMatch10(b []byte) (m flow.Match, exact bool) {
	wild := binary.BigEndian.Uint32(b)
	exact = wild&wildAll == 0
	set := func(bit uint32, f flow.Field, v uint64) {
		if wild&bit == 0 {
			m.SetMasked(f, flow.Value{Lo: v}, f.Full())
		}
	}
	set(wildInPort, flow.InPort, uint64(from10(binary.BigEndian.Uint16(b[4:]))))
	set(wildEthSrc, flow.EthSrc, bigEndian(b[6:12]).Lo)
	set(wildEthDst, flow.EthDst, bigEndian(b[12:18]).Lo)
	set(wildEthType, flow.EthType, uint64(binary.BigEndian.Uint16(b[22:])))
	vlan10(&m, wild, binary.BigEndian.Uint16(b[18:]), b[20])
	if wild&wildEthType != 0 {
		return m, exact
	}
	t := binary.BigEndian.Uint16(b[22:])
	ip := t == etherIPv4 || t == etherIPv6
	arp := t == etherARP || t == etherRARP
	if ip {
		set(wildTOS, flow.IPDSCP, uint64(b[24]>>2))
	}
	if ip || arp {
		set(wildProto, flow.IPProto, uint64(b[25]))
	}
	if t == etherIPv4 || arp {
		address10(&m, flow.IPv4Src, wild>>wildNwSrcShift, binary.BigEndian.Uint32(b[28:]))
		address10(&m, flow.IPv4Dst, wild>>wildNwDstShift, binary.BigEndian.Uint32(b[32:]))
	}
	if !ip || wild&wildProto != 0 {
		return m, exact
	}
	src, dst := binary.BigEndian.Uint16(b[36:]), binary.BigEndian.Uint16(b[38:])
	switch proto := b[25]; {
	case proto == 6 || proto == 17 || proto == 132:
		set(wildTpSrc, flow.TCPSrc, uint64(src))
		set(wildTpDst, flow.TCPDst, uint64(dst))
	case proto == 1 && t == etherIPv4 || proto == 58 && t == etherIPv6:
		// A type above 255 is one that no packet has; all 16 bits are compared.
		set(wildTpSrc, flow.TCPSrc, uint64(src))
		set(wildTpDst, flow.TCPDst, uint64(dst))
		narrowICMP(&m)
	}
	return m, exact
}

// narrowICMP keeps to the eight bits that type and code have, where the others are 0.
func narrowICMP(m *flow.Match) {
	for _, f := range [2][2]flow.Field{{flow.TCPSrc, flow.ICMPType}, {flow.TCPDst, flow.ICMPCode}} {
		if wide, narrow := f[0], f[1]; !wide.GetMask(&m.Mask).IsZero() && wide.Get(&m.Key).Lo < 256 {
			i := &flow.Fields[wide]
			m.Mask.W[i.Word] &^= ^uint64(0) >> (64 - i.Bits) << i.Shift
			narrow.OrMask(&m.Mask, narrow.Full())
		}
	}
}

// vlan10 reads what is asked of the tag.
func vlan10(m *flow.Match, wild uint32, vid uint16, pcp uint8) {
	var v, mask uint64
	switch {
	case wild&wildVLAN == 0 && vid == vlanNone10:
		mask = vlanPresentMask // whatever is said of a priority
	default:
		if wild&wildVLAN == 0 {
			v, mask = v|uint64(vid&0xfff)|flow.VlanCFI, mask|vlanPresentMask
		}
		if wild&wildPCP == 0 {
			v, mask = v|uint64(pcp&7)<<13|flow.VlanCFI, mask|0xe000|flow.VlanCFI
		}
	}
	if mask != 0 {
		m.SetMasked(flow.VlanTCI, flow.Value{Lo: v}, flow.Value{Lo: mask})
	}
}

func address10(m *flow.Match, f flow.Field, wild, addr uint32) {
	n := wild & 0x3f
	if n >= 32 {
		return
	}
	m.SetMasked(f, flow.Value{Lo: uint64(addr)}, flow.Value{Lo: uint64(^uint32(0) << n)})
}

// appendMatch10 appends the match as far as 1.0 can say it.
func appendMatch10(b []byte, m *flow.Match) []byte {
	wild := uint32(wildAll)
	get := func(bit uint32, f flow.Field) uint64 {
		if mask := f.GetMask(&m.Mask); mask.IsZero() || mask != f.Full() {
			return 0
		}
		wild &^= bit
		return f.Get(&m.Key).Lo
	}
	at := len(b)
	b = zeros(b, 4)
	inPort, ok := PortNumber(get(wildInPort, flow.InPort)).port10()
	if !ok {
		wild |= wildInPort
		inPort = 0
	}
	b = binary.BigEndian.AppendUint16(b, inPort)
	b = appendBigEndian(b, flow.Value{Lo: get(wildEthSrc, flow.EthSrc)}, 6)
	b = appendBigEndian(b, flow.Value{Lo: get(wildEthDst, flow.EthDst)}, 6)
	vid, pcp := vlanTo10(m, &wild)
	b = append(binary.BigEndian.AppendUint16(b, vid), pcp, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(get(wildEthType, flow.EthType)))
	b = append(b, byte(get(wildTOS, flow.IPDSCP)<<2), byte(get(wildProto, flow.IPProto)), 0, 0)
	for _, a := range []struct {
		f     flow.Field
		shift uint
	}{{flow.IPv4Src, wildNwSrcShift}, {flow.IPv4Dst, wildNwDstShift}} {
		mask := uint32(a.f.GetMask(&m.Mask).Lo)
		n := uint32(32)
		if mask != 0 {
			n = uint32(bits.TrailingZeros32(mask))
		}
		wild = wild&^(0x3f<<a.shift) | n<<a.shift
		b = binary.BigEndian.AppendUint32(b, uint32(a.f.Get(&m.Key).Lo))
	}
	for i, f := range [2]flow.Field{flow.TCPSrc, flow.TCPDst} {
		if proto := m.Key.NwProto(); f.GetMask(&m.Mask).Lo == 0xff && (proto == 1 || proto == 58) {
			f = [2]flow.Field{flow.ICMPType, flow.ICMPCode}[i]
		}
		b = binary.BigEndian.AppendUint16(b, uint16(get(wildTpSrc<<i, f)))
	}
	binary.BigEndian.PutUint32(b[at:], wild)
	return b
}

// vlanTo10 returns VID and priority of the match and clears their wildcards.
func vlanTo10(m *flow.Match, wild *uint32) (vid uint16, pcp uint8) {
	v, mask := uint16(flow.VlanTCI.Get(&m.Key).Lo), uint16(flow.VlanTCI.GetMask(&m.Mask).Lo)
	if mask&flow.VlanCFI == 0 {
		return 0, 0
	}
	if v&flow.VlanCFI == 0 {
		*wild &^= wildVLAN | wildPCP
		return vlanNone10, 0
	}
	if mask&0xfff == 0xfff {
		*wild &^= wildVLAN
		vid = v & 0xfff
	}
	if mask>>13 == 7 {
		*wild &^= wildPCP
		pcp = uint8(v >> 13)
	}
	return vid, pcp
}
