package actions

// diff16 is the change, in ones' complement arithmetic, that replacing the 16-bit
// word was by is makes to the sum of a message: ~m + m' of RFC 1624, not folded.
// Up to 2^15 of them add up without overflow.
func diff16(was, is uint16) uint32 { return uint32(^was) + uint32(is) }

func diff32(was, is uint32) uint32 {
	return diff16(uint16(was>>16), uint16(is>>16)) + diff16(uint16(was), uint16(is))
}

func diff64(was, is uint64) uint32 {
	return diff32(uint32(was>>32), uint32(is>>32)) + diff32(uint32(was), uint32(is))
}

// mended returns the checksum c after a change d of what it covers: RFC 1624,
// equation 3.
func mended(c uint16, d uint32) uint16 {
	s := uint32(^c) + d&0xffff + d>>16
	s = s&0xffff + s>>16
	s = s&0xffff + s>>16
	return ^uint16(s)
}

// mend mends the checksum at the start of p.
func mend(p []byte, d uint32) {
	be.PutUint16(p, mended(be.Uint16(p), d))
}

// mendUDP mends a UDP checksum, where 0 means that there is none (RFC 768).
func mendUDP(p []byte, d uint32) {
	c := be.Uint16(p)
	if c == 0 {
		return
	}
	if c = mended(c, d); c == 0 {
		c = 0xffff
	}
	be.PutUint16(p, c)
}
