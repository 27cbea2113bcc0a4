package vswitch

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"

	"pollux/configs"
	"pollux/internal/cpu"
)

// TestPullTheCable: a device that goes down and up, and one that is deleted and comes
// back, under traffic. The switch lives, says so, and forwards again.
func TestPullTheCable(t *testing.T) {
	r := newSwitchRig(t)
	r.write("")
	r.start()
	n := r.talk()
	r.more("traffic from a to b", n)

	if err := r.dut.SetUp("vb", false); err != nil {
		t.Fatal(err)
	}
	r.wait("port b down", func() bool { return r.portState("b") == "down" })
	if err := r.dut.SetUp("vb", true); err != nil {
		t.Fatal(err)
	}
	r.wait("port b up", func() bool { return r.portState("b") == "up" })
	r.more("traffic after down and up", n)

	// The other end of the wire takes the carrier away.
	if err := r.host["b"].SetUp("eth0", false); err != nil {
		t.Fatal(err)
	}
	r.wait("port b without carrier", func() bool { return r.portState("b") == "down" })
	if err := r.host["b"].SetUp("eth0", true); err != nil {
		t.Fatal(err)
	}
	r.wait("port b with carrier", func() bool { return r.portState("b") == "up" })
	r.more("traffic after carrier loss", n)

	// Joining and leaving a bridge is not the end of a device.
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "brt"}}
	if err := r.dut.Netlink().LinkAdd(bridge); err != nil {
		t.Fatal(err)
	}
	va, err := r.dut.Netlink().LinkByName("va")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(r.dut.Netlink().LinkSetMaster(va, bridge), r.dut.Netlink().LinkSetNoMaster(va)); err != nil {
		t.Fatal(err)
	}
	r.more("traffic after a visit to a bridge", n)
	if strings.Contains(r.out.String(), "device is gone") {
		t.Error("leaving a bridge was taken for the end of the device")
	}

	// A smaller MTU: the port is opened again by it, and a larger frame is too long.
	link, err := r.dut.Netlink().LinkByName("vb")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.dut.Netlink().LinkSetMTU(link, 1000); err != nil {
		t.Fatal(err)
	}
	r.wait("port b with mtu 1000", func() bool {
		var ports []PortShow
		r.ask(&ports, "ports")
		return ports[1].Info != nil && ports[1].Info.MTU == 1000
	})
	r.more("traffic after the change of MTU", n)

	for _, host := range []string{"b", "a"} {
		if err := r.wire[host].Delete(); err != nil {
			t.Fatal(err)
		}
		r.wait("port "+host+" away", func() bool { return r.portState(host) == "away" })
		r.plugWire(host, map[string]int{"a": 1, "b": 2}[host])
		r.wait("port "+host+" back", func() bool { return r.portState(host) == "up" })
		r.more("traffic after the device of "+host+" came back", n)
	}

	var drops DropsShow
	r.ask(&drops, "drops")
	var ports []PortShow
	r.ask(&ports, "ports")
	t.Logf("in %d, sent %d, dropped %d; %d arrived", drops.Sums.In.Packets, drops.Sums.Sent.Packets, drops.Sums.DroppedTotal().Packets, n.got.Load())
	for _, want := range []string{"device is gone", "link is down", "link is up"} {
		if !strings.Contains(r.out.String(), want) {
			t.Errorf("the switch never said %q", want)
		}
	}
	// All frames must come home once nothing moves: none may have gone with a device.
	var show Show
	free := func() bool {
		r.ask(&show, "show")
		return show.Unaccounted == 0
	}
	r.wait("a closed sum", free)

	t.Logf("SIGTERM took %v to end the switch", r.stop())
	if r.program("va") || r.program("vb") {
		t.Error("an XDP program is left on a device")
	}
	if _, err := os.Stat(r.sock); !os.IsNotExist(err) {
		t.Errorf("the control socket is still there: %v", err)
	}
}

// TestKilled: SIGKILL leaves no program behind, and the next switch starts.
func TestKilled(t *testing.T) {
	r := newSwitchRig(t)
	r.write("")
	r.start()
	if !r.program("va") {
		t.Fatal("a running switch shows no XDP program")
	}
	if err := r.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-r.done
	r.wait("the programs gone", func() bool { return !r.program("va") && !r.program("vb") })
	r.out = &syncBuffer{}
	r.start()
	n := r.talk()
	r.more("traffic through the second switch", n)
	r.stop()
}

// TestNoSuchFile: what is not a network device is not waited for.
func TestNoSuchFile(t *testing.T) {
	cfg, err := configs.Parse([]byte("ports: [{name: p, type: pcap, pcap: {read: /nonexistent/x.pcap}}]\ndatapath: {loops: [{core: 0}]}\ncontrol: {socket: "+filepath.Join(t.TempDir(), "s")+"}\n"), "x.yaml", LoadOptions())
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(cfg, "x.yaml", cpu.Info{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.start(); err == nil || !strings.Contains(err.Error(), "/nonexistent/x.pcap") {
		t.Errorf("started with error %v", err)
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
}

// TestStartsWithoutADevice: a device that is not there is waited for.
func TestStartsWithoutADevice(t *testing.T) {
	r := newSwitchRig(t)
	if err := r.wire["b"].Delete(); err != nil {
		t.Fatal(err)
	}
	r.write("")
	r.start()
	if s := r.portState("b"); s != "away" {
		t.Fatalf("port b is %q, want away", s)
	}
	r.plugWire("b", 2)
	r.wait("port b up", func() bool { return r.portState("b") == "up" })
	r.more("traffic", r.talk())
	r.stop()
}
