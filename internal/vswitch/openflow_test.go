package vswitch

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"pollux/flow"
	"pollux/internal/ctl"
	"pollux/ipfix"
	"pollux/ipfix/cache"
	"pollux/ofp/pipeline"
	"pollux/ofp/wire"
)

// sinkhole is a collector that takes everything.
func sinkhole(t *testing.T) string {
	t.Helper()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 65536)
		for {
			if _, _, err := c.ReadFrom(b); err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { c.Close(); <-done })
	return c.LocalAddr().String()
}

// newMemoryRig is a switch with a source of 5,000 packets of 50 flows and a sink, both in
// memory.
func newMemoryRig(t *testing.T) *ipfixRig {
	dir := t.TempDir()
	return &ipfixRig{rig: &rig{
		t: t, loops: "[{core: 0}]", config: filepath.Join(dir, "switch.yaml"), sock: filepath.Join(dir, "s.sock"), out: &syncBuffer{},
		ports: `  - {name: src, type: memory, memory: {flows: 50, count: 5000}}
  - {name: sink, type: memory, memory: {flows: 0}}
`,
	}}
}

// ofctl has ovs-ofctl ask the switch.
func (r *ipfixRig) ofctl(args ...string) string {
	r.t.Helper()
	args = append(args, "unix:"+filepath.Join(filepath.Dir(r.sock), "br0.mgmt"))
	out, err := exec.Command("ovs-ofctl", args...).CombinedOutput()
	if err != nil && !strings.Contains(string(out), "OFPT_ERROR") {
		r.t.Fatalf("ovs-ofctl %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// show returns the counts of all exporters by name.
func (r *ipfixRig) show() map[string]exporterShow {
	r.t.Helper()
	var all []exporterShow
	r.ask(&all, "ipfix")
	out := map[string]exporterShow{}
	for _, x := range all {
		out[x.Name] = x
	}
	return out
}

// printed is what ovs-ofctl prints of an exporter's counts, after that many blanks.
func printed(x exporterShow, indent int) string {
	var flows, current, packets, tx, errs uint64
	var by [cache.NumClasses]uint64
	for i := range x.Caches {
		c := &x.Caches[i]
		flows, current, packets = flows+c.Inserted, current+c.Flows, packets+c.Seen.Packets
		for k, n := range c.SeenBy {
			by[k] += n
		}
	}
	for i := range x.Exporter.Collectors {
		tx, errs = tx+x.Exporter.Collectors[i].Messages, errs+x.Exporter.Collectors[i].Errors
	}
	return fmt.Sprintf("flows=%d, current flows=%d, sampled pkts=%d, ipv4 ok=%d, ipv6 ok=%d, tx pkts=%d\n%*spkts errs=0, ipv4 errs=0, ipv6 errs=0, tx errs=%d\n",
		flows, current, packets, by[cache.IPv4], by[cache.IPv6], tx, indent, "", errs)
}

// What ovs-ofctl prints of exporters is what they say themselves, and that is what went
// through the switch.
func TestOVSReadsTheExportersCounts(t *testing.T) {
	if _, err := exec.LookPath("ovs-ofctl"); err != nil {
		t.Skip("ovs-ofctl is not installed")
	}
	r := newMemoryRig(t)
	collector, second := sinkhole(t), sinkhole(t)
	r.write(fmt.Sprintf(`flows:
  - "in_port=src,actions=sample(probability=65535,collector_set_id=5,obs_domain_id=1,obs_point_id=2),output:sink"
ipfix:
  bridge: {targets: [%[1]q], enable_output_sampling: false, cache_idle_timeout: 1h, cache_active_timeout: 0}
  sets:
    - {id: 9, targets: [%[1]q]}
    - {id: 5, targets: [%[1]q, %[2]q], cache_idle_timeout: 1h, cache_active_timeout: 0, template_interval: 10s}
`, collector, second))
	r.run()
	r.wait("all packets to be accounted", func() bool {
		x := r.show()
		return x["bridge"].Caches[0].Seen.Packets == 5000 && x["set 5"].Caches[0].Seen.Packets == 5000
	})
	for _, o := range []string{"OpenFlow10", "OpenFlow13", "OpenFlow14", "OpenFlow15"} {
		var bridge, sets string
		var x map[string]exporterShow
		same := false
		// Messages leave meanwhile: what is asked before and after must be the same.
		r.wait("exporters to be quiet", func() bool {
			x = r.show()
			bridge, sets = r.ofctl("-O", o, "dump-ipfix-bridge"), r.ofctl("-O", o, "dump-ipfix-flow")
			after := r.show()
			same = true
			for n := range x {
				same = same && printed(x[n], 0) == printed(after[n], 0)
			}
			return same
		})
		if _, got, _ := strings.Cut(bridge, "\n"); got != "  bridge ipfix: "+printed(x["bridge"], 16) {
			t.Errorf("%s bridge:\n%s\nwant\n%s", o, bridge, printed(x["bridge"], 16))
		}
		head, got, _ := strings.Cut(sets, "\n")
		if !strings.HasSuffix(head, " 2 ids") || got != "  id   9: "+printed(x["set 9"], 10)+"  id   5: "+printed(x["set 5"], 10) {
			t.Errorf("%s sets:\n%s\nwant\n%s%s", o, sets, printed(x["set 9"], 10), printed(x["set 5"], 10))
		}
		if !strings.Contains(bridge, "flows=50, current flows=50, sampled pkts=5000, ") {
			t.Errorf("%s bridge: %s", o, bridge)
		}
	}
	// The set without traffic says nothing but its templates.
	if x := r.show()["set 9"]; x.Caches[0].Seen.Packets != 0 {
		t.Errorf("set 9 has seen %d packets", x.Caches[0].Seen.Packets)
	}

	show := r.ofctl("-O", "OpenFlow13", "show")
	for _, want := range []string{"n_tables:254, n_buffers:0", " 1(src): addr:", " 2(sink): addr:", "state:      LIVE"} {
		if !strings.Contains(show, want) {
			t.Errorf("show has no %q:\n%s", want, show)
		}
	}
	var of Show
	r.ask(&of, "show")
	if !strings.Contains(show, "dpid:"+of.DatapathID) {
		t.Errorf("the datapath id is %s:\n%s", of.DatapathID, show)
	}
	if desc := r.ofctl("dump-desc"); !strings.Contains(desc, "Manufacturer: Pollux\n") || !strings.Contains(desc, "DP Description: br0\n") {
		t.Error(desc)
	}
	sock := filepath.Join(filepath.Dir(r.sock), "br0.mgmt")
	r.stop()
	if _, err := os.Lstat(sock); !os.IsNotExist(err) {
		t.Errorf("the switch has ended and %s: %v", sock, err)
	}
}

// A change that needs new flow caches does not set the counts back.
func TestOVSReadsCountsAcrossAReload(t *testing.T) {
	if _, err := exec.LookPath("ovs-ofctl"); err != nil {
		t.Skip("ovs-ofctl is not installed")
	}
	r := newMemoryRig(t)
	configure := func(key string) {
		r.write(fmt.Sprintf(`flows: ["in_port=src,actions=output:sink"]
ipfix:
  bridge: {targets: [%q], enable_output_sampling: false, flow_key: %s}
`, sinkhole(t), key))
	}
	configure("ovs")
	r.run()
	r.wait("all packets to be accounted", func() bool { return r.bridge().Caches[0].Seen.Packets == 5000 })
	configure("five-tuple")
	if _, err := ctl.Call(r.sock, "reload"); err != nil {
		t.Fatal(err)
	}
	r.wait("the old cache to be empty", func() bool {
		return strings.Contains(r.ofctl("dump-ipfix-bridge"), "bridge ipfix: flows=50, current flows=0, sampled pkts=5000, ipv4 ok=5000, ipv6 ok=0, ")
	})
	if n := r.bridge().Caches[0].Seen.Packets; n != 0 {
		t.Errorf("the new cache has seen %d packets", n)
	}
}

// A switch that does not export says that it is not configured to.
func TestOVSIsToldThatThereIsNoExporter(t *testing.T) {
	if _, err := exec.LookPath("ovs-ofctl"); err != nil {
		t.Skip("ovs-ofctl is not installed")
	}
	r := newMemoryRig(t)
	r.write("")
	r.run()
	for _, o := range []string{"OpenFlow10", "OpenFlow13", "OpenFlow15"} {
		for _, c := range []string{"dump-ipfix-bridge", "dump-ipfix-flow"} {
			if got := r.ofctl("-O", o, c); !strings.Contains(got, ": NXST_NOT_CONFIGURED\n") {
				t.Errorf("%s %s: %s", o, c, got)
			}
		}
	}
}

// Listeners are those of the configuration: several, over TCP too, or none.
func TestOpenFlowListeners(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	r := newMemoryRig(t)
	other := filepath.Join(filepath.Dir(r.sock), "other")
	r.write("")
	text, err := os.ReadFile(r.config)
	if err != nil {
		t.Fatal(err)
	}
	set := func(list string) {
		t.Helper()
		s := strings.Replace(string(text), "control: {socket: "+r.sock, "control: {socket: "+r.sock+", openflow: "+list, 1)
		if err := os.WriteFile(r.config, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	set(fmt.Sprintf(`["punix:%s", "ptcp:%d:127.0.0.1"]`, other, port))
	r.run()
	for _, a := range []struct{ network, addr string }{{"unix", other}, {"tcp", "127.0.0.1:" + strconv.Itoa(port)}} {
		c, err := net.Dial(a.network, a.addr)
		if err != nil {
			t.Fatal(err)
		}
		hello := make([]byte, 16)
		_ = c.SetReadDeadline(time.Now().Add(patience))
		if _, err := c.Read(hello); err != nil || wire.KindOf(wire.V15, hello[1]) != wire.Hello {
			t.Errorf("%s: %x, %v", a.addr, hello, err)
		}
		c.Close()
	}
	if _, err := os.Lstat(filepath.Join(filepath.Dir(r.sock), "br0.mgmt")); err == nil {
		t.Error("the default listener is there although others are named")
	}
	r.stop()

	set("[]")
	r.out = &syncBuffer{}
	r.run()
	if _, err := os.Lstat(other); err == nil {
		t.Error("a socket is there although none is wanted")
	}
}

// Two switches of one name may have their sockets in one folder: the second does without
// the listener that nobody asked for, and leaves the first's alone. One that was asked for it says what is wrong.
func TestTwoSwitchesInOneFolder(t *testing.T) {
	first := newMemoryRig(t)
	first.write("")
	first.run()
	second := newMemoryRig(t)
	second.sock = filepath.Join(filepath.Dir(first.sock), "second.sock")
	second.write("")
	second.run()
	if !strings.Contains(second.out.String(), "no OpenFlow") {
		t.Errorf("the second says nothing of the listener it does without:\n%s", second.out)
	}
	second.stop()
	c, err := net.Dial("unix", filepath.Join(filepath.Dir(first.sock), "br0.mgmt"))
	if err != nil {
		t.Fatal(err)
	}
	c.Close()

	third := newMemoryRig(t)
	third.write("")
	text, err := os.ReadFile(third.config)
	if err != nil {
		t.Fatal(err)
	}
	list := fmt.Sprintf("%s, openflow: [\"punix:%s/br0.mgmt\"]", third.sock, filepath.Dir(first.sock))
	if err := os.WriteFile(third.config, []byte(strings.Replace(string(text), third.sock, list, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), runEnv+"="+third.config)
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "control.openflow: ") || !strings.Contains(string(out), "another program answers there") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestIPFIXStatsInOVSTerms(t *testing.T) {
	x := &ipfix.Stats{Flows: 20, Sums: ipfix.Sums{Seen: cache.Count{Packets: 200}}, Collectors: []ipfix.CollectorStats{{Messages: 3, Errors: 1}, {Messages: 5}}}
	x.SeenBy[cache.IPv4], x.SeenBy[cache.IPv6], x.SeenBy[cache.Other] = 120, 60, 20
	want := wire.IPFIXStats{SetID: 7, Flows: 20, CurrentFlows: 8, Packets: 200, IPv4: 120, IPv6: 60, Tx: 8, TxErrors: 1}
	if got := ipfixStats(7, 8, x); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	x.NoRoomBy[cache.IPv4], x.NoRoomBy[cache.IPv6], x.NoRoomBy[cache.Other] = 4, 2, 1
	want.Errors, want.IPv4Errors, want.IPv6Errors, want.IPv4, want.IPv6 = 7, 4, 2, 116, 58
	if got := ipfixStats(7, 8, x); got != want {
		t.Errorf("with losses %+v, want %+v", got, want)
	}
}

func TestPortsForOpenFlow(t *testing.T) {
	p := pipeline.Port{OFPort: flow.PortLocal, Name: "br0", MAC: 0x020304050607, Up: true}
	want := wire.Port{Number: 0xfffffffe, Name: "br0", MAC: [6]byte{2, 3, 4, 5, 6, 7}, State: wire.PortLive}
	if got := wirePort(&p); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	p.Up, p.NoRecv, p.NoFlood = false, true, true
	want.State, want.Config = wire.PortLinkDown, wire.PortNoRecv|wire.PortNoFlood
	if got := wirePort(&p); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
