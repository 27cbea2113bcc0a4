package pipeline

import (
	"fmt"
	"math"
	"testing"

	"pollux/actions"
	"pollux/pmd"
)

// loopsOf returns n loops with a clock that the test drives, and the program that each makes
// of a frame that comes in by port 1.
func loopsOf(t *testing.T, s *State, n int, frame []byte) (loops []*rig, programs []*actions.Program) {
	t.Helper()
	for i := range n {
		loops = append(loops, newRig(s.Snapshot().Ports()))
		key := extract(frame, packetOf(t, s, "in_port=1"))
		u := pmd.Upcall{Key: &key, Thread: i}
		s.Snapshot().Translate(&u)
		programs = append(programs, u.Program)
	}
	return loops, programs
}

// TestMetersHoldTheirRate: meters of flows and meter actions, in kbps and pktps, that drop or
// remark, for ten seconds at three times their rate, the packets shared unevenly by one, two
// or four loops. What passes unchanged is the rate and the burst, to a packet; what is left is
// counted by the band. After a pause a burst passes again, and no more.
func TestMetersHoldTheirRate(t *testing.T) {
	const (
		seconds = 10
		length  = 500 // bytes of a frame
		perSec  = 3000
	)
	frame := make([]byte, length)
	copy(frame[12:], []byte{8, 0, 0x45, 10 << 2, 1, 500 - 14 - 256, 0, 0, 0, 0, 64, 17}) // AF11
	for _, flags := range []MeterFlags{MeterKbps, MeterPktps} {
		unit, rate, burst := 1.0, uint32(1000), uint32(50)
		if flags == MeterKbps {
			unit, rate, burst = length*8/1000.0, 4000, 200 // the same in kbit
		}
		for _, band := range []Band{{Type: BandDrop, Rate: rate, Burst: burst}, {Type: BandDSCPRemark, Rate: rate, Burst: burst, PrecLevel: 2}} {
			for _, how := range []string{"flow", "action"} {
				for _, n := range []int{1, 2, 4} {
					t.Run(fmt.Sprintf("%s/flags=%d/band=%d/loops=%d", how, flags, band.Type, n), func(t *testing.T) {
						now := int64(1e9)
						s := testState(t, "", func(c *Config) { c.Threads = n; c.Now = func() int64 { return now } })
						if err := s.MeterMod(&MeterMod{MeterAdd, Meter{ID: 1, Flags: flags | MeterBurst, Bands: []Band{band}}}); err != nil {
							t.Fatal(err)
						}
						do := Instructions{Meter: 1, Apply: []Action{{Kind: ActOutput, Port: 2}}}
						if how == "action" {
							do = apply(Action{Kind: ActMeter, Meter: 1}, Action{Kind: ActOutput, Port: 2})
						}
						if err := s.Add(flowOf(t, "in_port=1", do)); err != nil {
							t.Fatal(err)
						}
						loops, programs := loopsOf(t, s, n, frame)
						var passed, sent int
						send := func(k int) {
							k = k * k % n // some loops have more than others
							loops[k].Now = now
							for _, f := range loops[k].run(programs[k], frame, 1) {
								if sent++; f.frame[15] == 10<<2 {
									passed++
								} else if f.frame[15] != 14<<2 {
									t.Fatalf("a packet has TOS %#x, want %#x or %#x", f.frame[15], 10<<2, 14<<2)
								}
							}
						}
						for i := range seconds * perSec {
							now = 1e9 + int64(i)*1e9/perSec
							send(i)
						}
						if want := (float64(rate)*seconds + float64(burst)) / unit; math.Abs(float64(passed)-want) > 2 {
							t.Errorf("%d packets passed in ten seconds, want %.0f", passed, want)
						}
						st, err := s.MeterStats(1)
						if err != nil {
							t.Fatal(err)
						}
						if want := uint64(seconds*perSec - passed); st[0].Packets != seconds*perSec || st[0].Bands[0] != (BandStats{want, want * length}) {
							t.Errorf("counts: %+v, want %d packets in, %d beyond", st[0], seconds*perSec, want)
						}
						if all := seconds * perSec; band.Type == BandDSCPRemark && sent != all || band.Type == BandDrop && sent != passed {
							t.Errorf("%d packets were sent, %d of them unchanged, of %d", sent, passed, all)
						}
						now += 5e9
						passed = 0
						for i := range 200 {
							send(i)
						}
						if want := int(float64(burst)/unit) + 1; passed != want {
							t.Errorf("%d packets passed at once after a pause, want %d", passed, want)
						}
					})
				}
			}
		}
	}
}

// TestMetersLetTheirRateThrough: what comes at a hair less than the rate, in bunches that the
// burst has room for, loses nothing.
func TestMetersLetTheirRateThrough(t *testing.T) {
	frame := make([]byte, 500)
	copy(frame[12:], []byte{8, 0, 0x45})
	now := int64(1e9)
	s := testState(t, "", func(c *Config) { c.Threads = 4; c.Now = func() int64 { return now } })
	if err := s.MeterMod(&MeterMod{MeterAdd, Meter{ID: 1, Flags: MeterKbps | MeterBurst, Bands: []Band{{Type: BandDrop, Rate: 4000, Burst: 36}}}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Add(flowOf(t, "in_port=1", Instructions{Meter: 1, Apply: []Action{{Kind: ActOutput, Port: 2}}})); err != nil {
		t.Fatal(err)
	}
	loops, programs := loopsOf(t, s, 4, frame)
	for i := range 10_000 { // 10 packets, 40 kbit, every 10.01 ms
		now = 1e9 + int64(i/10)*10_010_000
		k := i % 4
		loops[k].Now = now
		if out := loops[k].run(programs[k], frame, 1); len(out) != 1 {
			t.Fatalf("packet %d of 3996 kbit/s is dropped by a meter of 4000", i)
		}
	}
}
