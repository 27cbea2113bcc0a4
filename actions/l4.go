package actions

import (
	"hash/crc32"

	"pollux/internal/packet"
)

// setPort writes v under m to the port at byte off of TCP or UDP headers.
func (e *Exec) setPort(b *packet.Batch, idx []uint16, want uint8, off int, v, m uint16) {
	for _, i := range idx {
		p, proto := e.transport(b, i)
		if proto != want {
			continue
		}
		was := be.Uint16(p[off:])
		is := was&^m | v
		if was == is {
			continue
		}
		be.PutUint16(p[off:], is)
		if proto == protoTCP {
			mend(p[16:], diff16(was, is))
		} else {
			mendUDP(p[6:], diff16(was, is))
		}
	}
}

// castagnoli is the polynomial of SCTP's checksum (RFC 9260 appendix A).
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// zeros stands for the part of a message that did not change.
var zeros [packet.None]byte

// setSCTP writes v under m to the port at byte off of SCTP headers. A CRC is linear:
// the checksum changes by the CRC, begun with 0, of what changed and zeros for
// the rest, so that a wrong checksum stays wrong. The checksum of a message in
// fragments covers bytes that are not there; its first fragment is treated as if it
// were all, as in Open vSwitch.
func (e *Exec) setSCTP(b *packet.Batch, idx []uint16, off int, v, m uint16) {
	for _, i := range idx {
		p, proto := e.transport(b, i)
		if proto != protoSCTP {
			continue
		}
		was := be.Uint16(p[off:])
		is := was&^m | v
		if was == is {
			continue
		}
		be.PutUint16(p[off:], is)
		d := [2]byte{byte((was ^ is) >> 8), byte(was ^ is)}
		// Update inverts the state before and after; inverting it here too undoes that.
		c := ^crc32.Update(^uint32(0), castagnoli, d[:])
		c = ^crc32.Update(^c, castagnoli, zeros[:len(p)-off-2])
		le.PutUint32(p[8:], le.Uint32(p[8:])^c)
	}
}

// setICMP writes v under m to the word of type and code of ICMP or ICMPv6 headers.
func (e *Exec) setICMP(b *packet.Batch, idx []uint16, want uint8, v, m uint16) {
	for _, i := range idx {
		p, proto := e.transport(b, i)
		if proto != want {
			continue
		}
		was := be.Uint16(p)
		if is := was&^m | v; was != is {
			be.PutUint16(p, is)
			mend(p[2:], diff16(was, is))
		}
	}
}
