package flow

import (
	"encoding/binary"

	"pollux/internal/packet"
)

// Types of Ethernet.
const (
	etherIPv4  = 0x0800
	etherARP   = 0x0806
	etherRARP  = 0x8035
	etherVLAN  = 0x8100
	etherIPv6  = 0x86dd
	etherMPLS  = 0x8847
	etherMPLSM = 0x8848
	etherQinQ  = 0x88a8

	// EthTypeMin is the lowest type; below it the field is an 802.3 length.
	EthTypeMin = 0x600
	// FrameTypeNone is the eth_type of a frame that has none (OpenFlow 1.0
	// OFP_DL_TYPE_NOT_ETH_TYPE).
	FrameTypeNone = 0x05ff
)

// IP protocols.
const (
	protoHopOpts  = 0
	protoICMP     = 1
	protoIGMP     = 2
	protoTCP      = 6
	protoUDP      = 17
	protoRouting  = 43
	protoFragment = 44
	protoESP      = 50
	protoAH       = 51
	protoICMPv6   = 58
	protoNone     = 59
	protoDstOpts  = 60
	protoSCTP     = 132
)

// parse reads any frame into k, whose packet words are clear, and returns the
// offsets.
func parse(f []byte, k *Key) (l25, l3, l4 uint16) {
	l25, l3, l4 = packet.None, packet.None, packet.None
	if len(f) < 14 {
		return
	}
	f = f[:min(len(f), packet.None-1)] // so that every offset fits
	dst := binary.BigEndian.Uint64(f)
	k.Set(WEthSrc, binary.BigEndian.Uint64(f[6:])&^0xffff)
	typ, o := parseVLAN(f, k)
	k.Set(WEthDst, dst&^0xffff|uint64(typ))
	if typ == etherMPLS || typ == etherMPLSM {
		l25 = uint16(o)
		return l25, uint16(parseMPLS(f, o, k)), l4
	}
	ok := true
	p := f[o:]
	switch typ {
	case etherIPv4:
		var at int
		if at, ok = parseIPv4(p, k); at != 0 {
			l4 = uint16(o + at)
		}
	case etherIPv6:
		var at int
		if at, ok = parseIPv6(p, k); at != 0 {
			l4 = uint16(o + at)
		}
	case etherARP, etherRARP:
		ok = parseARP(p, k)
	}
	if ok {
		l3 = uint16(o)
	}
	return
}

// parseVLAN reads up to two tags, then the type or the LLC and SNAP headers. It
// returns the type and where the payload starts.
func parseVLAN(f []byte, k *Key) (typ uint16, o int) {
	o = 12
	typ = binary.BigEndian.Uint16(f[o:])
	shift := 48
	var tags uint64
	for (typ == etherVLAN || typ == etherQinQ) && shift > 0 && len(f)-o >= 6 {
		tci := binary.BigEndian.Uint16(f[o+2:]) | VlanCFI
		tags |= (uint64(tci)<<16 | uint64(typ)) << (shift - 16)
		shift -= 32
		o += 4
		typ = binary.BigEndian.Uint16(f[o:])
	}
	if tags != 0 {
		k.Set(WVLAN, tags)
	}
	o += 2
	if typ >= EthTypeMin {
		return typ, o
	}
	// 802.3: DSAP, SSAP and control of SNAP, the organisation of Ethernet, a type.
	if len(f)-o < 8 || binary.BigEndian.Uint32(f[o:]) != 0xaaaa0300 || f[o+4] != 0 || f[o+5] != 0 {
		return FrameTypeNone, o
	}
	typ = binary.BigEndian.Uint16(f[o+6:])
	if typ < EthTypeMin {
		typ = FrameTypeNone
	}
	return typ, o + 8
}

// parseMPLS reads the label stack at o, of which the key holds the first three
// entries, and returns where it ends.
func parseMPLS(f []byte, o int, k *Key) int {
	for n := 0; len(f)-o >= 4; n++ {
		lse := binary.BigEndian.Uint32(f[o:])
		o += 4
		switch n {
		case 0:
			k.Set(WMPLS, uint64(lse)<<32)
		case 1:
			k.W[WMPLS] |= uint64(lse)
		case 2:
			k.Set(WMPLS2, uint64(lse)<<32)
		}
		if lse&0x100 != 0 {
			break
		}
	}
	return o
}

// parseARP reads ARP and RARP for IPv4 over Ethernet; ok is false for any other.
func parseARP(p []byte, k *Key) (ok bool) {
	if len(p) < 28 || binary.BigEndian.Uint32(p) != 1<<16|etherIPv4 || p[4] != 6 || p[5] != 4 {
		return false
	}
	op := uint64(binary.BigEndian.Uint16(p[6:]))
	if op > 0xff { // the key holds eight bits
		op = 0
	}
	k.Set(WIP, op<<56)
	spa := binary.BigEndian.Uint32(p[14:])
	tpa := binary.BigEndian.Uint32(p[24:])
	k.Set(WIPv4, uint64(spa)<<32|uint64(tpa))
	k.Set(WSHA, binary.BigEndian.Uint64(p[8:])&^0xffff)
	k.Set(WTHA, binary.BigEndian.Uint64(p[18:])&^0xffff)
	return true
}

// parseIPv4 reads an IPv4 header and what follows; ok is false when it is not
// whole. at is where in p the transport header is, 0 when there is none. As in
// OVS, the version nibble is not looked at and more than 255 bytes after the
// datagram's end mean that its length cannot be trusted.
func parseIPv4(p []byte, k *Key) (at int, ok bool) {
	if len(p) < 20 {
		return 0, false
	}
	hlen := int(p[0]&15) * 4
	total := int(binary.BigEndian.Uint16(p[2:]))
	if hlen < 20 || hlen > total || total > len(p) || len(p)-total > 255 {
		return 0, false
	}
	var frag uint64
	if fo := binary.BigEndian.Uint16(p[6:]); fo&0x3fff != 0 {
		frag = FragAny
		if fo&0x1fff != 0 {
			frag |= FragLater
		}
	}
	proto := p[9]
	k.Set(WIPv4, binary.BigEndian.Uint64(p[12:]))
	k.Set(WIP, uint64(proto)<<56|uint64(p[1])<<48|uint64(p[8])<<40|frag<<32)
	if frag&FragLater == 0 && parseL4(p[hlen:total], proto, k) {
		at = hlen
	}
	return at, true
}

// parseL4 reads the transport header at the start of p and says whether it is
// whole and of a protocol that the key knows.
func parseL4(p []byte, proto uint8, k *Key) bool {
	switch {
	case proto == protoTCP && len(p) >= 20:
		flags := uint64(binary.BigEndian.Uint16(p[12:]) & 0xfff)
		k.Set(WL4, k.W[WL4]|uint64(binary.BigEndian.Uint32(p))<<32|flags<<16)
	case proto == protoUDP && len(p) >= 8, proto == protoSCTP && len(p) >= 12:
		k.Set(WL4, k.W[WL4]|uint64(binary.BigEndian.Uint32(p))<<32)
	case (proto == protoICMP || proto == protoIGMP) && len(p) >= 8:
		k.Set(WL4, k.W[WL4]|uint64(p[0])<<48|uint64(p[1])<<32)
	case proto == protoICMPv6 && len(p) >= 8:
		k.Set(WL4, k.W[WL4]|uint64(p[0])<<48|uint64(p[1])<<32)
		if (p[0] == ndSol || p[0] == ndAdv) && p[1] == 0 {
			parseND(p, k)
		}
	default:
		return false
	}
	return true
}
