package datapath

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"pollux/actions"
	"pollux/pmd/port"
)

// placed fails where drops of ports are more than those in all, and returns what is of none of
// the ports that there are.
func placed(t *testing.T, s *Stats) (none ByReason) {
	t.Helper()
	none = s.Sums.Dropped
	for i := range s.Ports {
		for r, c := range s.Ports[i].Dropped {
			if c.Packets > none[r].Packets || c.Bytes > none[r].Bytes {
				t.Errorf("%v: ports have more drops than there are: %+v of %+v", actions.Reason(r), c, s.Sums.Dropped[r])
			}
		}
		none = none.Minus(&s.Ports[i].Dropped)
	}
	return none
}

// TestDropsAreOfPortsUnderTraffic: while queues change loops and devices come and go, every
// drop is told of the port that it is of, and no other: all that came by one that has
// everything dropped, all that another port was too narrow for, and what was for a port whose
// device was away of the one that it came by. Of a port that is removed they are no more, but
// stay in the sum.
func TestDropsAreOfPortsUnderTraffic(t *testing.T) {
	d, mem, _ := runningState(t, 2, "in_port=1,actions=drop\nin_port=3,actions=output:2\n")
	open := func(c port.MemoryConfig) *port.Memory {
		p, err := port.OpenMemory(c, mem)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	source := port.MemoryConfig{Queues: 4, Flows: 50, Rate: 20_000}
	narrow := func() *port.Memory { return open(port.MemoryConfig{Queues: 1, MTU: 40}) }
	for slot, dev := range []*port.Memory{open(source), narrow(), open(source)} {
		if err := d.Add(&Port{Slot: slot, OFPort: uint32(slot + 1), Name: string(rune('a' + slot)), Dev: dev}); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		was := in(d)
		until(t, "traffic", func() bool { return in(d) > was+100 })
		for _, slot := range []int{0, 2} {
			to := make([]int, source.Queues)
			for q := range to {
				to[q] = rand.IntN(2)
			}
			d.MoveQueues(slot, to, nil)
		}
		switch i % 4 {
		case 1:
			if err := d.Detach(1); err != nil {
				t.Fatal(err)
			}
		case 3:
			if err := d.Attach(1, narrow()); err != nil {
				t.Fatal(err)
			}
		}
		s := d.Stats()
		if none := placed(t, &s); none != (ByReason{}) {
			t.Fatalf("of no port: %+v", none)
		}
	}
	for _, slot := range []int{0, 2} {
		if err := d.Detach(slot); err != nil {
			t.Fatal(err)
		}
	}
	s := d.Stats()
	a, b, c := &s.Ports[0], &s.Ports[1], &s.Ports[2]
	count := func(what string, got actions.Count, wantPackets, wantBytes uint64) {
		t.Helper()
		if got.Packets != wantPackets || got.Bytes != wantBytes || got.Packets == 0 {
			t.Errorf("%s: %+v, want %d packets, %d bytes", what, got, wantPackets, wantBytes)
		}
	}
	count("all that came in by a", a.Dropped[actions.DropAction], a.Rx.Packets, a.Rx.Bytes)
	away, long := c.Dropped[actions.DropNoPort], b.Dropped[actions.DropTooLong]
	count("what was too long for b", long, c.Rx.Packets-away.Packets, c.Rx.Bytes-away.Bytes)
	count("what was for b while it was away", away, c.Rx.Packets-long.Packets, c.Rx.Bytes-long.Bytes)
	if got := b.Refused(); got != long {
		t.Errorf("b refused %+v, want what was too long: %+v", got, long)
	}
	if got := c.Refused(); got != (actions.Count{}) {
		t.Errorf("c refused %+v, and was sent nothing", got)
	}
	before := s.Sums.Dropped[actions.DropAction]
	if err := d.Remove(0); err != nil {
		t.Fatal(err)
	}
	if s = d.Stats(); placed(t, &s)[actions.DropAction] != before || s.Sums.Dropped[actions.DropAction] != before {
		t.Errorf("a is gone, and of no port are %+v of %+v", placed(t, &s)[actions.DropAction], before)
	}
	if err := d.Add(&Port{Slot: 0, OFPort: 9, Name: "another"}); err != nil {
		t.Fatal(err)
	}
	if s = d.Stats(); s.Ports[0].Dropped != (ByReason{}) {
		t.Errorf("a new port in the slot has drops: %+v", s.Ports[0].Dropped)
	}
	d.StopLoops()
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

// TestAgeOfPorts: a port is as old as its place in the switch, whatever its device does. Ages of one
// answer are of one moment: they differ by what lies between two additions, whenever one asks.
func TestAgeOfPorts(t *testing.T) {
	d, _ := running(t)
	add := func(slot int) {
		if err := d.Add(&Port{Slot: slot, OFPort: uint32(slot + 1)}); err != nil {
			t.Fatal(err)
		}
	}
	older := func(a, b int) float64 {
		p := d.Stats().Ports
		if p[a].Age < 0 || p[b].Age < 0 {
			t.Fatalf("ages %v and %v", p[a].Age, p[b].Age)
		}
		return p[a].Age - p[b].Age
	}
	const apart, rounding = 20 * time.Millisecond, 1e-9
	add(0)
	time.Sleep(apart)
	add(1)
	by := older(0, 1)
	if by < apart.Seconds()-rounding {
		t.Errorf("a port that came %v before another is older by %v s", apart, by)
	}
	for range 8 {
		if again := older(0, 1); math.Abs(again-by) > rounding {
			t.Errorf("a port was older by %v s, and is by %v", by, again)
		}
	}
	time.Sleep(apart)
	if err := d.Remove(0); err != nil {
		t.Fatal(err)
	}
	add(0)
	if by := older(1, 0); by < apart.Seconds()-rounding {
		t.Errorf("a port that came back is younger by %v s than one that stayed %v longer", by, apart)
	}
}
