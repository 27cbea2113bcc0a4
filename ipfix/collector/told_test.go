package collector

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTold: each kind of option record ends in its place.
func TestTold(t *testing.T) {
	const pen = 65000
	c := New()
	c.Handle(from, message(7, 0, typeTemplate,
		typeInfo(pen, 9, Unsigned64, nameInterfaceSpeed), typeInfo(pen, 3, Unsigned8, nameDrop), typeInfo(pen, 4, String, nameDropName), typeInfo(pen, 5, String, nameDropDescription),
		template(301, 1, spec{0, 302, 8}, spec{0, 304, 2}, spec{0, 305, 4}, spec{0, 306, 4}, spec{0, 311, 8}),
		setOf(301, append(values(uint64(1), uint16(4), uint32(1), uint32(99), 0.01), values(uint64(40001), uint16(4), uint32(1), uint32(0), 40000.0/65535)...)...),
		template(302, 1, spec{0, 144, 4}, spec{0, 41, 8}, spec{0, 42, 8}, spec{0, 40, 8}, spec{0, 166, 8}, spec{0, 167, 8}, spec{0, 168, 8}),
		setOf(302, values(uint32(1), uint64(2), uint64(3), uint64(4), uint64(5), uint64(6), uint64(7))...),
		template(303, 1, spec{0, 143, 4}, spec{0, 163, 8}, spec{0, 164, 8}, spec{0, 165, 8}),
		setOf(303, values(uint32(1), uint64(2), uint64(3), uint64(4))...),
		template(304, 1, spec{0, 10, 4}, spec{0, 82, 0xffff}, spec{0, 83, 0xffff}, spec{0, 368, 4}, spec{pen, 9, 8}),
		setOf(304, append(values(uint32(1), "eth0", "", uint32(6), uint64(1e10)), values(uint32(65534), "vx", "a tunnel", uint32(131), uint64(0))...)...),
		template(305, 1, spec{0, 145, 2}, spec{0, 173, 8}),
		setOf(305, values(uint16(256), uint64(0x3f))...),
		template(306, 1, spec{pen, 3, 1}, spec{pen, 4, 0xffff}, spec{pen, 5, 0xffff}),
		setOf(306, values(uint8(4), "no_rule", "No rule matched.")...),
	))
	got := c.Sessions()
	if len(got) != 1 || got[0].Domain != 7 || got[0].Transport != "udp" || got[0].Peer != from.String() || len(got[0].Templates) != 7 {
		t.Fatalf("sessions %+v", got)
	}
	want := Told{
		Exporting: map[uint32]Exporting{1: {Messages: 2, Records: 3, Octets: 4, NotSentFlows: 5, NotSentPackets: 6, NotSentOctets: 7}},
		Metering:  map[uint32]Metering{1: {Flows: 2, IgnoredPackets: 3, IgnoredOctets: 4}},
		Selectors: map[uint64]Selector{
			1:     {Algorithm: 4, Interval: 1, Space: 99, Probability: 0.01},
			40001: {Algorithm: 4, Interval: 1, Probability: 40000.0 / 65535},
		},
		Interfaces:  map[uint32]Interface{1: {Name: "eth0", Type: 6, Speed: 1e10}, 65534: {Name: "vx", Description: "a tunnel", Type: 131}},
		FlowKeys:    map[uint16]uint64{256: 0x3f},
		DropReasons: map[uint64]DropReason{4: {"no_rule", "No rule matched."}},
	}
	if d := cmp.Diff(want, got[0].Told); d != "" {
		t.Errorf("told (-want +got):\n%s", d)
	}
	wantElement := Element{PEN: pen, ID: 3, Name: nameDrop, Description: "about " + nameDrop, Type: Unsigned8, Semantics: 4, Units: 3, RangeBegin: 1, RangeEnd: 9}
	if d := cmp.Diff(wantElement, got[0].Elements[0]); d != "" {
		t.Errorf("element (-want +got):\n%s", d)
	}
	layout := got[0].Templates[304]
	if layout.Scope != 1 || len(layout.Fields) != 5 || layout.Fields[1].Name != "interfaceName" || layout.Length[1] != 0xffff || layout.Fields[4].Name != nameInterfaceSpeed {
		t.Errorf("template 304: %+v", layout)
	}
	if o := c.Options(); o[41] != 2 || o[304] != 4 {
		t.Errorf("options %v", o)
	}
	if s := c.Totals(); s.Errors != 0 || s.Options != 12 || s.Templates != 7 {
		t.Errorf("totals %+v", s)
	}
	c.Handle(from, message(7, 12)) // they count as records (RFC 7011 section 3.1)
	if s := c.Totals(); s.Missing != 0 {
		t.Errorf("totals %+v", s)
	}
}

// TestToldIsBounded: an exporter that tells of a million things has some of them kept.
func TestToldIsBounded(t *testing.T) {
	c := New()
	c.Handle(from, message(1, 0, template(304, 1, spec{0, 10, 4}, spec{0, 82, 0xffff})))
	long := string(make([]byte, 1000))
	for i := range uint32(3 * maxTold) {
		c.Handle(from, message(1+i%2, 0, template(304, 1, spec{0, 10, 4}, spec{0, 82, 0xffff}), setOf(304, values(i, long)...)))
	}
	n := 0
	for _, s := range c.Sessions() {
		n += len(s.Told.Interfaces)
		for _, i := range s.Told.Interfaces {
			if len(i.Name) > maxText {
				t.Fatalf("a name of %d bytes", len(i.Name))
			}
		}
	}
	if n != maxTold {
		t.Errorf("%d interfaces are kept, want %d", n, maxTold)
	}
}
