package mixed

import "encoding/binary"

// Flags of TCP.
const (
	flagFIN = 0x01
	flagSYN = 0x02
	flagRST = 0x04
	flagPSH = 0x08
	flagACK = 0x10
	flagECE = 0x40
	flagCWR = 0x80
)

// minFrame is the shortest frame of Ethernet without FCS (IEEE 802.3).
const minFrame = 60

// frame writes the flow's next frame, with so many bytes behind the transport header,
// and says what it counts for. id tells the datagrams that fragments are of.
func (f *Flow) frame(payload int, id uint16) ([]byte, Counts) {
	b := make([]byte, 0, 96+payload)
	b = append(b, f.EthDst[:]...)
	b = append(b, f.EthSrc[:]...)
	if f.Tags == 2 {
		b = append(b, 0x88, 0xa8, byte(f.TCI>>8), byte(f.TCI), 0x81, 0, byte(f.inner>>8), byte(f.inner))
	} else if f.Tags == 1 {
		b = append(b, 0x81, 0, byte(f.TCI>>8), byte(f.TCI))
	}
	c := Counts{Packets: 1}
	if f.IsIP() {
		b = binary.BigEndian.AppendUint16(b, f.EthType)
		at := len(b)
		b = f.network(b, payload, id, &c)
		n := uint64(len(b) - at)
		c.Octets, c.SumSq, c.MinLen, c.MaxLen = n, n*n, uint16(n), uint16(n)
	} else {
		b = f.noIP(b, payload)
	}
	// What pads a frame need not be zero.
	for f.padded && len(b) < minFrame {
		b = append(b, byte(id))
	}
	c.L2Octets = uint64(len(b))
	return b, c
}

func (f *Flow) noIP(b []byte, payload int) []byte {
	if f.Kind == LLC {
		b = binary.BigEndian.AppendUint16(b, uint16(3+payload))
		return append(append(b, 0x42, 0x42, 3), make([]byte, payload)...)
	}
	b = binary.BigEndian.AppendUint16(b, f.EthType)
	if f.Kind == ARP {
		b = append(b, 0, 1, 8, 0, 6, 4, 0, 1)
		b = append(b, f.EthSrc[:]...)
		return append(b, 10, 0, f.EthSrc[4], f.EthSrc[5], 0, 0, 0, 0, 0, 0, 192, 168, 1, byte(f.made))
	}
	return append(b, make([]byte, 2+payload)...)
}

// network writes the IP packet.
func (f *Flow) network(b []byte, payload int, id uint16, c *Counts) []byte {
	ttl := f.ttl - uint8(f.made&3)
	c.MinTTL, c.MaxTTL = ttl, ttl
	l4 := f.transport(payload, c)
	src, dst := f.Src.AsSlice(), f.Dst.AsSlice()
	if f.Src.Is4() {
		var frag uint16
		switch f.part {
		case first:
			frag = 1 << 13 // more fragments
		case later:
			frag = 1480 / 8
		}
		at := len(b)
		b = append(b, 0x45, f.TOS)
		b = binary.BigEndian.AppendUint16(b, uint16(20+len(l4)))
		b = binary.BigEndian.AppendUint16(b, id)
		b = binary.BigEndian.AppendUint16(b, frag)
		b = append(b, ttl, f.Proto, 0, 0)
		b = append(append(b, src...), dst...)
		binary.BigEndian.PutUint16(b[at+10:], ^sum(b[at:]))
		return append(b, l4...)
	}
	proto := f.Proto
	if f.part != whole {
		h := []byte{17, 0, 0, 1, 0, 0, byte(id >> 8), byte(id)} // first: more fragments
		if f.part == later {
			binary.BigEndian.PutUint16(h[2:], 1448)
		}
		l4, proto = append(h, l4...), 44
	}
	b = binary.BigEndian.AppendUint32(b, 6<<28|uint32(f.TOS)<<20|f.Label)
	b = binary.BigEndian.AppendUint16(b, uint16(len(l4)))
	b = append(b, proto, ttl)
	b = append(append(b, src...), dst...)
	return append(b, l4...)
}

// headers says how long transport headers are.
var headers = [numKinds]int{TCP: 20, UDP: 8, Fragment: 8, SCTP: 12, ICMP: 8}

// transport writes what is behind the IP header.
func (f *Flow) transport(payload int, c *Counts) []byte {
	if f.part == later {
		return make([]byte, 1+payload)
	}
	b := make([]byte, headers[f.Kind]+payload)
	switch f.Kind {
	case TCP, UDP, SCTP, Fragment:
		binary.BigEndian.PutUint16(b, f.SrcPort)
		binary.BigEndian.PutUint16(b[2:], f.DstPort)
	case ICMP:
		b[0], b[1] = byte(f.SrcPort), byte(f.DstPort)
	}
	switch f.Kind {
	case UDP:
		binary.BigEndian.PutUint16(b[4:], uint16(len(b)))
	case Fragment:
		binary.BigEndian.PutUint16(b[4:], 1480+1)
	case TCP:
		binary.BigEndian.PutUint32(b[4:], uint32(f.made)*1448)
		b[12], b[13] = 5<<4, f.flags()
		c.TCPFlags = uint16(b[13])
	}
	return b
}

// flags returns those of the flow's next segment.
func (f *Flow) flags() uint8 {
	switch {
	case f.made == 0 && f.answers:
		return flagSYN | flagACK
	case f.made == 0 && f.TOS&3 != 0:
		return flagSYN | flagECE | flagCWR
	case f.made == 0:
		return flagSYN
	case f.made+1 == f.size && f.End == FIN:
		return flagFIN | flagACK
	case f.made+1 == f.size && f.End == RST:
		return flagRST
	case f.made%4 == 3:
		return flagPSH | flagACK
	}
	return flagACK
}

// sum is the Internet checksum of an even number of bytes, not yet inverted (RFC 1071).
func sum(b []byte) uint16 {
	var n uint32
	for i := 0; i < len(b); i += 2 {
		n += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for n > 0xffff {
		n = n&0xffff + n>>16
	}
	return uint16(n)
}
