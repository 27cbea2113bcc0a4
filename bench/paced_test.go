package bench

import (
	"context"
	"testing"
	"time"
)

// TestPacedToStopwatch: what is sent is counted, once, with a time on the way for each.
func TestPacedToStopwatch(t *testing.T) {
	_, ns := wires(t, "a", "b")
	for _, tc := range []struct {
		name  string
		sizes []int
		flows int
		pace  Pace
	}{
		{"rate", Min64, 1, Pace{Rate: 100_000, Count: 20_000, Time: 5 * time.Second}},
		{"burst", []int{1514}, 1, Pace{Count: 5_000, Time: 5 * time.Second}},
		{"mix", IMIX, 7, Pace{Rate: 50_000, Count: 12_000, Time: 5 * time.Second}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, err := NewStopwatch(ns[1].Name, "bl")
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			g, err := NewPacedGen(PacedSpec{NetNS: ns[0].Name, Device: "ar", Sizes: tc.sizes, Flows: tc.flows, Core: -1})
			if err != nil {
				t.Fatal(err)
			}
			defer g.Close()
			for run := range uint32(3) {
				if err := w.Reset(run + 1); err != nil {
					t.Fatal(err)
				}
				tc.pace.Run = run + 1
				p, err := g.Run(context.Background(), tc.pace)
				if err != nil {
					t.Fatal(err)
				}
				e, err := w.Read()
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("sent %d in %v, late %v; counted %d, p50 %d ns, max %d ns", p.Sent, p.Took, p.Late, e.Count, e.Latency.ValueAtQuantile(50), e.Latency.Max())
				if p.Sent != tc.pace.Count || e.Count > p.Sent || e.Count == 0 {
					t.Errorf("sent %d of %d, counted %d", p.Sent, tc.pace.Count, e.Count)
				}
				if e.Latency.TotalCount() != int64(e.Count) || e.Reordered != 0 || e.Foreign != 0 {
					t.Errorf("counted %d, %d in the histogram, reordered %d, foreign %d", e.Count, e.Latency.TotalCount(), e.Reordered, e.Foreign)
				}
			}
		})
	}
}

// TestPacedFramesAreRight looks at what PacedGen makes through a socket.
func TestPacedFramesAreRight(t *testing.T) {
	_, ns := wires(t, "a", "b")
	rx := open(t, ns[1], "bl")
	g, err := NewPacedGen(PacedSpec{NetNS: ns[0].Name, Device: "ar", Sizes: IMIX, Flows: 1, Core: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if _, err := g.Run(context.Background(), Pace{Run: 9, Rate: 10_000, Count: 120, Time: time.Second}); err != nil {
		t.Fatal(err)
	}
	n := 0
	look := func(b []byte) {
		run, seq, ok := Parse(b)
		if !ok || run != 9 || seqOf(seq) != uint64(n) || len(b) != IMIX[n%len(IMIX)] {
			t.Errorf("frame %d: run %d, seq %d, %d bytes, ok %t", n, run, seqOf(seq), len(b), ok)
		}
		if ip := b[14:34]; fold(sum(ip)) != 0xffff || int(be.Uint16(ip[2:])) != len(b)-14 || int(be.Uint16(b[38:])) != len(b)-34 {
			t.Errorf("frame %d: IP header % x, UDP length %d in %d bytes", n, ip, be.Uint16(b[38:]), len(b))
		}
		if took := sinceStamp(seq); took == 0 || took > 2e9 {
			t.Errorf("frame %d: %d ns on the way", n, took)
		}
		n++
	}
	for deadline := time.Now().Add(2 * time.Second); n < 120 && time.Now().Before(deadline); {
		rx.Receive(64, look)
	}
	if n != 120 {
		t.Errorf("%d of 120 frames arrived", n)
	}
}

func TestPacedRefuses(t *testing.T) {
	for _, s := range []PacedSpec{{Sizes: []int{59}, Flows: 1}, {Sizes: []int{1515}, Flows: 1}, {Flows: 1}, {Sizes: Min64}, {Sizes: Min64, Flows: 60001}} {
		if _, err := NewPacedGen(s); err == nil {
			t.Errorf("%+v: accepted", s)
		}
	}
}
