package ipfix

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/netsampler/goflow2/v2/decoders/netflow"
	"pgregory.net/rapid"

	"pollux/flow"
	"pollux/ipfix/cache"
	"pollux/ipfix/collector"
)

// schemaOf returns a configuration's schema.
func schemaOf(t testing.TB, c ExporterConfig) *schema {
	t.Helper()
	c.defaults(1)
	s, err := newSchema(&c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// all returns every template of a schema, options last.
func (s *schema) all() []*Template { return append(slices.Clone(s.data()), s.options()...) }

// decode reads a message with goflow2's decoder.
func decode(t testing.TB, b []byte, ts netflow.NetFlowTemplateSystem) netflow.IPFIXPacket {
	t.Helper()
	var p netflow.IPFIXPacket
	var old netflow.NFv9Packet
	if err := netflow.DecodeMessageVersion(bytes.NewBuffer(bytes.Clone(b)), ts, &old, &p); err != nil {
		t.Fatalf("goflow2: %v in %x", err, b)
	}
	if int(p.Length) != len(b) || p.Version != 10 {
		t.Fatalf("message of %d bytes says version %d, length %d", len(b), p.Version, p.Length)
	}
	return p
}

// configs are exporters that differ in what records say.
func testConfigs() map[string]ExporterConfig {
	five := new(flow.Mask)
	for _, f := range []flow.Field{flow.IPProto, flow.IPv4Src, flow.IPv4Dst, flow.IPv6Src, flow.IPv6Dst, flow.TCPSrc, flow.TCPDst} {
		f.OrMask(five, f.Full())
	}
	ports := func() []Interface {
		return []Interface{{1, "eth1", "uplink", 6, 10e9}, {2, "veth2", strings.Repeat("é", 100), 53, 0}}
	}
	reasons := []DropReason{{1, "no_route", "no rule has an output"}, {7, "queue_full", "the port's queue was full"}}
	return map[string]ExporterConfig{
		"default":    {},
		"full":       {Elements: []string{"full"}, Interfaces: ports, DropReasons: reasons, VirtualObsID: "bridge-0"},
		"everything": {Elements: append(ElementNames(), "full", "standard"), RuleAttribution: true, TCPQoS: true, Biflow: BiflowInitiator, Interfaces: ports, DropReasons: reasons, VirtualObsID: strings.Repeat("v", 254)},
		"biflow":     {Biflow: BiflowLowerPort},
		"five":       {FlowKey: five, Elements: []string{"full"}},
		"one":        {FlowKey: new(flow.Mask), Elements: []string{"packetDeltaCount"}, PEN: 64000},
	}
}

// everyTemplate makes all templates that a schema can have.
func everyTemplate(s *schema) []*Template {
	for t := range traits(1 << numTraits) {
		if t.possible() && s.occurs(t) && s.byTraits[t] == nil {
			s.template(t)
		}
	}
	return s.all()
}

func TestTemplatesAreSound(t *testing.T) {
	for name, c := range testConfigs() {
		ids := map[uint16]bool{}
		for _, tpl := range everyTemplate(schemaOf(t, c)) {
			if tpl.ID < 256 || ids[tpl.ID] {
				t.Errorf("%s: template %d: number reserved or used twice", name, tpl.ID)
			}
			ids[tpl.ID] = true
			seen, size := map[string]bool{}, 0
			for _, e := range tpl.Elements {
				if id := fmt.Sprint(e.enterprise(7), "/", e.id()); seen[id] {
					t.Errorf("%s: template %d has %s twice", name, tpl.ID, e.name())
				} else {
					seen[id] = true
				}
				if n := e.element().Type.Len(); n == varLen {
					size++
				} else {
					size += int(n)
				}
			}
			if size != tpl.Len {
				t.Errorf("%s: template %d: records of %d bytes, Len says %d", name, tpl.ID, size, tpl.Len)
			}
		}
		if len(ids) > blockSize {
			t.Errorf("%s: %d templates", name, len(ids))
		}
	}
}

// TestElementsAreIANAs compares the table with goflow2's names of elements, and finds
// no number twice.
func TestElementsAreIANAs(t *testing.T) {
	type id struct {
		pen uint32
		id  uint16
	}
	ids := map[id]bool{}
	for _, e := range Elements {
		if ids[id{e.Enterprise, e.ID}] {
			t.Errorf("element %d is there twice", e.ID)
		}
		ids[id{e.Enterprise, e.ID}] = true
		if got := netflow.IPFIXTypeToString(e.ID); e.Enterprise == 0 && got != e.Name {
			t.Errorf("element %d: %q here, %q at goflow2", e.ID, e.Name, got)
		}
		if e.Enterprise != 0 && e.About == "" {
			t.Errorf("%s is not told about", e.Name)
		}
		if (e.Type.Len() == varLen) != (e.size != nil) {
			t.Errorf("%s: length of its type does not fit its encoder", e.Name)
		}
	}
}

// TestTemplatesReadBack: goflow2 finds every element of every template, in order.
func TestTemplatesReadBack(t *testing.T) {
	for name, c := range testConfigs() {
		limit := map[bool]int{true: 1472, false: 548}[name == "full" || name == "everything"]
		sc := schemaOf(t, c)
		everyTemplate(sc)
		ts := netflow.CreateTemplateSystem()
		m := newMessage(limit, 7)
		send := func() {
			decode(t, m.finish(1, 0), ts)
			if len(m.buf) > limit {
				t.Fatalf("message of %d bytes, limit %d", len(m.buf), limit)
			}
			m.reset()
		}
		for _, tpl := range sc.all() {
			if !m.addTemplate(tpl) {
				send()
				if !m.addTemplate(tpl) {
					t.Fatalf("template %d does not fit a message of %d bytes", tpl.ID, limit)
				}
			}
		}
		send()
		for _, tpl := range sc.all() {
			got, err := ts.GetTemplate(10, 7, tpl.ID)
			if err != nil {
				t.Fatalf("template %d: %v", tpl.ID, err)
			}
			var fields []netflow.Field
			switch r := got.(type) {
			case netflow.TemplateRecord:
				fields = r.Fields
			case netflow.IPFIXOptionsTemplateRecord:
				if len(r.Scopes) != tpl.Scope {
					t.Errorf("template %d: %d scopes, want %d", tpl.ID, len(r.Scopes), tpl.Scope)
				}
				fields = append(r.Scopes, r.Options...)
			}
			if len(fields) != len(tpl.Elements) {
				t.Fatalf("template %d: %d fields, want %d", tpl.ID, len(fields), len(tpl.Elements))
			}
			for i, e := range tpl.Elements {
				pen := e.enterprise(sc.pen)
				fields[i].Type &^= enterpriseBit // which the decoder leaves in options
				if fields[i].Type != e.id() || fields[i].Length != e.element().Type.Len() || fields[i].Pen != pen || fields[i].PenProvided != (pen != 0) {
					t.Errorf("template %d field %d: %+v, want %s", tpl.ID, i, fields[i], e.name())
				}
			}
		}
	}
}

// drawRecord draws any record that a cache could make.
func drawRecord(t *rapid.T) record {
	var r record
	r.Point = cache.Point{Dir: cache.Direction(rapid.IntRange(0, 1).Draw(t, "dir")), Domain: 7, ID: rapid.Uint32().Draw(t, "point")}
	if r.Point.Dir == cache.Egress {
		r.Point.Egress = rapid.Uint32().Draw(t, "egress")
	}
	r.InPort = rapid.Uint32().Draw(t, "in")
	copy(r.EthSrc[:], rapid.SliceOfN(rapid.Byte(), 6, 6).Draw(t, "src mac"))
	copy(r.EthDst[:], rapid.SliceOfN(rapid.Byte(), 6, 6).Draw(t, "dst mac"))
	r.EthType = rapid.Uint16().Draw(t, "eth type")
	if rapid.Bool().Draw(t, "tagged") {
		r.VLAN = rapid.Uint16().Draw(t, "tci") | flow.VlanCFI
	}
	c := &r.Counters
	c.Packets = rapid.Uint64Range(1, 1<<40).Draw(t, "packets")
	c.L2Octets = rapid.Uint64Range(1, 1<<40).Draw(t, "l2 octets")
	c.First = rapid.Int64Range(0, 1<<50).Draw(t, "first")
	c.Last = c.First + rapid.Int64Range(0, 1<<50).Draw(t, "duration")
	r.End = cache.EndReason(rapid.IntRange(1, 5).Draw(t, "end"))
	r.Class = cache.Class(rapid.IntRange(0, 2).Draw(t, "class"))
	if r.Class == cache.Other {
		return r
	}
	n := 4
	r.EthType = 0x0800
	if r.Class == cache.IPv6 {
		n, r.EthType = 16, 0x86dd
		r.Label = rapid.Uint32Range(0, 1<<20-1).Draw(t, "label")
	}
	copy(r.Src[:], rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, "src"))
	copy(r.Dst[:], rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, "dst"))
	r.Proto = rapid.SampledFrom([]uint8{1, 6, 17, 47, 58, 132}).Draw(t, "proto")
	r.TOS = rapid.Byte().Draw(t, "tos")
	switch is := traitsOf(&r); {
	case is&isTCP != 0:
		c.TCPFlags = rapid.Uint16Range(0, 0xfff).Draw(t, "flags")
		fallthrough
	case is&hasPorts != 0:
		r.SrcPort, r.DstPort = rapid.Uint16().Draw(t, "sport"), rapid.Uint16().Draw(t, "dport")
	case is&isICMP != 0:
		r.SrcPort, r.DstPort = uint16(rapid.Byte().Draw(t, "type")), uint16(rapid.Byte().Draw(t, "code"))
	}
	c.Octets = rapid.Uint64Range(1, 1<<40).Draw(t, "octets")
	c.MinLen, c.MaxLen = rapid.Uint16().Draw(t, "min"), rapid.Uint16().Draw(t, "max")
	c.MinTTL, c.MaxTTL = rapid.Byte().Draw(t, "min ttl"), rapid.Byte().Draw(t, "max ttl")
	return r
}

