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
func (e *Exec) move(slot int, b *packet.Batch, idx []uint16) {
	s, why := e.port(slot)
	if s == nil {
		e.drop(why, b, idx)
		return
	}
	n, limit := s.N, s.limit()
	var bytes uint64
	sent := 0
	for _, i := range idx {
		d := b.Desc[i]
		if d.Len > limit && !s.fits(e.Mem.Frame(d)) {
			e.dropped(DropTooLong, 1, uint64(d.Len))
			e.kill(d.Addr)
			continue
		}
		if n == len(s.Desc) {
			s.N = n
			if n = e.flush(slot, s); n == len(s.Desc) {
				e.dropped(DropTxFull, 1, uint64(d.Len))
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

// clone lays copies in the port's staging area. Each copy is at the same place in
// its chunk as the frame in its own: it fits, and has the same room before it.
func (e *Exec) clone(slot int, b *packet.Batch, idx []uint16) {
	var wanted uint64
	for _, i := range idx {
		wanted += uint64(b.Desc[i].Len)
	}
	e.Clones.add(len(idx), wanted)
	s, why := e.port(slot)
	if s == nil {
		e.dropped(why, len(idx), wanted)
		return
	}
	fresh := e.fresh[:e.Free.GetN(e.fresh[:len(idx)])]
	limit, low := s.limit(), uint64(e.Mem.ChunkSize-1)
	var bytes uint64
	sent := 0
	for _, i := range idx {
		d := b.Desc[i]
		f := e.Mem.Frame(d)
		if d.Len > limit && !s.fits(f) {
			e.dropped(DropTooLong, 1, uint64(d.Len))
			continue
		}
		if sent == len(fresh) {
			e.dropped(DropNoFrame, 1, uint64(d.Len))
			continue
		}
		if s.N == len(s.Desc) && e.flush(slot, s) == len(s.Desc) {
			e.dropped(DropTxFull, 1, uint64(d.Len))
			continue
		}
		to := packet.Desc{Addr: fresh[sent] | d.Addr&low, Len: d.Len}
		copy(e.Mem.Buf[to.Addr:to.Addr+uint64(to.Len)], f)
		s.Desc[s.N] = to
		s.N++
		sent++
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
