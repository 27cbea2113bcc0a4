package ipfix

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/netsampler/goflow2/v2/decoders/netflow"
)

// TestVariableLengths: values shorter than 255 bytes have one byte of length, others
// three (RFC 7011 section 7).
func TestVariableLengths(t *testing.T) {
	for _, n := range []int{0, 1, 253, 254, 255, 256, 1000, 65000} {
		value := strings.Repeat("x", n)
		sc := schemaOf(t, ExporterConfig{
			Elements: []string{"packetDeltaCount", "interfaceName"}, Interfaces: func() []Interface { return nil },
		})
		sc.ports = map[uint32]*Interface{1: {Name: value}} // longer than the exporter lets names be
		r := sample(isIPv4 | hasPorts)
		tpl := sc.of(&r)
		m := newMessage(65535, 0)
		m.addTemplate(tpl)
		for range 2 {
			if n < 1<<15 || len(m.buf) < 1<<15 {
				if !m.addRecord(tpl, &source{rec: &r, epoch: epoch}) {
					t.Fatalf("%d bytes do not fit", n)
				}
			}
		}
		before := 1
		if n >= 255 {
			before = 3
		}
		if size := tpl.size(&m.src); size != tpl.Len-1+before+n {
			t.Errorf("%d bytes: record of %d, want %d", n, size, tpl.Len-1+before+n)
		}
		p := decode(t, m.finish(0, 0), netflow.CreateTemplateSystem())
		records := p.FlowSets[1].(netflow.DataFlowSet).Records
		if len(records) != int(m.records) {
			t.Fatalf("%d bytes: %d records, want %d", n, len(records), m.records)
		}
		for _, rec := range records {
			found := false
			for _, f := range rec.Values {
				if f.Type == 82 {
					found = string(f.Value.([]byte)) == value
				}
			}
			if !found {
				t.Errorf("%d bytes did not come back", n)
			}
		}
	}
}

// TestNoPaddingThatIsARecord: short records of variable length are not followed by
// bytes that could be one.
func TestNoPaddingThatIsARecord(t *testing.T) {
	sc := schemaOf(t, ExporterConfig{DropReasons: []DropReason{{1, "", ""}, {2, "a", ""}, {3, "ab", "c"}}})
	if got := optionsOf(t, sc, options{}); len(got[reasonOption]) != 3 {
		t.Errorf("%d reasons, want 3", len(got[reasonOption]))
	}
}

// TestWithdrawals: template records without fields, in the set of their kind.
func TestWithdrawals(t *testing.T) {
	m := newMessage(1452, 7)
	for id := uint16(256); id < 260; id++ {
		if !m.addWithdrawal(false, id) || !m.addWithdrawal(true, id+100) {
			t.Fatal("does not fit")
		}
	}
	m.addWithdrawal(false, templateSet)
	b := m.finish(0, 0)
	want := ""
	for id := 256; id < 260; id++ {
		want += fmt.Sprintf("00020008%04x0000", id) + fmt.Sprintf("00030008%04x0000", id+100)
	}
	want += "0002000800020000"
	if got := fmt.Sprintf("%x", b[headerLen:]); got != want || m.records != 0 {
		t.Errorf("%d records, sets %s, want %s", m.records, got, want)
	}
	full := newMessage(headerLen+setHeader+3, 7)
	if full.addWithdrawal(false, 256) {
		t.Error("a withdrawal fits no room")
	}
}

// FuzzRecords makes a configuration and records of bytes, puts them into messages and
// has goflow2 read them: no message is too long or wrong, and no record gets lost.
func FuzzRecords(f *testing.F) {
	f.Add(uint64(1), uint8(0), uint16(1500), uint8(3), "")
	f.Add(uint64(2), uint8(2), uint16(9000), uint8(60), "bridge")
	f.Add(uint64(3), uint8(4), uint16(576), uint8(9), strings.Repeat("long", 70))
	names := []string{"default", "full", "everything", "biflow", "five", "one"}
	configs := testConfigs()
	f.Fuzz(func(t *testing.T, seed uint64, which uint8, mtu uint16, n uint8, text string) {
		c := configs[names[int(which)%len(names)]]
		c.MTU, c.VirtualObsID = max(int(mtu), minMTU), text
		c.Interfaces = func() []Interface { return []Interface{{1, text, text + text, 6, 1}} }
		c.defaults(1)
		sc, err := newSchema(&c)
		if err != nil {
			if c.MTU >= 1500 && len(text) <= maxVirtualObsID {
				t.Fatal(err)
			}
			return
		}
		rnd := rand.New(rand.NewPCG(seed, 2))
		ts := netflow.CreateTemplateSystem()
		limit := c.messageSize()
		m, extra := newMessage(limit, 7), newMessage(limit, 7)
		read, written := 0, 0
		send := func(m *message) {
			b := m.finish(1, 0)
			if len(b) > limit {
				t.Fatalf("message of %d bytes, limit %d", len(b), limit)
			}
			for _, set := range decode(t, b, ts).FlowSets {
				switch set := set.(type) {
				case netflow.DataFlowSet:
					read += len(set.Records)
				case netflow.OptionsDataFlowSet:
					read += len(set.Records)
				case netflow.TemplateFlowSet, netflow.IPFIXOptionsTemplateFlowSet:
				default:
					t.Fatalf("set of %T", set)
				}
			}
			m.reset()
		}
		var sent mark
		news := func() {
			sc.eachNew(sent, func(tpl *Template) {
				if !extra.addTemplate(tpl) {
					send(extra)
					extra.addTemplate(tpl)
				}
			}, func(tpl *Template, s *source) {
				written++
				addOrFlush(t, extra, tpl, s, func() { send(extra) })
			})
			sent = sc.mark()
			send(extra)
		}
		for _, tpl := range sc.options() {
			if !extra.addTemplate(tpl) {
				send(extra)
				extra.addTemplate(tpl)
			}
		}
		for range n {
			r := randomRecord(rnd)
			r.Biflow = r.Biflow && c.Biflow != BiflowOff
			tpl := sc.of(&r)
			written++
			addOrFlush(t, m, tpl, &source{rec: &r, epoch: epoch}, func() { news(); send(m) })
		}
		news()
		send(m)
		sc.eachOption(func(tpl *Template, s *source) {
			written++
			addOrFlush(t, extra, tpl, s, func() { send(extra) })
		})
		send(extra)
		if read != written {
			t.Fatalf("%d records read, %d written", read, written)
		}
	})
}
