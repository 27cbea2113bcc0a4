package cache

import "pollux/flow"

// kind is what the counting of a packet depends on besides its lengths. It follows
// from the packet's whole key, and so is remembered with a slot:
//
//	bits 0-5 TCP flags FIN…URG, 6-7 destination (1 multicast, 2 broadcast), 8 TCP, 9-15 class
//
// The bits of a class are such that the way by slots has its numbers by masking, in a kind
// shifted right by kindIP: where an IP header has its length, how much that leaves out,
// and a one in a place of its own to count packets of the class by.
type kind uint16

const (
	kindCast  = 6
	kindTCP   = 1 << 8
	kindClass = 9
	kindIP    = 8

	lengthAt   = 2 | 4  // the length is at 2 in a header of IPv4, at 4 in one of IPv6
	lengthMore = 8 | 32 // the 40 bytes of the header of IPv6 are not in its length
	countIPv4  = 2
	countIPv6  = 128

	isIPv4 kind = 2 << kindIP
	isIPv6 kind = (4 | lengthMore | countIPv6) << kindIP
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
