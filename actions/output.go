package actions

import "pollux/internal/packet"

// port returns the staging area of a slot, or why there is none to use.
func (e *Exec) port(slot int) (*Staging, Reason) {
	if uint(slot) >= uint(len(e.Out)) || e.Out[slot] == nil {
		return nil, DropNoPort
	}
	s := e.Out[slot]
	if s.State != Up {
		return nil, DropPortDown
	}
	return s, DropNone
}

// move lays the frames themselves in the port's staging area.
func (e *Exec) move(p *Program, op *Op, b *packet.Batch, idx []uint16) {
	slot := int(op.A)
	s, why := e.port(slot)
	if s == nil {
		if e.witness.on {
			e.tellEgress(why, op.B, b, idx)
		}
		e.drop(why, b, idx)
		return
	}
	if op.V.Hi != 0 {
		idx = e.queued(p.Queues[op.V.Hi-1], op, b, idx, s)
	}
	n, limit := s.N, s.limit()
	var bytes uint64
	sent := 0
	for _, i := range idx {
		d := b.Desc[i]
		if d.Len > limit && !s.fits(e.Mem.Frame(d)) {
			e.refused(DropTooLong, 1, uint64(d.Len), s)
			e.lose(DropTooLong, op, b, i)
			e.kill(d.Addr)
			continue
		}
		if n == len(s.Desc) {
			s.N = n
			if n = e.flush(slot, s); n == len(s.Desc) {
				e.refused(DropTxFull, 1, uint64(d.Len), s)
				e.lose(DropTxFull, op, b, i)
				e.kill(d.Addr)
				continue
			}
		}
		s.Desc[n] = d
		n++
		sent++
		bytes += uint64(d.Len)
	}
	s.N = n
	e.Staged.add(sent, bytes)
}

// refused counts frames that the port of s does not take.
func (e *Exec) refused(r Reason, n int, bytes uint64, s *Staging) { e.count(r, n, bytes, e.lostAt(s)) }

// lostAt returns where what the port of s refuses is counted.
func (e *Exec) lostAt(s *Staging) *PortDrops {
	if s.Lost == nil {
		return &e.Unplaced
	}
	return s.Lost
}

// lose tells flow caches of a frame that the output op is about to drop. One by one is
// not the cheapest, but flush may give chunks away that were dropped before it.
func (e *Exec) lose(r Reason, op *Op, b *packet.Batch, i uint16) {
	if e.witness.on {
		e.witness.lost[0] = i
		e.tellEgress(r, op.B, b, e.witness.lost[:1])
		e.tellIngress(r, b, e.witness.lost[:1])
	}
}

// fail notes that the copy of a packet that output op wanted is not sent.
func (e *Exec) fail(r Reason, op *Op, b *packet.Batch, i uint16) {
	if e.witness.on {
		e.witness.failed[i] = r
		e.witness.lost[0] = i
		e.tellEgress(r, op.B, b, e.witness.lost[:1])
	}
}

// clone lays copies in the port's staging area. Each copy is at the same place in
// its chunk as the frame in its own: it fits, and has the same room before it.
func (e *Exec) clone(p *Program, op *Op, b *packet.Batch, idx []uint16) {
	slot, most := int(op.A), uint32(op.V.Lo)
	if most == 0 {
		most = wholeFrame
	}
	var wanted uint64
	for _, i := range idx {
		wanted += uint64(min(b.Desc[i].Len, most))
	}
	e.Clones.add(len(idx), wanted)
	s, why := e.port(slot)
	if s == nil {
		e.dropped(why, len(idx), wanted)
		for _, i := range idx {
			e.fail(why, op, b, i)
		}
		return
	}
	if op.V.Hi != 0 {
		idx = e.queuedCopies(p.Queues[op.V.Hi-1], op, b, idx, most, s)
	}
	fresh := e.fresh[:e.Free.GetN(e.fresh[:len(idx)])]
	limit, low := s.limit(), uint64(e.Mem.ChunkSize-1)
	var bytes uint64
	sent := 0
	for _, i := range idx {
		d := b.Desc[i]
		d.Len = min(d.Len, most)
		f := e.Mem.Frame(d)
		if d.Len > limit && !s.fits(f) {
			e.refused(DropTooLong, 1, uint64(d.Len), s)
			e.fail(DropTooLong, op, b, i)
			continue
		}
		if sent == len(fresh) {
			e.dropped(DropNoFrame, 1, uint64(d.Len))
			e.fail(DropNoFrame, op, b, i)
			continue
		}
		if s.N == len(s.Desc) && e.flush(slot, s) == len(s.Desc) {
			e.refused(DropTxFull, 1, uint64(d.Len), s)
			e.fail(DropTxFull, op, b, i)
			continue
		}
		to := packet.Desc{Addr: fresh[sent] | d.Addr&low, Len: d.Len}
		copy(e.Mem.Buf[to.Addr:to.Addr+uint64(to.Len)], f)
		s.Desc[s.N] = to
		s.N++
		sent++
		if e.witness.on {
			e.witness.left.set(int(i))
			e.witness.some = true
		}
		bytes += uint64(d.Len)
	}
	for _, c := range fresh[sent:] {
		e.Free.Put(c)
	}
	e.Staged.add(sent, bytes)
}

// flush asks the loop for room and returns how many frames are staged then.
func (e *Exec) flush(slot int, s *Staging) int {
	e.Flush(slot)
	return s.N
}

// limit returns the length up to which no frame needs a look by fits.
func (s *Staging) limit() uint32 {
	if s.MTU <= 0 {
		return ^uint32(0)
	}
	return uint32(s.MTU) + 14
}
