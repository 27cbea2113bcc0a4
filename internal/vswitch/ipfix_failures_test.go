package vswitch

import (
	"net"
	"testing"
	"time"

	"pollux/internal/ctl"
	"pollux/internal/mixed"
	"pollux/internal/mixed/peers"
	"pollux/ipfix"
	"pollux/ipfix/cache"
	"pollux/ipfix/collector"
)

// The failures' traffic: enough to last some seconds at its rate.
var trouble = mixed.Config{Seed: 2, Flows: 4000, Packets: 40_000, Longest: 2000, Split: 0.1}

// listenUDP returns a healthy collector that ends with the test.
func listenUDP(t *testing.T) *collector.Collector {
	t.Helper()
	c, err := collector.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// whole fails unless the collector has what was sent of every flow.
func (r *ipfixRig) whole(c *collector.Collector) {
	r.t.Helper()
	c.Wait(r.total.Packets, patience)
	if s := c.Totals(); s.Errors != 0 || s.Missing != 0 {
		r.t.Errorf("errors %d (%s), missing %d", s.Errors, s.LastError, s.Missing)
	}
	if d := peers.View(goflowView).Truth(r.traffic).Diff(goflowReport(c)); d != "" {
		r.t.Error(d)
	}
}

// collectorStats returns the counts of one collector.
func collectorStats(t *testing.T, x exporterShow, target string) ipfix.CollectorStats {
	t.Helper()
	for _, c := range x.Exporter.Collectors {
		if c.Address == target {
			return c
		}
	}
	t.Fatalf("no collector %s in %+v", target, x.Exporter.Collectors)
	return ipfix.CollectorStats{}
}

// TestCollectorKilledAndRestarted: nfcapd is killed while flows are exported, and
// started again on its port; so is a collector over TCP. What they did not get is
// counted, what comes after is read by the new ones, which know no template of before,
// and a collector beside them misses nothing.
func TestCollectorKilledAndRestarted(t *testing.T) {
	t.Parallel()
	port := peers.FreePort(t)
	nfcapd := peers.StartNfcapd(t, t.TempDir(), port)
	stream, err := collector.ListenTCP("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	healthy := listenUDP(t)
	r := newIPFIXRig(t, trouble)
	r.setRate(2500)
	udp, tcp := nfcapd.Addr(), "tcp:"+stream.Addr()
	r.exporter([]string{udp, tcp, healthy.Addr()}, soon)
	r.run()
	r.until("records at all collectors", func() bool {
		x := r.bridge()
		return collectorStats(t, x, udp).Sent.Records > 100 && collectorStats(t, x, tcp).Sent.Records > 100
	})
	nfcapd.Kill()
	addr := stream.Addr()
	if err := stream.Close(); err != nil {
		t.Fatal(err)
	}
	r.until("the deaths to be noticed", func() bool {
		x := r.bridge()
		return collectorStats(t, x, udp).Errors > 0 && collectorStats(t, x, tcp).State != "connected"
	})
	again := peers.StartNfcapd(t, t.TempDir(), port)
	if stream, err = collector.ListenTCP(addr); err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	r.played()
	r.idle()
	r.until("a new TCP session that has taken everything", func() bool {
		c := collectorStats(t, r.bridge(), tcp)
		return c.State == "connected" && c.Reconnects > 0 && c.Queued.Records == 0
	})
	x := r.equation()
	r.stop()
	r.whole(healthy)

	again.Stop()
	c := collectorStats(t, x, udp)
	if got := again.Report(t).Total(); got.Packets == 0 || got.Packets > c.Sums.Exported.Packets {
		t.Errorf("the new nfcapd has %d packets, exported %d", got.Packets, c.Sums.Exported.Packets)
	}
	t.Logf("nfcapd: exported %d packets, not sent %d", c.Sums.Exported.Packets, c.Sums.NotSent.Packets)
	c = collectorStats(t, x, tcp)
	stream.Wait(1, patience)
	if s := stream.Totals(); s.Errors != 0 || s.Missing != 0 || s.Packets == 0 || s.Packets > c.Sums.Exported.Packets {
		t.Errorf("the new TCP session has %+v, exported %d", s, c.Sums.Exported.Packets)
	}
	t.Logf("TCP: exported %d packets, not sent %d, %d in the new session", c.Sums.Exported.Packets, c.Sums.NotSent.Packets, stream.Totals().Packets)
}

// deaf are collectors that read nothing: a TCP one that accepts, and a UDP socket that
// fills up.
func deaf(t *testing.T) (tcp, udp string) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = conn.(*net.TCPConn).SetReadBuffer(4096)
			t.Cleanup(func() { conn.Close() })
		}
	}()
	p, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return "tcp:" + l.Addr().String(), p.LocalAddr().String()
}

