package actions

import (
	"pollux/flow"
	"pollux/internal/packet"
)

// setIPv4 writes v under m to the address at byte off of IPv4 headers.
func (e *Exec) setIPv4(b *packet.Batch, idx []uint16, off int, v, m uint32) {
	for _, i := range idx {
		n, typ := e.network(b, i)
		if typ != typeIPv4 {
			continue
		}
		was := be.Uint32(n[off:])
		is := was&^m | v
		if was == is {
			continue
		}
		be.PutUint32(n[off:], is)
		d := diff32(was, is)
		mend(n[10:], d)
		if l4 := int(b.L4[i]); l4 != packet.None {
			mendPseudo(n, typ, l4-int(b.L3[i]), d)
		}
	}
}

// setIPv6 writes v under m to the address at byte off of IPv6 headers.
func (e *Exec) setIPv6(b *packet.Batch, idx []uint16, off int, v, m flow.Value) {
	for _, i := range idx {
		n, typ := e.network(b, i)
		if typ != typeIPv6 {
			continue
		}
		p := n[off : off+16]
		was := flow.Value{Hi: be.Uint64(p), Lo: be.Uint64(p[8:])}
		is := was.AndNot(m).Or(v)
		if was == is {
			continue
		}
		be.PutUint64(p, is.Hi)
		be.PutUint64(p[8:], is.Lo)
		l4 := int(b.L4[i])
		if l4 == packet.None || off == 24 && routed(n) {
			continue
		}
		mendPseudo(n, typ, l4-int(b.L3[i]), diff64(was.Hi, is.Hi)+diff64(was.Lo, is.Lo))
	}
}

// mendPseudo mends the checksum of the transport header at byte at of the IP packet
// n, whose pseudo-header changed by d.
func mendPseudo(n []byte, typ uint16, at int, d uint32) {
	switch p, proto := payload(n, typ, at); proto {
	case protoTCP:
		mend(p[16:], d)
	case protoUDP:
		mendUDP(p[6:], d)
	case protoICMPv6:
		mend(p[2:], d)
	}
}

// setLabel writes v under m to the IPv6 flow label, which no checksum covers.
func (e *Exec) setLabel(b *packet.Batch, idx []uint16, v, m uint32) {
	for _, i := range idx {
		if n, typ := e.network(b, i); typ == typeIPv6 {
			be.PutUint32(n, be.Uint32(n)&^m|v)
		}
	}
}

// setTOS writes v under m to the type of service or the traffic class.
func (e *Exec) setTOS(b *packet.Batch, idx []uint16, v, m uint8) {
	for _, i := range idx {
		switch n, typ := e.network(b, i); typ {
		case typeIPv4:
			was := be.Uint16(n)
			if is := was&^uint16(m) | uint16(v); was != is {
				be.PutUint16(n, is)
				mend(n[10:], diff16(was, is))
			}
		case typeIPv6:
			be.PutUint16(n, be.Uint16(n)&^(uint16(m)<<4)|uint16(v)<<4)
		}
	}
}

// setTTL writes v under m to the TTL or the hop limit.
func (e *Exec) setTTL(b *packet.Batch, idx []uint16, v, m uint8) {
	for _, i := range idx {
		switch n, typ := e.network(b, i); typ {
		case typeIPv4:
			was := be.Uint16(n[8:])
			if is := was&^(uint16(m)<<8) | uint16(v)<<8; was != is {
				be.PutUint16(n[8:], is)
				mend(n[10:], diff16(was, is))
			}
		case typeIPv6:
			n[7] = n[7]&^m | v
		}
	}
}
