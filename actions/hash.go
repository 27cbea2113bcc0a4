package actions

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"pollux/flow"
)

// Hash is a hash of some fields of a packet's headers. Fields that the packet does not have are
// left out.
type Hash struct {
	Of     HashOf
	Basis  uint16
	Fields []HashField // of HashList
}

// HashField is a field under a mask.
type HashField struct {
	Field flow.Field
	Mask  flow.Value
}

// HashOf is which fields a hash covers. The first are those of enum nx_hash_fields, by their
// numbers there.
type HashOf uint8

// The kinds. Symmetric ones are the same for both directions of a flow.
const (
	HashEthSrc           HashOf = iota
	HashSymmetricL4             // Ethernet addresses and type, VLAN, IP addresses and protocol, TCP's and SCTP's ports
	HashSymmetricL3L4           // IP addresses and protocol, TCP's and SCTP's ports
	HashSymmetricL3L4UDP        // and UDP's
	HashNwSrc
	HashNwDst
	HashSymmetricL3 // IP addresses
	HashFlow        // HashSymmetricL3L4UDP of IP, HashSymmetricL4 of all else
	HashList        // Fields
)

// HashNames are the kinds in words. Those before HashFlow are what flows can name.
var HashNames = [...]string{"eth_src", "symmetric_l4", "symmetric_l3l4", "symmetric_l3l4+udp", "nw_src", "nw_dst", "symmetric_l3", "flow"}

// vlanHashed is the bits of the VLAN word that a hash covers: the outer tag's VID, and whether it
// is there.
const vlanHashed = (0xfff | flow.VlanCFI) << 48

// portsHashed is the bits of a word where ports are.
const portsHashed = 0xffffffff << 32

// Sum returns the hash of the packet of k.
func (h *Hash) Sum(k *flow.Key) uint32 {
	if h.Of == HashList {
		return h.sumList(k)
	}
	s := uint64(h.Basis) + hashSalt
	of := h.kind(k)
	v4, v6 := flow.PreIPv4.Met(k), flow.PreIPv6.Met(k)
	switch of {
	case HashEthSrc:
		s = hashAdd(s, folded(0, k.EthSrc()))
	case HashSymmetricL4:
		s = hashAdd(s, both(k.EthSrc(), k.EthDst()))
		s = hashAdd(s, uint64(k.EthType()))
		s = hashAdd(s, k.W[flow.WVLAN]&vlanHashed>>48)
	case HashNwSrc, HashNwDst:
		switch src := of == HashNwSrc; {
		case v4 && src:
			s = hashAdd(s, folded(0, k.W[flow.WIPv4]>>32))
		case v4:
			s = hashAdd(s, folded(0, k.W[flow.WIPv4]&0xffffffff))
		case v6 && src:
			s = hashAdd(s, folded(k.W[flow.WIPv6SrcHi], k.W[flow.WIPv6SrcLo]))
		case v6:
			s = hashAdd(s, folded(k.W[flow.WIPv6DstHi], k.W[flow.WIPv6DstLo]))
		}
		return hashEnd(s)
	}
	if of == HashEthSrc || !v4 && !v6 {
		return hashEnd(s)
	}
	if v4 {
		s = hashAdd(s, both(k.W[flow.WIPv4]>>32, k.W[flow.WIPv4]&0xffffffff))
	} else {
		s = hashAdd(s, both(k.W[flow.WIPv6SrcHi], k.W[flow.WIPv6DstHi]))
		s = hashAdd(s, both(k.W[flow.WIPv6SrcLo], k.W[flow.WIPv6DstLo]))
	}
	if of == HashSymmetricL3 {
		return hashEnd(s)
	}
	s = hashAdd(s, uint64(k.NwProto()))
	if hasPorts(of, k) {
		s = hashAdd(s, both(uint64(k.TpSrc()), uint64(k.TpDst())))
	}
	return hashEnd(s)
}

// kind returns what is hashed of the packet of k, of HashFlow too.
func (h *Hash) kind(k *flow.Key) HashOf {
	switch {
	case h.Of != HashFlow:
		return h.Of
	case flow.PreIP.Met(k):
		return HashSymmetricL3L4UDP
	}
	return HashSymmetricL4
}

// hasPorts says whether an IP packet has ports that are hashed.
func hasPorts(of HashOf, k *flow.Key) bool {
	return flow.PreTCP.Met(k) || flow.PreSCTP.Met(k) || of == HashSymmetricL3L4UDP && flow.PreUDP.Met(k)
}