// expected says what a collector is to make of a record.
func expected(r *cache.Record, epoch time.Time) (collector.Key, collector.Flow) {
	k := collector.Key{
		Domain: r.Point.Domain, Point: uint64(r.Point.ID), Dir: uint8(r.Point.Dir), InPort: r.InPort, OutPort: r.Point.Egress,
		EthSrc: r.EthSrc, EthDst: r.EthDst, EthType: r.EthType, VLAN: -1,
		Proto: r.Proto, TOS: r.TOS, SrcPort: r.SrcPort, DstPort: r.DstPort,
	}
	if r.VLAN != 0 {
		k.VLAN = int16(r.VLAN & 0xfff)
	}
	k.Src, k.Dst = r.Addrs()
	at := func(ns int64) time.Time { return time.UnixMilli(epoch.Add(time.Duration(ns)).UnixMilli()) }
	return k, collector.Flow{
		Records: 1, Packets: r.Packets, Octets: r.Octets, L2Octets: r.L2Octets, First: at(r.First), Last: at(r.Last),
		TCPFlags: r.TCPFlags, MinTTL: r.MinTTL, MaxTTL: r.MaxTTL, MinLen: uint64(r.MinLen), MaxLen: uint64(r.MaxLen),
		End: uint8(r.End),
	}
}

