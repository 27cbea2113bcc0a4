package flow

import "encoding/binary"

// Bits of ipv6_exthdr (OpenFlow 1.3 section 7.2.3.7, OFPIEH_*): which extension
// headers a packet has, and whether they are in the order that RFC 8200
// section 4.1 asks for.
const (
	ExtNoNext     = 1 << iota // "no next header"
	ExtESP                    // encrypted: nothing behind it is looked at
	ExtAuth                   // authentication
	ExtDest                   // destination options
	ExtFrag                   // fragment
	ExtRouter                 // routing
	ExtHop                    // hop-by-hop options
	ExtRepeated               // one came twice in its place
	ExtOutOfOrder             // one came after one that should follow it
)

const (
	ndSol      = 135
	ndAdv      = 136
	ndOptSLL   = 1
	ndOptTLL   = 2
	frag6Later = 0xfff8 // of offset:13 reserved:2 more:1
)

// parseIPv6 is parseIPv4 for IPv6. When the chain of extension headers is cut
// short the key gets the addresses and the label, and there is no transport.
func parseIPv6(p []byte, k *Key) (at int, ok bool) {
	if len(p) < 40 {
		return 0, false
	}
	plen := int(binary.BigEndian.Uint16(p[4:]))
	if pad := len(p) - 40 - plen; pad < 0 || pad > 255 {
		return 0, false
	}
	flow := binary.BigEndian.Uint32(p)
	k.Set(WIPv6SrcHi, binary.BigEndian.Uint64(p[8:]))
	k.Set(WIPv6SrcLo, binary.BigEndian.Uint64(p[16:]))
	k.Set(WIPv6DstHi, binary.BigEndian.Uint64(p[24:]))
	k.Set(WIPv6DstLo, binary.BigEndian.Uint64(p[32:]))
	k.Set(WIP, uint64(flow&0xfffff))
	c := chain{proto: p[6]}
	rest, whole := c.walk(p[40 : 40+plen])
	if !whole {
		return 0, true
	}
	k.W[WIP] |= uint64(c.proto)<<56 | uint64(flow>>20&0xff)<<48 | uint64(p[7])<<40 | uint64(c.frag)<<32
	if c.bits != 0 {
		k.Set(WL4, uint64(c.bits))
	}
	if c.frag&FragLater == 0 && parseL4(rest, c.proto, k) {
		at = 40 + plen - len(rest)
	}
	return at, true
}

// chain walks extension headers.
type chain struct {
	proto uint8  // of the header that comes next; in the end, the packet's nw_proto
	frag  uint8  // nw_frag
	rank  uint8  // place, in the order of RFC 8200, of the last header
	bits  uint16 // ipv6_exthdr
}

// walk returns what follows the extension headers; whole is false when one of
// them is cut short. At a later fragment it stops, with protocol 44 as in OVS.
func (c *chain) walk(p []byte) (rest []byte, whole bool) {
	for {
		var n int
		switch c.proto {
		case protoHopOpts, protoRouting, protoDstOpts:
			if len(p) >= 8 {
				n = (int(p[1]) + 1) * 8
			}
		case protoAH:
			if len(p) >= 8 {
				n = (int(p[1]) + 2) * 4
			}
		case protoFragment:
			n = 8
		case protoESP, protoNone:
			c.note()
			return p, true
		default:
			return p, true
		}
		if len(p) < 8 || n > len(p) {
			return nil, false
		}
		c.note()
		isFrag := c.proto == protoFragment
		c.proto = p[0]
		if off := binary.BigEndian.Uint16(p[2:]); isFrag && off != 0 {
			c.frag = FragAny
			if off&frag6Later != 0 {
				c.frag |= FragLater
				c.proto = protoFragment
				return p[n:], true
			}
		}
		p = p[n:]
	}
}

// note records header c.proto in bits.
func (c *chain) note() {
	var bit uint16
	var rank uint8
	switch c.proto {
	case protoHopOpts:
		bit, rank = ExtHop, 0
	case protoDstOpts:
		bit, rank = ExtDest, 1
		if c.rank > 1 || c.bits&ExtDest != 0 {
			rank = 6 // the options for the last destination
		}
	case protoRouting:
		bit, rank = ExtRouter, 2
	case protoFragment:
		bit, rank = ExtFrag, 3
	case protoAH:
		bit, rank = ExtAuth, 4
	case protoESP:
		bit, rank = ExtESP, 5
	case protoNone:
		bit, rank = ExtNoNext, 7
	}
	if rank < c.rank {
		c.bits |= ExtOutOfOrder
	}
	if c.bits&bit != 0 && (rank != 6 || c.rank == 6) {
		c.bits |= ExtRepeated
	}
	c.bits |= bit
	c.rank = max(c.rank, rank)
}

// parseND reads a neighbour solicitation or advertisement, of which the ICMPv6
// header of eight bytes is there. A link-layer option that comes twice makes
// the message invalid: it then has no target and no addresses.
func parseND(p []byte, k *Key) {
	nd := uint64(binary.BigEndian.Uint32(p[4:])) << 32
	k.Set(WND, nd)
	p = p[8:]
	if len(p) < 16 {
		return
	}
	target := p[:16]
	p = p[16:]
	var lla [2]uint64 // source, target
	first := uint8(0)
	for len(p) >= 8 {
		n := int(p[1]) * 8
		if n == 0 || n > len(p) {
			break
		}
		if t := p[0]; n == 8 && (t == ndOptSLL || t == ndOptTLL) {
			if lla[t-1] != 0 {
				k.W[WND] = nd | uint64(first)<<24
				return
			}
			lla[t-1] = binary.BigEndian.Uint64(p) << 16
			if first == 0 {
				first = t
			}
		}
		p = p[n:]
	}
	k.W[WND] = nd | uint64(first)<<24
	k.Set(WNDHi, binary.BigEndian.Uint64(target))
	k.Set(WNDLo, binary.BigEndian.Uint64(target[8:]))
	k.Set(WSHA, lla[0])
	k.Set(WTHA, lla[1])
}
