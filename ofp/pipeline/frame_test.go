package pipeline

import (
	"encoding/binary"
	"math/rand/v2"

	"pollux/flow"
	"pollux/internal/packet"
)

// Frames for tests, and a plain way to read and write their fields: by offsets
// found anew each time. Checksums are left alone, by the oracle and by the program
// interpreter alike.

// randomFrame makes a small valid frame whose values come from a small universe,
// so that rules of the same universe match it often.
func randomFrame(r *rand.Rand) []byte {
	pick := func(v ...uint64) uint64 { return v[r.IntN(len(v))] }
	f := make([]byte, 0, 144)
	mac := func() {
		m := pick(0x020000000001, 0x020000000002, 0x020000000003, 0xffffffffffff, 0x0180c2000003, 0x020000000000|r.Uint64N(256))
		f = append(f, byte(m>>40), byte(m>>32), byte(m>>24), byte(m>>16), byte(m>>8), byte(m))
	}
	u16 := func(v uint64) { f = binary.BigEndian.AppendUint16(f, uint16(v)) }
	u32 := func(v uint64) { f = binary.BigEndian.AppendUint32(f, uint32(v)) }
	mac()
	mac()
	if r.IntN(2) == 0 {
		u16(pick(0x8100, 0x8100, 0x88a8))
		u16(pick(0, 5, 6, 5|3<<13, r.Uint64N(4096)))
	}
	addr := func() uint64 {
		return pick(0x0a000001, 0x0a010203, 0x0b000001, 0xc0a80101, 0x0a000000|r.Uint64N(1<<24))
	}
	l4 := func(proto uint64) {
		u16(pick(1024, 80, 443, r.Uint64N(65536)))
		u16(pick(80, 443, 53, 81, r.Uint64N(65536)))
		if proto == 6 {
			u32(1)
			u32(0)
			u16(0x5000 | pick(2, 0x10, 0x12))
			f = append(f, make([]byte, 6)...)
		} else {
			f = append(f, 0, 8, 0, 0)
		}
	}
	proto := pick(6, 17, 1, 47)
	kind := r.IntN(7)
	labelled := kind == 5
	if labelled {
		u16(pick(0x8847, 0x8847, 0x8848))
		n := 1 + r.IntN(4)
		for i := range n {
			bos := uint64(0)
			if i == n-1 {
				bos = 1
			}
			u32(pick(16, 17, 5)<<12 | pick(0, 3)<<9 | bos<<8 | pick(1, 64))
		}
		kind = int(pick(0, 0, 3, 4))
	}
	typ := func(v uint64) {
		if !labelled {
			u16(v)
		}
	}
	switch kind {
	case 0, 1, 2:
		typ(0x0800)
		f = append(f, 0x45, byte(pick(0, 0x10, 0xb8, 0xb9)), 0, 48, 0, 0)
		u16(pick(0, 0, 0, 0, 0x2000, 0x2010))
		f = append(f, byte(pick(64, 1, 2, 63)), byte(proto), 0, 0)
		u32(addr())
		u32(addr())
		l4(proto)
	case 3:
		typ(0x86dd)
		u32(0x60000000 | pick(0, 0x10, 0xb8)<<20 | pick(0, 5))
		if proto == 1 {
			proto = 58
		}
		u16(28)
		f = append(f, byte(proto), byte(pick(64, 1, 2)))
		for range 2 {
			u32(0x20010db8)
			u32(pick(0, 1))
			u32(0)
			u32(pick(1, 2, 3))
		}
		l4(proto)
	case 4:
		typ(0x0806)
		u16(1)
		u16(0x0800)
		f = append(f, 6, 4)
		u16(pick(1, 2))
		mac()
		u32(addr())
		mac()
		u32(addr())
	default:
		u16(pick(0x88b5, 0x88b6))
	}
	for n := int(pick(128, 128, 129, 132, 140, 150)); len(f) < n; {
		f = append(f, 0)
	}
	return f
}

// extract returns the key of a frame with metadata beside it.
func extract(frame []byte, meta *flow.Key) flow.Key {
	var k flow.Key
	flow.ExtractOne(frame, meta.InPort(), &k)
	for w := range flow.StageL2 {
		if meta.W[w] != 0 {
			k.Set(w, meta.W[w])
		}
	}
	return k
}

// tags returns how many VLAN tags a frame has.
func tags(f []byte) (n int) {
	for o := 12; o+4 <= len(f); o += 4 {
		if t := binary.BigEndian.Uint16(f[o:]); t != 0x8100 && t != 0x88a8 {
			return n
		}
		n++
	}
	return n
}

