package ruleset

import (
	"encoding/binary"
	"net/netip"
)

// Protocols by number.
const (
	ICMP   = 1
	TCP    = 6
	UDP    = 17
	ICMPv6 = 58
)

// Packet is what the headers of an IP packet say.
type Packet struct {
	SrcMAC, DstMAC   uint64 // the low 48 bits
	VLAN             uint16 // 0 is no tag
	PCP              uint8
	Src, Dst         netip.Addr // both IPv4 or both IPv6
	Proto            uint8
	TOS, TTL         uint8 // TTL 0 is 64
	SrcPort, DstPort uint16
	TCPFlags         uint8 // 0 is ACK
}

// HeaderRoom is how many bytes Headers writes at most.
const HeaderRoom = 14 + 4 + 40 + 20

var be = binary.BigEndian

// HeaderLen is the number of bytes of the packet's headers.
func (p *Packet) HeaderLen() int {
	n := 14 + 20 + 8
	if p.VLAN != 0 {
		n += 4
	}
	if p.Src.Is6() {
		n += 20
	}
	if p.Proto == TCP {
		n += 12
	}
	return n
}

// Headers writes the headers of a frame of length bytes without FCS to b, which is zero,
// and returns them. The checksum of IPv4 is right, those above it are 0.
func (p *Packet) Headers(b []byte, length int) []byte {
	be.PutUint64(b, p.DstMAC<<16|p.SrcMAC>>32)
	be.PutUint32(b[8:], uint32(p.SrcMAC))
	at := 12
	if p.VLAN != 0 {
		be.PutUint16(b[at:], 0x8100)
		be.PutUint16(b[at+2:], uint16(p.PCP)<<13|p.VLAN)
		at += 4
	}
	at += 2
	ttl := p.TTL
	if ttl == 0 {
		ttl = 64
	}
	ip := b[at:]
	if p.Src.Is6() {
		be.PutUint16(b[at-2:], 0x86dd)
		be.PutUint32(ip, 6<<28|uint32(p.TOS)<<20)
		be.PutUint16(ip[4:], uint16(length-at-40))
		ip[6], ip[7] = p.Proto, ttl
		src, dst := p.Src.As16(), p.Dst.As16()
		copy(ip[8:], src[:])
		copy(ip[24:], dst[:])
		p.transport(ip[40:], length-at-40)
		return b[:p.HeaderLen()]
	}
	be.PutUint16(b[at-2:], 0x0800)
	ip[0], ip[1], ip[6], ip[8], ip[9] = 0x45, p.TOS, 0x40, ttl, p.Proto
	be.PutUint16(ip[2:], uint16(length-at))
	src, dst := p.Src.As4(), p.Dst.As4()
	copy(ip[12:], src[:])
	copy(ip[16:], dst[:])
	sum := uint32(0)
	for o := 0; o < 20; o += 2 {
		sum += uint32(be.Uint16(ip[o:]))
	}
	sum = sum>>16 + sum&0xffff
	be.PutUint16(ip[10:], ^uint16(sum>>16+sum&0xffff))
	p.transport(ip[20:], length-at-20)
	return b[:p.HeaderLen()]
}

// transport writes the header above IP; n bytes of the packet are left for it.
func (p *Packet) transport(b []byte, n int) {
	switch p.Proto {
	case TCP:
		flags := p.TCPFlags
		if flags == 0 {
			flags = 0x10
		}
		be.PutUint32(b, uint32(p.SrcPort)<<16|uint32(p.DstPort))
		b[12], b[13] = 5<<4, flags
		be.PutUint16(b[14:], 0xffff)
	case UDP:
		be.PutUint32(b, uint32(p.SrcPort)<<16|uint32(p.DstPort))
		be.PutUint16(b[4:], uint16(n))
	case ICMP, ICMPv6: // an echo request, with the port as its identifier
		b[0] = 8
		if p.Proto == ICMPv6 {
			b[0] = 128
		}
		be.PutUint16(b[4:], p.SrcPort)
	}
}
