package flow

import "math/bits"

// Word is the index of one 64-bit word of a Key or a Mask. The order is the
// order of staged lookup: metadata, L2, L3, L4.
type Word uint8

// The words of a key. Each comment draws the word from bit 63 down to bit 0.
// Every field is held as an integer in host order, so that a field of the wire
// is read with one big-endian load and a shift.
const (
	// Metadata: what the switch knows about a packet besides its bytes.
	WPort     Word = iota // recirc_id:32 in_port:32
	WMeta                 // metadata:64
	WMark                 // skb_priority:32 pkt_mark:32
	WTunID                // tun_id:64
	WTunIPv4              // tun_src:32 tun_dst:32
	WTunMisc              // spare:15 tun_flags:1 tun_gbp_id:16 tun_gbp_flags:8 spare:8 tun_tos:8 tun_ttl:8
	WTunSrcHi             // tun_ipv6_src
	WTunSrcLo
	WTunDstHi // tun_ipv6_dst
	WTunDstLo
	WCt        // ct_state:32 ct_zone:16 ct_nw_proto:8 spare:8
	WCtMark    // ct_mark:32 spare:32
	WCtLabelHi // ct_label:128
	WCtLabelLo
	WCtIPv4  // ct_nw_src:32 ct_nw_dst:32
	WCtPorts // ct_tp_src:16 ct_tp_dst:16 spare:32
	WCtSrcHi // ct_ipv6_src:128
	WCtSrcLo
	WCtDstHi // ct_ipv6_dst:128
	WCtDstLo
	WReg0 // reg0:32 reg1:32 = xreg0; two of these words make an xxreg
	WReg2
	WReg4
	WReg6
	WReg8
	WReg10
	WReg12
	WReg14
	WSet  // actset_output:32 packet_type:32
	WConj // conj_id:32 spare:32

	// L2.
	WEthDst // eth_dst:48 eth_type:16 (the type after any VLAN tags)
	WEthSrc // eth_src:48 spare:16
	WVLAN   // vlan_tci:16 vlan_tpid:16 vlan_tci2:16 vlan_tpid2:16 (outer, inner; CFI bit set = tag present)
	WMPLS   // lse0:32 lse1:32, each label:20 tc:3 bos:1 ttl:8
	WMPLS2  // lse2:32 spare:32

	// L3.
	WIPv4      // nw_src:32 nw_dst:32, for ARP arp_spa and arp_tpa
	WIP        // nw_proto:8 nw_tos:8 nw_ttl:8 nw_frag:8 spare:12 ipv6_label:20; for ARP arp_op in nw_proto
	WIPv6SrcHi // ipv6_src:128
	WIPv6SrcLo
	WIPv6DstHi // ipv6_dst:128
	WIPv6DstLo
	WNDHi // nd_target:128
	WNDLo
	WSHA // arp_sha:48 spare:16, for ND nd_sll
	WTHA // arp_tha:48 spare:16, for ND nd_tll

	// L4.
	WL4 // tp_src:16 tp_dst:16 tcp_flags:16 ipv6_exthdr:16; ICMP type and code in tp_src and tp_dst
	WND // nd_reserved:32 nd_options_type:8 spare:24

	NumWords
)

// Stage bounds: words [0,StageL2) are metadata, [StageL2,StageL3) L2, and so on.
const (
	StageL2 = WEthDst
	StageL3 = WIPv4
	StageL4 = WL4
)

// Fragment bits in nw_frag.
const (
	FragAny   = 1 // the packet is a fragment
	FragLater = 2 // and its offset is not 0: no L4 header
)

// VlanCFI marks a VLAN TCI of the key as that of a tag that is there, so that
// "no tag" and "tag with VID 0" differ.
const VlanCFI = 0x1000

// Key is everything a decision about a packet may depend on. A word whose bit
// in Map is clear is zero: whoever fills a Key keeps that true, which is why
// keys compare and hash by words with no look at Map.
type Key struct {
	W   [NumWords]uint64
	Map uint64 // bit i: W[i] was written by the packet's headers or metadata
}

// Mask says which bits of a Key matter. Bit i of Map is set exactly where W[i]
// is not zero.
type Mask struct {
	W   [NumWords]uint64
	Map uint64
}

// Set writes word w and marks it present.
func (k *Key) Set(w Word, v uint64) {
	k.W[w] = v
	k.Map |= 1 << w
}

// Clear zeroes the words that are present, in time proportional to their number.
func (k *Key) Clear() {
	for m := k.Map; m != 0; m &= m - 1 {
		k.W[bits.TrailingZeros64(m)] = 0
	}
	k.Map = 0
}

