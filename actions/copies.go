package actions

import (
	"pollux/flow"
	"pollux/internal/packet"
)

// MaxClones is how many OpClone are inside each other at most: as many as 64 groups or resubmits
// inside each other, each in a clone of its own.
const MaxClones = 128

// side is where copies of packets are while the steps of an OpClone are done to them. Those for
// more than a few inside each other are mostly memory that nobody ever touches.
type side struct {
	batch packet.Batch
	live  [packet.MaxBatch]uint16
	saved [packet.MaxBatch]uint16 // Exec.live, which a push in the body may use
}

// onCopies does the body of an OpClone to copies of the packets idx. The copies are not
// counted, as they stay: what leaves is copies of them, which outputs count as others do. A
// copy that is lost before it got so far counts as one that was asked for and dropped.
func (e *Exec) onCopies(body []Op, p *Program, b *packet.Batch, keys flow.Keys, idx []uint16, depth int) {
	if depth == MaxClones || len(idx) == 0 {
		return
	}
	s := &e.sides[depth]
	copy(s.saved[:], idx)
	fresh := e.fresh[:e.Free.GetN(e.fresh[:len(idx)])]
	low := uint64(e.Mem.ChunkSize - 1)
	live := s.live[:len(fresh)]
	s.batch.N, s.batch.InPort = b.N, b.InPort
	for j, i := range idx {
		d := b.Desc[i]
		if j >= len(fresh) {
			e.lostCopy(DropNoFrame, body, b, i)
			continue
		}
		to := packet.Desc{Addr: fresh[j] | d.Addr&low, Len: d.Len}
		copy(e.Mem.Buf[to.Addr:to.Addr+uint64(to.Len)], e.Mem.Frame(d))
		live[j] = i
		s.batch.Desc[i], s.batch.IPLen[i] = to, b.IPLen[i]
		s.batch.L25[i], s.batch.L3[i], s.batch.L4[i] = b.L25[i], b.L3[i], b.L4[i]
	}
	for n := 0; n < len(body) && len(live) > 0; n++ {
		op := &body[n]
		if e.witness.on && op.resizes() {
			e.witness.freeze(b, idx)
		}
		switch op.Code {
		case OpOutput:
			e.clone(p, op, &s.batch, live)
		case OpClone:
			e.onCopies(body[n+1:n+1+int(op.A)], p, &s.batch, keys, live, depth+1)
			n += int(op.A)
		case OpSample:
			e.sample(&p.Samples[op.A], &s.batch, keys, live)
		case OpPushVLAN, OpPushMPLS:
			live = e.loseOnCopies(DropNoHeadroom, op, p, body[n:], s, live)
		case OpController:
			e.punt(&p.Punts[op.A], &s.batch, live, false)
		case OpMeter:
			live = e.loseOnCopies(DropMeter, op, p, body[n:], s, live)
		default:
			e.change(op, &s.batch, live)
		}
	}
	for _, i := range live {
		e.Free.Put(e.Mem.Chunk(s.batch.Desc[i].Addr))
	}
	if len(idx) > 0 && &idx[0] == &e.live[0] {
		copy(e.live[:], s.saved[:len(idx)])
	}
}

// loseOnCopies does a step that drops some of the copies, for reason r, and returns the
// others. That is no drop of their packets.
func (e *Exec) loseOnCopies(r Reason, op *Op, p *Program, rest []Op, s *side, live []uint16) []uint16 {
	on := e.witness.on
	e.witness.on = false
	was := e.Drops[r]
	var left []uint16
	switch op.Code {
	case OpPushVLAN:
		left = e.pushVLAN(op.A, &s.batch, live)
	case OpPushMPLS:
		left = e.pushMPLS(uint16(op.A), op.B, &s.batch, live)
	case OpMeter:
		left = e.meter(p.Meters[op.A], &s.batch, live)
	}
	e.witness.on = on
	e.Clones.add(len(live)-len(left), e.Drops[r].Bytes-was.Bytes)
	if len(left) == len(live) {
		return live
	}
	for n, j := 0, 0; j < len(live); j++ {
		if n < len(left) && live[j] == left[n] {
			n++
			continue
		}
		e.failBody(r, rest, &s.batch, live[j])
	}
	return live[:copy(live, left)]
}

// lostCopy counts a copy of packet i that was not made.
func (e *Exec) lostCopy(r Reason, body []Op, b *packet.Batch, i uint16) {
	bytes := uint64(b.Desc[i].Len)
	e.Clones.add(1, bytes)
	e.dropped(r, 1, bytes)
	e.failBody(r, body, b, i)
}

// failBody tells flow caches that the first output of the steps sends nothing of packet i.
func (e *Exec) failBody(r Reason, body []Op, b *packet.Batch, i uint16) {
	for n := range body {
		if body[n].Code == OpOutput {
			e.fail(r, &body[n], b, i)
			return
		}
	}
}

// truncate shortens the packets idx to max bytes.
func (e *Exec) truncate(max uint32, b *packet.Batch, idx []uint16) {
	if e.witness.on {
		e.witness.freeze(b, idx)
	}
	for _, i := range idx {
		b.Desc[i].Len = min(b.Desc[i].Len, max)
	}
}