// TestCollectorThatReadsNothing: a TCP collector accepts and reads nothing, a UDP one
// does not read its socket either. The first costs what its buffer does not hold, which
// is counted; of the second UDP tells nothing; the collector beside them misses nothing.
func TestCollectorThatReadsNothing(t *testing.T) {
	t.Parallel()
	tcp, udp := deaf(t)
	healthy := listenUDP(t)
	cfg := trouble
	cfg.Flows, cfg.Packets = 20_000, 60_000 // some megabytes of records: more than the kernel's own buffers hold
	r := newIPFIXRig(t, cfg)
	r.setRate(20_000)
	r.exporter([]string{tcp, udp, healthy.Addr()}, soon+"    buffer: 65536\n    elements: [full]\n")
	r.run()
	r.played()
	r.idle()
	x := r.equation()
	began := time.Now()
	r.stop()
	t.Logf("the switch ended within %v", time.Since(began))
	r.whole(healthy)
	c := collectorStats(t, x, tcp)
	if c.Sums.NotSent.Packets == 0 || c.QueuedSize == 0 || c.QueuedSize > 65536 {
		t.Errorf("of a collector that reads nothing: %+v", c)
	}
	if u := collectorStats(t, x, udp); u.Sums.Exported.Packets != r.total.Packets {
		t.Errorf("a UDP socket that nobody reads was sent %d packets of %d", u.Sums.Exported.Packets, r.total.Packets)
	}
	t.Logf("deaf over TCP: exported %d packets, held %d, not sent %d", c.Sums.Exported.Packets, c.Sums.Held.Packets, c.Sums.NotSent.Packets)
}

// TestCacheATenthOfWhatIsNeeded: both loops' caches have room for a tenth of the flows
// that are there at once. Flows leave for lack of resources, what finds no room is
// counted by reason, told by options, and the collector has all the rest.
func TestCacheATenthOfWhatIsNeeded(t *testing.T) {
	t.Parallel()
	healthy := listenUDP(t)
	r := newIPFIXRig(t, trouble)
	r.setRate(20_000)
	r.exporter([]string{healthy.Addr()}, soon+"    cache_max_flows: 200\n    stats_interval: 1s\n")
	r.run()
	r.played()
	r.idle()
	x := r.equation()
	lack, lost := uint64(0), cache.Count{}
	for i := range x.Caches {
		c := &x.Caches[i]
		lack += c.Ended[cache.EndLack]
		if c.MaxFlows > 256 {
			t.Errorf("loop %d: a cache of %d flows", i, c.MaxFlows)
		}
		for _, l := range c.Lost {
			lost.Packets += l.Packets
			lost.Octets += l.Octets
			lost.L2Octets += l.L2Octets
		}
	}
	if lack < 1000 {
		t.Errorf("%d flows left for lack of resources", lack)
	}
	r.until("the counts of what was lost to be told", func() bool {
		return healthy.Options()[164] == lost.Packets // ignoredPacketTotalCount
	})
	r.stop()
	want := x.Exporter.Sums
	healthy.Wait(want.Exported.Packets, patience)
	s := healthy.Totals()
	got := cache.Count{Packets: s.Packets, Octets: s.Octets, L2Octets: s.L2Octets}
	if got != want.Exported || want.NotSent != lost || s.Missing != 0 || s.Errors != 0 {
		t.Errorf("the collector has %+v, exported %+v; not sent %+v, lost %+v", got, want.Exported, want.NotSent, lost)
	}
	if lost == (cache.Count{}) {
		if d := peers.View(goflowView).Truth(r.traffic).Diff(goflowReport(healthy)); d != "" {
			t.Error(d)
		}
	}
	t.Logf("%d of %d flows left for lack of resources, %d packets found no room", lack, len(r.traffic.Flows), lost.Packets)
}

