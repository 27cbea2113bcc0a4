package ipfix

import "pollux/ipfix/cache"

// A conversation is two flows whose keys are each other's with source and destination
// exchanged (RFC 5103 section 3): addresses, ports, Ethernet addresses, and the
// interfaces where both are known. VLAN, type of service and domain are the same. What
// each direction has of its own is left out: the IPv6 flow label, which each end draws
// for itself, the rule that decided, the observation point's number, the outer header
// of a tunnel, which is known on the way in alone.

// opposite says whether flow b is the other direction of a.
func opposite(a, b *cache.Key) bool {
	if a.Src != b.Dst || a.Dst != b.Src || a.EthSrc != b.EthDst || a.EthDst != b.EthSrc ||
		a.Proto != b.Proto || a.Class != b.Class || a.EthType != b.EthType || a.TOS != b.TOS ||
		a.VLAN != b.VLAN || a.InnerTag != b.InnerTag ||
		a.Point.Domain != b.Point.Domain || a.Point.Dir != b.Point.Dir {
		return false
	}
	if !sameWire(a.Point.Egress, b.InPort) || !sameWire(b.Point.Egress, a.InPort) {
		return false
	}
	if speaksICMP(a) {
		reply, ok := icmpReply(a.Class, a.SrcPort)
		return ok && b.SrcPort == reply && a.DstPort == b.DstPort
	}
	return a.SrcPort == b.DstPort && a.DstPort == b.SrcPort
}

// sameWire says whether an interface can be another; 0 is one not known.
func sameWire(a, b uint32) bool { return a == b || a == 0 || b == 0 }

func speaksICMP(k *cache.Key) bool {
	return k.Proto == 1 && k.Class == cache.IPv4 || k.Proto == 58 && k.Class == cache.IPv6
}

// icmpReply returns the type of the answer to an ICMP type, or of the question to an
// answer (RFC 792, RFC 950, RFC 4443).
func icmpReply(class cache.Class, t uint16) (uint16, bool) {
	if class == cache.IPv6 {
		if t == 128 || t == 129 {
			return t ^ 1, true
		}
		return 0, false
	}
	switch t {
	case 0, 8: // echo
		return t ^ 8, true
	case 13, 14: // timestamp
		return 27 - t, true
	case 15, 16: // information
		return 31 - t, true
	case 17, 18: // address mask
		return 35 - t, true
	}
	return 0, false
}

// Values of biflowDirection (RFC 5103 section 6.3).
const (
	directionArbitrary        = 0
	directionInitiator        = 1
	directionReverseInitiator = 2
)

// orient makes the direction forward that the rule says.
func (p *pending) orient(rule BiflowRule) {
	var turn bool
	r := &p.rec
	switch rule {
	case BiflowInitiator:
		turn, r.Direction = !p.initiates(), directionInitiator
	case BiflowReverse:
		turn, r.Direction = p.initiates(), directionReverseInitiator
	default:
		r.Direction = directionArbitrary
		turn = !speaksICMP(&r.Key) && r.DstPort > r.SrcPort
	}
	if r.Last < r.Rev.Last && p.rend != cache.EndNone {
		r.End, p.rend = p.rend, r.End
	}
	if turn {
		r.Key, p.rkey = p.rkey, r.Key
		r.Counters, r.Rev = r.Rev, r.Counters
	}
	r.RevVerdict, r.RevEgress = p.rkey.Point.Verdict, p.rkey.Point.Egress
}

// initiates says whether the direction that was recorded first began the
// conversation: it sent the SYN, or else its first packet came earlier. Packets of one
// batch have one time; then who asks for a lower port or sent a request began.
func (p *pending) initiates() bool {
	r := &p.rec
	if r.Proto == 6 {
		const syn = 0x02
		a, b := r.Counters.TCPFlags&syn != 0, r.Rev.TCPFlags&syn != 0
		askedA, askedB := r.QoS.SYN != 0, r.Rev.QoS.SYN != 0
		switch {
		case askedA != askedB:
			return askedA
		case a != b:
			return a
		}
	}
	if speaksICMP(&r.Key) && r.Total.Began == r.Rev.Total.Began {
		return isRequest(&r.Key)
	}
	if r.Total.Began != r.Rev.Total.Began {
		return r.Total.Began < r.Rev.Total.Began
	}
	return r.DstPort <= r.SrcPort
}

// isRequest says whether an ICMP type asks.
func isRequest(k *cache.Key) bool {
	if k.Class == cache.IPv6 {
		return k.SrcPort == 128
	}
	return k.SrcPort == 8 || k.SrcPort != 0 && k.SrcPort%2 == 1
}
