package pipeline

import (
	"errors"
	"testing"

	"pollux/ofp/ofperr"
)

// TestModsOfAllKinds: a bundle's messages build on each other, and are published once; where
// one fails nothing of the others is left.
func TestModsOfAllKinds(t *testing.T) {
	m := newModRig(t, "in_port=1 actions=1")
	group := func(id uint32) Mod {
		return Mod{Group: &GroupMod{Command: GroupAdd, Group: Group{ID: id, Type: GroupIndirect, Buckets: []Bucket{{
			WatchPort: AnyPort, WatchGroup: AnyGroup, Actions: []Action{{Kind: ActOutput, Port: 3}}}}}}}
	}
	through := func(group, meter uint32) Mod {
		f := mod(t, FlowAdd, "in_port=2 actions=1")
		f.Flow.Do = Instructions{Meter: meter, Apply: []Action{{Kind: ActGroup, Group: group}}}
		return Mod{Flow: &f}
	}
	down := Mod{Port: &PortUpdate{OFPort: 4, Do: func(p *Port) { p.Up = false }}}
	addMeter := Mod{Meter: &MeterMod{MeterAdd, drop1000(5)}}
	published := 0
	m.OnPublish(func(*Snapshot) { published++ })
	all := []Mod{group(7), addMeter, through(7, 5), down}
	before := m.Snapshot()
	for _, c := range []struct {
		last Mod
		want error
	}{
		{group(7), ofperr.GroupModExists},
		{addMeter, ofperr.MeterModExists},
		{through(8, 5), ofperr.ActionBadOutGroup},
		{Mod{Port: &PortUpdate{OFPort: 99}}, ofperr.PortModBadPort},
		{Mod{Port: PortModUpdate(99, 0, 0, 0)}, ofperr.PortModBadPort},
		{Mod{Port: PortModUpdate(4, 0, 0, 0xbad)}, ofperr.PortModBadAddress},
		{Mod{Port: PortModUpdate(4, 1<<9, 1<<9, before.ports.get(4).MAC)}, ofperr.PortModBadConfig},
		{Mod{}, ofperr.BundleUnsupportedMessage},
	} {
		if i, err := m.Mods(append(all[:len(all):len(all)], c.last), nil, nil); i != 4 || !errors.Is(err, c.want) {
			t.Errorf("message %d: %v; want message 4: %v", i, err, c.want)
		}
	}
	if m.Snapshot() != before || published != 1 || len(m.log) != 0 || len(before.meters) != 0 {
		t.Errorf("what failed was published %d times, and told: %v", published-1, m.log)
	}
	if i, err := m.Mods(all, "me", nil); i != -1 || err != nil {
		t.Fatalf("message %d: %v", i, err)
	}
	if published != 2 {
		t.Errorf("published %d times, want once", published-1)
	}
	if p := programOf(t, m.State, "in_port=2"); p.String() != "meter(5),3" {
		t.Errorf("the flow of the bundle does %v", p)
	}
	if p := m.Snapshot().ports.get(4); p.Up {
		t.Error("the port is up")
	}
	if g := m.Snapshot().Generation(); g != before.Generation()+1 {
		t.Errorf("generation %d after %d", g, before.Generation())
	}
	// What a group and a meter take with them is gone for those that come behind.
	m.log = nil
	if i, err := m.Mods([]Mod{{Meter: &MeterMod{MeterDelete, Meter{ID: 5}}}, through(7, 0), {Group: &GroupMod{Command: GroupDelete, Group: Group{ID: 7}}}}, "me", nil); err != nil {
		t.Fatalf("message %d: %v", i, err)
	}
	m.expect("0: in_port=1 actions=output:1")
	if len(m.log) != 3 || m.log[0][:8] != "deleted4" || m.log[2][:8] != "deleted3" {
		t.Errorf("told: %q", m.log)
	}
	if len(m.dos.by) != 1 {
		t.Errorf("%d instructions are kept, want 1", len(m.dos.by))
	}
}

// TestMetersInsideOfActions: a flow whose clone goes through a meter goes with the meter.
func TestMetersInsideOfActions(t *testing.T) {
	m := newModRig(t, "")
	if err := m.MeterMod(&MeterMod{MeterAdd, drop1000(5)}); err != nil {
		t.Fatal(err)
	}
	f := mod(t, FlowAdd, "in_port=1")
	f.Flow.Do.Apply = []Action{{Kind: ActClone, List: &Lists{Actions: []Action{{Kind: ActMeter, Meter: 5}, {Kind: ActOutput, Port: 2}}}}}
	m.do(f)
	if st, err := m.MeterStats(5); err != nil || st[0].Flows != 1 {
		t.Errorf("%+v, %v", st, err)
	}
	if err := m.MeterMod(&MeterMod{MeterDelete, Meter{ID: 5}}); err != nil {
		t.Fatal(err)
	}
	m.expect("")
}
