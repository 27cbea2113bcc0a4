package port

import (
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"pollux/internal/packet"
	"pollux/pmd"
)

// tunDevice makes tap devices when opened.
const tunDevice = "/dev/net/tun"

// TapConfig says what host-side interface a port makes.
type TapConfig struct {
	Device string   // name of the interface to make, at most 15 bytes
	MAC    string   // "" is the kernel's choice
	MTU    int      // 0 is 1500
	Addrs  []string // address/length of the host on it
}

// Tap is an interface of the host whose wire is a port of the switch: the LOCAL
// port, by which the machine itself takes part. The interface is gone when the
// port is closed, or the process ends.
type Tap struct {
	info   pmd.PortInfo
	fd     int
	rx     *tapRx
	tx     *tapTx
	closed bool
}

// OpenTap makes the interface in the calling thread's network namespace, gives it
// its addresses and sets it up. Frames have no virtio header: the host computes
// checksums and segments by itself.
func OpenTap(cfg TapConfig, mem *packet.Memory) (*Tap, error) {
	if cfg.MTU == 0 {
		cfg.MTU = 1500
	}
	if room := int(mem.ChunkSize - mem.Headroom); cfg.MTU < 68 || cfg.MTU+frameExtra > room {
		return nil, fmt.Errorf("port: tap %s: mtu %d: want 68 to %d, so that a frame fits a chunk", cfg.Device, cfg.MTU, room-frameExtra)
	}
	fd, err := makeTap(cfg.Device)
	if err != nil {
		return nil, fmt.Errorf("port: tap %s: %w", cfg.Device, err)
	}
	p := &Tap{fd: fd}
	if err := p.configure(cfg); err != nil {
		return nil, errors.Join(fmt.Errorf("port: tap %s: %w", cfg.Device, err), unix.Close(fd))
	}
	ready, err := newReadiness(fd)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("port: tap %s: %w", cfg.Device, err), unix.Close(fd))
	}
	p.rx = &tapRx{mem: mem, fd: fd, ready: ready}
	p.tx = &tapTx{mem: mem, fd: fd}
	return p, nil
}

// makeTap opens a new tap interface, without blocking and without a header
// before its frames.
func makeTap(device string) (fd int, err error) {
	req, err := unix.NewIfreq(device)
	if err != nil || device == "" {
		return -1, fmt.Errorf("name %q: want 1 to %d bytes", device, unix.IFNAMSIZ-1)
	}
	fd, err = unix.Open(tunDevice, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open %s: %w", tunDevice, err)
	}
	req.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_TUN_EXCL)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, req); err != nil {
		return -1, errors.Join(fmt.Errorf("make interface: %w", err), unix.Close(fd))
	}
	return fd, nil
}

// configure sets the interface's addresses and sets it up.
func (p *Tap) configure(cfg TapConfig) error {
	link, err := netlink.LinkByName(cfg.Device)
	if err != nil {
		return err
	}
	if cfg.MAC != "" {
		mac, err := net.ParseMAC(cfg.MAC)
		if err != nil {
			return fmt.Errorf("mac %q: %w", cfg.MAC, err)
		}
		if err := netlink.LinkSetHardwareAddr(link, mac); err != nil {
			return fmt.Errorf("set mac %s: %w", cfg.MAC, err)
		}
	}
	if err := netlink.LinkSetMTU(link, cfg.MTU); err != nil {
		return fmt.Errorf("set mtu %d: %w", cfg.MTU, err)
	}
	for _, text := range cfg.Addrs {
		addr, err := netlink.ParseAddr(text)
		if err != nil {
			return fmt.Errorf("address %q: %w", text, err)
		}
		if err := netlink.AddrAdd(link, addr); err != nil {
			return fmt.Errorf("add address %s: %w", text, err)
		}
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("set up: %w", err)
	}
	if link, err = netlink.LinkByName(cfg.Device); err != nil {
		return err
	}
	p.info = pmd.PortInfo{
		Type:    "tap",
		Device:  cfg.Device,
		IfIndex: link.Attrs().Index,
		MAC:     link.Attrs().HardwareAddr.String(),
		MTU:     cfg.MTU,
		Queues:  1,
		Details: map[string]string{"vnet_hdr": "off"},
	}
	return nil
}

// Queues implements pmd.Port.
func (p *Tap) Queues() (rx []pmd.RxQueue, tx []pmd.TxQueue) {
	return []pmd.RxQueue{p.rx}, []pmd.TxQueue{p.tx}
}

// Info implements pmd.Port.
func (p *Tap) Info() pmd.PortInfo { return p.info }

// Counters implements pmd.Port.
func (p *Tap) Counters() pmd.PortCounters {
	return pmd.PortCounters{TxErrors: p.tx.errors.Load(), Kicks: p.tx.calls.Load()}
}

// Close implements pmd.Port: the interface goes.
func (p *Tap) Close() (chunks []uint64, err error) {
	if p.closed {
		return nil, nil
	}
	p.closed = true
	p.rx.fd, p.tx.fd = -1, -1
	chunks = p.tx.finished.take(chunks)
	if err = errors.Join(p.rx.ready.close(), unix.Close(p.fd)); err != nil {
		err = fmt.Errorf("port: close tap %s: %w", p.info.Device, err)
	}
	return chunks, err
}
