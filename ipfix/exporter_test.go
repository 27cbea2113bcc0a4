package ipfix

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"pollux/ipfix/cache"
	"pollux/ipfix/collector"
	"pollux/ipfix/internal/frames"
)

func listen(t testing.TB) *collector.Collector {
	t.Helper()
	c, err := collector.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

var epoch = time.UnixMilli(1_700_000_000_000)

// compare checks a collector's flows against the lab's, flow by flow.
func compare(t testing.TB, l *lab, c *collector.Collector) {
	t.Helper()
	s := c.Totals()
	if s.Errors != 0 || s.Missing != 0 || s.Packets != l.packets || s.L2Octets != l.l2 {
		t.Errorf("collector has %+v, want %d packets, %d octets", s, l.packets, l.l2)
	}
	ignore := cmpopts.IgnoreFields(collector.Flow{}, "Records", "End")
	if d := cmp.Diff(l.wantFlows(epoch), c.Flows(), cmp.Comparer(sameAddr), ignore); d != "" {
		t.Errorf("want -, got +:\n%.2000s", d)
	}
}

// TestTwoLoopsTwoCollectors: 5,000 flows of all kinds over two loops, each half in
// both, reach two collectors to the packet and the byte, in full messages.
func TestTwoLoopsTwoCollectors(t *testing.T) {
	l := newLab(cache.Config{MaxFlows: 8192}, 2)
	a, b := listen(t), listen(t)
	_, stop := runExporter(t, ExporterConfig{Targets: []string{a.Addr(), b.Addr()}, Epoch: epoch, DrainTimeout: patience}, l.caches)
	all := specs(5000, 1)
	l.send(0, cache.Point{Domain: 3, ID: 4}, all[:len(all)/2])
	l.send(1, cache.Point{Domain: 3, ID: 4}, all[len(all)/2:])
	l.flush(t)
	s := stop()
	checkSum(t, s)
	for _, c := range []*collector.Collector{a, b} {
		c.Wait(l.packets, patience)
		compare(t, l, c)
		got := c.Totals()
		if got.Records != uint64(len(l.want)) {
			t.Errorf("%d records of %d flows: parts were not merged", got.Records, len(l.want))
		}
		if got.Records/got.Messages < 5 {
			t.Errorf("%d records in %d messages: not full", got.Records, got.Messages)
		}
	}
	if s.Merged == 0 {
		t.Error("no part of a flow was merged")
	}
}

// TestSplitFlowGivesOneRecord: one flow, its packets in turn by two loops.
func TestSplitFlowGivesOneRecord(t *testing.T) {
	l := newLab(cache.Config{}, 2)
	c := listen(t)
	_, stop := runExporter(t, ExporterConfig{Targets: []string{c.Addr()}, Epoch: epoch}, l.caches)
	s := frames.Spec{Kind: frames.TCP4, Src: 1, Dst: 2, TCI: -1, SrcPort: 9, DstPort: 80, TTL: 64, Flags: 0x02}
	for i := range 10 {
		l.send(i%2, cache.Point{}, []frames.Spec{s})
		s.Flags, s.TTL, s.Payload = 0x10, 63, s.Payload+10
	}
	l.flush(t)
	stop()
	c.Wait(10, patience)
	compare(t, l, c)
	if got := c.Totals().Records; got != 1 {
		t.Errorf("%d records, want 1", got)
	}
}

// TestDomainsHaveTheirOwnSequence: records of three domains in turn; the collector
// finds no gap in any.
func TestDomainsHaveTheirOwnSequence(t *testing.T) {
	l := newLab(cache.Config{}, 1)
	c := listen(t)
	_, stop := runExporter(t, ExporterConfig{Targets: []string{c.Addr()}, Epoch: epoch, Domains: []uint32{1}}, l.caches)
	for i, s := range specs(300, 2) {
		l.send(0, cache.Point{Domain: uint32(i % 3)}, []frames.Spec{s})
	}
	l.flush(t)
	stop()
	c.Wait(l.packets, patience)
	compare(t, l, c)
}

// TestDeadCollectorCostsCounts: one target refuses; the other gets everything, and
// the sums of both are whole.
func TestDeadCollectorCostsCounts(t *testing.T) {
	l := newLab(cache.Config{}, 1)
	c := listen(t)
	dead, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := dead.LocalAddr().String()
	dead.Close()
	x, stop := runExporter(t, ExporterConfig{Targets: []string{addr, c.Addr()}, Epoch: epoch, FlushInterval: time.Millisecond}, l.caches)
	for range 5 {
		l.send(0, cache.Point{}, specs(100, 3))
		l.flush(t)
		waitSent(t, x, 1, l.packets)
	}
	states := ""
	for _, d := range x.Stats().Collectors {
		states += fmt.Sprintf("%s %v, ", d.State, d.Reached())
	}
	if want := fmt.Sprintf("refused %v, connected %v, ", NotReached, Reached); states != want {
		t.Errorf("states %s, want %s", states, want)
	}
	s := stop()
	checkSum(t, s)
	c.Wait(l.packets, patience)
	compare(t, l, c)
	if d := s.Collectors[0]; d.Errors == 0 || d.LastError == "" {
		t.Errorf("nothing counted of the dead collector: %+v", d)
	}
	if d := s.Collectors[1]; d.Errors != 0 || d.NotSent.Records != 0 {
		t.Errorf("counted of the living one: %+v", d)
	}
}

// TestCollectorComesBack: a collector that starts after the exporter is sent
// templates again, because the socket said that it was away.
func TestCollectorComesBack(t *testing.T) {
	l := newLab(cache.Config{}, 1)
	first := listen(t)
	addr := first.Addr()
	first.Close()
	x, stop := runExporter(t, ExporterConfig{Targets: []string{addr}, Epoch: epoch, FlushInterval: time.Millisecond, Domains: []uint32{0}}, l.caches)
	l.send(0, cache.Point{}, specs(50, 4))
	l.flush(t)
	eventually(t, "nobody refuses", x, func(s Stats) bool {
		return s.Collectors[0].Errors > 0 && s.Popped.Packets == l.packets && s.Pending == Totals{}
	})
	c, err := collector.Listen(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	until(t, "templates", func() bool { return c.Totals().Templates > 0 })
	again := newLab(cache.Config{}, 1)
	again.caches, again.batches = l.caches, l.batches
	again.send(0, cache.Point{}, specs(50, 5))
	again.flush(t)
	stop()
	c.Wait(again.packets, patience)
	compare(t, again, c)
}

// TestStopIsBounded: a million records cannot be sent in the time allowed; Run
// comes back, and what was not sent is counted.
func TestStopIsBounded(t *testing.T) {
	l := newLab(cache.Config{MaxFlows: 20_000, RecordRing: 20_000}, 1)
	c := listen(t)
	x, err := New(ExporterConfig{Targets: []string{c.Addr()}, Epoch: epoch, MessageRate: 10, DrainTimeout: 100 * time.Millisecond}, l.caches)
	if err != nil {
		t.Fatal(err)
	}
	l.send(0, cache.Point{}, specs(5000, 6))
	l.flush(t)
	stop := runStarted(t, x)
	s := stop()
	checkSum(t, s)
	if s.Collectors[0].NotSent.Records == 0 || s.Popped.Packets != l.packets {
		t.Errorf("popped %+v, not sent %+v", s.Popped, s.Collectors[0].NotSent)
	}
}

func TestConfigIsChecked(t *testing.T) {
	for _, cfg := range []ExporterConfig{
		{Targets: []string{"127.0.0.1"}}, {Targets: []string{":4739"}}, {MTU: 100}, {MTU: 70000},
		{MessageRate: -1}, {FlushInterval: -1}, {Domains: make([]uint32, maxDomains+1)},
	} {
		if _, err := New(cfg, nil); err == nil {
			t.Errorf("%+v is accepted", cfg)
		}
	}
}

// TestNoTargets: records with nowhere to go are counted as dropped.
func TestNoTargets(t *testing.T) {
	l := newLab(cache.Config{}, 1)
	_, stop := runExporter(t, ExporterConfig{}, l.caches)
	l.send(0, cache.Point{}, specs(50, 7))
	l.flush(t)
	if s := stop(); s.Dropped.Packets != l.packets || s.Pending != (Totals{}) {
		t.Errorf("dropped %+v, want %d packets", s.Dropped, l.packets)
	}
}
