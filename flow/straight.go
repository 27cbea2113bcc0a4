package flow

import "encoding/binary"

// straight fills k and returns the offset of the IP header when the frame is of
// the commonest kind: Ethernet, at most one 802.1Q tag, an IPv4 header without
// options that is no fragment, a whole UDP or TCP header, nothing odd about the
// lengths. Of any other frame it says so and leaves k fit for Clear.
//
// It costs about … see the package comment. Constant offsets into arrays, so that
// the one comparison of the length is all the bounds checking there is.
func straight(f []byte, k *Key, port uint64) (l3 uint16, ok bool) {
	if len(f) < 58 {
		return 0, false
	}
	p := (*[58]byte)(f)
	src := binary.BigEndian.Uint64(p[6:]) // eth_src:48 eth_type:16
	typ := src & 0xffff
	present := uint64(mapIPv4L4)
	ip := (*[40]byte)(p[14:])
	l3 = 14
	if typ == etherVLAN {
		tag := uint64(binary.BigEndian.Uint32(p[14:])) // tci:16 type:16
		typ = tag & 0xffff
		k.W[WVLAN] = (tag>>16|VlanCFI)<<48 | etherVLAN<<32
		k.Map |= 1 << WVLAN // so that Clear finds it
		present = mapVlanIP4
		ip = (*[40]byte)(p[18:])
		l3 = 18
	}
	h0 := binary.BigEndian.Uint64(ip[:])  // version:4 ihl:4 tos:8 length:16 id:16 frag:16
	h1 := binary.BigEndian.Uint64(ip[8:]) // ttl:8 proto:8 checksum:16 src:32
	l4 := binary.BigEndian.Uint64(ip[20:])
	if typ != etherIPv4 || h0&(0xff<<56|0x3fff) != 0x45<<56 {
		return 0, false
	}
	total := uint(h0 >> 32 & 0xffff)
	proto := h1 >> 48 & 0xff
	need := uint(28)
	flags := uint64(0)
	if proto == protoTCP {
		need = 40
		flags = uint64(binary.BigEndian.Uint16(ip[32:])&0xfff) << 16
	} else if proto != protoUDP {
		return 0, false
	}
	if total < need || uint(len(f))-uint(l3)-total > 255 { // also when total is beyond the frame
		return 0, false
	}
	if stale := k.Map &^ present; stale != 0 {
		k.wipe(stale)
	}
	k.Map = present
	k.W[WPort] = port
	k.W[WEthDst] = binary.BigEndian.Uint64(p[:])&^0xffff | typ
	k.W[WEthSrc] = src &^ 0xffff
	k.W[WIPv4] = binary.BigEndian.Uint64(ip[12:])
	k.W[WIP] = proto<<56 | h0>>48&0xff<<48 | h1>>56<<40
	k.W[WL4] = l4&^0xffffffff | flags
	return l3, true
}
