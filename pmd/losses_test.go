package pmd_test

import (
	"testing"

	"pollux/actions"
	"pollux/flow"
	"pollux/internal/packet"
	"pollux/ofp/pipeline"
	"pollux/pmd"
	"pollux/pmd/port"
)

// lostOf is what the loop tells of drops of a slot for a reason.
func lostOf(s *pmd.LoopStats, slot int, r actions.Reason) (c actions.Count) {
	for _, d := range s.Lost {
		if d.Slot == slot && d.Reason == r {
			c = d.Count
		}
	}
	return c
}

// TestLossesBySlot: drops are told of the slot that packets came in by; those of packet-outs of
// none, even where they say that they came by a port. What a port was told of when it is
// removed is of none, and the sum stays.
func TestLossesBySlot(t *testing.T) {
	w := newWorld(t, mustFlows(t, "in_port=1,actions=drop\nin_port=2,actions=output:2\nin_port=3,actions=output:1"), nil)
	frame := numbered(1, 80)
	for i, n := range []int{5, 3, 2, 1} {
		for range n {
			w.send(t, arrival{i, frame})
		}
	}
	drop := pmd.PacketOut{Frame: frame, InPort: 1, Translate: pipeline.PacketOut([]pipeline.Action{{Kind: pipeline.ActOutput, Port: flow.PortTable}})}
	for _, err := range w.loop.Inject([]pmd.PacketOut{drop, drop}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	w.send(t, arrival{0, frame}) // the port is told again after packets of none
	s := w.closedWorld(t)
	for slot, want := range []struct {
		why actions.Reason
		n   uint64
	}{{actions.DropAction, 6}, {actions.DropToInPort, 3}, {actions.DropAction, 0}, {actions.DropTableMiss, 1}} {
		if got := lostOf(&s, slot, want.why); got != (actions.Count{Packets: want.n, Bytes: 80 * want.n}) {
			t.Errorf("slot %d: %+v for %v, want %d", slot, got, want.why, want.n)
		}
	}
	if got := s.Unplaced[actions.DropAction]; got != (actions.Count{Packets: 2, Bytes: 160}) || len(s.Lost) != 3 {
		t.Errorf("packet-outs: %+v of no port; by port %+v", got, s.Lost)
	}
	_, _, lost := w.loop.RemovePort(0)
	if len(lost) != 1 || lost[0] != (pmd.SlotDrop{Slot: 0, Reason: actions.DropAction, Count: actions.Count{Packets: 6, Bytes: 480}}) {
		t.Errorf("the port that was removed tells of %+v", lost)
	}
	s, _, _ = w.loop.Stats()
	if got := s.Unplaced[actions.DropAction]; got != (actions.Count{Packets: 8, Bytes: 640}) || s.Drops[actions.DropAction] != got || len(s.Lost) != 2 {
		t.Errorf("without the port %+v are of none, by port %+v", got, s.Lost)
	}
}

// newHandingOver is two loops, which the test drives by hand: the second receives what src makes, so many
// frames, for port 2, whose only transmit queue, tx, the first one has.
func newHandingOver(t *testing.T, made uint64, tx pmd.TxQueue) (loops [2]*pmd.Loop, src *port.Memory) {
	t.Helper()
	const frames = 8192
	mem := &packet.Memory{Buf: make([]byte, 2*frames*2048), FD: -1, ChunkSize: 2048, Headroom: 256, PerHome: frames}
	state, err := pipeline.New(pipeline.Config{
		Name: "br0", Threads: 2, Now: func() int64 { return 1 },
		Ports: []pipeline.Port{{OFPort: 1, Slot: 0, Name: "in", Up: true}, {OFPort: 2, Slot: 1, Name: "out", Up: true}},
		Flows: mustFlows(t, "in_port=1,actions=output:2"),
	})
	if err != nil {
		t.Fatal(err)
	}
	var pub pmd.Published
	state.OnPublish(func(s *pipeline.Snapshot) { pub.Store(s) })
	src, err = port.OpenMemory(port.MemoryConfig{Flows: 10, Count: made}, mem)
	if err != nil {
		t.Fatal(err)
	}
	rx, _ := src.Queues()
	mesh := pmd.NewMesh(2, mem)
	for id := range loops {
		if loops[id], err = pmd.NewLoop(pmd.LoopConfig{ID: id, Burst: 32, ExactEntries: 64, Megaflows: 64, MegaflowIdle: 1e18, Memory: mem, Tables: &pub, Slots: 2}); err != nil {
			t.Fatal(err)
		}
		loops[id].Join(mesh)
	}
	loops[0].AddTx(1, 0, 2, tx, 0, &actions.Staging{})
	loops[1].AddTx(1, -1, 2, nil, 0, &actions.Staging{})
	loops[1].AddRx(0, 0, 1, rx[0])
	return loops, src
}

// TestLossesOnTheWayOut: frames that the ring to another loop, or that loop's transmit queue,
// had no room for are told of the port that was to send them, in the loop that dropped them.
func TestLossesOnTheWayOut(t *testing.T) {
	const made = 6000
	loops, src := newHandingOver(t, made, &shutQueue{})
	for !src.Done() {
		loops[1].Iterate()
	}
	for loops[0].Iterate() > 0 {
	}
	from, _, _ := loops[1].Stats()
	to, _, txStats := loops[0].Stats()
	handoff, full := lostOf(&from, 1, actions.DropHandoff), lostOf(&to, 1, actions.DropTxFull)
	if handoff.Packets == 0 || full.Packets == 0 || handoff.Packets+full.Packets+txStats[0].Packets != made {
		t.Errorf("handed over in vain %d, sent in vain %d, sent %d, of %d", handoff.Packets, full.Packets, txStats[0].Packets, made)
	}
	if handoff != from.Drops[actions.DropHandoff] || full != to.Drops[actions.DropTxFull] || len(from.Lost) != 1 || len(to.Lost) != 1 {
		t.Errorf("told of ports: %+v and %+v", from.Lost, to.Lost)
	}
}

// TestLossesBetweenLoops: frames that wait between two loops while the port that was to send them goes are
// told of no port.
func TestLossesBetweenLoops(t *testing.T) {
	loops, _ := newHandingOver(t, 32, &shutQueue{})
	for loops[1].Iterate() > 0 {
	}
	loops[0].RemovePort(1)
	for loops[0].Iterate() > 0 {
	}
	from, rx, _ := loops[1].Stats()
	to, _, _ := loops[0].Stats()
	want := actions.Count{Packets: rx[0].Packets, Bytes: rx[0].Bytes}
	if want.Packets != 32 || from.HandedOff != 32 || to.Unplaced[actions.DropNoPort] != want || to.Drops[actions.DropNoPort] != want || len(to.Lost)+len(from.Lost) != 0 {
		t.Errorf("of %+v handed over are dropped %+v, told of no port %+v, of ports %+v and %+v", want, to.Drops[actions.DropNoPort], to.Unplaced[actions.DropNoPort], from.Lost, to.Lost)
	}
}

// shutQueue takes ten frames, and no more.
type shutQueue struct{ took int }

func (q *shutQueue) Tx(d []packet.Desc) int {
	n := min(len(d), 10-q.took)
	q.took += n
	return n
}

func (q *shutQueue) Reclaim([]uint64) int { return 0 }
func (q *shutQueue) Inflight() int        { return q.took }
