package ipfix

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/netsampler/goflow2/v2/decoders/netflow"

	"pollux/internal/mixed/peers"
	"pollux/ipfix/cache"
	"pollux/ipfix/internal/frames"
)

// TestSequencePerDomain: records of three domains in turn over one session. In each
// domain the sequence number is how many data records, options included, were sent
// before in that domain, from 0.
func TestSequencePerDomain(t *testing.T) {
	w := peers.StartCapture(t)
	l := newLab(cache.Config{}, 1)
	_, stop := runExporter(t, ExporterConfig{
		Targets: []string{w.Addr()}, Epoch: epoch, MTU: 576, Domains: []uint32{1}, FlushInterval: time.Millisecond,
		StatsInterval: 20 * time.Millisecond, MessageRate: 1000,
	}, l.caches)
	for i, s := range specs(300, 61) {
		l.send(0, cache.Point{Domain: uint32(1 + i%3)}, []frames.Spec{s})
	}
	l.flush(t)
	stop()
	next, options := map[uint32]uint32{}, 0
	ts := netflow.CreateTemplateSystem()
	for _, b := range w.Stop() {
		p := decode(t, b, ts)
		if want := next[p.ObservationDomainId]; p.SequenceNumber != want {
			t.Fatalf("domain %d: sequence number %d, %d records were sent before", p.ObservationDomainId, p.SequenceNumber, want)
		}
		for _, set := range p.FlowSets {
			switch s := set.(type) {
			case netflow.DataFlowSet:
				next[p.ObservationDomainId] += uint32(len(s.Records))
			case netflow.OptionsDataFlowSet:
				next[p.ObservationDomainId] += uint32(len(s.Records))
				options += len(s.Records)
			}
		}
	}
	if len(next) != 3 || options == 0 {
		t.Errorf("%d domains, %d option records", len(next), options)
	}
}

// TestReliabilityCounters: what cache, ring and collector did not take is what the
// options tell, with the meaning of RFC 7011 section 4: notSent of the exporting
// process, ignored of the metering process.
func TestReliabilityCounters(t *testing.T) {
	c := listen(t)
	l := newLab(cache.Config{MaxFlows: 100, RecordRing: 16}, 1)
	x, err := New(ExporterConfig{Targets: []string{c.Addr()}, Epoch: epoch, StatsInterval: 10 * time.Millisecond, DrainTimeout: patience}, l.caches)
	if err != nil {
		t.Fatal(err)
	}
	l.send(0, cache.Point{}, specs(3000, 62)) // nobody takes records yet: no room in the cache, none in the ring
	stop := runStarted(t, x)
	l.flush(t)
	s := stop()
	lost := l.caches[0].Stats().Lost[cache.LossNoRoom]
	if lost.Packets == 0 || lost.Packets >= l.packets {
		t.Fatalf("%d packets of %d lost: this test needs some", lost.Packets, l.packets)
	}
	c.Wait(l.packets-lost.Packets, patience)
	until(t, "the options that come last", func() bool {
		o := c.Options()
		return o[42] == c.Totals().Records && o[164] == lost.Packets && o[168] == lost.Octets
	})
	got, o := c.Totals(), c.Options()
	if got.Packets+lost.Packets != l.packets || got.L2Octets+lost.L2Octets != l.l2 {
		t.Errorf("%+v came, %+v were lost, %d packets of %d octets were seen", got, lost, l.packets, l.l2)
	}
	for _, tt := range []struct {
		element uint16
		name    string
		want    uint64
	}{
		{164, "ignoredPacketTotalCount", lost.Packets}, {165, "ignoredOctetTotalCount", lost.Octets},
		{167, "notSentPacketTotalCount", lost.Packets}, {168, "notSentOctetTotalCount", lost.Octets},
		{42, "exportedFlowRecordTotalCount", got.Records}, {163, "observedFlowTotalCount", l.caches[0].Stats().Inserted},
	} {
		if o[tt.element] != tt.want {
			t.Errorf("%s is %d, want %d", tt.name, o[tt.element], tt.want)
		}
	}
	if s.Sums.Seen.Packets != l.packets || s.Sums.NotSent.Packets != lost.Packets {
		t.Errorf("sums %+v", s.Sums)
	}
}

// everything has every element in records and every kind of options.
func everything(target string) ExporterConfig {
	return ExporterConfig{
		Targets: []string{target}, Epoch: epoch, Elements: []string{"full"}, VirtualObsID: "br0",
		Biflow: BiflowInitiator, BiflowWindow: 200 * time.Millisecond, DrainTimeout: patience, MessageRate: 2000,
		Interfaces: func() []Interface {
			return []Interface{{Index: 1, Name: "eth1", Description: "uplink", Type: 6, Speed: 1e10}}
		},
		DropReasons: []DropReason{{ID: 1, Name: "drop", Sentence: "a flow said so"}},
	}
}

