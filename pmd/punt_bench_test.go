package pmd_test

import (
	"runtime"
	"testing"

	"pollux/actions"
	"pollux/flow"
	"pollux/pmd"
)

// someToController sends one of every flows to the controller, and forwards the others.
type someToController struct {
	*byBit
	every uint64
	punt  *actions.Program
}

func newSomeToController(every uint64, maxLen uint16, also bool) *someToController {
	b := actions.NewBuilder()
	b.Controller(actions.Punt{Reason: actions.PuntAction, MaxLen: maxLen})
	if also {
		b.Output(1, 2)
	}
	return &someToController{newByBit(1, false), every, b.Program()}
}

func (t *someToController) Translate(u *pmd.Upcall) {
	t.byBit.Translate(u)
	u.Mask.Or(flow.WL4, 0xffff<<48)
	u.Mask.Or(flow.WIPv4, ^uint64(0))
	if t.every > 0 && u.Key.Hash(u.Mask.Map, 1)%t.every == 0 {
		u.Program = t.punt
	}
}

// puntCases are what part of the traffic goes to controllers, and whether these take it.
var puntCases = []struct {
	name  string
	t     *someToController
	drain bool
}{
	{"none", newSomeToController(0, 0, false), true},
	{"one of 100 flows", newSomeToController(100, actions.WholePacket, false), true},
	{"one of 100 flows, nobody takes them", newSomeToController(100, actions.WholePacket, false), false},
	{"all", newSomeToController(1, actions.WholePacket, false), true},
	{"all, and forwarded", newSomeToController(1, 128, true), true},
	{"all, nobody takes them", newSomeToController(1, actions.WholePacket, false), false},
}

// TestPuntAllocs: packets to controllers cost the loop no allocation.
func TestPuntAllocs(t *testing.T) {
	for _, c := range puntCases[1:] {
		r := newRigOf(t, c.t, rigSpec{flows: 1000, masks: 1})
		nothing := func(*actions.PuntedPacket) {}
		turn := func() {
			r.loop.Iterate()
			if c.drain {
				r.loop.Punts().Drain(nothing)
			}
		}
		for range 200 {
			turn()
		}
		before := r.loop.Counts()
		if a := testing.AllocsPerRun(500, turn); a != 0 {
			t.Errorf("%s: %v allocations a batch", c.name, a)
		}
		s, _, _ := r.loop.Stats()
		if s.Packets == before.Packets || s.Consumed.Packets == 0 {
			t.Errorf("%s: %d packets, %d to controllers: nothing was measured", c.name, s.Packets-before.Packets, s.Consumed.Packets)
		}
	}
}

// BenchmarkPunts gives the cost a packet where some go to controllers; draining, which another
// thread does in a switch, is part of it.
func BenchmarkPunts(b *testing.B) {
	for _, c := range puntCases {
		b.Run(c.name, func(b *testing.B) {
			r := newRigOf(b, c.t, rigSpec{flows: 1000, masks: 1})
			nothing := func(*actions.PuntedPacket) {}
			for range 200 {
				r.loop.Iterate()
				r.loop.Punts().Drain(nothing)
			}
			before := r.loop.Counts().Packets
			b.ResetTimer()
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			start := threadTime()
			for b.Loop() {
				r.loop.Iterate()
				if c.drain {
					r.loop.Punts().Drain(nothing)
				}
			}
			n := float64(r.loop.Counts().Packets - before)
			b.ReportMetric(float64(threadTime()-start)/n, "cpu-ns/pkt")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/n, "ns/pkt")
			b.ReportMetric(0, "ns/op")
		})
	}
}
