package mixed

import (
	"fmt"
	"net/netip"
)

// Key tells flows apart. Members that a flow does not have are zero.
type Key struct {
	EthSrc, EthDst [6]byte
	EthType        uint16 // as the switch reads it: 0x05ff where the frame has a length instead
	Tags           uint8  // VLAN tags: 0, 1 or 2
	TCI            uint16 // of the outer tag, the bit of the CFI clear
	Src, Dst       netip.Addr
	Proto          uint8
	TOS            uint8  // DSCP and ECN
	Label          uint32 // IPv6 flow label
	SrcPort        uint16 // or ICMP type
	DstPort        uint16 // or ICMP code
}

// IsIP says whether the flow has addresses of IPv4 or IPv6.
func (k *Key) IsIP() bool { return k.Src.IsValid() }

// VLAN returns the identifier of the outer VLAN, 0 without a tag.
func (k *Key) VLAN() uint16 { return k.TCI & 0xfff }

// String writes the key on one line.
func (k Key) String() string {
	tag := ""
	if k.Tags > 0 {
		tag = fmt.Sprintf(" vlan %d/%d x%d", k.VLAN(), k.TCI>>13, k.Tags)
	}
	if !k.IsIP() {
		return fmt.Sprintf("%x > %x type %#04x%s", k.EthSrc, k.EthDst, k.EthType, tag)
	}
	return fmt.Sprintf("proto %d %v:%d > %v:%d tos %#02x%s", k.Proto, k.Src, k.SrcPort, k.Dst, k.DstPort, k.TOS, tag)
}

// reversed returns the key of the answers.
func (k Key) reversed() Key {
	k.EthSrc, k.EthDst = k.EthDst, k.EthSrc
	k.Src, k.Dst = k.Dst, k.Src
	k.SrcPort, k.DstPort = k.DstPort, k.SrcPort
	return k
}
