package lab

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/safchain/ethtool"
	"github.com/vishvananda/netlink"
)

// linkTimeout bounds the wait for a carrier; a veth has it at once.
const linkTimeout = 20 * time.Second

// End is one end of a veth pair as it is wanted.
type End struct {
	NS     *Namespace
	Device string   // at most 15 bytes
	MAC    string   // "" for one of the kernel's choosing
	Addrs  []string // address/length, IPv4 or IPv6
	Queues int      // receive and transmit queues; 0 is 1
	MTU    int      // 0 is 1500; at both ends the larger of the two
	Down   bool     // leave the device down
}

// Veth is a pair of devices.
type Veth struct {
	A, B End
	gone bool
}

// Veth joins two namespaces of the lab (or one with itself) by a pair of devices,
// sets addresses, turns offloads off and waits until both ends that shall be up
// have a carrier.
func (l *Lab) Veth(a, b End) (*Veth, error) {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = a.Device
	attrs.NumTxQueues, attrs.NumRxQueues = max(a.Queues, 1), max(a.Queues, 1)
	attrs.MTU = max(a.MTU, b.MTU)
	mac, err := parseMAC(a.MAC)
	if err != nil {
		return nil, err
	}
	attrs.HardwareAddr = mac
	link := netlink.NewVeth(attrs)
	link.PeerName = b.Device
	link.PeerNamespace = netlink.NsFd(int(b.NS.fd))
	link.PeerNumTxQueues, link.PeerNumRxQueues = uint32(max(b.Queues, 1)), uint32(max(b.Queues, 1))
	link.PeerMTU = uint32(attrs.MTU)
	if link.PeerHardwareAddr, err = parseMAC(b.MAC); err != nil {
		return nil, err
	}
	if err := a.NS.nl.LinkAdd(link); err != nil {
		return nil, fmt.Errorf("lab: make veth %s in %s to %s in %s: %w", a.Device, a.NS.Name, b.Device, b.NS.Name, err)
	}
	v := &Veth{A: a, B: b}
	l.veths = append(l.veths, v)
	for _, e := range []End{a, b} {
		if err := e.configure(); err != nil {
			return nil, fmt.Errorf("lab: %s in %s: %w", e.Device, e.NS.Name, err)
		}
	}
	if a.Down || b.Down {
		return v, nil
	}
	return v, errors.Join(a.NS.WaitUp(a.Device), b.NS.WaitUp(b.Device))
}

// Delete removes the pair, as if the cable and both cards were pulled. A pair
// that is gone already is no error.
func (v *Veth) Delete() error {
	if v.gone {
		return nil
	}
	v.gone = true
	link, err := v.A.NS.nl.LinkByName(v.A.Device)
	if errors.As(err, &netlink.LinkNotFoundError{}) {
		return nil
	}
	if err == nil {
		err = v.A.NS.nl.LinkDel(link)
	}
	if err != nil {
		return fmt.Errorf("lab: delete %s in %s: %w", v.A.Device, v.A.NS.Name, err)
	}
	return nil
}

// WaitUp waits until the device is up and has a carrier.
func (n *Namespace) WaitUp(device string) error {
	for deadline := time.Now().Add(linkTimeout); ; time.Sleep(2 * time.Millisecond) {
		link, err := n.nl.LinkByName(device)
		if err != nil {
			return fmt.Errorf("lab: wait for %s in %s: %w", device, n.Name, err)
		}
		if a := link.Attrs(); a.Flags&net.FlagUp != 0 && a.OperState == netlink.OperUp {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("lab: %s in %s has no carrier after %v: %w", device, n.Name, linkTimeout, os.ErrDeadlineExceeded)
		}
	}
}

// configure sets one end's offloads, addresses and state.
func (e End) configure() error {
	if err := e.NS.Do(func() error { return offloadsOff(e.Device) }); err != nil {
		return err
	}
	link, err := e.NS.nl.LinkByName(e.Device)
	if err != nil {
		return err
	}
	for _, text := range e.Addrs {
		addr, err := netlink.ParseAddr(text)
		if err != nil {
			return fmt.Errorf("address %q: %w", text, err)
		}
		if addr.IP.To4() == nil {
			addr.Flags = ifaNoDAD
			on := func() error { return sysctlIPv6(e.Device+"/disable_ipv6", "0") }
			if err := e.NS.Do(on); err != nil {
				return err
			}
		}
		if err := e.NS.nl.AddrAdd(link, addr); err != nil {
			return fmt.Errorf("add address %s: %w", text, err)
		}
	}
	if e.Down {
		return nil
	}
	return e.NS.nl.LinkSetUp(link)
}

// ifaNoDAD is IFA_F_NODAD: use the address at once, ask nobody.
const ifaNoDAD = 0x02

// blurs reports whether a feature would leave a checksum undone, make a frame
// larger than the wire's, merge several frames or hide a VLAN tag.
func blurs(feature string) bool {
	switch feature {
	case "rx-checksum", "rx-gro", "rx-gro-list", "rx-udp-gro-forwarding", "rx-gro-hw", "rx-lro", "tx-gso-list":
		return true
	}
	return strings.HasPrefix(feature, "tx-checksum-") ||
		strings.HasPrefix(feature, "tx-") && strings.HasSuffix(feature, "-segmentation") ||
		strings.HasSuffix(feature, "-hw-insert") || strings.HasSuffix(feature, "-hw-parse")
}

// offloadsOff turns off every feature of the device that blurs and can be changed.
func offloadsOff(device string) error {
	e, err := ethtool.NewEthtool()
	if err != nil {
		return fmt.Errorf("ethtool: %w", err)
	}
	defer e.Close()
	has, err := e.FeaturesWithState(device)
	if err != nil {
		return fmt.Errorf("features: %w", err)
	}
	want := map[string]bool{}
	for name, f := range has {
		if blurs(name) && f.Active && f.Available {
			want[name] = false
		}
	}
	if len(want) == 0 {
		return nil
	}
	if err := e.Change(device, want); err != nil {
		return fmt.Errorf("turn offloads off: %w", err)
	}
	return nil
}

// parseMAC parses a hardware address; "" is nil, the kernel's choice.
func parseMAC(s string) (net.HardwareAddr, error) {
	if s == "" {
		return nil, nil
	}
	mac, err := net.ParseMAC(s)
	if err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	return mac, nil
}
