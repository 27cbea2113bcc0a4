package collector

import (
	"bytes"
	"io"
	"testing"
)

// check looks whether a collector is as it must be, whatever came: sums agree, and
// what is kept is within its bounds.
func check(t *testing.T, c *Collector) {
	t.Helper()
	var packets, octets, records uint64
	for _, f := range c.Flows() {
		packets += f.Packets
		octets += f.Octets
		records += f.Records
	}
	got := c.Totals()
	if got.Packets != packets || got.Octets != octets || got.Records != records || got.Flows != uint64(len(c.Flows())) {
		t.Fatalf("totals %+v; flows have %d packets, %d octets in %d records", got, packets, octets, records)
	}
	for _, s := range c.sessions {
		fields := 0
		for k, l := range s.templates.layouts {
			fields += len(l.fields)
			if _, err := s.templates.decoder.GetTemplate(version, k.domain, k.id); err != nil {
				t.Fatalf("template %v: the decoder has none: %v", k, err)
			}
		}
		switch n := len(s.templates.decoder.GetTemplates()); {
		case n != len(s.templates.layouts):
			t.Fatalf("the decoder has %d templates, the guard %d", n, len(s.templates.layouts))
		case fields != s.templates.fields || fields > maxTemplateFields || n > maxTemplates:
			t.Fatalf("%d templates of %d fields, counted as %d", n, fields, s.templates.fields)
		case s.toldCount > maxTold || len(s.domains) > maxDomains:
			t.Fatalf("%d things told, %d domains", s.toldCount, len(s.domains))
		}
	}
	if err := c.Table(&bytes.Buffer{}, 5); err != nil {
		t.Fatal(err)
	}
	if err := c.Summary().Text(&bytes.Buffer{}); err != nil {
		t.Fatal(err)
	}
	_ = c.Sessions()
}

// printing has a collector's records written in both forms.
func printing(t *testing.T, c *Collector) {
	c.OnRecord(func(r *Record) {
		if line := r.Line(); line == "" {
			t.Error("an empty line")
		}
		if _, err := r.JSON(); err != nil {
			t.Error(err)
		}
	})
}

// FuzzHandle: whatever datagrams come, in whatever order.
func FuzzHandle(f *testing.F) {
	f.Add(message(1, 0, udp, flow(1, 3)), message(1, 1, flow(2, 1)))
	f.Add(message(1, 0, setOf(3, 1, 44, 0, 2, 0, 1, 0, 149, 0, 4, 0, 41, 0, 8)), message(1, 0, setOf(300, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 5)))
	f.Add(message(1, 0, setOf(2, 1, 44, 0, 1, 0x80, 8, 0xff, 0xff, 0, 0, 0, 9)), message(1, 0, setOf(300, 3, 1, 2, 3)))
	f.Add(message(1, 0, setOf(2, 1, 44, 0, 1, 0, 8, 0, 0)), message(1, 0, setOf(300, 1, 2, 3, 4)))
	f.Add([]byte{0, 9, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, []byte{})
	f.Add(message(1, 0, typeTemplate, typeInfo(9, 1, Unsigned8, "reverseX"), typeInfo(9, 0x4001, String, "x")), message(1, 0, withdrawal(2, 300), withdrawal(3, 3)))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if len(a) > 65535 || len(b) > 65535 {
			return
		}
		c := New()
		printing(t, c)
		for _, m := range [][]byte{a, b, a} {
			c.Handle(from, m)
		}
		if got := c.Totals(); got.Messages != 3 {
			t.Fatalf("totals %+v", got)
		}
		check(t, c)
	})
}

// FuzzData: a template of any fields, then any bytes as its data: the headers are right,
// so that the fuzzer gets to what is behind them.
func FuzzData(f *testing.F) {
	f.Add(uint8(0), defs(300, 0, tupleSpecs...)[4:], []byte("whatever comes, comes"))
	f.Add(uint8(1), defs(300, 1, spec{0, 302, 8}, spec{0, 304, 2}, spec{0, 311, 8})[6:], values(uint64(1), uint16(4), 0.5))
	f.Add(uint8(2), defs(300, 2, spec{0, 10, 4}, spec{0, 82, 0xffff})[6:], values(uint32(1), "eth0", uint32(2), "eth1"))
	f.Add(uint8(0), defs(300, 0, spec{0, 82, 0xffff}, spec{32473, 9, 0xffff})[4:], values("a", "b", "", ""))
	f.Add(uint8(0), defs(300, 0, append(append([]spec{}, tupleSpecs...), reverse(countSpecs)...)...)[4:], make([]byte, 90))
	f.Add(uint8(0), defs(300, 0, spec{6876, 892, 0xffff}, spec{6876, 893, 4}, spec{0, 136, 1})[4:], values("\x01\x02", []byte{1, 2, 3, 4}, uint8(9)))
	f.Add(uint8(2), defs(300, 2, spec{0, 346, 4}, spec{0, 303, 2}, spec{0, 341, 0xffff})[6:], values(uint32(7), uint16(1), "ruleCookie"))
	f.Fuzz(func(t *testing.T, scope uint8, fields, data []byte) {
		if len(fields)+len(data) > 65000 {
			return
		}
		count, n := 0, 0
		for n+4 <= len(fields) {
			size := 4
			if fields[n]&0x80 != 0 {
				size = 8
			}
			if n+size > len(fields) {
				break
			}
			n += size
			count++
		}
		body := []byte{300 >> 8, 300 & 0xff, byte(count >> 8), byte(count)}
		set := uint16(2)
		if scope > 0 {
			set, body = 3, append(body, 0, scope)
		}
		c := New()
		printing(t, c)
		c.Handle(from, message(1, 0, setOf(set, append(body, fields[:n]...)...), setOf(300, data...)))
		check(t, c)
		if got := c.Totals(); got.Records+got.Options > uint64(len(data)) {
			t.Fatalf("totals %+v of %d bytes", got, len(data))
		}
	})
}

// FuzzReadStream: whatever a file holds; cut in pieces it says the same.
func FuzzReadStream(f *testing.F) {
	whole := bytes.Join([][]byte{message(1, 0, udp, flow(1, 3)), message(1, 1, flow(2, 4)), message(2, 0, withdrawal(2, 2))}, nil)
	f.Add(whole)
	f.Add(whole[:len(whole)-5])
	f.Add(append(whole[:len(whole):len(whole)], "no message"...))
	f.Add(message(1, 0, udp, withdrawal(2, 300), template(300, 0, spec{0, 2, 8}), setOf(300, make([]byte, 8)...)))
	f.Add(message(1, 0, udp, template(300, 0, spec{0, 2, 8})))
	f.Fuzz(func(t *testing.T, b []byte) {
		c := New()
		printing(t, c)
		err := c.ReadStream("x", bytes.NewReader(b))
		check(t, c)
		d := New()
		err2 := d.ReadStream("x", &slow{b})
		if c.Totals() != d.Totals() || (err == nil) != (err2 == nil) {
			t.Fatalf("at once %+v, %v; by bytes %+v, %v", c.Totals(), err, d.Totals(), err2)
		}
	})
}

// slow gives one byte a call.
type slow struct{ b []byte }

func (s *slow) Read(p []byte) (int, error) {
	n := copy(p[:min(1, len(p))], s.b)
	s.b = s.b[n:]
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}
