package pipeline

import (
	"math/bits"

	"pollux/actions"
	"pollux/flow"
)

// hash returns the hash of some of the packet's fields, all of which it looks at. Fields that
// the packet does not have are left out.
func (x *xlate) hash(fields HashFields, basis uint16) uint32 {
	var vals [8]uint64
	n := 0
	add := func(v uint64) { vals[n], n = v, n+1 }
	whole := func(f flow.Field) flow.Value {
		x.needField(f, f.Full())
		return f.Get(&x.key)
	}
	// both is what two fields have together, whichever way the packet goes.
	both := func(a, b flow.Field) {
		v := whole(a).Xor(whole(b))
		add(v.Hi ^ bits.RotateLeft64(v.Lo, 32))
	}
	one := func(v flow.Value) { add(v.Hi ^ bits.RotateLeft64(v.Lo, 32)) }
	ports := func(udp bool) {
		switch {
		case x.has(flow.TCPSrc):
			both(flow.TCPSrc, flow.TCPDst)
		case x.has(flow.SCTPSrc):
			both(flow.SCTPSrc, flow.SCTPDst)
		case udp && x.has(flow.UDPSrc):
			both(flow.UDPSrc, flow.UDPDst)
		}
	}
	addresses := func() bool {
		switch {
		case x.has(flow.IPv4Src):
			both(flow.IPv4Src, flow.IPv4Dst)
		case x.has(flow.IPv6Src):
			both(flow.IPv6Src, flow.IPv6Dst)
		default:
			return false
		}
		return true
	}
	switch fields {
	case HashEthSrc:
		one(whole(flow.EthSrc))
	case HashSymmetricL4:
		both(flow.EthSrc, flow.EthDst)
		add(whole(flow.EthType).Lo)
		x.needVLAN(normalVLANLooked)
		add(uint64(x.key.VlanTCI() & (vlanVIDMask | flow.VlanCFI)))
		if addresses() {
			add(whole(flow.IPProto).Lo)
			ports(false)
		}
	case HashSymmetricL3L4, HashSymmetricL3L4UDP:
		if addresses() {
			add(whole(flow.IPProto).Lo)
			ports(fields == HashSymmetricL3L4UDP)
		}
	case HashSymmetricL3:
		addresses()
	case HashNwSrc, HashNwDst:
		v4, v6 := flow.IPv4Src, flow.IPv6Src
		if fields == HashNwDst {
			v4, v6 = flow.IPv4Dst, flow.IPv6Dst
		}
		switch {
		case x.has(v4):
			one(whole(v4))
		case x.has(v6):
			one(whole(v6))
		}
	}
	return hashValues(basis, vals[:n])
}

// hashValues mixes values into 32 bits, all of which depend on all bits (MurmurHash3's
// finalizer).
func hashValues(basis uint16, vals []uint64) uint32 {
	h := uint64(basis) + 0x9e3779b97f4a7c15
	for _, v := range vals {
		h = mix64(h ^ mix64(v+0x9e3779b97f4a7c15))
	}
	return uint32(mix64(h) >> 32)
}

func mix64(h uint64) uint64 {
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// weight is how much a hash wants the nth of some places.
func weight(hash, n uint32) uint32 { return uint32(mix64(uint64(hash)<<32|uint64(n)) >> 32) }

// link chooses one of the links of a multipath action by a hash, as its algorithm says.
func (m *Multipath) link(hash uint32) uint32 {
	links := uint32(m.MaxLink) + 1
	switch m.Algorithm {
	case 0: // modulo_n
		return hash % links
	case 1: // hash_threshold
		if links == 1 {
			return 0
		}
		return hash / (^uint32(0)/links + 1)
	case 2: // hrw
		if links <= 64 {
			best := uint32(0)
			for i := uint32(1); i < links; i++ {
				if weight(hash, i) > weight(hash, best) {
					best = i
				}
			}
			return best
		}
		return iterHash(hash, links, 0)
	}
	return iterHash(hash, links, m.Arg)
}

// iterHash hashes modulo a number that stays when links come and go, until there is a link of
// the number found.
func iterHash(hash, links, modulo uint32) uint32 {
	if modulo < links || modulo/2 > links {
		modulo = 1 << bits.Len32(links-1)
	}
	for i := range uint32(1024) {
		if l := weight(hash, i) % modulo; l < links {
			return l
		}
	}
	return hash % links // with two in three tries failing each time, once in 2^600
}

func (x *xlate) multipath(m *Multipath) {
	link := m.link(x.hash(m.Fields, m.Basis))
	x.setField(m.Dst.Field, flow.Value{Lo: uint64(link)}.And(flow.Ones(uint(m.Dst.Bits))).Shl(uint(m.Dst.Lo)), m.Dst.mask())
}

// bundle chooses a member that is up, and outputs to it or writes its number, as OpenFlow 1.0
// has it, which is 0xffff (OFPP_NONE) if none is.
func (x *xlate) bundle(b *Bundle) {
	port := x.member(b)
	if b.Dst.Bits != 0 {
		x.setField(b.Dst.Field, flow.Value{Lo: uint64(port & 0xffff)}.And(flow.Ones(uint(b.Dst.Bits))).Shl(uint(b.Dst.Lo)), b.Dst.mask())
		return
	}
	if port == AnyPort {
		x.note(actions.DropPortDown)
		if x.tr != nil {
			x.tr.warn("no member is up")
		}
		return
	}
	x.output(port)
}

// member returns the member of a bundle that is for the packet, or AnyPort.
func (x *xlate) member(b *Bundle) uint32 {
	if !b.HRW {
		for _, p := range b.Slaves {
			if x.memberUp(p) {
				return p
			}
		}
		return AnyPort
	}
	hash := x.hash(b.Fields, b.Basis)
	best, most := AnyPort, uint32(0)
	for i, p := range b.Slaves {
		if w := weight(hash, uint32(i)); x.memberUp(p) && (best == AnyPort || w > most) {
			best, most = p, w
		}
	}
	return best
}

// memberUp says whether a member can be output to.
func (x *xlate) memberUp(n uint32) bool {
	switch n {
	case flow.PortIn, flow.PortNormal, flow.PortFlood, flow.PortAll:
		return true
	}
	x.path.Uses.Port(n)
	p := x.snap.ports.get(n)
	return p != nil && p.canSend()
}
