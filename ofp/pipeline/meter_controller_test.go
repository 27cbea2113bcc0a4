package pipeline

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"pollux/actions"
	"pollux/ofp/ofperr"
)

// TestMeterOfAllPacketIns: the meter controller is asked about every packet for controllers that
// has no meter of its own, why ever it is sent, from when it comes until it goes; decisions of
// before are not used any more.
func TestMeterOfAllPacketIns(t *testing.T) {
	own := &ControllerAction{MaxLen: 7, Reason: uint8(actions.PuntAction), Meter: 5}
	pause := &ControllerAction{MaxLen: 7, Reason: uint8(actions.PuntAction), Pause: true}
	s := testState(t, "")
	for _, id := range []uint32{5, 6} {
		if err := s.MeterMod(&MeterMod{MeterAdd, drop1000(id)}); err != nil {
			t.Fatal(err)
		}
	}
	s.SetPunting(Punting{Miss: true, InvalidTTL: true, MissLen: 128})
	for _, f := range []Flow{
		flowOf(t, "in_port=1", apply(plainController)),
		flowOf(t, "in_port=2", apply(Action{Kind: ActController, List: &Lists{Controller: own}})),
		flowOf(t, "in_port=3,ip", apply(Action{Kind: ActDecTTL}, Action{Kind: ActOutput, Port: 2})),
		flowOf(t, "in_port=4", apply(Action{Kind: ActController, List: &Lists{Controller: pause}}, Action{Kind: ActOutput, Port: 2})),
		flowOf(t, "in_port=5", Instructions{Write: []Action{plainController}}),
	} {
		if err := s.Add(f); err != nil {
			t.Fatal(err)
		}
	}
	packets := []string{"in_port=1", "in_port=2", "in_port=3,ip,nw_ttl=1", "in_port=4", "in_port=5", "in_port=9"}
	look := func(when string, all bool) {
		t.Helper()
		for _, p := range packets {
			u := translated(t, s.Snapshot(), p)
			want := map[bool]string{true: "meter_id=controller"}[all]
			if p == "in_port=2" {
				want = "meter_id=5"
			}
			text := u.Program.String()
			if got := strings.Contains(text, "meter_id"); got != (want != "") || !strings.Contains(text, want) {
				t.Errorf("%s: %s: %s, want %q", when, p, text, want)
			}
			if m := u.Program.Punts[0].Meter; want == "meter_id=controller" && m != s.Snapshot().meters[MeterController].run {
				t.Errorf("%s: %s goes through another meter", when, p)
			}
		}
	}
	look("without it", false)
	before := s.Snapshot()
	m := Meter{ID: MeterController, Flags: MeterPktps, Bands: []Band{{Type: BandDrop, Rate: 10}}}
	if err := s.MeterMod(&MeterMod{MeterAdd, m}); err != nil {
		t.Fatal(err)
	}
	look("with it", true)
	for _, p := range packets {
		u := translated(t, before, p)
		if own := p == "in_port=2"; !s.Snapshot().Changes().Touched(before.Generation(), 0, u.Key, &u.Mask, u.Path, u.Credit) && !own {
			t.Errorf("%s: the decision of before stands", p)
		}
	}
	m.Bands[0].Rate = 20
	if err := s.MeterMod(&MeterMod{MeterModify, m}); err != nil {
		t.Fatal(err)
	}
	look("changed", true)
	if err := s.MeterMod(&MeterMod{MeterDelete, Meter{ID: MeterController}}); err != nil {
		t.Fatal(err)
	}
	look("without it again", false)
	if n := len(s.DumpFlows()); n != 5 {
		t.Errorf("%d flows are left", n)
	}
	m.Bands = []Band{{Type: BandDSCPRemark, Rate: 1, PrecLevel: 1}}
	for _, c := range []struct {
		mod  MeterMod
		want error
	}{
		{MeterMod{MeterAdd, m}, ofperr.MeterModBadBand},
		{MeterMod{MeterAdd, Meter{ID: MeterSlowPath, Flags: MeterPktps}}, ofperr.MeterModInvalid},
		{MeterMod{MeterDelete, Meter{ID: MeterSlowPath}}, nil},
	} {
		if err := s.MeterMod(&c.mod); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v, want %v", c.mod, err, c.want)
		}
	}
}

// TestMeterOfAllPacketInsHoldsItsRate: for ten seconds at three times the rate, by several loops
// and for several reasons, controllers get the rate and the burst, to a packet; what flows send
// elsewhere is not metered.
func TestMeterOfAllPacketInsHoldsItsRate(t *testing.T) {
	const seconds, perSec, rate, burst = 10, 3000, 1000, 50
	frame := make([]byte, 60)
	copy(frame[12:], []byte{8, 0, 0x45, 0, 0, 46, 0, 0, 0, 0, 1, 17})
	for _, n := range []int{1, 2, 4} {
		t.Run(fmt.Sprintf("loops=%d", n), func(t *testing.T) {
			now := int64(1e9)
			s := testState(t, "", func(c *Config) { c.Threads = n; c.Now = func() int64 { return now } })
			s.SetPunting(Punting{InvalidTTL: true})
			m := Meter{ID: MeterController, Flags: MeterPktps | MeterBurst, Bands: []Band{{Type: BandDrop, Rate: rate, Burst: burst}}}
			if err := s.MeterMod(&MeterMod{MeterAdd, m}); err != nil {
				t.Fatal(err)
			}
			to2 := Action{Kind: ActOutput, Port: 2}
			if err := s.Add(flowOf(t, "in_port=1", apply(to2, plainController))); err != nil {
				t.Fatal(err)
			}
			loops, asked := loopsOf(t, s, n, frame)
			if err := s.Add(flowOf(t, "in_port=1,ip,priority=40000", apply(to2, Action{Kind: ActDecTTL}))); err != nil {
				t.Fatal(err)
			}
			_, expired := loopsOf(t, s, n, frame)
			if asked[0].String() == expired[0].String() {
				t.Fatalf("both programs are %s", asked[0])
			}
			sent, told := 0, 0
			for i := range seconds * perSec {
				now = 1e9 + int64(i)*1e9/perSec
				k := i * i % n
				loops[k].Now = now
				p := asked[k]
				if i%3 == 0 {
					p = expired[k]
				}
				for _, o := range loops[k].run(p, frame, 1) {
					if o.port == 2 {
						sent++
					} else {
						told++
					}
				}
			}
			if want := rate*seconds + burst; math.Abs(float64(told-want)) > 2 {
				t.Errorf("controllers got %d packets, want %d", told, want)
			}
			if sent != seconds*perSec {
				t.Errorf("%d packets were sent of %d", sent, seconds*perSec)
			}
			st, err := s.MeterStats(MeterController)
			if err != nil || st[0].Packets != seconds*perSec || st[0].Bands[0].Packets != uint64(seconds*perSec-told) {
				t.Errorf("counts: %+v, %v", st, err)
			}
		})
	}
}
