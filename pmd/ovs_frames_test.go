package pmd_test

import (
	"encoding/binary"
	"hash/crc32"
	"math/rand/v2"
	"slices"
)

// frameMaker makes frames of all kinds, whose values come from a small universe so that flows
// match them.
type frameMaker struct {
	*rand.Rand
	tags  int  // at most
	snap  bool // there is 802.2 SNAP
	plain bool // all of them are 0x8100
	some  int  // bits that all tags have: NORMAL of Open vSwitch loses tags of 0, and those under them
	later bool // there are later fragments of all protocols
}

func (r frameMaker) pick(v ...int) int { return v[r.IntN(len(v))] }

func (r frameMaker) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func (r frameMaker) mac() []byte {
	if r.IntN(6) == 0 {
		return []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	}
	return []byte{byte(r.pick(0, 2, 2, 2, 1)), 0, byte(r.pick(0, 0x5e)), 0, 0, byte(r.IntN(5))}
}

var be = binary.BigEndian

// frame makes a frame: mostly whole and with right checksums, sometimes cut, padded or
// damaged. It has 14 bytes at least.
func (r frameMaker) frame() []byte {
	f := slices.Concat(r.mac(), r.mac())
	for range min(r.tags, r.pick(0, 0, 0, 1, 1, 1, 2, 2)) {
		f = be.AppendUint16(f, uint16(r.pick(0x8100, 0x8100, r.other())))
		f = be.AppendUint16(f, uint16(r.pick(0, 5, 6, 4095, r.IntN(4096))|r.pick(0, 0, 1, 5, 7)<<13|r.some)) // without DEI, which Open vSwitch takes from tags it writes
	}
	head := len(f)
	switch r.IntN(13) {
	case 0, 1, 2, 3:
		f = append(be.AppendUint16(f, 0x0800), r.ipv4()...)
	case 4, 5, 6, 7:
		f = append(be.AppendUint16(f, 0x86dd), r.ipv6()...)
	case 8:
		f = append(be.AppendUint16(f, uint16(r.pick(0x0806, 0x0806, 0x0806, 0x8035))), r.arp()...)
	case 9, 10, 11:
		f = be.AppendUint16(f, uint16(r.pick(0x8847, 0x8847, 0x8848)))
		for n := r.pick(1, 1, 2, 2); n > 0; n-- { // Open vSwitch has three, one of which may be pushed
			lse := r.pick(16, 17, 3, r.IntN(1<<20))<<12 | r.pick(0, 3, 7)<<9 | r.pick(1, 2, 64, 255)
			if n == 1 {
				lse |= 0x100
			}
			f = be.AppendUint32(f, uint32(lse))
		}
		head = len(f) // a label that is cut off is written all the same by Open vSwitch
		if r.IntN(3) == 0 {
			f = append(f, r.ipv6()...)
		} else {
			f = append(f, r.ipv4()...)
		}
	case 12:
		kind := r.IntN(4)
		if kind == 1 && !r.snap {
			kind = 3
		}
		switch kind {
		case 0: // 802.3 with LLC
			f = append(be.AppendUint16(f, 40), 0x42, 0x42, 3)
		case 1: // SNAP
			f = be.AppendUint16(f, 60)
			f = append(f, 0xaa, 0xaa, 3, 0, 0, byte(r.pick(0, 0, 1)))
			f = append(be.AppendUint16(f, uint16(r.pick(0x0800, 0x0800, 0x88cc))), r.ipv4()...)
		default:
			f = be.AppendUint16(f, uint16(r.pick(0x88cc, 0x0842, 0x9100, 0x8864, 0x0600)))
		}
		f = append(f, r.bytes(r.pick(0, 20, 46))...)
	}
	switch r.IntN(12) {
	case 0:
		f = f[:max(14, head+r.IntN(len(f)-head+1))]
	case 1:
		if len(f) > 14 && be.Uint16(f[head:]) != 0x0806 {
			f[14+r.IntN(len(f)-14)] ^= byte(1 << r.IntN(8))
		}
	case 2, 3, 4:
		f = append(f, make([]byte, r.IntN(40))...)
	}
	if len(f) >= 14 && be.Uint16(f[12:]) == ovsMarkType { // by damage: it means something else
		f[13]++
	}
	return f
}

