package datapath

import (
	"testing"
	"time"

	"pollux/pmd/port"
)

// TestUsageAndRebalance: a loop that polls all queues is busy, the other is not; each
// queue's share is by what it cost; rebalancing makes them even, while traffic flows.
func TestUsageAndRebalance(t *testing.T) {
	d, mem := running(t)
	for slot, c := range []port.MemoryConfig{{Queues: 2, Flows: 100, Rate: 400_000}, {Queues: 2}, {Queues: 1, Flows: 10, Rate: 20_000}} {
		dev, err := port.OpenMemory(c, mem)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Add(&Port{Slot: slot, OFPort: uint32(slot + 1), Name: "p", Dev: dev, Loops: []int{0, 0}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	for range 20 { // more than are kept
		time.Sleep(5 * time.Millisecond)
		d.SampleUsage()
	}
	u := d.Usage(time.Minute)
	if len(u.Loops[0].Queues) != 5 || len(u.Loops[1].Queues) != 0 {
		t.Fatalf("%+v", u)
	}
	if u.Seconds < 0.05 || u.Seconds > 0.5*20 || u.Loops[0].Busy <= u.Loops[1].Busy {
		t.Errorf("%+v", u)
	}
	sum := u.Loops[0].Overhead
	for _, q := range u.Loops[0].Queues {
		sum += q.Usage
		if source := q.Slot != 1; (q.Usage > 0) != source || (q.Packets > 0) != source {
			t.Errorf("queue %d of slot %d: %+v", q.Queue, q.Slot, q)
		}
	}
	if busy := u.Loops[0].Busy; sum < 0.9*busy || sum > 1.1*busy {
		t.Errorf("queues and overhead come to %.3f of the loop's %.3f", sum, busy)
	}
	if w := d.Usage(10 * time.Millisecond); w.Seconds > u.Seconds {
		t.Errorf("a window of 10 ms is %v s long", w.Seconds)
	}

	dry := d.Plan(Group, time.Minute)
	if _, done := d.Rebalance(Group, time.Minute, func(*Plan) bool { return false }); done || len(d.Usage(time.Minute).Loops[1].Queues) != 0 {
		t.Error("what was not wanted was done")
	}
	p, done := d.Rebalance(Group, time.Minute, func(p *Plan) bool { return p.Improvement > 0 })
	if !done || len(p.Moves) == 0 || len(dry.Moves) == 0 {
		t.Fatalf("%+v", p)
	}
	for _, m := range p.Moves {
		if got := d.Polls(m.Slot)[m.Queue]; got != m.To {
			t.Errorf("queue %d of slot %d is polled by loop %d: %+v", m.Queue, m.Slot, got, m)
		}
	}
	before := d.Stats().Loops[1].Packets
	time.Sleep(30 * time.Millisecond)
	if after := d.Stats().Loops[1].Packets; after == before {
		t.Error("the other loop receives nothing")
	}
	d.StopLoops()
	if s := d.Stats().Sums; s.Unaccounted() != 0 {
		t.Errorf("%+v", s)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}
