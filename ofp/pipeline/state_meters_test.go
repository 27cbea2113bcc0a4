package pipeline

import (
	"errors"
	"slices"
	"testing"

	"pollux/actions"
	"pollux/flow"
	"pollux/ofp/ofperr"
	"pollux/pmd"
)

// metered returns a flow that goes through a meter and out of a port.
func metered(t *testing.T, text string, meter uint32) Flow {
	t.Helper()
	f, err := ParseFlow(text, nil)
	if err != nil {
		t.Fatal(err)
	}
	f.Do.Meter = meter
	return f
}

func drop1000(id uint32) Meter {
	return Meter{ID: id, Flags: MeterPktps, Bands: []Band{{Type: BandDrop, Rate: 1000}}}
}

func programOf(t *testing.T, s *State, packet string) *actions.Program {
	t.Helper()
	u := pmd.Upcall{Key: packetOf(t, s, packet), Thread: 0}
	s.Snapshot().Translate(&u)
	return u.Program
}

// TestMeterOfAFlow: packets go through the meter first, then the changes and outputs come;
// a changed meter is another, and without it its flows are gone.
func TestMeterOfAFlow(t *testing.T) {
	now := int64(7e9)
	s := testState(t, "in_port=2 actions=3", func(c *Config) { c.Now = func() int64 { return now } })
	if err := s.MeterMod(&MeterMod{MeterAdd, drop1000(5)}); err != nil {
		t.Fatal(err)
	}
	if err := s.Add(metered(t, "in_port=1,ip actions=dec_ttl,2", 5)); err != nil {
		t.Fatal(err)
	}
	const packet = "in_port=1,ip,nw_ttl=9"
	p := programOf(t, s, packet)
	if want := "meter(5),set(ipv4(ttl=8)),2"; p.String() != want {
		t.Fatalf("%s, want %s", p, want)
	}
	if q := programOf(t, s, packet); !actions.Equal(p, q) {
		t.Error("the same again is another program")
	}
	now += 3e9
	st, err := s.MeterStats(5)
	if err != nil || len(st) != 1 || st[0].Flows != 1 || st[0].Duration != 3e9 || len(st[0].Bands) != 1 {
		t.Errorf("%+v, %v", st, err)
	}
	if err := s.MeterMod(&MeterMod{MeterModify, Meter{ID: 5, Flags: MeterKbps | MeterBurst, Bands: []Band{
		{Type: BandDrop, Rate: 100, Burst: 10}, {Type: BandDSCPRemark, Rate: 50, Burst: 10, PrecLevel: 1}}}}); err != nil {
		t.Fatal(err)
	}
	if q := programOf(t, s, packet); actions.Equal(p, q) || !q.Meters[0].Remarks() {
		t.Error("the changed meter is not asked")
	}
	if err := s.MeterMod(&MeterMod{MeterDelete, Meter{ID: 5}}); err != nil {
		t.Fatal(err)
	}
	if q := programOf(t, s, packet); q.String() != "drop" || len(s.DumpFlows()) != 1 {
		t.Errorf("%s; %d flows are left, want 1", q, len(s.DumpFlows()))
	}
	if err := s.MeterMod(&MeterMod{MeterDelete, Meter{ID: 5}}); err != nil {
		t.Errorf("none to delete: %v", err)
	}
}

// TestAfterARemarkTheDSCPIsWritten: what a meter may have changed is written even where an
// earlier write had that value.
func TestAfterARemarkTheDSCPIsWritten(t *testing.T) {
	s := testState(t, "")
	m := Meter{ID: 1, Flags: MeterKbps, Bands: []Band{{Type: BandDSCPRemark, Rate: 1, PrecLevel: 1}}}
	if err := s.MeterMod(&MeterMod{MeterAdd, m}); err != nil {
		t.Fatal(err)
	}
	set := Action{Kind: ActSetField, Dst: Subfield{flow.IPDSCP, 0, 6}, Value: flow.Value{Lo: 10}, Mask: flow.IPDSCP.Full()}
	f := metered(t, "ip actions=2", 0)
	f.Do.Apply = []Action{set, {Kind: ActMeter, Meter: 1}, set, {Kind: ActOutput, Port: 2}}
	if err := s.Add(f); err != nil {
		t.Fatal(err)
	}
	if p, want := programOf(t, s, "in_port=1,ip"), "set(ipv4(tos=0x28/0xfc)),meter(1),set(ipv4(tos=0x28/0xfc)),2"; p.String() != want {
		t.Errorf("%s, want %s", p, want)
	}
}

func TestMetersThatAreRefused(t *testing.T) {
	s := testState(t, "")
	if err := s.MeterMod(&MeterMod{MeterAdd, drop1000(1)}); err != nil {
		t.Fatal(err)
	}
	drop := []Band{{Type: BandDrop, Rate: 1}}
	gen := s.Snapshot().Generation()
	for _, c := range []struct {
		mod  MeterMod
		want ofperr.Error
	}{
		{MeterMod{MeterAdd, drop1000(1)}, ofperr.MeterModExists},
		{MeterMod{MeterModify, drop1000(2)}, ofperr.MeterModUnknown},
		{MeterMod{MeterAdd, drop1000(0)}, ofperr.MeterModInvalid},
		{MeterMod{MeterAdd, drop1000(MeterAll)}, ofperr.MeterModInvalid},
		{MeterMod{MeterDelete, Meter{ID: 0}}, ofperr.MeterModInvalid},
		{MeterMod{7, drop1000(2)}, ofperr.MeterModBadCommand},
		{MeterMod{MeterAdd, Meter{ID: 2, Bands: drop}}, ofperr.MeterModBadFlags},
		{MeterMod{MeterAdd, Meter{ID: 2, Flags: MeterKbps | MeterPktps, Bands: drop}}, ofperr.MeterModBadFlags},
		{MeterMod{MeterAdd, Meter{ID: 2, Flags: 1 << 9, Bands: drop}}, ofperr.MeterModBadFlags},
		{MeterMod{MeterAdd, Meter{ID: 2, Flags: MeterKbps, Bands: slices.Repeat(drop, 9)}}, ofperr.MeterModTooManyBands},
		{MeterMod{MeterAdd, Meter{ID: 2, Flags: MeterKbps, Bands: []Band{{Type: 3}}}}, ofperr.MeterModBadBand},
		{MeterMod{MeterAdd, Meter{ID: 2, Flags: MeterKbps, Bands: []Band{{Type: BandDSCPRemark, PrecLevel: 4}}}}, ofperr.MeterModBadBandValue},
	} {
		var e ofperr.Error
		if err := s.MeterMod(&c.mod); !errors.As(err, &e) || e != c.want {
			t.Errorf("%+v: %v, want %s", c.mod, err, c.want.Name())
		}
	}
	if s.Snapshot().Generation() != gen {
		t.Error("something that was refused was published")
	}
	if st, err := s.MeterStats(MeterAll); err != nil || len(st) != 1 || st[0].Meter.ID != 1 {
		t.Errorf("%+v, %v", st, err)
	}
	if _, err := s.MeterStats(9); !errors.Is(err, ofperr.MeterModUnknown) {
		t.Errorf("statistics of no meter: %v", err)
	}
}
