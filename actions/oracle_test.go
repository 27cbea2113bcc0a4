package actions

import (
	"hash/crc32"
	"slices"

	"pollux/flow"
	"pollux/internal/packet"
)

// slowPacket is one packet of the interpreter that Exec is tested against: a copy
// of its bytes, its offsets, and how much room is before it.
type slowPacket struct {
	f           []byte
	l25, l3, l4 int // packet.None when there is none
	room        int
}

func newSlowPacket(f []byte, room int) *slowPacket {
	p := &slowPacket{f: slices.Clone(f), room: room}
	p.parse()
	return p
}

func (p *slowPacket) parse() {
	var k flow.Key
	l25, l3, l4 := flow.ExtractOne(p.f, 1, &k)
	p.l25, p.l3, p.l4 = int(l25), int(l3), int(l4)
}

// slowPort is what the interpreter knows of a port.
type slowPort struct {
	exists, down bool
	mtu          int
	got          [][]byte
}

// slowRun interprets p over the packets, a step at a time, as Run is specified to:
// outputs and drops in the order of the packets, free frames for copies while there
// are any.
func slowRun(p *Program, pkts []*slowPacket, ports []slowPort, free int) (drops [NumReasons]int, clones int) {
	send := func(pkt *slowPacket, op Op, last bool) {
		slot, f := op.A, pkt.f
		if n := int(op.V.Lo); n != 0 && len(f) > n {
			f = f[:n]
		}
		if !last {
			clones++
		}
		switch {
		case int(slot) >= len(ports) || !ports[slot].exists:
			drops[DropNoPort]++
		case ports[slot].down:
			drops[DropPortDown]++
		case ports[slot].mtu != 0 && len(f) > ports[slot].mtu+14+4*min(2, (&slowPacket{f: f}).tags()):
			drops[DropTooLong]++
		case !last && free == 0:
			drops[DropNoFrame]++
		default:
			if !last {
				free--
			}
			ports[slot].got = append(ports[slot].got, slices.Clone(f))
		}
	}
	var run func(ops []Op, pkts []*slowPacket, top bool) []*slowPacket
	run = func(ops []Op, pkts []*slowPacket, top bool) []*slowPacket {
		for n := 0; n < len(ops); n++ {
			op := ops[n]
			if op.Code == OpClone {
				var copies []*slowPacket
				for _, pkt := range pkts {
					if free == 0 {
						clones++
						drops[DropNoFrame]++
						continue
					}
					free--
					c := *pkt
					c.f = slices.Clone(pkt.f)
					copies = append(copies, &c)
				}
				n += int(op.A)
				left := run(ops[n+1-int(op.A):n+1], copies, false)
				free += len(left) // the others' chunks come home when all is done
				continue
			}
			var left []*slowPacket
			for _, pkt := range pkts {
				keep := true
				switch op.Code {
				case OpOutput:
					// The last output takes the packet, unless copies of it are sent after that.
					more := slices.ContainsFunc(ops[n+1:], func(o Op) bool { return o.Code == OpOutput })
					keep = !top || n != p.Last || more
					send(pkt, op, !keep)
				case OpDrop:
					keep = false
					drops[op.A]++
				case OpSet:
					pkt.set(op.Field, op.V, op.M)
				case OpPushVLAN:
					if len(pkt.f) >= 14 {
						if keep = pkt.insert(12, []byte{byte(op.A >> 24), byte(op.A >> 16), byte(op.A >> 8), byte(op.A)}); !keep {
							drops[DropNoHeadroom]++
							if !top {
								clones++
							}
						}
					}
				case OpCopyTTLIn:
					pkt.copyTTLIn()
				case OpPopVLAN:
					if pkt.tags() > 0 {
						pkt.remove(12)
					}
				case OpPushMPLS:
					if len(pkt.f) >= 14 {
						o := 14 + 4*min(2, pkt.tags())
						if keep = pkt.insert(o, []byte{byte(op.B >> 24), byte(op.B >> 16), byte(op.B >> 8), byte(op.B)}); keep {
							pkt.f[o-2], pkt.f[o-1] = byte(op.A>>8), byte(op.A)
							pkt.l25 = o
						} else {
							drops[DropNoHeadroom]++
							if !top {
								clones++
							}
						}
					}
				case OpPopMPLS:
					if o := pkt.l25; o != packet.None && o+4 <= len(pkt.f) {
						pkt.f[o-2], pkt.f[o-1] = byte(op.A>>8), byte(op.A)
						pkt.remove(o)
						pkt.parse()
					}
				}
				if keep {
					left = append(left, pkt)
				}
			}
			pkts = left
		}
		return pkts
	}
	why := p.Drop
	if p.Last >= 0 {
		why = DropSampled
	}
	drops[why] += len(run(p.Ops, pkts, true))
	return drops, clones
}