// TestReconfigurationInTheMiddle: while traffic flows, timeouts change, then the flow
// key, the size of the caches, what is in records, and a collector comes and another
// goes. Nothing of it loses a packet at the collector that stays.
func TestReconfigurationInTheMiddle(t *testing.T) {
	t.Parallel()
	stays, goes, comes := listenUDP(t), listenUDP(t), listenUDP(t)
	stream, err := collector.ListenTCP("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	tcp := "tcp:" + stream.Addr()
	r := newIPFIXRig(t, trouble)
	r.setRate(1500)
	r.exporter([]string{stays.Addr(), goes.Addr(), tcp}, soon)
	r.run()
	for i, step := range []struct {
		targets []string
		keys    string
	}{
		{[]string{stays.Addr(), goes.Addr(), tcp}, "    cache_idle_timeout: 500ms\n    cache_active_timeout: 1s\n"},
		{[]string{stays.Addr(), tcp}, "    cache_idle_timeout: 500ms\n    flow_key: five-tuple\n"},
		{[]string{stays.Addr(), tcp, comes.Addr()}, "    cache_idle_timeout: 500ms\n    flow_key: five-tuple\n    elements: [full]\n    mtu: 1280\n"},
		{[]string{stays.Addr(), tcp, comes.Addr()}, "    cache_idle_timeout: 1s\n    cache_max_flows: 4096\n    biflow: initiator\n"},
		{[]string{stays.Addr(), tcp, comes.Addr()}, soon},
	} {
		more := r.received() + r.total.Packets/16
		r.until("more traffic", func() bool { return r.received() >= more })
		r.exporter(step.targets, step.keys)
		began := time.Now()
		if _, err := ctl.Call(r.sock, "reload"); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		t.Logf("step %d: reloaded within %v", i, time.Since(began))
	}
	if n := r.received(); n >= r.total.Packets {
		t.Errorf("all %d packets had come in before the last change: it was not in the middle", n)
	}
	r.played()
	r.idle()
	r.until("the stream to be written", func() bool { return collectorStats(t, r.bridge(), tcp).Queued.Records == 0 })
	x := r.balance()
	for _, target := range []string{stays.Addr(), tcp} {
		s := collectorStats(t, x, target).Sums
		if want := r.all(); s.Seen != want || s.Exported != want {
			t.Errorf("%s: %+v, want all of %+v exported", target, s, want)
		}
	}
	r.stop()
	for name, c := range map[string]*collector.Collector{"UDP": stays, "TCP": stream} {
		c.Wait(r.total.Packets, patience)
		if s := c.Totals(); s.Errors != 0 || s.Missing != 0 {
			t.Errorf("%s: errors %d (%s), missing %d", name, s.Errors, s.LastError, s.Missing)
		}
		if d := peers.View(fiveTuple).Truth(r.traffic).Diff(fiveTuples(c)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	if goes.Totals().Packets == 0 || goes.Totals().Packets >= r.total.Packets || comes.Totals().Packets == 0 || comes.Totals().Packets >= r.total.Packets {
		t.Errorf("who went has %d packets, who came %d, of %d", goes.Totals().Packets, comes.Totals().Packets, r.total.Packets)
	}
}

// fiveTuple is what there is of a flow whichever of the test's keys its records had.
func fiveTuple(k mixed.Key, c mixed.Counts) (mixed.Key, mixed.Counts, bool) {
	key := mixed.Key{Src: k.Src, Dst: k.Dst, Proto: k.Proto, SrcPort: k.SrcPort, DstPort: k.DstPort}
	return key, mixed.Counts{Packets: c.Packets, Octets: c.Octets, L2Octets: c.L2Octets}, true
}

// fiveTuples returns what our collector says by that.
func fiveTuples(c *collector.Collector) peers.Report {
	r := peers.Report{}
	for k, v := range goflowReport(c) {
		k, v, _ = fiveTuple(k, v)
		r.Add(k, v)
	}
	return r
}
