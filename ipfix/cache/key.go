package cache

import (
	"encoding/binary"
	"math/bits"

	"pollux/flow"
	"pollux/internal/packet"
)

// words is the number of 64-bit words of a compact key.
const words = 9

// The words of a compact key. Those that only IPv6 has are last, so that the key
// of every other flow lies in one cache line.
const (
	kPort  = iota // in_port:32 point:16 tunnel:16, numbers of the cache's pools
	kDst          // eth_dst:48 eth_type:16
	kSrc          // eth_src:48 vlan_tci:16
	kIP           // nw_proto:8 nw_tos:8 class:8 spare:7 inner:1 spare:12 ipv6_label:20
	kL4           // tp_src:16 tp_dst:16 spare:32
	kAddr         // IPv4: nw_src:32 nw_dst:32; IPv6: first half of ipv6_src
	kSrcLo        // second half of ipv6_src
	kDstHi        // ipv6_dst
	kDstLo
)

const (
	etherIPv4 = 0x0800
	etherIPv6 = 0x86dd
)

// Bits of kPort and kIP.
const (
	pointShift = 16
	classShift = 40
	innerBit   = 1 << 32
	labelBits  = 1<<20 - 1
)

// noTunnel is the number of the zero Tunnel, which is in no pool.
const noTunnel = nowhere

// ckey is a flow key in as few words as it takes.
type ckey [words]uint64

// secrets are a cache's own random numbers.
type secrets [10]uint64

// OVSKey returns the mask of the flow key that Open vSwitch's records have (its
// struct ipfix_data_record_flow_key_*): input port, Ethernet addresses and type,
// the outer VLAN tag and whether there is a second, IP protocol, type of
// service, addresses and IPv6 flow label, ports or ICMP type and code, and the outer
// header of packets that came by a tunnel. The observation point is always part of a key.
func OVSKey() *flow.Mask {
	m := new(flow.Mask)
	for _, f := range []flow.Field{
		flow.InPort, flow.EthSrc, flow.EthDst, flow.EthType, flow.VlanTCI,
		flow.IPProto, flow.IPTOS, flow.IPv6Label, flow.IPv4Src, flow.IPv4Dst,
		flow.IPv6Src, flow.IPv6Dst, flow.TCPSrc, flow.TCPDst,
		flow.TunID, flow.TunSrc, flow.TunDst, flow.TunIPv6Src, flow.TunIPv6Dst,
	} {
		f.OrMask(m, f.Full())
	}
	flow.VlanTCI2.OrMask(m, flow.Value{Lo: flow.VlanCFI})
	return m
}

// compactMask turns a mask of keys into masks of compact keys, one for each class.
func compactMask(m *flow.Mask) (mask [NumClasses]ckey) {
	for class := range mask {
		k := &mask[class]
		k[kPort] = m.W[flow.WPort]<<32 | 0xffffffff
		k[kDst] = m.W[flow.WEthDst]
		k[kSrc] = m.W[flow.WEthSrc]&^0xffff | m.W[flow.WVLAN]>>48
		k[kIP] = 0xff<<classShift | m.W[flow.WIP]&(0xffff<<48|labelBits)
		if m.W[flow.WVLAN]&(flow.VlanCFI<<16) != 0 {
			k[kIP] |= innerBit
		}
		k[kL4] = m.W[flow.WL4] & (0xffffffff << 32)
		if Class(class) == IPv4 {
			k[kAddr] = m.W[flow.WIPv4]
			continue
		}
		k[kAddr] = m.W[flow.WIPv6SrcHi]
		k[kSrcLo] = m.W[flow.WIPv6SrcLo]
		k[kDstHi] = m.W[flow.WIPv6DstHi]
		k[kDstLo] = m.W[flow.WIPv6DstLo]
	}
	return mask
}

// classOf says which kind of record a packet is part of. A packet whose IP header
// is cut short or wrong has no such words in its key, and is not IP here.
func classOf(k *flow.Key, l3 uint16) Class {
	if k.Map&(1<<flow.WIP) == 0 || l3 == packet.None {
		return Other
	}
	switch k.EthType() {
	case etherIPv4:
		return IPv4
	case etherIPv6:
		return IPv6
	}
	return Other
}