// tags counts the VLAN tags at the start of the frame.
func (p *slowPacket) tags() (n int) {
	for len(p.f) >= 18+4*n {
		typ := uint16(p.f[12+4*n])<<8 | uint16(p.f[13+4*n])
		if typ != 0x8100 && typ != 0x88a8 {
			break
		}
		n++
	}
	return n
}

// insert puts four bytes at o, if there is room before the frame.
func (p *slowPacket) insert(o int, b []byte) bool {
	if p.room < 4 {
		return false
	}
	p.room -= 4
	p.f = slices.Insert(p.f, o, b...)
	p.shift(4)
	return true
}

// remove takes four bytes at o away.
func (p *slowPacket) remove(o int) {
	p.f = slices.Delete(p.f, o, o+4)
	p.room += 4
	p.shift(-4)
}

func (p *slowPacket) shift(n int) {
	for _, o := range []*int{&p.l25, &p.l3, &p.l4} {
		if *o != packet.None {
			*o += n
		}
	}
}

// place is where in a frame a field is: bit 0 of the field is bit shift of the n
// bytes at o.
type place struct{ o, n, shift int }

// set writes v under m wherever the field is and puts the checksums right, or as
// wrong as they were.
func (p *slowPacket) set(f flow.Field, v, m flow.Value) {
	was := &slowPacket{slices.Clone(p.f), p.l25, p.l3, p.l4, p.room}
	m = m.And(f.Full())
	if f == flow.VlanTCI || f == flow.VlanVID {
		m.Lo &^= 0x1000
	}
	if f == flow.ARPOp && m.Lo == 0xff {
		m.Lo = 0xffff
		v.Lo &= 0xff
	}
	for _, at := range p.places(f) {
		vv, mm := v.And(m).Shl(uint(at.shift)), m.Shl(uint(at.shift))
		for i := range at.n {
			s := uint(8 * (at.n - 1 - i))
			mb, vb := byte(mm.Shr(s).Lo), byte(vv.Shr(s).Lo)
			p.f[at.o+i] = p.f[at.o+i]&^mb | vb
		}
	}
	p.fixIPv4(was)
	p.fixL4(was)
}

// typ returns the EtherType before the network header.
func (p *slowPacket) typ() int {
	if p.l3 == packet.None || p.l25 != packet.None || p.l3 < 14 || p.l3+20 > len(p.f) {
		return 0
	}
	return int(p.f[p.l3-2])<<8 | int(p.f[p.l3-1])
}

// proto returns the transport protocol and where its message ends, -1 when there is
// no whole transport header.
func (p *slowPacket) proto() (proto, end int) {
	if p.l4 == packet.None {
		return -1, 0
	}
	n := p.l3
	switch p.typ() {
	case 0x800:
		if p.f[n+9] == 58 {
			return -1, 0
		}
		return int(p.f[n+9]), n + int(p.f[n+2])<<8 + int(p.f[n+3])
	case 0x86dd:
		proto, o := int(p.f[n+6]), n+40
		for o < p.l4 {
			size := int(p.f[o+1])*8 + 8
			if proto == 44 {
				size = 8
			} else if proto == 51 {
				size = int(p.f[o+1])*4 + 8
			}
			proto, o = int(p.f[o]), o+size
		}
		if proto == 1 {
			return -1, 0
		}
		return proto, n + 40 + int(p.f[n+4])<<8 + int(p.f[n+5])
	}
	return -1, 0
}

