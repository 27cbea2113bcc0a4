package vswitch

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"pollux/internal/ctl"
)

// TestReloadTap: a tap gets other addresses while it stays the device it is; one that is
// made anew is up when the reload returns, and the kernel's late word of the old one does
// not take it away.
func TestReloadTap(t *testing.T) {
	r := newSwitchRig(t)
	tap := func(more string) string {
		return twoPorts + "  - {name: br0, type: tap, device: vswt0, ofport: LOCAL" + more + "}\n"
	}
	r.ports = tap(", address: [10.9.0.9/24, 10.9.0.10/24]")
	r.write("")
	r.start()
	link := func() (netlink.Link, []string) {
		t.Helper()
		l, err := r.dut.Netlink().LinkByName("vswt0")
		if err != nil {
			t.Fatal(err)
		}
		list, err := r.dut.Netlink().AddrList(l, netlink.FAMILY_V4)
		if err != nil {
			t.Fatal(err)
		}
		var addrs []string
		for _, a := range list {
			addrs = append(addrs, a.IPNet.String())
		}
		slices.Sort(addrs)
		return l, addrs
	}
	counted := func() (n uint64) {
		var ports []PortShow
		r.ask(&ports, "ports")
		for _, p := range ports {
			if p.Name == "br0" {
				n = p.Tx.Packets
			}
		}
		return n
	}
	ping := func(addr string) {
		t.Helper()
		if out, err := r.host["a"].Run("ping", "-c1", "-W5", addr); err != nil {
			t.Errorf("%s does not answer: %v\n%s", addr, err, out)
		}
	}
	reload := func(more string) {
		t.Helper()
		r.ports = tap(more)
		r.write("")
		if _, err := ctl.Call(r.sock, "reload"); err != nil {
			t.Fatal(err)
		}
	}
	ping("10.9.0.9")
	was, _ := link()
	packets := counted()

	// The first of a network's addresses goes, which takes the kernel's others along.
	for _, tc := range []struct{ conf, want string }{
		{"10.9.0.10/24, 10.9.0.11/24", "10.9.0.10/24 10.9.0.11/24"},
		{"10.9.0.12/24", "10.9.0.12/24"},
	} {
		reload(", address: [" + tc.conf + "]")
		now, addrs := link()
		if got := strings.Join(addrs, " "); got != tc.want {
			t.Errorf("address [%s]: the tap has %s", tc.conf, got)
		}
		if now.Attrs().Index != was.Attrs().Index || now.Attrs().HardwareAddr.String() != was.Attrs().HardwareAddr.String() {
			t.Error("another address made another device")
		}
	}
	ping("10.9.0.12")
	if n := counted(); n <= packets {
		t.Errorf("%d packets sent after the change, %d before it", n, packets)
	}

	for _, mac := range []string{"02:00:00:00:00:aa", "02:00:00:00:00:ab", "02:00:00:00:00:ac"} {
		reload(", address: [10.9.0.13/24], mac: \"" + mac + "\"")
		for range 20 {
			if state := r.portState("br0"); state != "up" {
				t.Fatalf("the tap made anew is %s", state)
			}
			time.Sleep(10 * time.Millisecond)
		}
		if now, _ := link(); now.Attrs().HardwareAddr.String() != mac {
			t.Errorf("the tap has %s, want %s", now.Attrs().HardwareAddr, mac)
		}
	}
	ping("10.9.0.13") // which a's kernel has no neighbour of yet
	if out := r.out.String(); strings.Contains(out, "device is gone") || strings.Contains(out, "link is down") {
		t.Error("the tap was taken for gone, or down")
	}
	r.stop()
}
