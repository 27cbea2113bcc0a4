package actions

import (
	"pollux/flow"
	"pollux/internal/packet"
)

// Messages and options of neighbour discovery (RFC 4861).
const (
	ndSol    = 135
	ndAdv    = 136
	ndOptSLL = 1
	ndOptTLL = 2
)

// neighbour returns packet i from its ICMPv6 header on when it is a neighbour
// solicitation or advertisement of at least size bytes, else nil.
func (e *Exec) neighbour(b *packet.Batch, i uint16, size int) []byte {
	p, proto := e.transport(b, i)
	if proto != protoICMPv6 || len(p) < size || p[0] != ndSol && p[0] != ndAdv || p[1] != 0 {
		return nil
	}
	return p
}

// setNDTarget writes v under m to the target address.
func (e *Exec) setNDTarget(b *packet.Batch, idx []uint16, v, m flow.Value) {
	for _, i := range idx {
		p := e.neighbour(b, i, 24)
		if p == nil {
			continue
		}
		was := flow.Value{Hi: be.Uint64(p[8:]), Lo: be.Uint64(p[16:])}
		is := was.AndNot(m).Or(v)
		if was == is {
			continue
		}
		be.PutUint64(p[8:], is.Hi)
		be.PutUint64(p[16:], is.Lo)
		mend(p[2:], diff64(was.Hi, is.Hi)+diff64(was.Lo, is.Lo))
	}
}

// setNDReserved writes v under m to the reserved word, where an advertisement has
// its flags.
func (e *Exec) setNDReserved(b *packet.Batch, idx []uint16, v, m uint32) {
	for _, i := range idx {
		p := e.neighbour(b, i, 8)
		if p == nil {
			continue
		}
		was := be.Uint32(p[4:])
		if is := was&^m | v; was != is {
			be.PutUint32(p[4:], is)
			mend(p[2:], diff32(was, is))
		}
	}
}

// setNDOption writes v under m to the MAC address of every option of the type.
func (e *Exec) setNDOption(b *packet.Batch, idx []uint16, typ uint8, v, m uint64) {
	for _, i := range idx {
		p := e.neighbour(b, i, 24)
		if p == nil {
			continue
		}
		for o := option(p, 24); o != 0; o = option(p, o+int(p[o+1])*8) {
			if p[o] != typ || p[o+1] != 1 {
				continue
			}
			// Type and length go along unchanged: the whole option is one word.
			was := be.Uint64(p[o:])
			if is := was&^m | v; was != is {
				be.PutUint64(p[o:], is)
				mend(p[2:], diff64(was, is))
			}
		}
	}
}

// setNDOptionType writes v under m to the type of the first link-layer address
// option, which is what the key's nd_options_type is taken from.
func (e *Exec) setNDOptionType(b *packet.Batch, idx []uint16, v, m uint8) {
	for _, i := range idx {
		p := e.neighbour(b, i, 24)
		if p == nil {
			continue
		}
		for o := option(p, 24); o != 0; o = option(p, o+int(p[o+1])*8) {
			if p[o+1] != 1 || p[o] != ndOptSLL && p[o] != ndOptTLL {
				continue
			}
			was := be.Uint16(p[o:])
			if is := was&^(uint16(m)<<8) | uint16(v)<<8; was != is {
				be.PutUint16(p[o:], is)
				mend(p[2:], diff16(was, is))
			}
			break
		}
	}
}

// option returns o when a whole option is there in the message p, else 0.
func option(p []byte, o int) int {
	if o+8 > len(p) || p[o+1] == 0 || o+int(p[o+1])*8 > len(p) {
		return 0
	}
	return o
}