func (p *slowPacket) places(f flow.Field) []place {
	typ := p.typ()
	proto, end := p.proto()
	at := func(ok bool, o, n, shift int) []place {
		if ok {
			return []place{{o, n, shift}}
		}
		return nil
	}
	eth := len(p.f) >= 14
	vlan := p.tags() > 0
	mpls := p.l25 != packet.None && p.l25+4 <= len(p.f)
	arp := typ == 0x806 || typ == 0x8035
	nd := proto == 58 && (p.f[p.l4] == 135 || p.f[p.l4] == 136) && p.f[p.l4+1] == 0
	switch f {
	case flow.EthDst:
		return at(eth, 0, 6, 0)
	case flow.EthSrc:
		return at(eth, 6, 6, 0)
	case flow.VlanTCI, flow.DlVlan, flow.VlanVID:
		return at(vlan, 14, 2, 0)
	case flow.DlVlanPCP:
		return at(vlan, 14, 2, 13)
	case flow.MPLSLabel:
		return at(mpls, p.l25, 4, 12)
	case flow.MPLSTC:
		return at(mpls, p.l25, 4, 9)
	case flow.MPLSTTL:
		return at(mpls, p.l25, 4, 0)
	case flow.IPv4Src:
		return at(typ == 0x800, p.l3+12, 4, 0)
	case flow.IPv4Dst:
		return at(typ == 0x800, p.l3+16, 4, 0)
	case flow.IPv6Src:
		return at(typ == 0x86dd, p.l3+8, 16, 0)
	case flow.IPv6Dst:
		return at(typ == 0x86dd, p.l3+24, 16, 0)
	case flow.IPv6Label:
		return at(typ == 0x86dd, p.l3, 4, 0)
	case flow.IPTOS, flow.IPDSCP, flow.IPECN:
		up := 0
		if f == flow.IPDSCP {
			up = 2
		}
		if typ == 0x86dd {
			return at(true, p.l3, 2, 4+up)
		}
		return at(typ == 0x800, p.l3+1, 1, up)
	case flow.IPTTL:
		if typ == 0x86dd {
			return at(true, p.l3+7, 1, 0)
		}
		return at(typ == 0x800, p.l3+8, 1, 0)
	case flow.ARPOp:
		return at(arp, p.l3+6, 2, 0)
	case flow.ARPSHA:
		return at(arp, p.l3+8, 6, 0)
	case flow.ARPSPA:
		return at(arp, p.l3+14, 4, 0)
	case flow.ARPTHA:
		return at(arp, p.l3+18, 6, 0)
	case flow.ARPTPA:
		return at(arp, p.l3+24, 4, 0)
	case flow.TCPSrc:
		return at(proto == 6, p.l4, 2, 0)
	case flow.TCPDst:
		return at(proto == 6, p.l4+2, 2, 0)
	case flow.UDPSrc:
		return at(proto == 17, p.l4, 2, 0)
	case flow.UDPDst:
		return at(proto == 17, p.l4+2, 2, 0)
	case flow.SCTPSrc:
		return at(proto == 132, p.l4, 2, 0)
	case flow.SCTPDst:
		return at(proto == 132, p.l4+2, 2, 0)
	case flow.ICMPType:
		return at(proto == 1, p.l4, 1, 0)
	case flow.ICMPCode:
		return at(proto == 1, p.l4+1, 1, 0)
	case flow.ICMPv6Type:
		return at(proto == 58, p.l4, 1, 0)
	case flow.ICMPv6Code:
		return at(proto == 58, p.l4+1, 1, 0)
	case flow.NDReserved:
		return at(nd, p.l4+4, 4, 0)
	case flow.NDTarget:
		return at(nd && end-p.l4 >= 24, p.l4+8, 16, 0)
	case flow.NDSLL, flow.NDTLL, flow.NDOptionsType:
		if !nd {
			return nil
		}
		var all []place
		for o := p.l4 + 24; o+8 <= end; o += int(p.f[o+1]) * 8 {
			n := int(p.f[o+1])
			if n == 0 || o+n*8 > end {
				break
			}
			lla := n == 1 && (p.f[o] == 1 || p.f[o] == 2)
			switch {
			case f == flow.NDOptionsType && lla:
				return at(true, o, 1, 0)
			case f == flow.NDSLL && lla && p.f[o] == 1, f == flow.NDTLL && lla && p.f[o] == 2:
				all = append(all, place{o + 2, 6, 0})
			}
		}
		return all
	}
	return nil
}

// sum is the ones' complement sum of b.
func sum(b []byte) uint16 {
	s := uint32(0)
	for i, x := range b {
		if i%2 == 0 {
			s += uint32(x) << 8
		} else {
			s += uint32(x)
		}
		s = s&0xffff + s>>16
	}
	return uint16(s)
}

