package flow

import (
	"slices"

	"pollux/internal/packet"
)

// oracle reads a frame the plain way: byte by byte, field by field, one header
// after the other, each cut off the front of what is left. It is what Extract,
// ExtractOne and parse are held against.
type oracle struct {
	key         Key
	left        []byte // of the frame, from the next header on
	at          int    // offset of left in the frame
	l25, l3, l4 uint16
}

func runOracle(frame []byte, inPort uint32) *oracle {
	o := &oracle{left: frame, l25: packet.None, l3: packet.None, l4: packet.None}
	o.set(InPort, uint64(inPort))
	o.ethernet()
	return o
}

// cut takes n bytes off the front, or nil when there are fewer.
func (o *oracle) cut(n int) []byte {
	if len(o.left) < n {
		return nil
	}
	head := o.left[:n]
	o.left, o.at = o.left[n:], o.at+n
	return head
}

// number reads bytes as one big-endian integer.
func number(b []byte) (n uint64) {
	for _, c := range b {
		n = n<<8 + uint64(c)
	}
	return n
}

func (o *oracle) set(f Field, v uint64) { f.Set(&o.key, Value{0, v}) }

func (o *oracle) setAddress(f Field, b []byte) {
	f.Set(&o.key, Value{number(b[:8]), number(b[8:16])})
}

func (o *oracle) ethernet() {
	if len(o.left) < 14 {
		return
	}
	o.set(EthDst, number(o.cut(6)))
	o.set(EthSrc, number(o.cut(6)))
	for _, tag := range [][2]Field{{VlanTPID, VlanTCI}, {VlanTPID2, VlanTCI2}} {
		if t := number(o.left[:2]); t != 0x8100 && t != 0x88a8 || len(o.left) < 6 {
			break
		}
		b := o.cut(4)
		o.set(tag[0], number(b[:2]))
		o.set(tag[1], number(b[2:])|0x1000)
	}
	t := number(o.cut(2))
	if t < 1536 {
		t = o.llc()
	}
	o.set(EthType, t)
	switch t {
	case 0x8847, 0x8848:
		o.mpls()
	case 0x0800:
		o.ipv4()
	case 0x86dd:
		o.ipv6()
	case 0x0806, 0x8035:
		o.arp()
	default:
		o.l3 = uint16(o.at)
	}
}

func (o *oracle) llc() uint64 {
	if len(o.left) < 8 || !slices.Equal(o.left[:6], []byte{0xaa, 0xaa, 3, 0, 0, 0}) {
		return 0x05ff
	}
	return func(t uint64) uint64 {
		if t < 1536 {
			return 0x05ff
		}
		return t
	}(number(o.cut(8)[6:]))
}

func (o *oracle) mpls() {
	o.l25 = uint16(o.at)
	var stack []uint64
	for {
		b := o.cut(4)
		if b == nil {
			break
		}
		stack = append(stack, number(b))
		if b[2]&1 == 1 {
			break
		}
	}
	o.l3 = uint16(o.at)
	if len(stack) > 0 {
		o.set(MPLSLabel, stack[0]>>12)
		o.set(MPLSTC, stack[0]>>9&7)
		o.set(MPLSBOS, stack[0]>>8&1)
		o.set(MPLSTTL, stack[0]&0xff)
	}
	if len(stack) > 1 {
		o.key.W[WMPLS] += stack[1]
	}
	if len(stack) > 2 {
		o.key.Set(WMPLS2, stack[2]<<32)
	}
}

func (o *oracle) arp() {
	at := uint16(o.at)
	b := o.cut(28)
	if b == nil || !slices.Equal(b[:6], []byte{0, 1, 8, 0, 6, 4}) {
		return
	}
	o.l3 = at
	op := number(b[6:8])
	if op > 255 {
		op = 0
	}
	o.set(ARPOp, op)
	o.set(ARPSHA, number(b[8:14]))
	o.set(ARPSPA, number(b[14:18]))
	o.set(ARPTHA, number(b[18:24]))
	o.set(ARPTPA, number(b[24:28]))
}

func (o *oracle) ipv4() {
	at := uint16(o.at)
	if len(o.left) < 20 {
		return
	}
	header, total := int(o.left[0]%16)*4, int(number(o.left[2:4]))
	if header < 20 || total < header || total > len(o.left) || len(o.left) > total+255 {
		return
	}
	o.l3 = at
	o.left = o.left[:total]
	b := o.cut(header)
	o.set(IPTOS, uint64(b[1]))
	o.set(IPTTL, uint64(b[8]))
	o.set(IPProto, uint64(b[9]))
	o.set(IPv4Src, number(b[12:16]))
	o.set(IPv4Dst, number(b[16:20]))
	more, offset := b[6]&0x20 != 0, number(b[6:8])&0x1fff
	switch {
	case offset != 0:
		o.set(IPFrag, FragAny|FragLater)
		return
	case more:
		o.set(IPFrag, FragAny)
	}
	o.transport(b[9])
}

