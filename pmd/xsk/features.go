package xsk

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// What the kernel's netdev family (Linux 6.3) says of a device, by its numbers.
const (
	netdevDevGet      = 1
	netdevIfIndex     = 1
	netdevXDPFeatures = 3
	xdpActZeroCopy    = 1 << 3 // NETDEV_XDP_ACT_XSK_ZEROCOPY
)

var errNoZeroCopy = errors.New("the driver has no zero-copy, as the kernel says")

// zeroCopy returns errNoZeroCopy if the kernel says that a device's driver has none, and
// nil if it may: to try and be refused costs a port about 40 ms at its start. A kernel that
// can't be asked leaves it to the try.
func zeroCopy(ifindex int) error {
	features, err := xdpFeatures(ifindex)
	if err != nil || features&xdpActZeroCopy != 0 {
		return nil
	}
	return errNoZeroCopy
}

// xdpFeatures reads a device's NETDEV_XDP_ACT_ bits.
func xdpFeatures(ifindex int) (uint64, error) {
	family, err := netlink.GenlFamilyGet("netdev")
	if err != nil {
		return 0, fmt.Errorf("xsk: netdev family: %w", err)
	}
	req := nl.NewNetlinkRequest(int(family.ID), unix.NLM_F_ACK)
	req.AddRawData([]byte{netdevDevGet, 1, 0, 0}) // nl.Genlmsg leaves the last two, which must be 0, to chance
	req.AddRawData(nl.NewRtAttr(netdevIfIndex, nl.Uint32Attr(uint32(ifindex))).Serialize())
	msgs, err := req.Execute(unix.NETLINK_GENERIC, 0)
	if err != nil {
		return 0, fmt.Errorf("xsk: XDP features of device %d: %w", ifindex, err)
	}
	for _, m := range msgs {
		attrs, err := nl.ParseRouteAttr(m[nl.SizeofGenlmsg:])
		if err != nil {
			return 0, fmt.Errorf("xsk: XDP features of device %d: %w", ifindex, err)
		}
		for _, a := range attrs {
			if a.Attr.Type&nl.NLA_TYPE_MASK == netdevXDPFeatures && len(a.Value) >= 8 {
				return binary.NativeEndian.Uint64(a.Value), nil
			}
		}
	}
	return 0, fmt.Errorf("xsk: XDP features of device %d: the kernel says none", ifindex)
}
