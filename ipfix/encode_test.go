package ipfix

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
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

func TestTemplatesAreSound(t *testing.T) {
	sc := schemaOf(t, ExporterConfig{})
	ids := map[uint16]bool{}
	for _, tpl := range sc.all() {
		if tpl.ID < 256 || ids[tpl.ID] {
			t.Errorf("template %d: number reserved or used twice", tpl.ID)
		}
		ids[tpl.ID] = true
		seen, size := map[E]bool{}, 0
		for _, e := range tpl.Elements {
			if seen[e] {
				t.Errorf("template %d has %s twice", tpl.ID, Elements[e].Name)
			}
			seen[e] = true
			size += int(Elements[e].Type.Len())
		}
		if size != tpl.Len || tpl.Len < align {
			t.Errorf("template %d: records of %d bytes, Len says %d", tpl.ID, size, tpl.Len)
		}
	}
	if n := len(sc.all()); n != 4+16+16+3 {
		t.Errorf("%d templates, want 39", n)
	}
}

// TestElementsAreIANAs compares the table with goflow2's names of elements.
func TestElementsAreIANAs(t *testing.T) {
	ids := map[uint16]bool{}
	for _, e := range Elements {
		if ids[e.ID] {
			t.Errorf("element %d is there twice", e.ID)
		}
		ids[e.ID] = true
		if got := netflow.IPFIXTypeToString(e.ID); got != e.Name {
			t.Errorf("element %d: %q here, %q at goflow2", e.ID, e.Name, got)
		}
	}
}

// TestTemplatesReadBack: goflow2 finds every element of every template, in order.
func TestTemplatesReadBack(t *testing.T) {
	sc := schemaOf(t, ExporterConfig{})
	for _, limit := range []int{1472, 548} {
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
				if fields[i].Type != Elements[e].ID || fields[i].Length != Elements[e].Type.Len() {
					t.Errorf("template %d field %d: %+v, want %+v", tpl.ID, i, fields[i], Elements[e])
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
	switch layer4Of(&r) {
	case tcp:
		c.TCPFlags = rapid.Uint16Range(0, 0xfff).Draw(t, "flags")
		fallthrough
	case ports:
		r.SrcPort, r.DstPort = rapid.Uint16().Draw(t, "sport"), rapid.Uint16().Draw(t, "dport")
	case icmp:
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
	has := func(tpl *Template, e E) bool {
		for _, x := range tpl.Elements {
			if x == e {
				return true
			}
		}
		return false
	}
	for f, tpl := range schemaOf(t, ExporterConfig{}).families {
		if tpl == nil {
			continue
		}
		if has(tpl, egressInterface) != (f&1 == 1) || has(tpl, dot1qVlanID) != (f&2 == 2) {
			t.Errorf("template %d of family %d: wrong elements", tpl.ID, f)
		}
	}
}

// TestOptionsReadBack reads the sampling option at 1:1 and 1:100.
func TestOptionsReadBack(t *testing.T) {
	sc := schemaOf(t, ExporterConfig{})
	for _, tt := range []struct {
		sampling  uint32
		algorithm uint64
		space     uint64
	}{{1, 1, 0}, {100, 4, 99}} {
		c := collector.New()
		m := newMessage(1472, 7)
		for _, tpl := range sc.options() {
			m.addTemplate(tpl)
		}
		o := options{sampling: tt.sampling, notSentFlows: 1, notSentPackets: 2, notSentOctets: 3, ignoredPackets: 4}
		for _, tpl := range sc.options() {
			m.addRecord(tpl, &source{opt: &o})
		}
		c.Handle(netip.MustParseAddrPort("127.0.0.1:1"), m.finish(0, 0))
		if s := c.Totals(); s.Errors != 0 || s.Options != 3 {
			t.Fatalf("totals %+v", s)
		}
		got := c.Options()
		want := map[uint16]uint64{304: tt.algorithm, 305: 1, 306: tt.space, 166: 1, 167: 2, 168: 3, 164: 4}
		for id, v := range want {
			if got[id] != v {
				t.Errorf("1:%d: element %d is %d, want %d", tt.sampling, id, got[id], v)
			}
		}
		var p [8]byte
		putFloat(p[:], 1/float64(tt.sampling))
		if got[311] != binary.BigEndian.Uint64(p[:]) {
			t.Errorf("1:%d: probability %x", tt.sampling, got[311])
		}
	}
}