// TestNoDuplicateElement: whatever records hold, no template on the wire names an
// element twice.
func TestNoDuplicateElement(t *testing.T) {
	for name, cfg := range map[string]ExporterConfig{
		"standard": {Epoch: epoch}, "full": {Epoch: epoch, Elements: []string{"full"}}, "both": {Epoch: epoch, Elements: []string{"standard", "full"}},
		"everything": everything(""),
	} {
		w := peers.StartCapture(t)
		cfg.Targets = []string{w.Addr()}
		l := newLab(cache.Config{}, 1)
		_, stop := runExporter(t, cfg, l.caches)
		all := specs(100, 63)
		l.send(0, cache.Point{Verdict: cache.Verdict{Known: true, Status: cache.StatusForwarded}}, all)
		l.send(0, cache.Point{Dir: cache.Egress, Egress: 2, Probability: 40000}, all)
		l.flush(t)
		stop()
		ts := netflow.CreateTemplateSystem()
		n := 0
		check := func(id uint16, fields []netflow.Field) {
			n++
			seen := map[string]bool{}
			for _, f := range fields {
				key := fmt.Sprintf("%d/%d", f.Pen, f.Type&^enterpriseBit)
				if seen[key] {
					t.Errorf("%s: template %d has %s twice", name, id, key)
				}
				seen[key] = true
			}
		}
		for _, b := range w.Stop() {
			for _, set := range decode(t, b, ts).FlowSets {
				switch s := set.(type) {
				case netflow.TemplateFlowSet:
					for _, r := range s.Records {
						check(r.TemplateId, r.Fields)
					}
				case netflow.IPFIXOptionsTemplateFlowSet:
					for _, r := range s.Records {
						check(r.TemplateId, append(slices.Clone(r.Scopes), r.Options...))
					}
				}
			}
		}
		if n < 15 {
			t.Errorf("%s: %d templates came", name, n)
		}
	}
}

// fixbufOf returns the records that libfixbuf reads from a file of that exporter.
func fixbufOf(t *testing.T, cfg ExporterConfig, send func(l *lab)) (text string, records []peers.Record) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "flows.ipfix")
	cfg.Targets = []string{"file:" + file}
	l := newLab(cache.Config{}, 1)
	_, stop := runExporter(t, cfg, l.caches)
	send(l)
	l.flush(t)
	stop()
	text = peers.FixbufFile(t, file)
	return text, peers.FixbufRecords(text)
}

// TestPrivateElementsDescribed: a reader that never heard of an enterprise number finds
// number, name and type of each of its elements in the records themselves (RFC 5610).
// libfixbuf, which calls an element alien as long as its template came before, is such a
// reader.
func TestPrivateElementsDescribed(t *testing.T) {
	text, records := fixbufOf(t, everything(""), func(l *lab) {
		l.send(0, cache.Point{Verdict: cache.Verdict{Known: true, Cookie: 77, Table: 3, Status: cache.StatusForwarded}}, specs(50, 64))
	})
	told := map[string]bool{} // enterprise/number
	for _, r := range records {
		if n, ok := r["informationElementId"]; ok {
			told[r["privateEnterpriseNumber"]+"/"+n] = r["informationElementName"] != "" && r["informationElementDataType"] != ""
		}
	}
	used := map[string]bool{}
	for line := range strings.Lines(text) {
		if number, _, ok := strings.Cut(strings.TrimPrefix(line, "\t("), ")"); ok && strings.Contains(number, "/") && line[0] == '\t' {
			used[number] = true
		}
	}
	for number := range used {
		if !told[number] {
			t.Errorf("element %s is in records and was not described", number)
		}
	}
	if len(used) < 5 || len(told) < len(used) {
		t.Errorf("%d private elements in records, %d described", len(used), len(told))
	}
}

// TestMoreThanUDP: UDP, TCP and a file at once have the same flows.
func TestMoreThanUDP(t *testing.T) {
	udp, tcp, dump := listen(t), listenTCP(t, "127.0.0.1:0"), peers.ListenFixbuf(t)
	file := filepath.Join(t.TempDir(), "flows.ipfix")
	l := newLab(cache.Config{}, 2)
	_, stop := runExporter(t, ExporterConfig{
		Targets: []string{udp.Addr(), "tcp:" + tcp.Addr(), "tcp:" + dump.Addr(), "file:" + file}, Epoch: epoch, DrainTimeout: patience,
	}, l.caches)
	all := specs(500, 65)
	l.send(0, cache.Point{Domain: 1}, all[:len(all)/2])
	l.send(1, cache.Point{Domain: 1}, all[len(all)/2:])
	l.flush(t)
	stop()
	udp.Wait(l.packets, patience)
	tcp.Wait(l.packets, patience)
	compare(t, l, udp)
	compare(t, l, tcp)
	for what, text := range map[string]string{"TCP session": dump.Text(t), "file": peers.FixbufFile(t, file)} {
		if c := peers.FixbufReport(t, text).Total(); c.Packets != l.packets || c.L2Octets != l.l2 {
			t.Errorf("libfixbuf reads %d packets, %d octets from the %s: %d, %d were sent", c.Packets, c.L2Octets, what, l.packets, l.l2)
		}
	}
}

