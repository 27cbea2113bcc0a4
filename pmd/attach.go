package pmd

import (
	"pollux/actions"
	"pollux/classifier"
	"pollux/internal/packet"
)

// The methods of this file are called by the control plane and run in the loop's
// thread, between two batches.

// AddRx has the loop poll queue q of the port in slot.
func (l *Loop) AddRx(slot, queue int, ofport uint32, q RxQueue) {
	fresh := new(actions.PortDrops)
	l.Do(func(l *Loop) {
		l.rx = append(l.rx, rxSlot{slot: slot, queue: queue, ofport: ofport, q: q, lost: l.lossesOf(slot, fresh)})
	})
}

// AddTx gives the loop a way out of the port in slot: queue q of its own, or, with q
// nil, through loop owner. s says what may be sent there.
func (l *Loop) AddTx(slot, queue int, ofport uint32, q TxQueue, owner int, s *actions.Staging) {
	fresh := new(actions.PortDrops)
	l.Do(func(l *Loop) {
		s.Lost = l.lossesOf(slot, fresh)
		l.tx[slot] = txSlot{ofport: ofport, queue: queue, q: q, owner: owner}
		l.exec.Out[slot] = s
		l.stats.out = append(l.stats.out, slot)
	})
}

// SetTx changes what may be sent out of slot: f is given the staging area.
func (l *Loop) SetTx(slot int, f func(*actions.Staging)) {
	l.Do(func(l *Loop) {
		if s := l.exec.Out[slot]; s != nil {
			f(s)
		}
	})
}

// RemovePort lets go of the port's queues and returns their last counts, and those of what
// was dropped.
func (l *Loop) RemovePort(slot int) (rx []RxStats, tx []TxStats, lost []SlotDrop) {
	l.Do(func(l *Loop) {
		keep := l.rx[:0]
		for _, r := range l.rx {
			if r.slot == slot {
				rx = append(rx, r.stats(l.cfg.ID))
			} else {
				keep = append(keep, r)
			}
		}
		clear(l.rx[len(keep):])
		l.rx = keep
		tx = l.removeTx(slot)
		lost = l.forgetLosses(slot)
	})
	return rx, tx, lost
}

// removeTx sends what is staged for the port and lets go of its transmit queue.
func (l *Loop) removeTx(slot int) (tx []TxStats) {
	if l.exec.Out[slot] == nil {
		return nil
	}
	l.flush(slot)
	tx = append(tx, TxStats{slot, l.tx[slot].queue, l.cfg.ID, l.tx[slot].n, l.tx[slot].full})
	l.exec.Out[slot] = nil
	l.tx[slot] = txSlot{}
	for i, s := range l.stats.out {
		if s == slot {
			l.stats.out = append(l.stats.out[:i], l.stats.out[i+1:]...)
			break
		}
	}
	return tx
}

// GiveBack returns chunks, which a closed port still had, to the loop that is their home.
func (l *Loop) GiveBack(chunks []uint64) {
	l.Do(func(l *Loop) {
		for _, c := range chunks {
			l.free.Put(c)
		}
	})
}

// Join connects the loop to the others of its switch; before Start.
func (l *Loop) Join(m *Mesh) { l.peers = m }

// EachMegaflow calls f on every megaflow in the loop's thread, a slice an iteration.
// f must not keep the pointer: what it wants to show it copies.
func (l *Loop) EachMegaflow(f func(*classifier.Megaflow)) {
	cursor := 0
	l.Ask(func(l *Loop) bool {
		l.mega.Sweep(&cursor, 256, f)
		return cursor == 0
	})
}

// Subtables returns what the loop's megaflow cache says of itself.
func (l *Loop) Subtables() (s classifier.MegaflowStats) {
	l.Do(func(l *Loop) { s = l.mega.Stats() })
	return s
}

// FlushMegaflows forgets every cached decision.
func (l *Loop) FlushMegaflows() {
	l.Ask(func(l *Loop) bool {
		cursor := 0
		l.mega.Sweep(&cursor, 256, l.remove)
		return l.mega.Len() == 0
	})
}

// FreeFrames returns how many of the loop's chunks are free, those among them that other
// loops have given back and that nobody has fetched, as the loop may have ended before.
func (l *Loop) FreeFrames() (n int) {
	l.Do(func(l *Loop) {
		l.bringHome()
		n = l.free.Len()
	})
	return n
}

// Memory returns the frames' memory.
func (l *Loop) Memory() *packet.Memory { return l.mem }
