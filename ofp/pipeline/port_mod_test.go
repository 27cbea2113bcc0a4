package pipeline

import (
	"errors"
	"fmt"
	"testing"

	"pollux/actions"
	"pollux/ofp/ofperr"
)

// TestPortMod: each bit does what it says, and is refused as specified.
func TestPortMod(t *testing.T) {
	s := puntState(t, flowOf(t, "in_port=1", apply(Action{Kind: ActOutput, Port: 2})), flowOf(t, "in_port=3", apply(Action{Kind: ActOutput, Port: 0xfffffffb})))
	mac := func(n uint32) uint64 { return s.Snapshot().ports.get(n).MAC }
	for _, c := range []struct {
		port, bit uint32
		packet    string
		want      actions.Reason
	}{
		{2, PortConfigDown, "in_port=1", actions.DropPortDown},
		{1, PortConfigDown, "in_port=1", actions.DropNoRecv},
		{1, PortConfigNoRecv, "in_port=1", actions.DropNoRecv},
		{2, PortConfigNoFwd, "in_port=1", actions.DropNoFwd},
	} {
		if p := translated(t, s.Snapshot(), c.packet).Program; p.Last < 0 {
			t.Fatalf("%+v: %v before", c, p.Drop)
		}
		if err := s.PortMod(c.port, c.bit, c.bit, mac(c.port), nil); err != nil {
			t.Fatal(err)
		}
		if got := s.Snapshot().ports.get(c.port).Config(); got != c.bit {
			t.Errorf("%+v: the port's configuration is %#x", c, got)
		}
		if p := translated(t, s.Snapshot(), c.packet).Program; p.Drop != c.want || p.Last >= 0 {
			t.Errorf("%+v: %v", c, p.Drop)
		}
		// A bit that the mask leaves out stays.
		if err := s.PortMod(c.port, 0, PortConfigNoPacketIn, mac(c.port), nil); err != nil || s.Snapshot().ports.get(c.port).Config() != c.bit {
			t.Errorf("%+v: %v, %#x", c, err, s.Snapshot().ports.get(c.port).Config())
		}
		if err := s.PortMod(c.port, 0, c.bit, mac(c.port), nil); err != nil {
			t.Fatal(err)
		}
	}
	before := translated(t, s.Snapshot(), "in_port=3").Program.String()
	if err := s.PortMod(2, PortConfigNoFlood, PortConfigNoFlood, mac(2), nil); err != nil {
		t.Fatal(err)
	}
	if got := translated(t, s.Snapshot(), "in_port=3").Program.String(); got == before {
		t.Errorf("FLOOD with a port that does not flood: %s as before", got)
	}
	gen := s.Snapshot().Generation()
	for _, c := range []struct {
		port, config, mask uint32
		mac                uint64
		want               error
	}{
		{77, 0, 0, 0, ofperr.PortModBadPort},
		{1, 0, 0, mac(1) + 1, ofperr.PortModBadAddress},
		{1, 1 << 1, 1 << 1, mac(1), ofperr.PortModBadConfig},
		{1, 1 << 9, 1<<9 | 1, mac(1), ofperr.PortModBadConfig},
		{1, 1 << 1, 0, mac(1), nil},
		{1, 0, 1 << 1, mac(1), nil},
	} {
		if err := s.PortMod(c.port, c.config, c.mask, c.mac, nil); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if s.Snapshot().Generation() != gen {
		t.Error("what was refused, or changes nothing, is a change")
	}
}

// TestPortChanges: every change is told, once and in order, and what controllers configured
// outlasts a reload of the ports.
func TestPortChanges(t *testing.T) {
	s := puntState(t)
	var got []string
	s.OnPortChange(func(c PortChange) {
		got = append(got, fmt.Sprintf("%d %d %d %t %v", c.Kind, c.Port.OFPort, c.Port.Config(), c.Port.Up, c.By))
	})
	step := func(what string, err error, want ...string) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: told %q, want %q", what, got, want)
		}
		got = nil
	}
	ports := []Port{{OFPort: 1, Name: "a", Up: true, MAC: 5}, {OFPort: 2, Name: "b", Up: true}}
	all := func(p ...Port) error { return s.Apply(Change{Ports: append([]Port{}, p...)}) }
	if err := all(); err != nil {
		t.Fatal(err)
	}
	got = nil
	step("two", all(ports...), "0 1 0 true <nil>", "0 2 0 true <nil>")
	step("the same", all(ports...))
	step("down", s.SetPortUp(2, false), "2 2 0 false <nil>")
	step("down again", s.SetPortUp(2, false))
	step("mod", s.PortMod(1, PortConfigNoFwd, PortConfigNoFwd, 5, "me"), "2 1 32 true me")
	step("mod again", s.PortMod(1, PortConfigNoFwd, PortConfigNoFwd, 5, nil))
	step("reload", all(ports...), "2 2 0 true <nil>")
	if c := s.Snapshot().ports.get(1).Config(); c != PortConfigNoFwd {
		t.Errorf("after a reload the configuration is %#x", c)
	}
	step("another of that number", all(Port{OFPort: 1, Name: "c"}, ports[1]), "1 1 32 true <nil>", "0 1 0 false <nil>")
	step("one less", all(ports[1]), "1 1 0 false <nil>")
	if err := s.SetSampling(Sampling{}); err != nil {
		t.Fatal(err)
	}
	step("something else", nil)
}
