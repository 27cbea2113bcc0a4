package bench

import (
	"encoding/binary"
	"net"
)

const tagMagic = 0x506f4c78 // "PoLx"

// maxTagEnd is where the tag ends behind the longest headers: Ethernet, VLAN,
// IPv6, TCP.
const maxTagEnd = 14 + 4 + 40 + 20 + tagLen

// template is the first frame of a shape with zeros for what differs between
// flows, and the sums of what does not.
type template struct {
	hdr    []byte // everything before the tag
	l3, l4 int    // offsets of the headers
	ipSum  uint32 // of the IPv4 header without addresses and length
	l4Sum  uint32 // of transport header and pseudo header without addresses, ports, lengths and tag
	csum   int    // offset of the transport checksum
}

var be = binary.BigEndian

func newTemplate(s Shape, src, dst net.HardwareAddr) template {
	t := template{hdr: make([]byte, s.headerLen()), l3: 14}
	h := t.hdr
	copy(h, dst)
	copy(h[6:], src)
	etype := uint16(0x0800)
	if s.IPv6 {
		etype = 0x86dd
	}
	if s.VLAN != 0 {
		be.PutUint16(h[12:], 0x8100)
		be.PutUint16(h[14:], s.VLAN)
		t.l3 = 18
	}
	be.PutUint16(h[t.l3-2:], etype)
	ip := h[t.l3:]
	proto := byte(s.Proto)
	if s.IPv6 {
		if s.Proto == ICMP {
			proto = 58
		}
		ip[0], ip[6], ip[7] = 0x60, proto, 64
		t.l4 = t.l3 + 40
	} else {
		ip[0], ip[8], ip[9] = 0x45, 64, proto
		be.PutUint16(ip[6:], 0x4000) // don't fragment
		t.ipSum = sum(ip[:20])
		t.l4 = t.l3 + 20
	}
	l4 := h[t.l4:]
	switch s.Proto {
	case UDP:
		t.csum = t.l4 + 6
	case TCP:
		l4[12], l4[13] = 5<<4, 0x10 // ACK
		be.PutUint16(l4[14:], 0xffff)
		t.csum = t.l4 + 16
	case ICMP:
		l4[0] = 8
		if s.IPv6 {
			l4[0] = 128
		}
		t.csum = t.l4 + 2
	}
	t.l4Sum = sum(l4)
	if s.Proto != ICMP || s.IPv6 { // ICMP for IPv4 has no pseudo header
		t.l4Sum += uint32(proto)
	}
	return t
}

// Build writes flow i's seq'th frame to buf and returns its length; buf must
// have MaxFrame bytes. What follows the tag is zero in every frame: Build clears
// what another shape's header may have left and counts on the rest of buf being
// zero, as it is in a buffer that only Build has written to.
func (fs *FlowSet) Build(buf []byte, i int, seq uint64) int {
	f := &fs.flow[i]
	s, t := &fs.shapes[f.shape], &fs.tmpl[f.shape]
	size := s.size(seq)
	copy(buf, t.hdr)
	ip, l4 := buf[t.l3:], buf[t.l4:]
	l4len := size - t.l4
	l4sum := t.l4Sum
	var addrs uint32
	if s.IPv6 {
		be.PutUint16(ip[4:], uint16(l4len))
		copy(ip[8:], f.src[:])
		copy(ip[24:], f.dst[:])
		addrs = sum(ip[8:40])
	} else {
		be.PutUint16(ip[2:], uint16(size-t.l3))
		copy(ip[12:], f.src[12:])
		copy(ip[16:], f.dst[12:])
		addrs = sum(ip[12:20])
		be.PutUint16(ip[10:], ^fold(t.ipSum+uint32(size-t.l3)+addrs))
	}
	switch s.Proto {
	case ICMP:
		be.PutUint16(l4[4:], f.sp)
		be.PutUint16(l4[6:], uint16(seq))
		l4sum += uint32(f.sp) + uint32(uint16(seq))
		if s.IPv6 {
			l4sum += addrs + uint32(l4len)
		}
	case UDP:
		be.PutUint16(l4[4:], uint16(l4len))
		l4sum += uint32(l4len)
		fallthrough
	default:
		be.PutUint16(l4, f.sp)
		be.PutUint16(l4[2:], f.dp)
		l4sum += addrs + uint32(l4len) + uint32(f.sp) + uint32(f.dp)
	}
	end := len(t.hdr) + tagLen
	clear(buf[end:max(end, maxTagEnd)])
	tag := buf[len(t.hdr):][:tagLen]
	be.PutUint32(tag, tagMagic)
	be.PutUint32(tag[4:], uint32(i))
	be.PutUint64(tag[8:], seq)
	c := ^fold(l4sum + sum(tag))
	if c == 0 && s.Proto == UDP {
		c = 0xffff // RFC 768: a zero on the wire means no checksum
	}
	be.PutUint16(buf[t.csum:], c)
	return size
}

// Parse finds the tag in a frame that Build made, however many VLAN tags a
// switch has put before it or taken away since.
func Parse(b []byte) (flow int, seq uint64, ok bool) {
	at := 12
	for {
		if len(b) < at+2 {
			return 0, 0, false
		}
		et := be.Uint16(b[at:])
		at += 2
		if et == 0x8100 || et == 0x88a8 {
			at += 2
			continue
		}
		if len(b) < at+20 {
			return 0, 0, false
		}
		var proto byte
		switch et {
		case 0x0800:
			proto = b[at+9]
			at += int(b[at]&15) * 4
		case 0x86dd:
			proto = b[at+6]
			at += 40
		default:
			return 0, 0, false
		}
		switch proto {
		case byte(TCP):
			at += 20
		case byte(UDP), byte(ICMP), 58:
			at += 8
		default:
			return 0, 0, false
		}
		break
	}
	if len(b) < at+tagLen || be.Uint32(b[at:]) != tagMagic {
		return 0, 0, false
	}
	return int(be.Uint32(b[at+4:])), be.Uint64(b[at+8:]), true
}

// sum adds b up in 16-bit words; b has an even length of at most 64 KiB.
func sum(b []byte) uint32 {
	var s uint32
	for ; len(b) >= 2; b = b[2:] {
		s += uint32(b[0])<<8 | uint32(b[1])
	}
	return s
}

// fold brings a sum to 16 bits, carries added back (RFC 1071).
func fold(s uint32) uint16 {
	s = s>>16 + s&0xffff
	s = s>>16 + s&0xffff
	return uint16(s)
}
