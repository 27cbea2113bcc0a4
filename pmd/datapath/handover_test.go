package datapath

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// hairpin sends what comes by the first port out of it again.
const hairpin = "in_port=1,actions=in_port\n"

// TestQueuesMoveUnderTraffic: receive queues change loops hundreds of times while packets
// flow, where each loop has a transmit queue and where some send by another's. No packet
// is lost, none is overtaken by a later one of its flow, and all sums close.
func TestQueuesMoveUnderTraffic(t *testing.T) {
	for _, c := range []struct{ loops, tx int }{{2, 2}, {2, 1}, {3, 2}} {
		t.Run(fmt.Sprintf("loops=%d,tx=%d", c.loops, c.tx), func(t *testing.T) {
			const rxQueues, flows = 4, 64
			d, mem := runningLoops(t, c.loops, hairpin)
			dev := newNumbered(mem, flows, rxQueues, c.tx, 600)
			if err := d.Add(&Port{Slot: 0, OFPort: 1, Name: "a", Dev: dev}); err != nil {
				t.Fatal(err)
			}
			records := newCollector()
			records.add(d.Caches(0))
			if err := d.Start(); err != nil {
				t.Fatal(err)
			}
			moved := 0
			for range 150 {
				to := make([]int, rxQueues)
				for q, was := range d.Polls(0) {
					if to[q] = rand.IntN(c.loops); to[q] != was {
						moved++
					}
				}
				before := dev.out()
				d.MoveQueues(0, to, nil)
				for end := time.Now().Add(10 * time.Second); dev.out() < before+2000; time.Sleep(50 * time.Microsecond) {
					if time.Now().After(end) {
						t.Fatalf("traffic stopped after %d moves: %+v", moved, d.Stats().Sums)
					}
				}
			}
			dev.stop.Store(true)
			for end := time.Now().Add(10 * time.Second); dev.out() < dev.made.Load() && time.Now().Before(end); {
				time.Sleep(time.Millisecond)
			}
			d.StopLoops()
			d.FlushFlows(5 * time.Second)
			took, seen, lost := records.end()
			s := d.Stats().Sums
			var gaps []float64
			for _, q := range dev.rx {
				gaps = append(gaps, q.gaps...)
			}
			slices.Sort(gaps)
			t.Logf("%d moves, %d packets; queues were unpolled for %.0f µs, half of them for less than %.0f, the longest for %.0f",
				moved, s.In.Packets, gaps[0], gaps[len(gaps)/2], gaps[len(gaps)-1])
			if made := uint64(dev.made.Load()); made != uint64(dev.out()) || s.In.Packets != made || s.Sent.Packets != made || s.DroppedTotal().Packets != 0 {
				t.Errorf("made %d, delivered %d; %+v", made, dev.out(), s)
			}
			if dev.wrong != 0 {
				t.Errorf("%d frames out of order, the first: flow %d, number %d where %d was due", dev.wrong, dev.first[0], dev.first[1], dev.first[2])
			}
			if s.Unaccounted() != 0 || s.Held != 0 {
				t.Errorf("unaccounted %d, held %d", s.Unaccounted(), s.Held)
			}
			if seen.Packets != s.In.Packets || took.Packets+lost.Packets != seen.Packets || lost.Packets != 0 {
				t.Errorf("of %d packets flow caches saw %d, records hold %d, lost are %d", s.In.Packets, seen.Packets, took.Packets, lost.Packets)
			}
			if err := d.Close(); err != nil {
				t.Error(err)
			}
			home := 0
			for _, l := range d.Loops() {
				home += l.FreeFrames()
			}
			if home != c.loops*perHome {
				t.Errorf("%d of %d chunks came home", home, c.loops*perHome)
			}
		})
	}
}

// TestMovesOfLoopsAtRest: queues of loops that do not run, or stop meanwhile, change hands
// too, and nobody waits for ever.
func TestMovesOfLoopsAtRest(t *testing.T) {
	d, mem := runningLoops(t, 2, hairpin)
	dev := newNumbered(mem, 8, 4, 1, 100)
	if err := d.Add(&Port{Slot: 0, OFPort: 1, Name: "a", Dev: dev}); err != nil {
		t.Fatal(err)
	}
	d.MoveQueues(0, []int{1, 1, 1, 1}, nil)
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 200 {
			d.MoveQueues(0, []int{i % 2, (i + 1) % 2, 0, i % 2}, nil)
		}
	}()
	time.Sleep(2 * time.Millisecond)
	d.StopLoops()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("a move hangs on loops that were stopped")
	}
	s := d.Stats()
	if len(s.Ports[0].RxQ) != 4 {
		t.Errorf("%d queues are polled of 4", len(s.Ports[0].RxQ))
	}
	for q, want := range []int{1, 0, 0, 1} {
		if got := d.Polls(0)[q]; got != want {
			t.Errorf("queue %d is polled by loop %d, not %d", q, got, want)
		}
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}
