package main

import (
	"fmt"
	"io"
	"strings"

	"pollux/internal/lab"
)

// demoPrefix starts the names of the demo's namespaces, by which a later run finds
// those of one that was killed.
const demoPrefix = "pollux_demo"

// demoNet is the demo's network: every wire has one end in the namespace of the
// switch.
type demoNet struct {
	lab  *lab.Lab
	sw   *lab.Namespace
	h    [3]*lab.Namespace // the hosts
	gen  *lab.Namespace
	sink *lab.Namespace
}

// demoHost describes host i.
var demoHosts = [3]struct {
	name, device, addr string
	vlan               int
}{
	{"h1", "pxh1", "10.10.0.1", 10},
	{"h2", "pxh2", "10.10.0.2", 10},
	{"h3", "pxh3", "10.10.0.3", 20},
}

// newDemoNet makes the namespaces and wires. What was made until an error is in the
// result, to be closed.
func newDemoNet() (n *demoNet, err error) {
	n = &demoNet{}
	if n.lab, err = lab.New(demoPrefix); err != nil {
		return n, err
	}
	if n.sw, err = n.lab.Namespace("switch"); err != nil {
		return n, err
	}
	for i, h := range demoHosts {
		if n.h[i], err = n.lab.Namespace(h.name); err != nil {
			return n, err
		}
		_, err = n.lab.Veth(
			lab.End{NS: n.h[i], Device: "eth0", MAC: fmt.Sprintf("02:70:78:00:00:%02x", i+1), Addrs: []string{h.addr + "/24"}},
			lab.End{NS: n.sw, Device: h.device})
		if err != nil {
			return n, err
		}
	}
	for _, w := range []struct {
		ns           **lab.Namespace
		name, device string
	}{{&n.gen, "gen", "pxg0"}, {&n.sink, "sink", "pxg1"}} {
		if *w.ns, err = n.lab.Namespace(w.name); err != nil {
			return n, err
		}
		if _, err = n.lab.Veth(lab.End{NS: *w.ns, Device: "eth0"}, lab.End{NS: n.sw, Device: w.device}); err != nil {
			return n, err
		}
	}
	return n, nil
}

func (n *demoNet) close() error {
	if n == nil || n.lab == nil {
		return nil
	}
	return n.lab.Close()
}

// linkDropped returns how many frames the kernel has dropped between a device and the
// other end of its wire.
func linkDropped(ns *lab.Namespace, device string) (uint64, error) {
	l, err := ns.Netlink().LinkByName(device)
	if err != nil {
		return 0, fmt.Errorf("counters of %s in %s: %w", device, ns.Name, err)
	}
	if l.Attrs().Statistics == nil {
		return 0, nil
	}
	return l.Attrs().Statistics.TxDropped, nil
}

// drawDemo prints the picture of the network.
func drawDemo(w io.Writer, flows int, collector string) {
	fmt.Fprint(w, strings.TrimPrefix(fmt.Sprintf(`
   host h1 10.10.0.1 ── pxh1 ┐                    ┌ pxg0 ── generator (asavie/xdp)
             VLAN 10         │   ┌────────────┐   │          %d flows
   host h2 10.10.0.2 ── pxh2 ┼───┤   pollux   ├───┤
             VLAN 10         │   └─────┬──────┘   │
   host h3 10.10.0.3 ── pxh3 ┘         │          └ pxg1 ── sink (asavie/xdp)
             VLAN 20                 IPFIX                   counts every packet
                                       ▼
                        collector %s (goflow2's decoder)

`, flows, collector), "\n"))
}