func (r frameMaker) other() int {
	if r.plain {
		return 0x8100
	}
	return 0x88a8
}

func (r frameMaker) addr4() uint32 {
	return uint32(r.pick(0x0a000001, 0x0a000002, 0x0a010203, 0xc0a80101, 0xe0000001, 0x0a000000|r.IntN(1<<24)))
}

func (r frameMaker) addr6() []byte {
	a := []byte{0x20, 0x01, 0x0d, 0xb8, 0, byte(r.IntN(2)), 0, 0, 0, 0, 0, 0, 0, 0, 0, byte(r.IntN(3))}
	if r.IntN(4) == 0 {
		a[0], a[1] = 0xfe, 0x80
	}
	if r.IntN(6) == 0 {
		a[0], a[1] = 0xff, 0x02
	}
	return a
}

func (r frameMaker) arp() []byte {
	a := []byte{0, 1, 8, 0, 6, 4, 0, byte(r.pick(1, 2, 3))}
	if r.IntN(8) == 0 {
		a[r.IntN(6)] ^= byte(1 << r.IntN(8)) // not the operation: of one above 255 Open vSwitch writes nothing
	}
	a = append(a, r.mac()...)
	a = be.AppendUint32(a, r.addr4())
	a = append(a, r.mac()...)
	return be.AppendUint32(a, r.addr4())
}

func (r frameMaker) ipv4() []byte {
	proto := byte(r.pick(6, 6, 17, 17, 1, 132, 47, 2, 58))
	h := []byte{0x45, byte(r.pick(0, 0, 16, 0xb8, 0xb9, r.IntN(256))), 0, 0, 0, 7, 0, 0, byte(r.pick(64, 64, 255, 1, 2, 0)), proto, 0, 0}
	be.PutUint16(h[6:], uint16(r.pick(0, 0, 0, 0x4000, 0x4000, 0x2000)))
	if r.later && r.IntN(2) == 0 {
		be.PutUint16(h[6:], uint16(r.pick(0x2000, 0x2010, 0x0010, 1)))
	}
	if proto == 2 || proto == 47 || proto == 58 { // in later fragments Open vSwitch takes the payload of others for a checksum
		be.PutUint16(h[6:], uint16(r.pick(0, 0x4000, 0x2000, 0x2010, 0x0010)))
	}
	h = be.AppendUint32(be.AppendUint32(h, r.addr4()), r.addr4())
	if n := r.pick(0, 0, 0, 0, 1, 4, 10); n > 0 {
		h = append(h, slices.Repeat([]byte{1}, 4*n)...)
		h[0] += byte(n)
	}
	msg := r.l4(proto, slices.Concat(h[12:20], []byte{0, proto}))
	be.PutUint16(h[2:], uint16(len(h)+len(msg)))
	if r.IntN(20) == 0 { // a length that is wrong
		be.PutUint16(h[2:], uint16(r.IntN(100)))
	}
	be.PutUint16(h[10:], ^inetSum(h))
	return append(h, msg...)
}

func (r frameMaker) ipv6() []byte {
	proto := byte(r.pick(6, 6, 17, 17, 58, 58, 58, 132, 59, 50))
	h := []byte{0x60, 0, 0, 0, 0, 0, 0, byte(r.pick(64, 64, 255, 1, 2, 0))}
	be.PutUint32(h, 0x60000000|uint32(r.pick(0, 0, 0x10, 0xb8, 0xb9)<<20|r.pick(0, 5, r.IntN(1<<20))))
	h = slices.Concat(h, r.addr6(), r.addr6())
	pseudo := append(slices.Clone(h[8:40]), 0, proto)
	next := &h[6]
	var ext []byte
	for range r.pick(0, 0, 0, 0, 1, 1, 2, 3) {
		typ := byte(r.pick(0, 60, 43, 44, 51))
		*next = typ
		at := len(ext)
		switch typ {
		case 44:
			ext = append(ext, 0, 0, 0, 0, 0, 0, 0, 9)
			be.PutUint16(ext[at+2:], 1)
			if proto == 59 || proto == 50 {
				be.PutUint16(ext[at+2:], uint16(r.pick(1, 8, 9)))
			}
			if r.later { // and atomic ones, whose checksum Open vSwitch does not mend
				be.PutUint16(ext[at+2:], uint16(r.pick(0, 1, 8, 9)))
			}
		case 51:
			ext = append(ext, 0, 2, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 9, 9, 9, 9)
		case 43:
			// Without segments left: Open vSwitch has no checksum follow the source address else.
			ext = append(ext, 0, 2, byte(r.pick(0, 2)), 0, 0, 0, 0, 0)
			ext = append(ext, r.addr6()...)
		default:
			ext = append(ext, 0, 0, 1, 4, 0, 0, 0, 0)
		}
		next = &ext[at]
	}
	*next = proto
	msg := r.l4(proto, pseudo)
	be.PutUint16(h[4:], uint16(len(ext)+len(msg)))
	if r.IntN(20) == 0 {
		be.PutUint16(h[4:], uint16(r.IntN(100)))
	}
	return slices.Concat(h, ext, msg)
}

