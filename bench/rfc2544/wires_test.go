package rfc2544

import (
	"context"
	"os"
	"testing"
	"time"

	"pollux/bench"
	"pollux/internal/lab"
)

// TestAccountingCloses does trials over a wire with nothing in the middle, with either
// kind of ends: every frame sent is received or lost, and each received has its time.
func TestAccountingCloses(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("namespaces need root")
	}
	for _, sockets := range []bool{false, true} {
		name := map[bool]string{false: "kernel", true: "sockets"}[sockets]
		t.Run(name, func(t *testing.T) {
			l, err := lab.New("pxrfct")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			a, err := l.Namespace("a")
			if err != nil {
				t.Fatal(err)
			}
			b, err := l.Namespace("b")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := l.Veth(lab.End{NS: a, Device: "e0"}, lab.End{NS: b, Device: "e1"}); err != nil {
				t.Fatal(err)
			}
			rig := Rig{GenNS: a.Name, GenDev: "e0", SinkNS: b.Name, SinkDev: "e1", GenCore: 0, Sockets: sockets}
			tester, done, err := rig.Open(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := done(); err != nil {
					t.Error(err)
				}
			}()
			for _, trial := range []Trial{
				{Sizes: bench.Min64, Rate: 20_000, Time: 200 * time.Millisecond},
				{Sizes: bench.IMIX, Rate: 5_000, Count: 1200},
				{Sizes: bench.Min64, Count: 500},
			} {
				o, err := tester.Try(context.Background(), trial)
				if err != nil {
					t.Fatal(err)
				}
				if o.Sent != trial.frames() || o.Received == 0 || o.Received+o.Lost() != o.Sent || o.Duplicate+o.Reordered != 0 {
					t.Errorf("%+v: sent %d, received %d, lost %d, duplicate %d, reordered %d", trial, o.Sent, o.Received, o.Lost(), o.Duplicate, o.Reordered)
				}
				if n := o.Latency.TotalCount(); n != int64(o.Received) {
					t.Errorf("%+v: %d received, %d in the histogram", trial, o.Received, n)
				}
			}
		})
	}
}

func TestRigSaysWhenNothingArrives(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("namespaces need root")
	}
	_, done, err := Rig{GenDev: "lo", SinkDev: "nosuch0"}.Open(context.Background())
	if err == nil {
		t.Error("a device that is not there was opened")
	}
	if err := done(); err != nil {
		t.Error(err)
	}
}
