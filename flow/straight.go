package flow

import (
	"encoding/binary"
	"math/bits"

	"pollux/internal/packet"
)

// oddSet is the set of packets of a batch that need the general parser.
type oddSet [packet.MaxBatch / 64]uint64

// straight does Extract's work for packets of the commonest kind: Ethernet, at
// most one 802.1Q tag, an IPv4 header without options that is no fragment, a
// whole UDP or TCP header, nothing odd about the lengths. It returns the set of
// the others; their keys are fit for Clear, their offsets not written.
//
// Offsets are constants into arrays, so that each packet is checked against the
// bounds of memory once; nothing is called, so that all stays in registers.
func straight(buf []byte, b *packet.Batch, keys []Key) (odd oddSet) {
	const least = 58 // Ethernet, tag, IPv4, TCP
	port := uint64(b.InPort)
	for i := range keys {
		k := &keys[i]
		i &= packet.MaxBatch - 1 // which it is; this tells the compiler
		at, length := b.Desc[i].Addr, uint64(b.Desc[i].Len)
		if length < least {
			odd[i>>6] |= 1 << (i & 63)
			continue
		}
		p := (*[least]byte)(buf[at : at+least : at+least])
		src := binary.BigEndian.Uint64(p[6:]) // eth_src:48 eth_type:16
		typ := src & 0xffff
		present := uint64(mapIPv4L4)
		ip := (*[40]byte)(p[14:])
		l3 := uint64(14)
		if typ == etherVLAN {
			tag := uint64(binary.BigEndian.Uint32(p[14:])) // tci:16 type:16
			typ = tag & 0xffff
			k.W[WVLAN] = (tag>>16|VlanCFI)<<48 | etherVLAN<<32
			present = mapVlanIP4
			ip = (*[40]byte)(p[18:])
			l3 = 18
		}
		// Words are written before it is known that they are right: what turns out
		// odd is cleared by Map, and few values stay alive at a time.
		for stale := k.Map &^ present; stale != 0; stale &= stale - 1 {
			k.W[bits.TrailingZeros64(stale)] = 0
		}
		k.Map = present
		k.W[WPort] = port
		k.W[WEthSrc] = src &^ 0xffff
		k.W[WEthDst] = binary.BigEndian.Uint64(p[:])&^0xffff | typ
		k.W[WIPv4] = binary.BigEndian.Uint64(ip[12:])
		h0 := binary.BigEndian.Uint64(ip[:])  // version:4 ihl:4 tos:8 length:16 id:16 frag:16
		h1 := binary.BigEndian.Uint64(ip[8:]) // ttl:8 proto:8 checksum:16 src:32
		proto := h1 >> 48 & 0xff
		k.W[WIP] = proto<<56 | h0>>48&0xff<<48 | h1>>56<<40
		total := h0 >> 32 & 0xffff
		pad := length - l3 - total                   // huge when total is beyond the frame
		l4 := binary.BigEndian.Uint64(ip[20:]) >> 32 // src:16 dst:16
		b.L25[i], b.L3[i], b.L4[i], b.IPLen[i] = packet.None, uint16(l3), uint16(l3+20), uint16(total)
		if typ == etherIPv4 && h0&(0xff<<56|0x3fff) == 0x45<<56 && pad <= 255 {
			if proto == protoUDP && total >= 28 {
				k.W[WL4] = l4 << 32
				continue
			}
			if proto == protoTCP && total >= 40 {
				k.W[WL4] = l4<<32 | uint64(binary.BigEndian.Uint16(ip[32:])&0xfff)<<16
				continue
			}
		}
		odd[i>>6] |= 1 << (i & 63)
	}
	return odd
}
