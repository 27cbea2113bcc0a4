package collector

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/netsampler/goflow2/v2/decoders/netflow"
	"pgregory.net/rapid"
)

func netipPort(a netip.AddrPort, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr(), port)
}

// value is what a field of a record says, as far as the wire goes.
type value struct {
	PEN   uint32
	ID    uint16
	Bytes string
}

// TestEveryValueComesBack: whatever fields a template has (fixed, variable, private,
// reverse, of no length), each value of each record is handed out as it was sent, with
// padding behind the records and without.
func TestEveryValueComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		genField := rapid.Custom(func(t *rapid.T) spec {
			return spec{
				pen:    rapid.SampledFrom([]uint32{0, 0, 6876, 29305, 32473}).Draw(t, "pen"),
				id:     rapid.Uint16Range(1000, 0x7fff).Draw(t, "id"), // none that must have a length
				length: rapid.SampledFrom([]uint16{0, 1, 2, 7, 8, 16, 100, 0xffff, 0xffff}).Draw(t, "length"),
			}
		})
		fields := rapid.SliceOfN(genField, 1, 12).Draw(t, "fields")
		scope := rapid.IntRange(0, len(fields)).Draw(t, "scope")
		smallest := 0
		for _, f := range fields {
			if f.length == 0xffff {
				smallest++
			} else {
				smallest += int(f.length)
			}
		}
		if smallest == 0 {
			fields = append(fields, spec{0, 500, 1})
			smallest = 1
		}
		var body []byte
		var want [][]value
		for range rapid.IntRange(0, 5).Draw(t, "records") {
			var rec []value
			for _, f := range fields {
				n := int(f.length)
				if f.length == 0xffff {
					n = rapid.SampledFrom([]int{0, 1, 20, 254, 255, 256, 1000}).Draw(t, "size")
				}
				b := bytes.Repeat([]byte{rapid.Byte().Draw(t, "byte")}, n)
				if f.length == 0xffff {
					body = append(body, values(string(b))...)
				} else {
					body = append(body, b...)
				}
				rec = append(rec, value{f.pen, f.id, string(b)})
			}
			want = append(want, rec)
		}
		padding := rapid.IntRange(0, min(smallest-1, 7)).Draw(t, "padding")
		body = append(body, make([]byte, padding)...)
		if len(body) > 60_000 {
			t.Skip("longer than a message")
		}
		c := New()
		var got [][]value
		c.OnRecord(func(r *Record) {
			if r.Scope != scope || r.Template != 300 {
				t.Fatalf("record of template %d with scope %d, want %d", r.Template, r.Scope, scope)
			}
			var rec []value
			for _, f := range r.Fields {
				rec = append(rec, value{f.PEN, f.ID, string(f.Bytes)})
				_ = f.String()
			}
			got = append(got, rec)
			if _, err := r.JSON(); err != nil {
				t.Fatal(err)
			}
		})
		m := message(1, 0, template(300, scope, fields...), setOf(300, body...))
		c.Handle(from, m)
		variable, fixed := 0, 0
		for _, f := range fields {
			if f.length == 0xffff {
				variable++
			} else {
				fixed += int(f.length)
			}
		}
		if fixed > 0 && (variable == 0 || padding == 0) { // by itself, the decoder has no trouble with these
			if n, err := alone(m); err != nil || n != len(want) {
				t.Fatalf("goflow2 alone: %d records, %v; want %d", n, err, len(want))
			}
		}
		if s := c.Totals(); s.Errors != 0 || s.Records+s.Options != uint64(len(want)) {
			t.Fatalf("totals %+v, want %d records", s, len(want))
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("records (-sent +got):\n%s", d)
		}
	})
}

// alone decodes a whole message by goflow2, without our guard, and counts its records.
func alone(m []byte) (records int, err error) {
	var p netflow.IPFIXPacket
	var old netflow.NFv9Packet
	err = netflow.DecodeMessageVersion(bytes.NewBuffer(bytes.Clone(m)), netflow.CreateTemplateSystem(), &old, &p)
	for _, set := range p.FlowSets {
		switch s := set.(type) {
		case netflow.DataFlowSet:
			records += len(s.Records)
		case netflow.OptionsDataFlowSet:
			records += len(s.Records)
		}
	}
	return records, err
}

// TestRecordsDoNotOverrun: a value that is longer than its set is an error, and the
// records before it count. goflow2 by itself gives what is there for the value.
func TestRecordsDoNotOverrun(t *testing.T) {
	tpl := template(300, 0, spec{0, 2, 4}, spec{0, 82, 0xffff})
	whole := values(uint32(5), "name")
	all := template(300, 0, spec{0, 82, 0xffff}, spec{0, 83, 0xffff})
	tests := []struct {
		name    string
		tpl     []byte
		body    []byte
		records uint64
		errors  uint64
	}{
		{"whole", tpl, whole, 1, 0},
		{"a string cut", tpl, append(append([]byte{}, whole...), 0, 0, 0, 7, 9, 'x'), 1, 1},
		{"a length of two bytes cut", tpl, append(append([]byte{}, whole...), 0, 0, 0, 7, 255), 1, 1},
		{"a long length cut", tpl, append(append([]byte{}, whole...), 0, 0, 0, 7, 255, 1), 1, 1},
		{"padding of four", tpl, append(append([]byte{}, whole...), 0, 0, 0, 0), 1, 0},
		{"none but of variable length", all, values("a", "", "", "bc"), 2, 0},
		{"none but of variable length, cut", all, append(values("a", "b"), 3, 'x', 'y'), 1, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := New()
			c.Handle(from, message(1, 0, tt.tpl, setOf(300, tt.body...)))
			if got := c.Totals(); got.Records != tt.records || got.Errors != tt.errors {
				t.Errorf("totals %+v, want %d records, %d errors", got, tt.records, tt.errors)
			}
		})
	}
}

// TestUnknownTemplate: the other sets of the message count, and the records that could
// not be told are missing by the next number.
func TestUnknownTemplate(t *testing.T) {
	c := New()
	c.Handle(from, message(1, 0, udp, flow(1, 3)))
	c.Handle(from, message(1, 1, setOf(999, 1, 2, 3, 4), flow(2, 4)))
	c.Handle(from, message(1, 4, flow(3, 5)))
	if got := c.Totals(); got.Records != 3 || got.Packets != 12 || got.Errors != 1 || got.Missing != 2 || got.Gaps != 1 {
		t.Errorf("totals %+v", got)
	}
}

// BenchmarkHandle is the cost of a record of a full message.
func BenchmarkHandle(b *testing.B) {
	c := New()
	c.Handle(from, message(1, 0, udp))
	var sets [][]byte
	for i := range byte(60) {
		sets = append(sets, flow(i, 1))
	}
	m := message(1, 0, bytes.Join(sets, nil))
	b.ReportAllocs()
	for b.Loop() {
		c.Handle(from, m)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/60, "ns/record")
	if t := c.Totals(); t.Errors > 0 {
		b.Fatal(fmt.Sprint(t))
	}
}