func (o *oracle) ipv6() {
	at := uint16(o.at)
	if len(o.left) < 40 {
		return
	}
	payload := int(number(o.left[4:6]))
	if after := len(o.left) - 40; payload > after || after > payload+255 {
		return
	}
	o.l3 = at
	o.left = o.left[:40+payload]
	b := o.cut(40)
	o.setAddress(IPv6Src, b[8:24])
	o.setAddress(IPv6Dst, b[24:40])
	o.set(IPv6Label, number(b[1:4])&0xfffff)
	headers, last, frag, ok := o.extensions(b[6])
	if !ok {
		return
	}
	o.set(IPTOS, number(b[0:2])>>4&0xff)
	o.set(IPTTL, uint64(b[7]))
	o.set(IPProto, uint64(last))
	o.set(IPFrag, uint64(frag))
	if bits := exthdrBits(headers); bits != 0 {
		o.set(IPv6ExtHdr, bits)
	}
	if frag < 2 {
		o.transport(last)
	}
}

// extensions returns the types of the extension headers in their order, the
// type of what follows and the fragment bits.
func (o *oracle) extensions(next uint8) (headers []uint8, last, frag uint8, ok bool) {
	for {
		unit, first := 8, 1
		switch next {
		case 51:
			unit, first = 4, 2
		case 50, 59:
			return append(headers, next), next, frag, true
		case 0, 43, 60, 44:
		default:
			return headers, next, frag, true
		}
		if len(o.left) < 8 {
			return nil, 0, 0, false
		}
		length := (int(o.left[1]) + first) * unit
		if next == 44 {
			length = 8
		}
		b := o.cut(length)
		if b == nil {
			return nil, 0, 0, false
		}
		headers = append(headers, next)
		if next == 44 && number(b[2:4]) != 0 {
			frag = FragAny
			if number(b[2:4])>>3 != 0 {
				return headers, 44, FragAny | FragLater, true
			}
		}
		next = b[0]
	}
}

// exthdrBits states ipv6_exthdr as sets and orders: which types there are, whether
// the places of RFC 8200 rise, whether one place is taken twice.
func exthdrBits(headers []uint8) (bits uint64) {
	value := map[uint8]uint64{59: 1, 50: 2, 51: 4, 60: 8, 44: 16, 43: 32, 0: 64}
	place := map[uint8]int{0: 0, 43: 2, 44: 3, 51: 4, 50: 5, 59: 7}
	var places []int
	for i, h := range headers {
		bits |= value[h]
		p := place[h]
		if h == 60 {
			// First of all but hop-by-hop options: place 1. Else the last place.
			p = 6
			if !slices.ContainsFunc(headers[:i], func(x uint8) bool { return x != 0 }) {
				p = 1
			}
		}
		if slices.Contains(places, p) {
			bits |= 128
		}
		if len(places) > 0 && p < slices.Max(places) {
			bits |= 256
		}
		places = append(places, p)
	}
	return bits
}

func (o *oracle) transport(proto uint8) {
	at := uint16(o.at)
	length, known := map[uint8]int{6: 20, 17: 8, 132: 12, 1: 8, 2: 8, 58: 8}[proto]
	b := o.left
	if !known || o.cut(length) == nil {
		return
	}
	o.l4 = at
	switch proto {
	case 6:
		o.set(TCPFlags, number(b[12:14])&0xfff)
		fallthrough
	case 17, 132:
		o.set(TCPSrc, number(b[:2]))
		o.set(TCPDst, number(b[2:4]))
	default:
		o.set(ICMPType, uint64(b[0]))
		o.set(ICMPCode, uint64(b[1]))
	}
	if proto == 58 && (b[0] == 135 || b[0] == 136) && b[1] == 0 {
		o.discovery(number(b[4:8]))
	}
}

func (o *oracle) discovery(reserved uint64) {
	o.set(NDReserved, reserved)
	target := o.cut(16)
	if target == nil {
		return
	}
	var source, dest uint64
	for len(o.left) >= 8 {
		kind, length := o.left[0], int(o.left[1])*8
		b := o.cut(length)
		if length == 0 || b == nil {
			break
		}
		if length != 8 || kind != 1 && kind != 2 {
			continue
		}
		mine := &source
		if kind == 2 {
			mine = &dest
		}
		if *mine != 0 { // twice: the message is not to be believed
			return
		}
		*mine = number(b[2:8])
		if NDOptionsType.Get(&o.key).IsZero() {
			o.set(NDOptionsType, uint64(kind))
		}
	}
	o.setAddress(NDTarget, target)
	o.set(NDSLL, source)
	o.set(NDTLL, dest)
}