// l4 makes a transport message whose checksum is right, or of UDP perhaps 0. The pseudo-header
// lacks the length.
func (r frameMaker) l4(proto byte, pseudo []byte) []byte {
	payload := r.bytes(r.pick(0, 1, 8, 17))
	var m []byte
	at := 0
	port := func() { m = be.AppendUint16(m, uint16(r.pick(80, 443, 53, 1024, r.IntN(65536)))) }
	switch proto {
	case 6:
		port()
		port()
		m = append(m, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, byte(r.pick(2, 0x10, 0x12, 1, 4, r.IntN(256))), 1, 0, 0, 0, 0, 0)
		m[12] |= byte(r.pick(0, 0, 1, 15))
		if r.IntN(4) == 0 { // options
			m[12] += 0x10
			m = append(m, 1, 1, 1, 0)
		}
		m, at = append(m, payload...), 16
	case 17:
		port()
		port()
		m = append(m, 0, byte(8+len(payload)), 0, 0)
		m = append(m, payload...)
		if at = 6; r.IntN(3) == 0 {
			return m
		}
	case 132:
		port()
		port()
		m = append(m, 9, 9, 9, 9, 0, 0, 0, 0)
		m = append(m, payload...)
		binary.LittleEndian.PutUint32(m[8:], crc32.Checksum(m, crc32.MakeTable(crc32.Castagnoli)))
		return m
	case 1:
		m, at = append([]byte{byte(r.pick(8, 0, 3)), byte(r.pick(0, 0, 1)), 0, 0, 0, 1, 0, 2}, payload...), 2
		be.PutUint16(m[at:], ^inetSum(m))
		return m
	case 58:
		m, at = []byte{byte(r.pick(128, 135, 135, 136, 136, 129)), byte(r.pick(0, 0, 0, 0, 1)), 0, 0, byte(r.pick(0, 0xe0)), 0, 0, byte(r.pick(0, 7))}, 2
		if m[0] == 135 || m[0] == 136 {
			m = append(m, r.addr6()...)
			kinds := [][]int{{}, {1}, {2}, {14, 1}, {14, 2}} // not both addresses, of which Open vSwitch writes the first
			for _, kind := range kinds[r.IntN(len(kinds))] {
				m = append(m, byte(kind), byte(r.pick(1, 1, 1, 1, 1, 2, 0)))
				m = append(m, r.mac()...)
				if m[len(m)-7] == 2 {
					m = append(m, 0, 0, 0, 0, 0, 0, 0, 0)
				}
			}
		} else {
			m = append(m, payload...)
		}
	default:
		return r.bytes(r.pick(4, 8, 24))
	}
	head := be.AppendUint16(slices.Clone(pseudo), uint16(len(m)))
	sum := ^inetSum(append(head, m...))
	if sum == 0 && proto == 17 {
		sum = 0xffff
	}
	be.PutUint16(m[at:], sum)
	return m
}

// inetSum is the sum of RFC 1071.
func inetSum(b []byte) uint16 {
	s := uint32(0)
	for i, x := range b {
		s += uint32(x) << (8 * (1 - i&1))
	}
	for s>>16 != 0 {
		s = s&0xffff + s>>16
	}
	return uint16(s)
}