// fill writes the compact key of a packet at a place (point:16 tunnel:16). d's words
// beyond those of the class are zeroed: keys of all classes compare by all words.
func (d *ckey) fill(place uint32, k *flow.Key, class Class) {
	w := &k.W
	d[kPort] = w[flow.WPort]<<32 | uint64(place)
	d[kDst] = w[flow.WEthDst]
	d[kSrc] = w[flow.WEthSrc]&^0xffff | w[flow.WVLAN]>>48
	ip := uint64(class) << classShift
	ip |= w[flow.WVLAN] >> 28 & 1 << 32 // VlanCFI of the inner tag
	switch class {
	case IPv4:
		d[kIP] = ip | w[flow.WIP]&(0xffff<<48)
		d[kL4] = w[flow.WL4] & (0xffffffff << 32)
		d[kAddr] = w[flow.WIPv4]
		d[kSrcLo], d[kDstHi], d[kDstLo] = 0, 0, 0
	case IPv6:
		d[kIP] = ip | w[flow.WIP]&(0xffff<<48|labelBits)
		d[kL4] = w[flow.WL4] & (0xffffffff << 32)
		d[kAddr] = w[flow.WIPv6SrcHi]
		d[kSrcLo] = w[flow.WIPv6SrcLo]
		d[kDstHi] = w[flow.WIPv6DstHi]
		d[kDstLo] = w[flow.WIPv6DstLo]
	default:
		d[kIP] = ip
		d[kL4], d[kAddr], d[kSrcLo], d[kDstHi], d[kDstLo] = 0, 0, 0, 0, 0
	}
}

func (d *ckey) and(m *ckey) {
	for i := range d {
		d[i] &= m[i]
	}
}

func (d *ckey) class() Class   { return Class(d[kIP] >> classShift) }
func (d *ckey) point() uint32  { return uint32(d[kPort]) >> pointShift }
func (d *ckey) tunnel() uint32 { return uint32(d[kPort]) & nowhere }

// same compares the words that all classes have, with no branch between them: nearly
// always all of them are equal. Of IPv6 it says no: see equal.
func (d *ckey) same(k *ckey) bool {
	return (d[0]^k[0])|(d[1]^k[1])|(d[2]^k[2])|(d[3]^k[3])|(d[4]^k[4])|(d[5]^k[5])|k[kIP]>>classShift&uint64(IPv6) == 0
}

// equal compares the words that the key's class has.
func (d *ckey) equal(k *ckey) bool {
	x := (d[0] ^ k[0]) | (d[1] ^ k[1]) | (d[2] ^ k[2]) | (d[3] ^ k[3]) | (d[4] ^ k[4]) | (d[5] ^ k[5])
	if k.class() == IPv6 {
		x |= (d[6] ^ k[6]) | (d[7] ^ k[7]) | (d[8] ^ k[8])
	}
	return x == 0
}

func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// hash folds the key by 64×64-bit multiplications with secret words, so that who
// sends packets cannot choose flows that collide.
func (d *ckey) hash(s *secrets) uint32 {
	h := mix(d[kPort]^s[0], d[kDst]^s[1]) ^ mix(d[kSrc]^s[2], d[kIP]^s[3])
	h ^= mix(d[kL4]^s[4], d[kAddr]^s[5])
	if d.class() == IPv6 {
		h ^= mix(d[kSrcLo]^s[6], d[kDstHi]^s[7]) + mix(d[kDstLo]^s[8], s[9])
	}
	return uint32(h ^ h>>32)
}

// full writes the key of entry x as records have it.
func (c *Cache) full(r *Key, x uint32) {
	k := &c.cold[x].key
	*r = Key{
		Point:  c.points.pool.items[k.point()].value,
		InPort: uint32(k[kPort] >> 32), Label: uint32(k[kIP] & labelBits),
		EthDst: mac(k[kDst]), EthType: uint16(k[kDst]), EthSrc: mac(k[kSrc]), VLAN: uint16(k[kSrc]),
		InnerTag: k[kIP]&innerBit != 0, Class: k.class(),
		Proto: uint8(k[kIP] >> 56), TOS: uint8(k[kIP] >> 48),
		SrcPort: uint16(k[kL4] >> 48), DstPort: uint16(k[kL4] >> 32),
	}
	if n := k.tunnel(); n != noTunnel {
		r.Tunnel = c.tunnels.items[n].value
	}
	be := binary.BigEndian
	switch r.Class {
	case IPv4:
		be.PutUint64(r.Src[:8], k[kAddr]&^0xffffffff)
		be.PutUint32(r.Dst[:], uint32(k[kAddr]))
	case IPv6:
		be.PutUint64(r.Src[:], k[kAddr])
		be.PutUint64(r.Src[8:], k[kSrcLo])
		be.PutUint64(r.Dst[:], k[kDstHi])
		be.PutUint64(r.Dst[8:], k[kDstLo])
	}
}

// mac returns the upper 48 bits of a word as an address.
func mac(w uint64) (a [6]byte) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], w)
	copy(a[:], b[:6])
	return a
}
