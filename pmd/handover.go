package pmd

import (
	"sync"
	"sync/atomic"
	"time"

	"pollux/actions"
	"pollux/internal/clock"
)

// Move is a receive queue on its way from one loop to another.
type Move struct{ Slot, Queue, From, To int }

// A queue goes unpolled no longer than drainPatience, nor drainRounds iterations, because
// frames of the loop that has left it are not out: those that stand on the ring of a
// device that is down stay there, and are overtaken by none.
const (
	drainPatience = time.Millisecond
	drainRounds   = 64
)

// handover is queues changing loops under traffic, so that no packet of a flow overtakes
// one before it. Four phases, which all loops pass together, by a look at the mail each:
//
//	arrive   all loops are awake, and look at their mail every iteration
//	release  a loop stops polling the queues that leave it; what it received of them is
//	         sent, or left for the loop that owns the transmit queue
//	drain    what was left for a loop it has sent, and what was sent is out
//	adopt    a loop polls the queues that come to it
//
// Queues are unpolled from release to adopt only, and nobody waits in between: each loop
// goes on with its other queues, and does the control plane's bidding in its own time.
type handover struct {
	moves []Move
	slots []rxSlot             // by move; of the loop that releases, then of the one that adopts
	found []bool               // by move: the loop had the queue
	lost  []*actions.PortDrops // by move: for the loop that adopts, if it has nothing of the port yet
	loops int32
	mesh  *Mesh

	arrived, released, drained atomic.Int32
}

// HandOver moves receive queues, with their counts, between loops: all the loops of a
// switch, numbered as they stand. It returns when they are polled again. No other may be
// under way, nor may a port come or go. A queue that its From does not poll is left alone.
func HandOver(loops []*Loop, mesh *Mesh, moves []Move) {
	if len(moves) == 0 {
		return
	}
	h := &handover{
		moves: moves, slots: make([]rxSlot, len(moves)), found: make([]bool, len(moves)),
		loops: int32(len(loops)), mesh: mesh,
	}
	var all sync.WaitGroup
	for range moves {
		h.lost = append(h.lost, new(actions.PortDrops))
	}
	for _, l := range loops {
		p := &passage{h: h, l: l}
		all.Go(func() { l.Ask(p.step) })
	}
	all.Wait()
}

// passage is one loop's way through a handover. Only the loop's thread uses it.
type passage struct {
	h     *handover
	l     *Loop
	phase func(*passage) bool
	tries int      // in this phase, that were in vain
	since int64    // when it began to drain
	left  []uint64 // by loop: frames that loop had ever left for this one, at release
	sent  []txMark
}

// txMark is how many frames a transmit queue must have finished with.
type txMark struct {
	slot int
	want uint64
}

// step is what the loop does of its passage in one iteration.
func (p *passage) step(*Loop) (done bool) {
	if p.phase == nil {
		p.h.arrived.Add(1)
		p.phase = (*passage).release
	}
	return p.phase(p)
}

// release begins when all loops have arrived.
func (p *passage) release() bool {
	h, l := p.h, p.l
	if h.arrived.Load() < h.loops {
		return false
	}
	keep := l.rx[:0]
	for _, r := range l.rx {
		if k := h.leaving(l.cfg.ID, &r); k >= 0 {
			r.wide = portWide{} // of this loop's megaflows
			h.slots[k], h.found[k] = r, true
		} else {
			keep = append(keep, r)
		}
	}
	clear(l.rx[len(keep):])
	l.rx = keep
	p.phase = (*passage).takeAll
	h.released.Add(1)
	return false
}

// leaving returns which of the moves takes r away from a loop, -1 for none.
func (h *handover) leaving(loop int, r *rxSlot) int {
	for k, m := range h.moves {
		if m.From == loop && m.Slot == r.slot && m.Queue == r.queue {
			return k
		}
	}
	return -1
}

// takeAll passes when the frames that other loops had left for this one at their release
// are on its transmit queues: the mail is looked at when all that is staged has been sent.
// HandoffRounds iterations see to that, so that a loop which is being stopped, and does
// not iterate any more, does not wait.
func (p *passage) takeAll() bool {
	h, l := p.h, p.l
	if h.released.Load() < h.loops {
		return false
	}
	if h.mesh != nil && p.left == nil {
		p.left = make([]uint64, h.loops)
		for from := range p.left {
			if r := h.mesh.frames[from][l.cfg.ID]; r != nil {
				p.left[from] = r.Pushed()
			}
		}
	}
	for from, want := range p.left {
		if r := h.mesh.frames[from][l.cfg.ID]; r != nil && r.Popped() < want && p.tries < HandoffRounds {
			p.tries++
			return false
		}
	}
	for _, slot := range l.stats.out {
		if l.tx[slot].q != nil {
			p.sent = append(p.sent, txMark{slot, l.tx[slot].n.Packets})
		}
	}
	p.tries, p.since = 0, clock.Now()
	p.phase = (*passage).drain
	return false
}

// drain passes when this loop's transmit queues have finished with what they had: a flow
// may leave by another queue from now on.
func (p *passage) drain() bool {
	for _, m := range p.sent {
		t := &p.l.tx[m.slot]
		if t.n.Packets-uint64(t.q.Inflight()) < m.want && !p.late() {
			p.tries++
			return false
		}
	}
	p.phase = (*passage).adopt
	p.h.drained.Add(1)
	return false
}

// adopt ends the passage, when all loops have drained.
func (p *passage) adopt() bool {
	h, l := p.h, p.l
	if h.drained.Load() < h.loops {
		return false
	}
	for k, m := range h.moves {
		if m.To == l.cfg.ID && h.found[k] {
			h.slots[k].lost = l.lossesOf(m.Slot, h.lost[k])
			l.rx = append(l.rx, h.slots[k])
		}
	}
	return true
}

// late says whether the loop has waited long enough for its transmit queues.
func (p *passage) late() bool {
	return p.tries > drainRounds && clock.Now()-p.since > int64(drainPatience)
}