// place is where a field lies: n bytes at off, its bits shifted left by shift.
func place(f []byte, x flow.Field) (off, n int, shift, bits uint, ok bool) {
	var k flow.Key
	l25, l3, l4 := flow.ExtractOne(f, 1, &k)
	a, b := int(l3), int(l4)
	v6 := k.EthType() == 0x86dd
	at := func(o, n int, shift uint) (int, int, uint, uint, bool) {
		return o, n, shift, uint(flow.Fields[x].Bits), o+n <= len(f)
	}
	if w := flow.Fields[x].Word; w >= flow.StageL3 && l3 == packet.None || w >= flow.StageL4 && l4 == packet.None {
		return 0, 0, 0, 0, false
	}
	switch x {
	case flow.EthDst:
		return at(0, 6, 0)
	case flow.EthSrc:
		return at(6, 6, 0)
	case flow.VlanTCI, flow.DlVlan:
		return at(14, 2, 0)
	case flow.DlVlanPCP:
		return at(14, 2, 13)
	case flow.MPLSLabel:
		return at(int(l25), 4, 12)
	case flow.MPLSTC:
		return at(int(l25), 4, 9)
	case flow.MPLSTTL:
		return at(int(l25), 4, 0)
	case flow.IPv4Src:
		return at(a+12, 4, 0)
	case flow.IPv4Dst:
		return at(a+16, 4, 0)
	case flow.IPv6Src:
		return at(a+8, 16, 0)
	case flow.IPv6Dst:
		return at(a+24, 16, 0)
	case flow.IPv6Label:
		return at(a, 4, 0)
	case flow.IPTOS, flow.IPECN, flow.IPDSCP:
		s := uint(0)
		if x == flow.IPDSCP {
			s = 2
		}
		if v6 {
			return at(a, 2, s+4)
		}
		return at(a+1, 1, s)
	case flow.IPTTL:
		if v6 {
			return at(a+7, 1, 0)
		}
		return at(a+8, 1, 0)
	case flow.ARPOp:
		return at(a+7, 1, 0)
	case flow.ARPSHA:
		return at(a+8, 6, 0)
	case flow.ARPSPA:
		return at(a+14, 4, 0)
	case flow.ARPTHA:
		return at(a+18, 6, 0)
	case flow.ARPTPA:
		return at(a+24, 4, 0)
	case flow.ICMPType, flow.ICMPv6Type:
		return at(b, 1, 0)
	case flow.ICMPCode, flow.ICMPv6Code:
		return at(b+1, 1, 0)
	case flow.NDTarget:
		return at(b+8, 16, 0)
	case flow.TCPSrc, flow.UDPSrc, flow.SCTPSrc:
		return at(b, 2, 0)
	case flow.TCPDst, flow.UDPDst, flow.SCTPDst:
		return at(b+2, 2, 0)
	}
	return 0, 0, 0, 0, false
}

// poke writes v under m to field x of f. It panics where the frame has no such
// field, for neither the oracle nor a program may write one then, unless lax: what was
// under a label need not be what the flow says it is.
func poke(f []byte, x flow.Field, v, m flow.Value, lax bool) {
	off, n, shift, bits, ok := place(f, x)
	if !ok && lax {
		return
	}
	if !ok {
		panic("no " + x.Name() + " in the frame")
	}
	m = m.And(flow.Ones(bits))
	v, m = v.And(m).Shl(shift), m.Shl(shift)
	if x == flow.VlanTCI { // DEI is not the key's CFI
		v.Lo, m.Lo = v.Lo&^0x1000, m.Lo&^0x1000
	}
	for i := range n {
		s := uint(8 * (n - 1 - i))
		f[off+i] = f[off+i]&^byte(m.Shr(s).Lo) | byte(v.Shr(s).Lo)
	}
}

// pushTag and popTag are what they say.
func pushTag(f []byte, tpid, tci uint16) []byte {
	out := append([]byte(nil), f[:12]...)
	out = binary.BigEndian.AppendUint16(out, tpid)
	out = binary.BigEndian.AppendUint16(out, tci&^0x1000)
	return append(out, f[12:]...)
}

// underLabel is where the TTL is that is under the top label, of a label or of what looks like
// an IP header; -1 if there is none, or the frame ends within it.
func underLabel(f []byte) int {
	o := 14 + 4*tags(f)
	room := len(f) - o - 4
	switch {
	case room < 4:
	case f[o+2]&1 == 0:
		return o + 7
	case room >= 20 && f[o+4]>>4 == 4:
		return o + 12
	case room >= 40 && f[o+4]>>4 == 6:
		return o + 11
	}
	return -1
}

// copyTTLIn writes the top label's TTL there.
func copyTTLIn(f []byte) {
	if at := underLabel(f); at >= 0 {
		f[at] = f[14+4*tags(f)+3]
	}
}

// pushLabel puts a label behind the tags, popLabel takes one away.
func pushLabel(f []byte, typ uint16, lse uint32) []byte {
	o := 12 + 4*tags(f)
	out := binary.BigEndian.AppendUint16(append([]byte(nil), f[:o]...), typ)
	out = binary.BigEndian.AppendUint32(out, lse)
	return append(out, f[o+2:]...)
}

func popLabel(f []byte, typ uint16) []byte {
	o := 12 + 4*tags(f)
	out := binary.BigEndian.AppendUint16(append([]byte(nil), f[:o]...), typ)
	return append(out, f[min(o+6, len(f)):]...) // the frame may end within the label
}

func popTag(f []byte) []byte {
	return append(append([]byte(nil), f[:12]...), f[16:]...)
}