// CopyFrom makes k equal to o, in time proportional to the words that either has.
func (k *Key) CopyFrom(o *Key) {
	for m := k.Map &^ o.Map; m != 0; m &= m - 1 {
		k.W[bits.TrailingZeros64(m)] = 0
	}
	for m := o.Map; m != 0; m &= m - 1 {
		i := bits.TrailingZeros64(m)
		k.W[i] = o.W[i]
	}
	k.Map = o.Map
}

// Or adds bits v of word w to the mask.
func (m *Mask) Or(w Word, v uint64) {
	m.W[w] |= v
	if v != 0 {
		m.Map |= 1 << w
	}
}

// Put makes v the bits of word w.
func (m *Mask) Put(w Word, v uint64) {
	m.W[w] = v
	if v != 0 {
		m.Map |= 1 << w
		return
	}
	m.Map &^= 1 << w
}

// CopyFrom makes m equal to o, in time proportional to the words that either has.
func (m *Mask) CopyFrom(o *Mask) {
	for b := m.Map &^ o.Map; b != 0; b &= b - 1 {
		m.W[bits.TrailingZeros64(b)] = 0
	}
	for b := o.Map; b != 0; b &= b - 1 {
		i := bits.TrailingZeros64(b)
		m.W[i] = o.W[i]
	}
	m.Map = o.Map
}

// Merge adds every bit of o to the mask.
func (m *Mask) Merge(o *Mask) {
	for b := o.Map; b != 0; b &= b - 1 {
		i := bits.TrailingZeros64(b)
		m.W[i] |= o.W[i]
	}
	m.Map |= o.Map
}

// Clear zeroes the mask.
func (m *Mask) Clear() {
	for b := m.Map; b != 0; b &= b - 1 {
		m.W[bits.TrailingZeros64(b)] = 0
	}
	m.Map = 0
}

// Equal says whether both have the same bits.
func (m *Mask) Equal(o *Mask) bool {
	if m.Map != o.Map {
		return false
	}
	for b := m.Map; b != 0; b &= b - 1 {
		i := bits.TrailingZeros64(b)
		if m.W[i] != o.W[i] {
			return false
		}
	}
	return true
}

// Covers says whether every bit of o is in m.
func (m *Mask) Covers(o *Mask) bool {
	for b := o.Map; b != 0; b &= b - 1 {
		i := bits.TrailingZeros64(b)
		if o.W[i]&^m.W[i] != 0 {
			return false
		}
	}
	return true
}

// Match says whether k, where m looks, equals v.
func (m *Mask) Match(k, v *Key) bool {
	for b := m.Map; b != 0; b &= b - 1 {
		i := bits.TrailingZeros64(b)
		if (k.W[i]^v.W[i])&m.W[i] != 0 {
			return false
		}
	}
	return true
}

// Apply writes k&m to dst, whose former content is lost.
func (m *Mask) Apply(dst, k *Key) {
	dst.Clear()
	for b := m.Map; b != 0; b &= b - 1 {
		i := bits.TrailingZeros64(b)
		if v := k.W[i] & m.W[i]; v != 0 {
			dst.Set(Word(i), v)
		}
	}
}

// InPort returns the in_port field.
func (k *Key) InPort() uint32 { return uint32(k.W[WPort]) }

// EthType returns the type that follows any VLAN tags; below 0x600 it is
// reported as FrameTypeNone for 802.2 frames, as OVS does.
func (k *Key) EthType() uint16 { return uint16(k.W[WEthDst]) }

// EthDst and EthSrc return the MAC addresses in the low 48 bits.
func (k *Key) EthDst() uint64 { return k.W[WEthDst] >> 16 }

// EthSrc returns the source MAC address in the low 48 bits.
func (k *Key) EthSrc() uint64 { return k.W[WEthSrc] >> 16 }

// VlanTCI returns the outer tag's TCI with VlanCFI set, or 0 when untagged.
func (k *Key) VlanTCI() uint16 { return uint16(k.W[WVLAN] >> 48) }

// NwProto returns the IP protocol, or the ARP opcode.
func (k *Key) NwProto() uint8 { return uint8(k.W[WIP] >> 56) }

// NwFrag returns the fragment bits.
func (k *Key) NwFrag() uint8 { return uint8(k.W[WIP] >> 32) }

// TpSrc returns the source port, or the ICMP type.
func (k *Key) TpSrc() uint16 { return uint16(k.W[WL4] >> 48) }

// TpDst returns the destination port, or the ICMP code.
func (k *Key) TpDst() uint16 { return uint16(k.W[WL4] >> 32) }