// TestRecordsReadBack writes random records into messages and reads them with goflow2's
// decoder, value by value; every message keeps to its limit, and is filled: the
// next record would not have fitted.
func TestRecordsReadBack(t *testing.T) {
	sc := schemaOf(t, ExporterConfig{})
	epoch := time.UnixMilli(1_700_000_000_123)
	from := netip.MustParseAddrPort("127.0.0.1:1")
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.SampledFrom([]int{548, 1452, 1472, 8972}).Draw(t, "limit")
		c := collector.New()
		m := newMessage(limit, 7)
		seq, messages := uint32(0), uint64(0)
		send := func() {
			c.Handle(from, m.finish(uint32(epoch.Unix()), seq))
			if len(m.buf) > limit {
				t.Fatalf("message of %d bytes, limit %d", len(m.buf), limit)
			}
			seq += m.records
			messages++
			m.reset()
		}
		for _, tpl := range sc.all() {
			if !m.addTemplate(tpl) {
				send()
				m.addTemplate(tpl)
			}
		}
		want := map[collector.Key]collector.Flow{}
		n := uint64(0)
		for _, r := range rapid.SliceOfN(rapid.Custom(drawRecord), 1, 60).Draw(t, "records") {
			k, f := expected(&r.Record, epoch)
			if _, twice := want[k]; twice {
				continue
			}
			want[k] = f
			n++
			s := source{rec: &r, epoch: epoch}
			tpl := sc.of(&r)
			if !m.addRecord(tpl, &s) {
				if free := limit - len(m.buf); free >= tpl.Len+setHeader+2*(align-1) {
					t.Fatalf("a record of %d bytes was refused with %d free", tpl.Len, free)
				}
				send()
				if !m.addRecord(tpl, &s) {
					t.Fatalf("a record of %d bytes does not fit an empty message", tpl.Len)
				}
			}
		}
		send()
		s := c.Totals()
		if s.Errors != 0 || s.Missing != 0 || s.Records != n || s.Messages != messages {
			t.Fatalf("totals %+v, want %d records in %d messages", s, n, messages)
		}
		if d := cmp.Diff(want, c.Flows(), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
			t.Fatalf("want -, got +:\n%s", d)
		}
	})
}

// TestFamilies: egress records alone name an egress interface, and a VLAN
// record names the tag.
func TestFamilies(t *testing.T) {
	sc := schemaOf(t, ExporterConfig{})
	everyTemplate(sc)
	for is, tpl := range sc.byTraits {
		if tpl == nil {
			continue
		}
		is := traits(is)
		if tpl.has(egressInterface) != (is&isEgress != 0) || tpl.has(dot1qVlanID) != (is&isTagged != 0) ||
			tpl.has(tunnelKey) != (is&isTunnel != 0) || tpl.has(tcpControlBits) != (is&isTCP != 0) ||
			tpl.has(selectorID) != (is&isSampled != 0) {
			t.Errorf("template %d of traits %b: wrong elements", tpl.ID, is)
		}
	}
}
