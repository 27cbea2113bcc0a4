package pmd

import (
	"pollux/actions"
	"pollux/internal/packet"
)

// txSlot is this loop's way out of one port.
type txSlot struct {
	ofport uint32
	queue  int
	q      TxQueue // nil where another loop owns the queue this loop sends by
	owner  int     // that loop
	n      QueueStats
	full   QueueStats // what the queue, or the ring to its owner, had no room for
}

// flushAll sends everything that is staged and returns how many frames that was.
func (l *Loop) flushAll() int {
	n := 0
	for _, slot := range l.stats.out {
		if s := l.exec.Out[slot]; s.N > 0 {
			n += s.N
			l.flush(slot)
		}
	}
	return n
}

// flush sends what is staged for a port. A frame that the ring does not take after
// one look for finished ones is dropped and counted: the loop never waits.
func (l *Loop) flush(slot int) {
	s, t := l.exec.Out[slot], &l.tx[slot]
	d := s.Take()
	if len(d) == 0 {
		return
	}
	if t.q == nil {
		l.handOff(slot, d)
		return
	}
	n := t.q.Tx(d)
	if n < len(d) {
		l.reclaimFrom(t.q)
		n += t.q.Tx(d[n:])
	}
	t.n.add(d[:n])
	if n < len(d) {
		t.full.add(d[n:])
		l.exec.Drop(actions.DropTxFull, d[n:], s.Lost)
	}
}

// handOff gives frames to the loop that owns the port's queue.
func (l *Loop) handOff(slot int, d []packet.Desc) {
	for i := range d {
		l.handed[i] = Handoff{d[i], int32(slot)}
	}
	n := l.peers.frames[l.cfg.ID][l.tx[slot].owner].PushN(l.handed[:len(d)])
	l.stats.HandedOff += uint64(n)
	if n < len(d) {
		l.tx[slot].full.add(d[n:])
		l.exec.Drop(actions.DropHandoff, d[n:], l.exec.Out[slot].Lost)
	}
}

// takeHandoffs stages the frames that other loops left for this one's queues.
func (l *Loop) takeHandoffs() int {
	if l.peers == nil {
		return 0
	}
	n := 0
	for from := range l.peers.frames {
		r := l.peers.frames[from][l.cfg.ID]
		if r == nil {
			continue
		}
		took := r.PopN(l.handed[:])
		n += took
		l.stats.TookOver += uint64(took)
		for k := range l.handed[:took] {
			h := &l.handed[k]
			s := l.exec.Out[h.Slot]
			if s == nil || l.tx[h.Slot].q == nil {
				// The port has gone meanwhile. By which the frame came in nobody knows here: a
				// staging area has frames of many.
				l.exec.Drop(actions.DropNoPort, []packet.Desc{h.Desc}, nil)
				continue
			}
			if s.N == len(s.Desc) {
				l.flush(int(h.Slot))
			}
			s.Desc[s.N] = h.Desc
			s.N++
		}
	}
	return n
}

// release gives chunks that this loop has finished with to their homes; any address
// within the chunk will do.
func (l *Loop) release(addr []uint64) {
	if l.peers == nil {
		l.free.PutN(l.mem, addr)
		return
	}
	// Runs of one home go together: a batch mostly comes from one queue.
	for len(addr) > 0 {
		home, n := l.mem.Home(addr[0]), 0
		for ; n < len(addr) && n < len(l.homing) && l.mem.Home(addr[n]) == home; n++ {
			l.homing[n] = l.mem.Chunk(addr[n])
		}
		if home == l.cfg.ID {
			l.free.PutN(l.mem, l.homing[:n])
		} else {
			// The ring holds every chunk of its home: there is room.
			l.peers.home[l.cfg.ID][home].PushN(l.homing[:n])
		}
		addr = addr[n:]
	}
}

// bringHome takes back the chunks that other loops have finished with.
func (l *Loop) bringHome() {
	if l.peers == nil {
		return
	}
	for from := range l.peers.home {
		r := l.peers.home[from][l.cfg.ID]
		if r == nil {
			continue
		}
		for n := r.PopN(l.chunks[:]); n > 0; n = r.PopN(l.chunks[:]) {
			l.free.PutN(l.mem, l.chunks[:n])
		}
	}
}

// reclaim brings chunks of sent frames home and says how many.
func (l *Loop) reclaim() int {
	n := 0
	for _, slot := range l.stats.out {
		if q := l.tx[slot].q; q != nil && q.Inflight() > 0 {
			n += l.reclaimFrom(q)
		}
	}
	return n
}

func (l *Loop) reclaimFrom(q TxQueue) int {
	n := q.Reclaim(l.chunks[:])
	l.release(l.chunks[:n])
	return n
}
