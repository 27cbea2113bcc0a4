package flow

import (
	"encoding/binary"
	"math/bits"

	"pollux/internal/packet"
)

// Extract fills keys[i] and the offsets L25, L3 and L4 of every packet i < b.N.
// Keys are taken as an earlier Extract left them (or zero): only words that the
// old Map names and the new one does not are cleared. len(keys) must be ≥ b.N.
//
// What a malformed frame gives is said in the package comment.
func Extract(mem *packet.Memory, b *packet.Batch, keys []Key) {
	n := b.N
	if n > packet.MaxBatch {
		n = packet.MaxBatch
	}
	keys = keys[:n]
	port := uint64(b.InPort)
	buf := mem.Buf
	for i := range keys {
		d := &b.Desc[i&(packet.MaxBatch-1)]
		k := &keys[i]
		f := buf[d.Addr : d.Addr+uint64(d.Len)]

		// The straight way: Ethernet, at most one 802.1Q tag, an IPv4 header
		// without options that is no fragment, a whole UDP or TCP header.
		if len(f) < 58 {
			goto general
		}
		{
			src := binary.BigEndian.Uint64(f[6:]) // eth_src:48 eth_type:16
			typ := src & 0xffff
			present := uint64(mapIPv4L4)
			l3 := 14
			ip := f[14:]
			if typ == etherVLAN {
				tag := uint64(binary.BigEndian.Uint32(f[14:])) // tci:16 type:16
				typ = tag & 0xffff
				k.W[WVLAN] = (tag>>16|VlanCFI)<<48 | etherVLAN<<32
				present = mapVlanIP4
				k.Map |= 1 << WVLAN // so that the general way clears it
				l3 = 18
				ip = f[18:]
			}
			if len(ip) < 40 {
				goto general
			}
			h0 := binary.BigEndian.Uint64(ip)     // version:4 ihl:4 tos:8 length:16 id:16 frag:16
			h1 := binary.BigEndian.Uint64(ip[8:]) // ttl:8 proto:8 checksum:16 src:32
			total := int(h0 >> 32 & 0xffff)
			pad := len(ip) - total
			if typ != etherIPv4 || h0&(0xff<<56|0x3fff) != 0x45<<56 || uint(pad) > 255 {
				goto general
			}
			proto := h1 >> 48 & 0xff
			l4 := binary.BigEndian.Uint64(ip[20:]) // src:16 dst:16 …
			switch proto {
			case protoUDP:
				if total < 28 {
					goto general
				}
				l4 &^= 0xffffffff
			case protoTCP:
				if total < 40 {
					goto general
				}
				l4 = l4&^0xffffffff | uint64(binary.BigEndian.Uint16(ip[32:])&0xfff)<<16
			default:
				goto general
			}
			if stale := k.Map &^ present; stale != 0 {
				k.wipe(stale)
			}
			k.Map = present
			k.W[WPort] = port
			k.W[WEthDst] = binary.BigEndian.Uint64(f)&^0xffff | typ
			k.W[WEthSrc] = src &^ 0xffff
			k.W[WIPv4] = binary.BigEndian.Uint64(ip[12:])
			k.W[WIP] = proto<<56 | h0>>48&0xff<<48 | h1>>56<<40
			k.W[WL4] = l4
			b.L25[i&(packet.MaxBatch-1)] = packet.None
			b.L3[i&(packet.MaxBatch-1)] = uint16(l3)
			b.L4[i&(packet.MaxBatch-1)] = uint16(l3 + 20)
			continue
		}
	general:
		k.Clear()
		k.Set(WPort, port)
		j := i & (packet.MaxBatch - 1)
		b.L25[j], b.L3[j], b.L4[j] = parse(f, k)
	}
}

// ExtractOne fills k from a single frame: for packet-out, traces and frames
// that were rewritten. What k held is lost. It gives what Extract gives.
func ExtractOne(frame []byte, inPort uint32, k *Key) (l25, l3, l4 uint16) {
	k.Clear()
	k.Set(WPort, uint64(inPort))
	return parse(frame, k)
}

// ExtractHeaders replaces the words of k that packets fill (L2 and up) and
// keeps its metadata words: for packets that go through the tables again.
func ExtractHeaders(frame []byte, k *Key) (l25, l3, l4 uint16) {
	const metadata = 1<<StageL2 - 1
	k.wipe(k.Map &^ metadata)
	k.Map &= metadata
	return parse(frame, k)
}

// wipe zeroes the words of the bitmap and leaves Map to the caller.
func (k *Key) wipe(words uint64) {
	for ; words != 0; words &= words - 1 {
		k.W[bits.TrailingZeros64(words)] = 0
	}
}
