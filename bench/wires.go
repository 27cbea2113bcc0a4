package bench

import (
	"fmt"
	"net"
	"os"

	"github.com/vishvananda/netlink"

	"pollux/internal/lab"
)

// VethWires are two veths with a place for a device in the middle:
//
//	generator ns: gen0 ─ dut0 :device's ns: dut1 ─ sink0 :sink ns
//
// gen0 and sink0 have addresses of one network and know each other, so that nobody
// asks for addresses and every frame on the wires is a measurement's.
type VethWires struct {
	Gen, DUT, Sink *lab.Namespace
	lab            *lab.Lab
	dir            string
	port           *Port // of the generator on sockets, once it was asked for
}

// The addresses of the two ends.
const (
	genAddr, sinkAddr = "10.9.0.1", "10.9.0.2"
	genMAC, sinkMAC   = "02:70:6c:00:00:01", "02:70:6c:00:00:02"
)

// NewVethWires makes the wires in namespaces of their own, whose names begin with prefix,
// and takes those away that a killed run has left.
func NewVethWires(prefix string) (w *VethWires, err error) {
	if _, err := lab.Sweep(prefix); err != nil {
		return nil, err
	}
	w = &VethWires{}
	if w.lab, err = lab.New(prefix); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = w.Close()
		}
	}()
	for _, n := range []struct {
		name string
		ns   **lab.Namespace
	}{{"gen", &w.Gen}, {"dut", &w.DUT}, {"sink", &w.Sink}} {
		if *n.ns, err = w.lab.Namespace(n.name); err != nil {
			return nil, err
		}
	}
	for _, e := range []struct {
		ns              *lab.Namespace
		device, mac, ip string
		dut             string
		peer, peerMAC   string
	}{
		{w.Gen, "gen0", genMAC, genAddr, "dut0", sinkAddr, sinkMAC},
		{w.Sink, "sink0", sinkMAC, sinkAddr, "dut1", genAddr, genMAC},
	} {
		end := lab.End{NS: e.ns, Device: e.device, MAC: e.mac, Addrs: []string{e.ip + "/24"}}
		if _, err = w.lab.Veth(end, lab.End{NS: w.DUT, Device: e.dut}); err != nil {
			return nil, err
		}
		if err = neighbour(e.ns, e.device, e.peer, e.peerMAC); err != nil {
			return nil, err
		}
	}
	w.dir, err = WorkDir("bench")
	return w, err
}

// neighbour tells a namespace an address's place for good.
func neighbour(ns *lab.Namespace, device, ip, mac string) error {
	link, err := ns.Netlink().LinkByName(device)
	if err != nil {
		return fmt.Errorf("neighbour %s of %s: %w", ip, device, err)
	}
	hw, err := net.ParseMAC(mac)
	if err != nil {
		return err
	}
	err = ns.Netlink().NeighSet(&netlink.Neigh{LinkIndex: link.Attrs().Index, State: netlink.NUD_PERMANENT, IP: net.ParseIP(ip), HardwareAddr: hw})
	if err != nil {
		return fmt.Errorf("neighbour %s of %s: %w", ip, device, err)
	}
	return nil
}

// Place is the place in the middle, with an empty folder.
func (w *VethWires) Place(core, control int) (Place, error) {
	dir, err := os.MkdirTemp(w.dir, "device-")
	return Place{NS: w.DUT, In: "dut0", Out: "dut1", Core: core, Control: control, Dir: dir}, err
}

// Close takes the wires away.
func (w *VethWires) Close() error {
	var err error
	if w.port != nil {
		err = w.port.Close()
		w.port = nil
	}
	if w.dir != "" {
		_ = os.RemoveAll(w.dir) // what is left of it goes with the next run's
	}
	if e := w.lab.Close(); err == nil {
		err = e
	}
	return err
}

// ip4 is an address of this package's own.
func ip4(s string) [4]byte { return [4]byte(net.ParseIP(s).To4()) }