// checksum returns what the checksum at byte at of msg is to be, when was, with its
// checksum, became msg: right if it was right, else wrong by as much.
func checksum(was, msg []byte, at int) uint16 {
	msg = slices.Clone(msg)
	msg[at], msg[at+1] = 0, 0
	if s := sum(was); s != 0xffff {
		d := uint32(s) + uint32(^sum(msg))
		d = d&0xffff + d>>16
		if d == 0xffff {
			d = 0
		}
		return uint16(d)
	}
	return ^sum(msg)
}

func (p *slowPacket) fixIPv4(was *slowPacket) {
	if p.typ() != 0x800 {
		return
	}
	n := int(p.f[p.l3]&15) * 4
	a, b := was.f[p.l3:p.l3+n], p.f[p.l3:p.l3+n]
	if !slices.Equal(a, b) {
		c := checksum(a, b, 10)
		b[10], b[11] = byte(c>>8), byte(c)
	}
}

// covered returns the pseudo-header and the message that a transport checksum
// covers.
func (p *slowPacket) covered(proto, end int) (pseudo, msg []byte) {
	n, size := p.l3, end-p.l4
	pseudo = []byte{byte(size >> 8), byte(size), 0, byte(proto)}
	switch {
	case p.typ() == 0x800 && proto != 1:
		pseudo = append(pseudo, p.f[n+12:n+20]...)
	case p.typ() == 0x800:
		pseudo = nil
	case p.routes():
		pseudo = append(pseudo, p.f[n+8:n+24]...)
	default:
		pseudo = append(pseudo, p.f[n+8:n+40]...)
	}
	return pseudo, p.f[p.l4:end]
}

// routes says whether a routing header has segments left.
func (p *slowPacket) routes() bool {
	for o, proto := p.l3+40, p.f[p.l3+6]; o < p.l4; {
		if proto == 43 {
			return p.f[o+3] != 0
		}
		size := int(p.f[o+1])*8 + 8
		if proto == 44 {
			size = 8
		} else if proto == 51 {
			size = int(p.f[o+1])*4 + 8
		}
		o, proto = o+size, p.f[o]
	}
	return false
}

func (p *slowPacket) fixL4(was *slowPacket) {
	proto, end := p.proto()
	at, ok := map[int]int{6: 16, 17: 6, 1: 2, 58: 2, 132: 8}[proto]
	if !ok {
		return
	}
	wasPseudo, wasMsg := was.covered(proto, end)
	pseudo, msg := p.covered(proto, end)
	if slices.Equal(pseudo, wasPseudo) && slices.Equal(msg, wasMsg) {
		return
	}
	if proto == 132 {
		if slices.Equal(msg, wasMsg) {
			return
		}
		c := slowCRC(msg) ^ slowCRC(wasMsg) ^ le.Uint32(msg[8:])
		le.PutUint32(msg[8:], c)
		return
	}
	if proto == 17 && wasMsg[6] == 0 && wasMsg[7] == 0 {
		return
	}
	c := checksum(slices.Concat(wasPseudo, wasMsg), slices.Concat(pseudo, msg), len(pseudo)+at)
	if proto == 17 && c == 0 {
		c = 0xffff
	}
	msg[at], msg[at+1] = byte(c>>8), byte(c)
}

// slowCRC is SCTP's checksum of a message.
func slowCRC(msg []byte) uint32 {
	msg = slices.Clone(msg)
	clear(msg[8:12])
	return crc32.Checksum(msg, crc32.MakeTable(crc32.Castagnoli))
}

// copyTTLIn writes the label's TTL into the next header, and mends the checksum of IPv4.
func (p *slowPacket) copyTTLIn() {
	if p.l25 == packet.None || p.l25+4 > len(p.f) {
		return
	}
	ttl, last, in := p.f[p.l25+3], p.f[p.l25+2]&1 == 1, p.f[p.l25+4:]
	switch {
	case !last && len(in) >= 4:
		in[3] = ttl
	case last && len(in) >= 20 && in[0]>>4 == 4:
		was := slices.Clone(in[:20])
		in[8] = ttl
		if !slices.Equal(was, in[:20]) {
			c := checksum(was, in[:20], 10)
			in[10], in[11] = byte(c>>8), byte(c)
		}
	case last && len(in) >= 40 && in[0]>>4 == 6:
		in[7] = ttl
	}
}
