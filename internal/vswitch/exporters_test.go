package vswitch

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"pollux/configs"
	"pollux/flow"
	"pollux/internal/cpu"
	"pollux/ipfix"
	"pollux/ipfix/cache"
	"pollux/ipfix/collector"
	"pollux/pmd/datapath"
)

// udpFlows is how many flows the pcap files of a live switch have, all in both files.
const udpFlows = 32

// writeUDP writes a file with a datagram of each flow.
func writeUDP(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := pcapgo.NewWriter(f)
	if err := w.WriteFileHeader(65535, layers.LinkTypeEthernet); err != nil {
		t.Fatal(err)
	}
	for i := range udpFlows {
		ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: net.IPv4(10, 0, 0, byte(i)), DstIP: net.IPv4(10, 0, 1, 1)}
		udp := &layers.UDP{SrcPort: layers.UDPPort(1000 + i), DstPort: 53}
		if err := udp.SetNetworkLayerForChecksum(ip); err != nil {
			t.Fatal(err)
		}
		b := gopacket.NewSerializeBuffer()
		err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
			&layers.Ethernet{SrcMAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, DstMAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}, EthernetType: layers.EthernetTypeIPv4},
			ip, udp, gopacket.Payload(make([]byte, 40+i)))
		if err != nil {
			t.Fatal(err)
		}
		info := gopacket.CaptureInfo{CaptureLength: len(b.Bytes()), Length: len(b.Bytes()), Timestamp: time.Unix(int64(i), 0)}
		if err := w.WritePacket(info, b.Bytes()); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// liveSwitch is a switch of two loops in the test's process: pcap ports a and b play
// the same flows for ever into one loop each, port c swallows what it is sent.
type liveSwitch struct {
	*Switch
	t      *testing.T
	path   string
	rate   int
	closed bool
}

// config writes the configuration, with what follows the ports.
func (l *liveSwitch) config(rest string) {
	l.t.Helper()
	dir := filepath.Dir(l.path)
	text := fmt.Sprintf(`datapath: {loops: [{core: 0}, {core: 1}], sleep_max: 1ms}
control: {socket: %s/s.sock, openflow: []}
ports:
  - {name: a, type: pcap, loops: [0], pcap: {read: %s/flows.pcap, repeat: 0, rate: %d}}
  - {name: b, type: pcap, loops: [1], pcap: {read: %s/flows.pcap, repeat: 0, rate: %d}}
  - {name: c, type: memory, loops: [0], memory: {flows: 0}}
%s`, dir, dir, l.rate, dir, l.rate, rest)
	if err := os.WriteFile(l.path, []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}
}

func newLiveSwitch(t *testing.T, rest string) *liveSwitch {
	t.Helper()
	if runtime.NumCPU() < 2 {
		t.Skip("needs two cores for two loops")
	}
	dir := t.TempDir()
	writeUDP(t, filepath.Join(dir, "flows.pcap"))
	l := &liveSwitch{t: t, path: filepath.Join(dir, "switch.yaml"), rate: 20_000}
	l.config(rest)
	cfg, err := configs.Load(l.path, LoadOptions())
	if err != nil {
		t.Fatal(err)
	}
	if l.Switch, err = New(cfg, l.path, cpu.Info{ExactEntries: 4096}, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.end)
	if err := l.start(); err != nil {
		t.Fatal(err)
	}
	return l
}

// end stops the switch, once.
func (l *liveSwitch) end() {
	if !l.closed {
		l.closed = true
		if err := l.close(); err != nil {
			l.t.Error(err)
		}
	}
}

// reload writes a configuration and has it applied.
func (l *liveSwitch) reload(rest string) {
	l.t.Helper()
	l.config(rest)
	if _, err := l.Reload(); err != nil {
		l.t.Fatal(err)
	}
}

// set finds an exporter: 0 is the bridge's.
func (l *liveSwitch) set(id uint32) *exporter {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.exporters {
		if e.set == id {
			return e
		}
	}
	l.t.Fatalf("there is no exporter of set %d", id)
	return nil
}

