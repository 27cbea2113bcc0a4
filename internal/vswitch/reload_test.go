package vswitch

import (
	"strings"
	"testing"

	"pollux/internal/ctl"
	"pollux/ofp/pipeline"
)

// TestReload: a wrong file changes nothing, a right one all of it, and what stays keeps
// its counters.
func TestReload(t *testing.T) {
	r := newSwitchRig(t)
	const keep = "flows: |\n  cookie=1,priority=1,actions=NORMAL\n"
	r.write(keep)
	r.start()
	n := r.talk()
	r.more("traffic", n)

	flow := func(cookie uint64) (f pipeline.FlowStats) {
		var flows []pipeline.FlowStats
		r.ask(&flows, "flows")
		for _, f := range flows {
			if f.Cookie == cookie {
				return f
			}
		}
		return f
	}
	before := flow(1)
	if before.Packets == 0 {
		t.Fatal("the flow counts nothing")
	}

	for _, bad := range []struct{ rest, want string }{
		{keep + "  in_port=nowhere,actions=drop\n", "nowhere"},
		{keep + "  in_port=a,actions=outptu:b\n", "outptu"},
		{keep + "bridge: {mac_ageing: soon}\n", "soon"},
		{keep + "log: {level: debug}\n", "restart"},
	} {
		r.write(bad.rest)
		_, err := ctl.Call(r.sock, "reload")
		if err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("reload of %q: error %v does not name %q", bad.rest, err, bad.want)
		}
		r.more("traffic after a refused reload", n)
	}

	r.write(keep + "  cookie=2,priority=5,in_port=a,udp,actions=drop\n")
	if _, err := ctl.Call(r.sock, "reload"); err != nil {
		t.Fatal(err)
	}
	// Law 1: reload has returned, so nothing more may pass but what was on the wire.
	r.none(n, "a flow that drops them")
	r.wait("the new flow to count", func() bool { return flow(2).Packets > 50 })
	if after := flow(1); after.Packets < before.Packets || after.Duration < before.Duration {
		t.Errorf("the flow that stayed lost its counts: %+v, before %+v", after, before)
	}

	// Ports change live: b leaves a's VLAN, comes back, goes away whole, comes back.
	reload := func(ports string) {
		t.Helper()
		r.ports = ports
		r.write(keep)
		if _, err := ctl.Call(r.sock, "reload"); err != nil {
			t.Fatal(err)
		}
	}
	reload(twoPorts)
	r.more("traffic again", n)
	reload(strings.ReplaceAll(twoPorts, "vb}", "vb, vlan: {tag: 10}}"))
	r.none(n, "into another VLAN")
	reload(twoPorts)
	r.more("traffic in one VLAN", n)
	reload("  - {name: a, type: afxdp, device: va}\n")
	r.none(n, "to a port that was removed")
	if r.program("vb") {
		t.Error("a removed port left its XDP program on the device")
	}
	reload(twoPorts + "  - {name: br0, type: tap, device: vswt0, ofport: LOCAL, address: [10.9.0.9/24]}\n")
	r.more("traffic by a port that was added", n)
	if _, err := r.host["a"].Run("ping", "-c1", "-w60", "10.9.0.9"); err != nil {
		t.Errorf("the switch's own address does not answer: %v", err)
	}
	// Rings that the memory can't fill are refused, and the port stays as it was.
	r.ports = strings.ReplaceAll(twoPorts, "vb}", "vb, rx_ring: 16384, tx_ring: 16384}")
	r.write(keep)
	if _, err := ctl.Call(r.sock, "reload"); err == nil || !strings.Contains(err.Error(), "frames_per_loop") {
		t.Errorf("rings beyond the memory: error %v", err)
	}
	r.more("traffic by the rings of before", n)
	// The same port by another ring size: the device is let go of and taken again.
	reload(strings.ReplaceAll(twoPorts, "vb}", "vb, rx_ring: 512}"))
	r.more("traffic by other rings", n)
	r.stop()
}
