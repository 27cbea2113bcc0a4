package actions

import (
	"encoding/binary"

	"pollux/internal/packet"
)

// Types and protocols of the wire.
const (
	typeIPv4  = 0x0800
	typeARP   = 0x0806
	typeRARP  = 0x8035
	typeVLAN  = 0x8100
	typeIPv6  = 0x86dd
	typeMPLS  = 0x8847
	typeMPLSM = 0x8848
	typeQinQ  = 0x88a8

	protoHopOpts  = 0
	protoICMP     = 1
	protoTCP      = 6
	protoUDP      = 17
	protoRouting  = 43
	protoFragment = 44
	protoAH       = 51
	protoICMPv6   = 58
	protoDstOpts  = 60
	protoSCTP     = 132
	protoAbsent   = 255 // reserved by IANA: here, no transport header
)

// The byte orders of the wire: all of it, and SCTP's checksum.
var (
	be = binary.BigEndian
	le = binary.LittleEndian
)

// typeOffset returns where the EtherType that follows up to two VLAN tags is, as
// the key's eth_type counts them; f has at least 14 bytes.
func typeOffset(f []byte) int {
	o := 12
	for o < 20 && len(f) >= o+6 && isTag(be.Uint16(f[o:])) {
		o += 4
	}
	return o
}

func isTag(typ uint16) bool { return typ == typeVLAN || typ == typeQinQ }

// network returns the frame of packet i from its network header on and the
// EtherType before that, 0 when there is none or labels are in front. The extractor
// gives L3 only to whole headers.
func (e *Exec) network(b *packet.Batch, i uint16) (p []byte, typ uint16) {
	i &= packet.MaxBatch - 1
	d, l3 := &b.Desc[i], uint32(b.L3[i])
	if l3 < 14 || l3+20 > d.Len || b.L25[i] != packet.None {
		return nil, 0
	}
	p = e.Mem.Buf[d.Addr+uint64(l3)-2 : d.Addr+uint64(d.Len)]
	return p[2:], be.Uint16(p)
}

// transport returns packet i from its transport header to the end of its IP
// packet and the protocol, protoAbsent when it has none: the extractor gives L4 only
// to whole headers.
func (e *Exec) transport(b *packet.Batch, i uint16) (p []byte, proto uint8) {
	l3, l4 := int(b.L3[i]), int(b.L4[i])
	if l4 == packet.None {
		return nil, protoAbsent
	}
	n, typ := e.network(b, i)
	return payload(n, typ, l4-l3)
}

// payload is transport for the IP packet n, whose transport header is at byte at.
func payload(n []byte, typ uint16, at int) (p []byte, proto uint8) {
	var end int
	switch typ {
	case typeIPv4:
		proto, end = n[9], int(be.Uint16(n[2:]))
	case typeIPv6:
		proto, end = n[6], 40+int(be.Uint16(n[4:]))
		if at != 40 {
			proto = lastProto(n, at)
		}
	default:
		return nil, protoAbsent
	}
	if at < 20 || end < at || end > len(n) {
		return nil, protoAbsent
	}
	if proto == protoICMP && typ == typeIPv6 || proto == protoICMPv6 && typ == typeIPv4 {
		return nil, protoAbsent // each has its own IP version
	}
	p = n[at:end]
	if len(p) < int(minTransport[proto]) || minTransport[proto] == 0 {
		return nil, protoAbsent
	}
	return p, proto
}

// minTransport is the least length of a transport header that steps may write, 0
// for protocols they know nothing of.
var minTransport = [256]uint8{protoICMP: 8, protoTCP: 20, protoUDP: 8, protoICMPv6: 8, protoSCTP: 12}

// lastProto walks the extension headers of the IPv6 packet n up to byte end and
// returns the protocol of what is there.
func lastProto(n []byte, end int) uint8 {
	proto, o := n[6], 40
	for o < end && o+8 <= len(n) {
		next := n[o]
		switch proto {
		case protoHopOpts, protoRouting, protoDstOpts:
			o += (int(n[o+1]) + 1) * 8
		case protoAH:
			o += (int(n[o+1]) + 2) * 4
		case protoFragment:
			o += 8
		default:
			return protoAbsent
		}
		proto = next
	}
	if o != end {
		return protoAbsent
	}
	return proto
}

// routed says whether the IPv6 packet n has a routing header with segments left:
// its destination address is then not the one that checksums cover (RFC 8200
// section 8.1).
func routed(n []byte) bool {
	proto, o := n[6], 40
	for o+8 <= len(n) {
		next := n[o]
		switch proto {
		case protoRouting:
			return n[o+3] > 0
		case protoHopOpts, protoDstOpts:
			o += (int(n[o+1]) + 1) * 8
		case protoAH:
			o += (int(n[o+1]) + 2) * 4
		case protoFragment:
			o += 8
		default:
			return false
		}
		proto = next
	}
	return false
}
