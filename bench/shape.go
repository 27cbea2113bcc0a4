package bench

import "fmt"

// Proto is the transport protocol of a shape.
type Proto uint8

// The protocols, by their IP number.
const (
	UDP  Proto = 17
	TCP  Proto = 6
	ICMP Proto = 1 // ICMPv6 in IPv6 shapes: echo requests
)

// String returns the protocol's name.
func (p Proto) String() string {
	switch p {
	case UDP:
		return "udp"
	case TCP:
		return "tcp"
	case ICMP:
		return "icmp"
	}
	return fmt.Sprintf("proto-%d", uint8(p))
}

// Shape is what the frames of a flow look like.
type Shape struct {
	Proto Proto
	IPv6  bool
	VLAN  uint16 // VID of an 802.1Q tag, or 0 for none
	Sizes []int  // frame lengths in bytes without FCS, used in turn; too small ones are raised to fit the tag
}

// IMIX is the simple Internet mix: 7 small, 4 middle, 1 full frame, as lengths
// without FCS.
var IMIX = []int{60, 590, 60, 590, 60, 590, 60, 1514, 60, 60, 590, 60}

// Min64 is the smallest Ethernet frame: 64 bytes with FCS.
var Min64 = []int{60}

// MaxFrame is the longest frame that a shape may ask for, in bytes without FCS.
const MaxFrame = 1518

const tagLen = 16

// headerLen is the number of bytes before the tag.
func (s Shape) headerLen() int {
	n := 14 + 20
	if s.VLAN != 0 {
		n += 4
	}
	if s.IPv6 {
		n += 20
	}
	switch s.Proto {
	case TCP:
		return n + 20
	default:
		return n + 8
	}
}

// size is the length of the flow's seq'th frame.
func (s Shape) size(seq uint64) int {
	n := s.headerLen() + tagLen
	if len(s.Sizes) > 0 {
		n = max(n, s.Sizes[seqOf(seq)%uint64(len(s.Sizes))])
	}
	return n
}

func (s Shape) check() error {
	switch s.Proto {
	case UDP, TCP, ICMP:
	default:
		return fmt.Errorf("protocol %d: must be udp, tcp or icmp", s.Proto)
	}
	if s.VLAN > 4094 {
		return fmt.Errorf("vlan %d: must be 0 to 4094", s.VLAN)
	}
	for _, n := range s.Sizes {
		if n < 14 || n > MaxFrame {
			return fmt.Errorf("frame size %d: must be 14 to %d bytes", n, MaxFrame)
		}
	}
	return nil
}
