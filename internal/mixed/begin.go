package mixed

import (
	"encoding/binary"
	"net/netip"
)

// begin draws a flow that is not there yet, with the flow of its answers or of its
// later fragments where it has one.
func (m *maker) begin() {
	f := m.draw()
	for m.keys[f.Key] || m.keys[f.reversed()] || f.part == first && m.keys[laterOf(f).Key] {
		f = m.draw()
	}
	at := m.add(f)
	switch {
	case f.part == first:
		g := laterOf(f)
		m.keys[g.Key] = true
		m.flows = append(m.flows, g)
	case (f.Kind == TCP || f.Kind == UDP) && m.rand.IntN(3) == 0 && f.EthDst[0]&1 == 0:
		g := f
		g.Key, g.answers, g.Peer = f.reversed(), true, at
		g.ttl -= uint8(m.rand.IntN(8))
		m.flows[at].Peer = m.add(g)
	}
}

// laterOf returns the flow of the later fragments of f. As in Open vSwitch, the protocol
// of IPv6's is that of the fragment header: what it is behind it is not looked at.
func laterOf(f Flow) Flow {
	f.SrcPort, f.DstPort, f.part = 0, 0, later
	if f.Src.Is6() {
		f.Proto = 44
	}
	return f
}

// add takes a flow up and puts its frames on the list.
func (m *maker) add(f Flow) (index int) {
	index = len(m.flows)
	f.size = m.size()
	for range f.size {
		m.order = append(m.order, index)
	}
	m.keys[f.Key] = true
	m.flows = append(m.flows, f)
	return index
}

// weights says how often a kind is drawn, of all weights together.
var weights = [numKinds]int{TCP: 40, UDP: 30, SCTP: 4, ICMP: 6, Bare: 3, Fragment: 4, ARP: 3, LLDP: 1, Local: 1, LLC: 1}

// draw draws a flow out of small pools, so that flows differ by one member only.
func (m *maker) draw() Flow {
	r := m.rand
	n := 0
	for _, w := range weights {
		n += w
	}
	f := Flow{Peer: -1, ttl: uint8(32 + r.IntN(200)), padded: r.IntN(4) != 0}
	for n = r.IntN(n); n >= weights[f.Kind]; f.Kind++ {
		n -= weights[f.Kind]
	}
	src, dst := r.IntN(4000), r.IntN(50)
	f.EthSrc = [6]byte{2, 0, 0, 0, byte(src >> 8), byte(src)}
	f.EthDst = [6]byte{2, 0, 0, 1, 0, byte(dst)}
	switch r.IntN(10) {
	case 0, 1:
		f.Tags = 1
	case 2:
		f.Tags = 2
		f.inner = uint16(1 + r.IntN(4094))
	}
	if f.Tags > 0 {
		f.TCI = uint16(r.IntN(8))<<13 | uint16(1+r.IntN(20)*200)
	}
	six := r.IntN(3) == 0
	many := r.IntN(20) == 0
	switch f.Kind {
	case ARP:
		f.EthType = 0x0806
		f.EthDst = [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
		return f
	case LLDP:
		f.EthType = 0x88cc
		f.EthDst = [6]byte{1, 0x80, 0xc2, 0, 0, 0x0e}
		return f
	case Local:
		f.EthType = 0x88b5
		return f
	case LLC:
		f.EthType = 0x05ff
		f.EthDst = [6]byte{1, 0x80, 0xc2, 0, 0, 0}
		return f
	}
	f.ip(six, many, src, dst)
	if r.IntN(4) == 0 {
		f.TOS = uint8(r.IntN(256))
	}
	if six && r.IntN(2) == 0 {
		f.Label = uint32(r.IntN(1 << 20))
	}
	m.ports(&f, six)
	return f
}

// ip gives the flow addresses.
func (f *Flow) ip(six, many bool, src, dst int) {
	if !six {
		a := [4]byte{10, 0, byte(src >> 8), byte(src)}
		b := [4]byte{192, 168, 1, byte(dst)}
		if many {
			b = [4]byte{224, 0, 1, byte(dst)}
			f.EthDst = [6]byte{1, 0, 0x5e, 0, 1, byte(dst)}
		}
		f.EthType, f.Src, f.Dst = 0x0800, netip.AddrFrom4(a), netip.AddrFrom4(b)
		return
	}
	var a, b [16]byte
	binary.BigEndian.PutUint64(a[:], 0x20010db8_00000001)
	binary.BigEndian.PutUint64(b[:], 0x20010db8_00000002)
	binary.BigEndian.PutUint16(a[14:], uint16(src))
	binary.BigEndian.PutUint16(b[14:], uint16(dst))
	if many {
		b = [16]byte{0xff, 0x0e, 15: byte(dst)}
		f.EthDst = [6]byte{0x33, 0x33, 0, 0, 0, byte(dst)}
	}
	f.EthType, f.Src, f.Dst = 0x86dd, netip.AddrFrom16(a), netip.AddrFrom16(b)
}

// ports gives the flow a protocol, ports, and an end.
func (m *maker) ports(f *Flow, six bool) {
	r := m.rand
	f.SrcPort, f.DstPort = uint16(1024+r.IntN(2000)), []uint16{53, 80, 443, 5060, 8080}[r.IntN(5)]
	switch f.Kind {
	case TCP:
		f.Proto = 6
		f.End = [...]End{Open, FIN, FIN, FIN, FIN, RST}[r.IntN(6)]
	case UDP:
		f.Proto = 17
	case Fragment:
		f.Proto, f.part = 17, first
	case SCTP:
		f.Proto = 132
	case Bare:
		f.Proto = [...]uint8{46, 47, 89, 103}[r.IntN(4)]
		f.SrcPort, f.DstPort = 0, 0
	case ICMP:
		f.Proto = 1
		f.SrcPort, f.DstPort = [...]uint16{0, 8, 3, 11}[r.IntN(4)], uint16(r.IntN(2))
		if six {
			f.Proto = 58
			f.SrcPort, f.DstPort = [...]uint16{128, 129, 1, 3}[r.IntN(4)], uint16(r.IntN(2))
		}
	}
}
