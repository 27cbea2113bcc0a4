package port

import (
	"errors"
	"fmt"

	"github.com/safchain/ethtool"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// frameExtra is what a frame has beyond the MTU: an Ethernet header and two
// VLAN tags.
const frameExtra = 14 + 2*4

// nic is what a port wants to know of a kernel device.
type nic struct {
	index  int
	mtu    int
	queues int // receive and transmit queues in use; the fewer of the two
	mac    string
	driver string
}

// lookUp reads a device of the thread's network namespace. A device that is
// down is fine: it may come up later.
func lookUp(device string) (nic, error) {
	link, err := netlink.LinkByName(device)
	if err != nil {
		return nic{}, fmt.Errorf("device %q: %w", device, err)
	}
	a := link.Attrs()
	n := nic{
		index:  a.Index,
		mtu:    a.MTU,
		mac:    a.HardwareAddr.String(),
		driver: link.Type(),
		queues: max(1, min(a.NumRxQueues, a.NumTxQueues)),
	}
	e, err := ethtool.NewEthtool()
	if err != nil {
		return nic{}, fmt.Errorf("device %q: ethtool: %w", device, err)
	}
	defer e.Close()
	// The numbers above are what was allocated; drivers that know channels know
	// how many are in use. Drivers that do not are taken at the numbers above.
	if c, err := e.GetChannels(device); err == nil {
		rx, tx := int(c.RxCount+c.CombinedCount), int(c.TxCount+c.CombinedCount)
		if used := min(rx, tx); used > 0 {
			n.queues = used
		}
	}
	if name, err := e.DriverName(device); err == nil {
		n.driver = name
	}
	return n, nil
}

// promiscuity keeps a device promiscuous while it is open. It is a packet
// socket's membership, which the kernel counts and takes back by itself when the
// socket goes, be it by a crash; the socket receives nothing.
type promiscuity struct{ fd int }

func makePromiscuous(ifindex int) (*promiscuity, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open packet socket: %w", err)
	}
	mreq := &unix.PacketMreq{Ifindex: int32(ifindex), Type: unix.PACKET_MR_PROMISC}
	if err := unix.SetsockoptPacketMreq(fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, mreq); err != nil {
		return nil, errors.Join(fmt.Errorf("make promiscuous: %w", err), unix.Close(fd))
	}
	return &promiscuity{fd}, nil
}

// Close lets the device be as it was before.
func (p *promiscuity) Close() error {
	if err := unix.Close(p.fd); err != nil {
		return fmt.Errorf("close packet socket: %w", err)
	}
	return nil
}
