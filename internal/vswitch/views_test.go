package vswitch

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pollux/actions"
	"pollux/classifier"
	"pollux/configs"
	"pollux/flow"
	"pollux/internal/cpu"
	"pollux/ipfix"
	"pollux/ipfix/cache"
	"pollux/ofp/pipeline"
	"pollux/ofp/session"
	"pollux/pmd"
	"pollux/pmd/datapath"
)

// TestViews renders each display of a made-up switch and compares with a golden
// file. UPDATE=1 writes them.
func TestViews(t *testing.T) {
	sums := datapath.Sums{In: actions.Count{Packets: 1000, Bytes: 60000}, Cloned: actions.Count{Packets: 10, Bytes: 600},
		Sent: actions.Count{Packets: 990, Bytes: 59400}, Held: 1}
	sums.Dropped[actions.DropAction] = actions.Count{Packets: 12, Bytes: 720}
	sums.Dropped[actions.DropTxFull] = actions.Count{Packets: 7, Bytes: 420}
	lost := datapath.ByReason{actions.DropAction: {Packets: 12, Bytes: 720}, actions.DropTxFull: {Packets: 2, Bytes: 120}}
	ports := []PortShow{
		{
			PortStats: datapath.PortStats{Slot: 0, OFPort: 1, Name: "h1",
				Totals: datapath.Totals{Rx: pmd.QueueStats{Packets: 1000, Bytes: 60000}, Tx: pmd.QueueStats{Packets: 5, Bytes: 300},
					Driver: datapath.Counters{RxRingFull: 3, Kicks: 17, KicksAgain: 2, RxKicks: 1, Completed: 900}, Dropped: lost},
				Info: &pmd.PortInfo{Type: "afxdp", Device: "pxh1", MAC: "02:00:00:00:00:01", MTU: 1500, Mode: "native-copy", Queues: 2,
					Details: map[string]string{"need_wakeup": "on", "busy_poll": "off"}},
				RxQ: []pmd.RxStats{{Slot: 0, Queue: 0, Loop: 0, QueueStats: pmd.QueueStats{Packets: 999}}, {Slot: 0, Queue: 1, Loop: 1, QueueStats: pmd.QueueStats{Packets: 1}}},
				TxQ: []pmd.TxStats{{Slot: 0, Queue: 0, Loop: 0, QueueStats: pmd.QueueStats{Packets: 5}}}},
			Type: "afxdp", Device: "pxh1", VLAN: "access 10", State: "up",
		},
		{PortStats: datapath.PortStats{Slot: 1, OFPort: flow.PortLocal, Name: "br0"}, Type: "tap", Device: "br0", VLAN: "trunk", State: "away"},
		{PortStats: datapath.PortStats{Slot: 2, OFPort: 3, Name: "mem0", Info: &pmd.PortInfo{Type: "memory", Queues: 1}}, Type: "memory", VLAN: "trunk 10,20", State: "up"},
	}
	show := &Show{Name: "br0", DatapathID: "0000020000000001", Version: "0.1.0", PID: 42, Config: "/etc/pollux/br0.yaml", Uptime: 3725.4,
		CPU: cpu.Info{Name: "Test Processor", Cores: []int{0, 1}, Features: []string{"AVX2", "BMI2"}}, Procs: 4,
		Memory: MemoryShow{Bytes: 96 << 20, FrameSize: 2048, PerLoop: 24576},
		Loops:  []LoopShow{{ID: 0, Core: 0, Queues: []string{"h1:0", "mem0:0"}, FreeFrames: 20000, Megaflows: 12}, {ID: 1, Core: 1, FreeFrames: 24576}},
		Ports:  ports, Generation: 4, FDBGeneration: 2, Flows: 3, MACs: 1, Sums: sums, Unaccounted: 0}
	perf := []PerfShow{{Loop: 0, LoopStats: pmd.LoopStats{Core: 1, Iterations: 100000, Busy: 40000, Sleeps: 3, Batches: 40000, Packets: 1000000,
		SimpleHits: 20000, ExactHits: 880000, MegaHits: 99000, Upcalls: 1000, Renewed: 500, Revalidated: 20, Changed: 1, Aged: 4, Evicted: 5, NoRoom: 6, Verified: 100,
		HandedOff: 7, TookOver: 8, TimedPackets: 1000, Megaflows: 12, Subtables: 1},
		Hz: 2.1e9, Seconds: 61, BusyShare: 0.4, TicksPacket: 105, NsPacket: 50,
		Stages:      map[string]float64{"extract": 10, "exact": 8.25, "megaflow": 4, "translate": 2, "actions": 12},
		SimpleShare: .02, ExactShare: .88, MegaShare: .099, UpcallShare: .001, UpcallNs: 7200, BatchMean: 25,
		BatchHist: map[int]uint32{1: 100, 2: 100, 3: 50, 4: 50, 64: 100}, MasksHit: 1.25},
		{Loop: 1, LoopStats: pmd.LoopStats{Core: 0, Iterations: 5, Batches: 20, Packets: 20, TimedPackets: 1}, Hz: 2.1e9, Seconds: 61}}
	c := cache.Stats{Offered: 1000, Seen: cache.Count{Packets: 1000, Octets: 46000, L2Octets: 60000}, Recorded: cache.Count{Packets: 900, Octets: 41400, L2Octets: 54000},
		Flows: 40, MaxFlows: 65536, Inserted: 140, Probes: 1230, Lookups: 1000, RingFull: 2}
	c.SeenBy[cache.IPv4], c.SeenBy[cache.IPv6], c.SeenBy[cache.Other] = 900, 90, 10
	c.Lost[cache.LossNoRoom].Packets = 5
	c.Ended[cache.EndIdle], c.Ended[cache.EndActive] = 90, 10
	count := func(n uint64) cache.Count { return cache.Count{Packets: n, Octets: 46 * n, L2Octets: 60 * n} }
	exporters := []IPFIXShow{{Name: "bridge", Sampling: 1, Domain: new(uint32(7)), FlowKey: "ovs", Biflow: "off", Caches: []cache.Stats{c, {MaxFlows: 65536}},
		Exporter: ipfix.Stats{Popped: ipfix.Totals{Records: 100, Packets: 900, Octets: 41400, L2Octets: 54000}, Merged: 2, Pending: ipfix.Totals{Records: 1, Packets: 9, Octets: 414, L2Octets: 540},
			Collectors: []ipfix.CollectorStats{{Address: "127.0.0.1:4739", Transport: "udp", State: "connected", Sent: ipfix.Totals{Records: 97, Packets: 891, Octets: 40986, L2Octets: 53460},
				Sums:     ipfix.Sums{Seen: count(1000), Exported: count(891), Held: count(104), NotSent: count(5)},
				Messages: 5, Bytes: 6000, Templates: 3, Options: 1, Errors: 1, LastError: "connection refused"},
				{Address: "tls:collector.example:4740", Transport: "tls", State: "waiting", Queued: ipfix.Totals{Records: 40, Packets: 400, Octets: 18400, L2Octets: 24000}, QueuedSize: 123456,
					NotSent: ipfix.Totals{Records: 57, Packets: 490, Octets: 22540, L2Octets: 29400}, Reconnects: 3,
					Sums:     ipfix.Sums{Seen: count(1000), Exported: count(1), Held: count(504), NotSent: count(494)},
					Messages: 1, Bytes: 60, Templates: 3, LastError: "dial tcp 192.0.2.1:4740: connect: connection refused"}}}},
		{Name: "set 3", Sampling: 64, Renewed: new(time.Date(2026, 11, 1, 12, 3, 4, 0, time.Local)), FlowKey: "sourceIPv4Address, destinationIPv4Address", Biflow: "initiator",
			Exporter: ipfix.Stats{Collectors: []ipfix.CollectorStats{{Address: "192.0.2.9:4739", Transport: "udp", State: "refused", Errors: 1}, {Address: "dtls:192.0.2.9:4740", Transport: "dtls", State: "connected", Renewals: 2}}}}}
	drops := &DropsShow{Sums: sums, Reasons: []DropShow{
		{actions.DropAction.String(), actions.DropAction.Sentence(), sums.Dropped[actions.DropAction]},
		{actions.DropTxFull.String(), actions.DropTxFull.Sentence(), sums.Dropped[actions.DropTxFull]}},
		Full: []PortFull{{"h2", pmd.QueueStats{Packets: 7, Bytes: 420}}}, Driver: []DriverDrops{{"h1", datapath.Counters{RxRingFull: 3, Kicks: 17}}},
		Ports: []PortDrops{{"h1", lost}, {"", datapath.ByReason{actions.DropTxFull: {Packets: 5, Bytes: 300}}}}}
	mega := []MegaflowShow{
		{Loop: 0, Match: "recirc_id=0,eth,ip,in_port=1,nw_dst=10.0.0.0/8,nw_frag=no", Actions: "2", Packets: 5, Bytes: 300, Used: 0.25},
		{Loop: 0, Match: "recirc_id=0,eth,arp,in_port=1", Actions: "drop", Used: -1, FDB: true, Stale: true},
		{Loop: 1, Match: "recirc_id=0,eth,arp,in_port=2", Actions: "drop", Packets: 1, Bytes: 60, Used: 1}}
	fdb := []pipeline.FDBEntry{{Port: 1, VLAN: 10, MAC: "02:00:00:00:00:01", Age: 3}, {Port: flow.PortLocal, VLAN: 0, MAC: "02:00:00:00:00:02", Age: 120}}

	e := &exporter{name: "bridge", cfg: configs.Exporter{FlowKey: configs.FlowKey{"ovs"}}}
	udp := &cache.Record{Key: cache.Key{InPort: 1, EthType: 0x800, VLAN: flow.VlanCFI | 10, Class: cache.IPv4, Proto: 17, Src: [16]byte{10, 0, 0, 1}, Dst: [16]byte{10, 0, 0, 2}, SrcPort: 1234, DstPort: 53,
		Point: cache.Point{Domain: 7, Verdict: cache.Verdict{Known: true, Cookie: 0x5, Table: 1}}}, Counters: cache.Counters{Packets: 2000, Octets: 2.9e6, L2Octets: 3e6, First: 1e9, Last: 3e9}}
	arp := &cache.Record{Key: cache.Key{InPort: 9, EthType: 0x806, EthSrc: [6]byte{2, 0, 0, 0, 0, 1}, EthDst: [6]byte{255, 255, 255, 255, 255, 255}, Point: cache.Point{Dir: cache.Egress, Egress: 3}},
		Counters: cache.Counters{Packets: 1, L2Octets: 60, First: 5e9, Last: 5e9}}
	icmp := &cache.Record{Key: cache.Key{InPort: flow.PortLocal, EthType: 0x86dd, Class: cache.IPv6, Proto: 58, Src: [16]byte{0xfd, 15: 1}, Dst: [16]byte{0xfd, 15: 2}, SrcPort: 128},
		Counters: cache.Counters{Packets: 3, Octets: 300, L2Octets: 342, First: 2e9, Last: 4e9}}
	var top []TopFlow
	for _, r := range []*cache.Record{udp, arp, icmp} {
		top = append(top, topFlow(e, r, []int{0}, map[uint32]string{1: "h1", 3: "mem0"}, 5e9))
	}
	sortTop(top, "bytes")
	for name, render := range map[string]func(w *strings.Builder){
		"show":      func(w *strings.Builder) { show.Text(w) },
		"ports":     func(w *strings.Builder) { portsText(w, ports) },
		"megaflows": func(w *strings.Builder) { megaflowsText(w, mega); megaflowsText(w, nil) },
		"fdb":       func(w *strings.Builder) { fdbText(w, fdb) },
		"fdbstats": func(w *strings.Builder) {
			fdbStatsText(w, "br0", &pipeline.FDBStats{Learned: 12, Moved: 3, Expired: 4, Evicted: 1, Current: 7, Max: 8192})
			fdbStatsText(w, "br0", &pipeline.FDBStats{Learned: 12, Lost: 5, Current: 12, Max: 64})
		},
		"controllers": func(w *strings.Builder) {
			now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
			at := func(ago time.Duration) time.Time { return now.Add(-ago) }
			why := "dial tcp 192.0.2.1:6653: connect: connection refused"
			controllersText(w, &Show{Controllers: []session.Peer{
				{Target: "tcp:192.0.2.1", Primary: true, Since: at(2 * time.Hour), Attempts: 90, LastError: why, ErrorAt: at(5 * time.Second)},
				{Target: "tcp:192.0.2.2", Primary: true, Greeting: true, Since: at(5 * time.Second), Attempts: 3, LastError: why, ErrorAt: at(6 * time.Minute)},
				{Target: "tcp:192.0.2.3", Primary: true, Connected: true, Role: "master", Version: "OpenFlow13", Admitted: true, Since: at(3 * time.Minute), Attempts: 2, LastError: why, ErrorAt: at(6 * time.Minute)},
				{Target: "tcp:192.0.2.4", Primary: true, Connected: true, Role: "other", Version: "OpenFlow15", Since: at(3 * time.Minute), Attempts: 1},
				{Target: "ptcp:6653", Peer: "192.0.2.5:40000", Greeting: true, Since: at(3 * time.Second)},
			}}, now)
		},
		"perf":  func(w *strings.Builder) { perfText(w, perf) },
		"drops": func(w *strings.Builder) { drops.Text(w) },
		"ipfix": func(w *strings.Builder) { ipfixText(w, exporters); ipfixText(w, nil) },
		"top":   func(w *strings.Builder) { topText(w, top); topText(w, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			render(&b)
			golden := "testdata/views/" + name + ".golden"
			if os.Getenv("UPDATE") != "" {
				if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), b.String()); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestPerfStages: stages of few batches are not told; translations are those of all
// packets, however they fell into the sample.
func TestPerfStages(t *testing.T) {
	st := pmd.LoopStats{Batches: 1599, Packets: 16000, TimedPackets: 990, Upcalls: 1, UpcallTicks: 52_000}
	st.Cycles[pmd.StageReceive], st.Cycles[pmd.StageTranslate] = 9_900, 990_000
	if v := perfShow(0, st, classifier.MegaflowStats{}, 1e9); len(v.Stages) != 0 {
		t.Errorf("stages of %d batches: %v", st.TimedBatches(), v.Stages)
	}
	st.Batches++
	v := perfShow(0, st, classifier.MegaflowStats{}, 1e9)
	if v.Stages["receive"] != 10 || v.Stages["translate"] != 3.25 {
		t.Errorf("stages %v, want receive 10, translate 52000 ns over 16000 packets", v.Stages)
	}
}
