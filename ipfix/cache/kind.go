package cache

import "pollux/flow"

// kind is what the counting of a packet depends on besides its lengths. It follows
// from the packet's whole key, and so is remembered with a slot:
//
//	bits 0-5 TCP flags FIN…URG, 6-7 destination (1 multicast, 2 broadcast), 8 TCP, 9-10 class
//
// A class has a bit of its own beside it where the way by slots counts packets by class:
// bit 9 of IPv4 and bit 15 of IPv6, so that six bits of sums fit between.
type kind uint16

const (
	kindCast  = 6
	kindTCP   = 1 << 8
	kindClass = 9

	isIPv4 = kind(IPv4) << kindClass
	isIPv6 = kind(IPv6)<<kindClass | oneIPv6

	oneIPv4 kind = 1 << 9
	oneIPv6 kind = 1 << 15
)

func (k kind) class() Class { return Class(k >> kindClass & 3) }

// classKind returns the bits that a class has.
func classKind(c Class) kind { return [4]kind{IPv4: isIPv4, IPv6: isIPv6}[c&3] }

// castOf returns the bits of the destination of an EthDst word (eth_dst:48 eth_type:16).
func castOf(dst uint64) kind {
	cast := kind(dst >> 56 & 1) // the group bit is the lowest of the first octet
	if dst>>16 == 1<<48-1 {
		cast = 2
	}
	return cast << kindCast
}

// kindOf returns a packet's kind.
func kindOf(k *flow.Key, class Class) kind {
	d := castOf(k.W[flow.WEthDst]) | classKind(class)
	if class != Other && k.NwProto() == protoTCP {
		d |= kindTCP | kind(k.W[flow.WL4]>>16)&0x3f
	}
	return d
}

const protoTCP = 6

// lanes counts up to eight things of a flow in one word, a byte each: packets with
// each TCP flag, multicasts, broadcasts. A lane is emptied before it is full.
type lanes uint64

// lanesFull has the bits of which one is set when a lane must be emptied.
const lanesFull lanes = 0x8080808080808080

const (
	laneMulticast = NumFlags
	laneBroadcast = NumFlags + 1
	numLanes      = 8
)

// laneSteps is what a packet adds to the lanes, by the lowest eight bits of its kind.
var laneSteps = func() (t [256]lanes) {
	for k := range t {
		for f := range NumFlags {
			t[k] |= lanes(k>>f&1) << (8 * f)
		}
		switch k >> kindCast {
		case 1:
			t[k] |= 1 << (8 * laneMulticast)
		case 2:
			t[k] |= 1 << (8 * laneBroadcast)
		}
	}
	return t
}()