// sumList hashes the fields of a list.
func (h *Hash) sumList(k *flow.Key) uint32 {
	s := uint64(h.Basis)
	for i := range h.Fields {
		f := &h.Fields[i]
		if !flow.Fields[f.Field].Pre.Met(k) {
			continue
		}
		v := f.Field.Get(k).And(f.Mask)
		s = mix64(mix64(s^v.Hi+hashSalt) ^ v.Lo)
	}
	return hashEnd(s)
}

// Needs adds to m the bits of k that Sum looks at.
func (h *Hash) Needs(k *flow.Key, m *flow.Mask) {
	whole := func(f flow.Field) { f.OrMask(m, f.Full()) }
	if h.Of == HashList {
		for i := range h.Fields {
			f := &h.Fields[i]
			p := flow.Fields[f.Field].Pre
			if p.Mask(m); p.Met(k) {
				f.Field.OrMask(m, f.Mask)
			}
		}
		return
	}
	of := h.kind(k)
	switch of {
	case HashEthSrc:
		whole(flow.EthSrc)
		return
	case HashSymmetricL4:
		whole(flow.EthSrc)
		whole(flow.EthDst)
		m.Or(flow.WVLAN, vlanHashed)
	}
	whole(flow.EthType)
	src, dst := flow.IPv4Src, flow.IPv4Dst
	switch {
	case flow.PreIPv6.Met(k):
		src, dst = flow.IPv6Src, flow.IPv6Dst
	case !flow.PreIPv4.Met(k):
		return
	}
	if of != HashNwDst {
		whole(src)
	}
	if of != HashNwSrc {
		whole(dst)
	}
	if of == HashNwSrc || of == HashNwDst || of == HashSymmetricL3 {
		return
	}
	flow.PreTCP.Mask(m) // and that of the others
	if hasPorts(of, k) {
		m.Or(flow.WL4, portsHashed)
	}
}

// Might adds to m every bit that Sum may look at, whatever the packet.
func (h *Hash) Might(m *flow.Mask) {
	if h.Of == HashList {
		for i := range h.Fields {
			f := &h.Fields[i]
			flow.Fields[f.Field].Pre.Mask(m)
			f.Field.OrMask(m, f.Mask)
		}
		return
	}
	of := h.Of
	if of == HashEthSrc || of == HashSymmetricL4 || of == HashFlow {
		flow.EthSrc.OrMask(m, flow.EthSrc.Full())
		if of == HashEthSrc {
			return
		}
		flow.EthDst.OrMask(m, flow.EthDst.Full())
		m.Or(flow.WVLAN, vlanHashed)
	}
	flow.EthType.OrMask(m, flow.EthType.Full())
	for _, f := range [...]flow.Field{flow.IPv4Src, flow.IPv4Dst, flow.IPv6Src, flow.IPv6Dst} {
		f.OrMask(m, f.Full())
	}
	flow.PreTCP.Mask(m)
	m.Or(flow.WL4, portsHashed)
}

func (h *Hash) equal(o *Hash) bool {
	return h.Of == o.Of && h.Basis == o.Basis && slices.Equal(h.Fields, o.Fields)
}

// String writes the fields: symmetric_l3l4, fields(nw_src,nw_dst=255.255.0.0).
func (h *Hash) String() string {
	name := ""
	if h.Of == HashList {
		var list []string
		for i := range h.Fields {
			f := &h.Fields[i]
			text := f.Field.Name()
			if f.Mask != f.Field.Full() {
				text += fmt.Sprintf("=%#x", f.Mask.Lo)
				if f.Mask.Hi != 0 {
					text = fmt.Sprintf("%s=%#x%016x", f.Field.Name(), f.Mask.Hi, f.Mask.Lo)
				}
			}
			list = append(list, text)
		}
		name = "fields(" + strings.Join(list, ",") + ")"
	} else {
		name = HashNames[h.Of]
	}
	if h.Basis != 0 {
		name += fmt.Sprintf(",basis=%d", h.Basis)
	}
	return name
}

// The hash is MurmurHash3's finalizer again and again: all bits depend on all bits.

const hashSalt = 0x9e3779b97f4a7c15

func hashAdd(s, v uint64) uint64 { return mix64(s ^ mix64(v+hashSalt)) }

func hashEnd(s uint64) uint32 { return uint32(mix64(s) >> 32) }

func folded(hi, lo uint64) uint64 { return hi ^ bits.RotateLeft64(lo, 32) }

// both is what two words have together, whichever comes first. Their difference alone would be
// that of many pairs: all flows of a port range to a port range have a few thousand.
func both(a, b uint64) uint64 { return (a + b) ^ bits.RotateLeft64(a^b, 32) }

func mix64(h uint64) uint64 {
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