// TestMTURespectedAndFilled: no datagram is longer than the path takes, and those that
// are sent because they are full have no room for another record.
func TestMTURespectedAndFilled(t *testing.T) {
	for _, mtu := range []int{576, 1280, 1500, 9000} {
		w := peers.StartCapture(t)
		l := newLab(cache.Config{}, 1)
		_, stop := runExporter(t, ExporterConfig{
			Targets: []string{w.Addr()}, Epoch: epoch, MTU: mtu, FlushInterval: time.Hour, DrainTimeout: patience, MessageRate: 2000,
		}, l.caches)
		l.send(0, cache.Point{}, specs(600, 66))
		l.flush(t)
		stop()
		const longest = 200 // bytes, of a standard record
		ts := netflow.CreateTemplateSystem()
		var data []int
		for _, b := range w.Stop() {
			if len(b)+28 > mtu {
				t.Fatalf("MTU %d: a message of %d bytes", mtu, len(b))
			}
			for _, set := range decode(t, b, ts).FlowSets {
				if _, ok := set.(netflow.DataFlowSet); ok {
					data = append(data, len(b))
					break
				}
			}
		}
		for i, n := range data[:max(0, len(data)-1)] {
			if n+28 < mtu-longest {
				t.Errorf("MTU %d: message %d of %d has %d bytes: another record would have fitted", mtu, i, len(data), n)
			}
		}
		if len(data) < 5 {
			t.Errorf("MTU %d: %d messages with records", mtu, len(data))
		}
	}
}

// TestTemplatesWithdrawnOnTCP: other records in the same session: the templates of
// before are withdrawn, and the collector reads on.
func TestTemplatesWithdrawnOnTCP(t *testing.T) {
	c := listenTCP(t, "127.0.0.1:0")
	l := newLab(cache.Config{}, 1)
	cfg := ExporterConfig{Targets: []string{"tcp:" + c.Addr()}, Epoch: epoch, FlushInterval: time.Millisecond}
	x, stop := runExporter(t, cfg, l.caches)
	l.send(0, cache.Point{}, specs(100, 67))
	l.flush(t)
	waitSent(t, x, 0, l.packets)
	cfg.Elements = []string{"full"}
	if err := x.Update(cfg); err != nil {
		t.Fatal(err)
	}
	eventually(t, "nothing is withdrawn", x, func(s Stats) bool { return s.Collectors[0].Withdrawn > 0 })
	l.send(0, cache.Point{}, specs(100, 67))
	l.flush(t)
	stop()
	c.Wait(l.packets, patience)
	compare(t, l, c)
	if s := c.Totals(); s.Sessions != 1 {
		t.Errorf("%d sessions, want the one", s.Sessions)
	}
}

// TestBiflow: question and answer are one record, of which libfixbuf reads both
// directions (RFC 5103); the sums are those of all packets.
func TestBiflow(t *testing.T) {
	cfg := everything("")
	const conversations = 20
	_, records := fixbufOf(t, cfg, func(l *lab) {
		for n := range conversations {
			ask := tcpOf(uint16(n), 0x02)
			answer := ask
			answer.Src, answer.Dst, answer.SrcPort, answer.DstPort, answer.Flags = ask.Dst, ask.Src, ask.DstPort, ask.SrcPort, 0x12
			l.send(0, cache.Point{}, []frames.Spec{ask})
			for range n + 1 {
				l.send(0, cache.Point{}, []frames.Spec{answer})
			}
		}
	})
	got := map[string]string{}
	for _, r := range records {
		if _, ok := r["packetDeltaCount"]; ok {
			got[r["sourceTransportPort"]] = r["packetDeltaCount"] + " " + r["reversePacketDeltaCount"] + " " + r["destinationTransportPort"]
		}
	}
	for n := range conversations {
		if have, want := got[strconv.Itoa(1000+n)], fmt.Sprintf("1 %d 80", n+1); have != want {
			t.Errorf("conversation %d: %q, want %q", n, have, want)
		}
	}
	if len(got) != conversations {
		t.Errorf("%d records of %d conversations: %v", len(got), conversations, got)
	}
}

// TestFiles: files that rotate (RFC 5655) are each read by itself, and together they
// have every packet.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	l := newLab(cache.Config{}, 1)
	x, stop := runExporter(t, ExporterConfig{
		Targets: []string{"file:" + filepath.Join(dir, "flows.ipfix")}, Epoch: epoch, FlushInterval: time.Millisecond,
		File: FileConfig{MaxBytes: 65_535, Keep: 50},
	}, l.caches)
	for i := range 5 {
		l.send(0, cache.Point{}, specs(500, 68+uint64(i)))
		l.flush(t)
		waitSent(t, x, 0, l.packets)
	}
	stop()
	files, err := filepath.Glob(filepath.Join(dir, "*.ipfix"))
	if err != nil || len(files) < 3 {
		t.Fatalf("files %v, %v", files, err)
	}
	packets, l2 := uint64(0), uint64(0)
	for _, f := range files {
		c := peers.FixbufReport(t, peers.FixbufFile(t, f)).Total()
		packets += c.Packets
		l2 += c.L2Octets
	}
	if packets != l.packets || l2 != l.l2 {
		t.Errorf("%d files have %d packets, %d octets; %d, %d were sent", len(files), packets, l2, l.packets, l.l2)
	}
}