// in returns the packets that have come in.
func (l *liveSwitch) in() uint64 { st := l.dp.Stats(); return st.Sums.In.Packets }

// flow lets packets pass.
func (l *liveSwitch) flow() {
	l.t.Helper()
	was := l.in()
	if !waitFor(patience, func() bool { return l.in() > was+2000 }) {
		l.t.Fatal("no packets flow")
	}
}

func listen(t *testing.T) *collector.Collector {
	t.Helper()
	col, err := collector.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { col.Close() })
	return col
}

// checkSums looks whether the equation of every collector of a stopped exporter is
// closed, and returns what was seen.
func checkSums(t *testing.T, e *exporter) cache.Count {
	t.Helper()
	s := e.x.Stats()
	for _, c := range s.Collectors {
		q := c.Sums
		if q.Held != (cache.Count{}) || q.Seen.Packets != q.Exported.Packets+q.NotSent.Packets ||
			q.Seen.Octets != q.Exported.Octets+q.NotSent.Octets || q.Seen.L2Octets != q.Exported.L2Octets+q.NotSent.L2Octets {
			t.Errorf("%s to %s: the equation is open: %+v", e.name, c.Address, q)
		}
	}
	return s.Sums.Seen
}

// same fails if an exporter's flow caches are others, or flows left them.
func same(t *testing.T, what string, l *liveSwitch, set uint32, was []*cache.Cache) {
	t.Helper()
	now := l.dp.Caches(l.set(set).index)
	if !slices.Equal(was, now) {
		t.Errorf("%s: set %d has other flow caches", what, set)
		return
	}
	for i, c := range now {
		st := c.Stats()
		st.Ended[cache.EndActive] = 0 // a flow that is reported because its boundary has come goes on
		if st.Inserted != udpFlows || st.Ended != [cache.NumEndReasons]uint64{} {
			t.Errorf("%s: set %d, loop %d: flows were broken: %d inserted of %d, ended %v", what, set, i, st.Inserted, udpFlows, st.Ended)
		}
	}
}

// TestReloadUndone: when a reload fails late, exporters are what they were.
func TestReloadUndone(t *testing.T) {
	col := listen(t)
	rest := fmt.Sprintf("flows: [\"actions=output:c\"]\nipfix:\n  bridge: {targets: [%q], cache_idle_timeout: 100s, enable_output_sampling: false}\n", col.Addr())
	l := newLiveSwitch(t, rest)
	l.flow()
	was, before := l.set(0), l.dp.Caches(0)
	l.config("  - {name: d, type: pcap, pcap: {read: /nonexistent/x.pcap}}\n" + strings.Replace(rest, "idle_timeout: 100s", "idle_timeout: 1s, flow_key: five-tuple", 1) +
		"  sets: [{id: 1, targets: [\"127.0.0.1:9\"]}]\n")
	if _, err := l.Reload(); err == nil || !strings.Contains(err.Error(), "/nonexistent/x.pcap") {
		t.Fatalf("reload: %v", err)
	}
	l.flow()
	same(t, "after a reload that failed", l, 0, before)
	if l.set(0) != was || len(l.exporters) != 1 || l.dp.Caches(1) != nil {
		t.Error("a reload that failed has left something of its exporters")
	}
}

