package datapath

import (
	"slices"

	"pollux/pmd"
)

// MoveQueues has loops[q] poll receive queue q of the port in slot from now on; of those
// that are not polled by another loop already none loses a packet, nor a flow its order.
// pinned says which of them stay when queues are rebalanced; nil leaves that as it is.
func (d *Datapath) MoveQueues(slot int, loops []int, pinned []bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.ports[slot]
	if p == nil {
		return
	}
	var moves []pmd.Move
	for q := range d.queues(p) {
		if from, to := d.pollsQueue(p, q), pollsQueue(slot, loops, q, len(d.loops)); from != to {
			moves = append(moves, pmd.Move{Slot: slot, Queue: q, From: from, To: to})
		}
	}
	d.move(moves)
	p.Loops = slices.Clone(loops)
	if pinned != nil {
		p.Pinned = slices.Clone(pinned)
	}
}

// move hands queues over between loops; d.mu is held.
func (d *Datapath) move(moves []pmd.Move) {
	pmd.HandOver(d.loops, d.mesh, moves)
	for _, m := range moves {
		p := d.ports[m.Slot]
		for q := len(p.Loops); q <= m.Queue; q++ {
			p.Loops = append(p.Loops, d.pollsQueue(p, q))
		}
		p.Loops[m.Queue] = m.To
	}
}

// Polls returns the loops that poll the queues of the port in slot, or will when its
// device is there; nil where there is no port.
func (d *Datapath) Polls(slot int) (loops []int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p := d.ports[slot]; p != nil {
		for q := range max(d.queues(p), len(p.Loops)) {
			loops = append(loops, d.pollsQueue(p, q))
		}
	}
	return loops
}

// queues returns how many receive queues p has now.
func (d *Datapath) queues(p *Port) int {
	if p.Dev == nil {
		return 0
	}
	rx, _ := p.Dev.Queues()
	return len(rx)
}

// pollsQueue returns the loop that receive queue q of p belongs to.
func (d *Datapath) pollsQueue(p *Port, q int) int {
	return pollsQueue(p.Slot, p.Loops, q, len(d.loops))
}

// pollsQueue returns the loop that is named for a queue, or else one of n in turn.
func pollsQueue(slot int, loops []int, q, n int) int {
	if q < len(loops) {
		return loops[q]
	}
	return (slot + q) % n
}

func (p *Port) pinned(q int) bool { return q < len(p.Pinned) && p.Pinned[q] }