// TestLinkSpeed: the interface table has the ports by number, and how fast their
// devices are.
func TestLinkSpeed(t *testing.T) {
	r := newSwitchRig(t)
	err := r.dut.Do(func() error {
		s := &Switch{}
		s.noteInterfaces([]*vport{
			{cfg: configs.Port{Name: "up0", Type: configs.AFXDP, Device: "va", OFPort: 3}, index: 1},
			{cfg: configs.Port{Name: "br0", Type: configs.Tap, Device: "away", OFPort: configs.Local}},
			{cfg: configs.Port{Name: "m", Type: configs.MemoryType, OFPort: 1}},
		})
		want := []ipfix.Interface{
			{Index: 3, Name: "up0", Description: "afxdp va", Type: 6, Speed: 10e9}, // as a veth says
			{Index: 0xfffffffe, Name: "br0", Description: "tap away", Type: 53},
			{Index: 1, Name: "m", Description: "memory", Type: 53},
		}
		if got := s.interfaces(); !slices.Equal(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The configuration allows as many exporters as the loops have room for.
var _ = [1]struct{}{}[configs.MaxExporters-datapath.MaxExporters]

// TestExportersChangeLive: under traffic each kind of change touches what it concerns
// and nothing else, and nothing is lost or counted twice: when the switch has stopped,
// what an exporter saw is what came in, and its equations are closed.
func TestExportersChangeLive(t *testing.T) {
	t.Run("in time", func(t *testing.T) { changeLive(t, patience) })
	// The flow key reaches the exporter only after the reload.
	t.Run("late", func(t *testing.T) { changeLive(t, 0) })
}

func changeLive(t *testing.T, keyPatience time.Duration) {
	colBridge, colSet, colNew := listen(t), listen(t), listen(t)
	colMore, err := collector.ListenTCP("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { colMore.Close() })
	const long = "cache_active_timeout: 0"
	conf := func(bridge, sets, flows string) string {
		for key, value := range map[string]string{"targets": fmt.Sprintf("[%q]", colBridge.Addr()), "cache_idle_timeout": "100s"} {
			if !strings.Contains(bridge, key) {
				bridge += ", " + key + ": " + value
			}
		}
		return fmt.Sprintf("flows:\n%s\nipfix:\n  bridge: {%s, enable_output_sampling: false%s}\n  sets:\n    - {id: 1, targets: [%q], cache_idle_timeout: 100s, %s}\n%s",
			flows, long, bridge, colSet.Addr(), long, sets)
	}
	const flows = `  - "actions=sample(probability=65535,collector_set_id=1),output:c"`
	l := newLiveSwitch(t, conf("", "", flows))
	l.keyPatience = keyPatience
	l.flow()
	caches := func(set uint32) []*cache.Cache { return l.dp.Caches(l.set(set).index) }
	bridge, set := caches(0), caches(1)
	same(t, "at start", l, 0, bridge)
	same(t, "at start", l, 1, set)

	// How and where records are sent: no cache is touched, the tables stay.
	gen := l.state.Snapshot().Generation()
	l.reload(conf(fmt.Sprintf(", template_interval: 5s, elements: [full], biflow: initiator, targets: [%q, %q]", colBridge.Addr(), "tcp:"+colMore.Addr()), "", flows))
	l.flow()
	same(t, "export", l, 0, bridge)
	same(t, "export", l, 1, set)
	if got := l.state.Snapshot().Generation(); got != gen {
		t.Errorf("a change of exporting has brought a snapshot of generation %d, after %d", got, gen)
	}

	// Times: the caches keep their flows.
	l.reload(conf(", cache_idle_timeout: 90s", "", flows))
	l.flow()
	same(t, "timeout", l, 0, bridge)
	same(t, "timeout", l, 1, set)

	// The key: the bridge's caches are new, their flows ended by force.
	l.reload(conf(", flow_key: five-tuple", "", flows))
	l.flow()
	same(t, "flow key", l, 1, set)
	if !waitFor(patience, func() bool { return drained(bridge) }) {
		t.Error("the old flow caches don't empty")
	}
	var oldKey uint64 // packets in records of the old key
	for i, c := range bridge {
		st := c.Stats()
		oldKey += st.Recorded.Packets
		if st.Ended[cache.EndForced] != udpFlows || st.Held() != (cache.Count{}) {
			t.Errorf("loop %d: the old cache ended %v and holds %+v", i, st.Ended, st.Held())
		}
	}
	if slices.Equal(caches(0), bridge) {
		t.Error("the flow key has changed and the flow caches have not")
	}
	bridge = caches(0)
	same(t, "flow key", l, 0, bridge)

	// A set that comes in the same reload as the flows that use it.
	const added = `  - "in_port=a,actions=sample(probability=65535,collector_set_id=1),sample(probability=65535,collector_set_id=2,obs_domain_id=9),output:c"
  - "priority=1,actions=sample(probability=65535,collector_set_id=1),output:c"`
	set2 := fmt.Sprintf("    - {id: 2, targets: [%q], cache_idle_timeout: 100s, %s}\n", colNew.Addr(), long)
	l.reload(conf(", flow_key: five-tuple", set2, added))
	l.flow()
	same(t, "set added", l, 0, bridge)
	same(t, "set added", l, 1, set)
	two := l.set(2)

	// It can't go while flows use it, and nothing changes by that.
	l.config(conf(", sampling: 5", "", added))
	if _, err := l.Reload(); err == nil || !strings.Contains(err.Error(), ":8:") || !strings.Contains(err.Error(), "collector set 2 has no exporter") {
		t.Errorf("removal of a set that flows use: %v", err)
	}
	same(t, "refused", l, 0, bridge)
	if got := l.set(0).cfg.Sampling; got != 1 {
		t.Errorf("a refused reload has set sampling to %d", got)
	}

	// With its flows it can; what it held is sent, and the others don't notice.
	l.dp.PushCounts()
	used := uint64(0)
	for _, f := range l.state.DumpFlows() {
		if strings.Contains(f.String(), "collector_set_id=2") {
			used = f.Packets
		}
	}
	l.reload(conf(", flow_key: five-tuple", "", flows))
	l.flow()
	same(t, "set removed", l, 0, bridge)
	same(t, "set removed", l, 1, set)
	if !waitFor(patience, func() bool { return len(two.done) == 0 && drained(l.dp.Caches(two.index)) }) {
		t.Error("the removed set does not end")
	}
	for _, gone := range l.leaving {
		<-gone.gone
	}
	if seen := checkSums(t, two); seen.Packets < used || used == 0 || !colNew.Wait(seen.Packets, patience) {
		t.Errorf("set 2 saw %d packets, its flow treated %d or more, its collector has %d", seen.Packets, used, colNew.Totals().Packets)
	}

	// Sampling of one: the other counts on.
	if _, err := l.setExporter([]string{"1", "sampling", "10"}); err != nil {
		t.Fatal(err)
	}
	l.flow()
	same(t, "sampling", l, 0, bridge)
	same(t, "sampling", l, 1, set)
	if s := l.set(1); s.cfg.Sampling != 10 || l.dp.Caches(s.index)[0].Stats().Offered == l.dp.Caches(s.index)[0].Stats().Seen.Packets {
		t.Error("sampling has not changed")
	}

	b, one := l.set(0), l.set(1)
	l.end()
	if !l.closed || len(l.exporters) != 2 {
		t.Errorf("%d exporters at the end", len(l.exporters))
	}
	in := l.in()
	if seen := checkSums(t, b); seen.Packets != in || !colBridge.Wait(in, patience) {
		t.Errorf("%d packets came in, the bridge's exporter saw %d, its collector has %d", in, seen.Packets, colBridge.Totals().Packets)
	}
	// What the old caches had counted was told with its Ethernet addresses, what the new
	// ones counted without.
	var told uint64
	for k, f := range colBridge.Flows() {
		if k.EthSrc != ([6]byte{}) {
			told += f.Packets
		}
	}
	if told != oldKey || told == 0 {
		t.Errorf("%d packets are in records of the old key, the old caches counted %d", told, oldKey)
	}
	if seen := checkSums(t, one); !colSet.Wait(seen.Packets, patience) {
		t.Errorf("set 1 saw %d packets, its collector has %d", seen.Packets, colSet.Totals().Packets)
	}
}

// TestTunnelSamplingOff: without enable_tunnel_sampling the outer header is no part of records.
func TestTunnelSamplingOff(t *testing.T) {
	for _, on := range []bool{true, false} {
		m := keyMask(&configs.Exporter{FlowKey: configs.FlowKey{configs.KeyOVS}, EnableTunnelSampling: on})
		if has := m.Map&(1<<flow.WTunID|1<<flow.WTunIPv4|1<<flow.WTunSrcHi) != 0; has != on {
			t.Errorf("enable_tunnel_sampling %t: the key has the outer header: %t", on, has)
		}
		if m.W[flow.WIPv4] == 0 || m.Map&(1<<flow.WPort) == 0 {
			t.Error("the key has lost more than that")
		}
	}
}
