package actions

import (
	"math/rand/v2"

	"pollux/flow"
	"pollux/internal/packet"
	"pollux/ipfix/cache"
)

// Exec is one loop's means of running programs. Only its loop's thread uses it.
// Make it with NewExec and set the other exported members before Run.
type Exec struct {
	Mem    *packet.Memory
	Free   *packet.FreeList
	Out    []*Staging     // by port slot; nil = no such port
	Caches []*cache.Cache // by exporter; nil = off
	Punts  *PuntRing      // for packets to controllers; nil = has no room
	Slots  []int32        // by packet of the batch: the slot of the exact cache its key has, or -1; nil = none has
	// Flush makes room in the staging area of a port that is full: it sends or drops.
	Flush func(slot int)
	// Release gives back the chunks of dropped frames, some of which may belong to
	// other loops. It must not keep the slice. It is called at most once in a Run;
	// nil puts them on Free.
	Release func(chunks []uint64)
	// From is what drops are counted in besides Stats, but for those that the port they were to
	// leave by is told of (Reason.AtOutput): the counts of the port that the packets of Run
	// came in by, or Unplaced.
	From     *PortDrops
	Unplaced PortDrops // of no port: packets that a controller has sent, and what Drop is not told the port of
	Now      int64     // ns, monotonic: when the batch in hand came in
	Timed    bool      // the ticks that samples take are added to SampleTicks

	SampleTicks uint64

	Stats

	live  [packet.MaxBatch]uint16   // the packets still in the program, once one has left
	fresh [packet.MaxBatch]uint64   // chunks for copies
	dead  [packet.MaxBatch]uint64   // chunks to release
	nDead int                       // how many
	keys  [packet.MaxBatch]flow.Key // taken again from changed frames
	drawn [packet.MaxBatch]uint16   // the packets that a sample has drawn
	dice  uint64                    // state of the generator that draws

	witness witness
	metered meterScratch
	sides   []side                  // of OpClone, by how many are around it
	fate    [packet.MaxBatch]Reason // by number in the batch: what became of a packet to a controller
	unsent  [packet.MaxBatch]uint16
}

// NewExec returns an Exec for frames of m, with copies taken from free. It has no
// ports yet.
func NewExec(m *packet.Memory, free *packet.FreeList) *Exec {
	e := &Exec{Mem: m, Free: free, dice: rand.Uint64()}
	e.From = &e.Unplaced
	e.sides = make([]side, MaxClones)
	return e
}

// Run does p to the packets idx of b. It gives every one of their frames away.
// keys are those of the packets as they were received.
func (e *Exec) Run(p *Program, b *packet.Batch, keys flow.Keys, idx []uint16) {
	var bytes uint64
	for _, i := range idx {
		bytes += uint64(b.Desc[i].Len)
	}
	e.In.add(len(idx), bytes)

	if e.witness.on = false; len(p.Samples) > 0 && len(e.Caches) > 0 {
		e.witness.begin()
		e.witness.keys = keys
	}
	live, why := idx, p.Drop
	taken := false // the packets are with a controller
	for n := 0; n < len(p.Ops); n++ {
		op := &p.Ops[n]
		if e.witness.on && op.resizes() {
			e.witness.freeze(b, live)
		}
		switch op.Code {
		case OpOutput:
			if n == p.Last {
				if e.finish(p, n, b, keys, live) {
					return
				}
				why = DropSampled
			}
			e.clone(p, op, b, live)
		case OpDrop:
			if taken {
				e.consume(b, live)
			} else {
				e.drop(Reason(op.A), b, live)
			}
			e.release()
			return
		case OpController:
			own := n == p.Taker
			e.punt(&p.Punts[op.A], b, live, own)
			taken = taken || own
		case OpPushVLAN:
			live = e.pushVLAN(op.A, b, live)
		case OpPushMPLS:
			live = e.pushMPLS(uint16(op.A), op.B, b, live)
		case OpSample:
			e.sample(&p.Samples[op.A], b, keys, live)
		case OpMeter:
			live = e.meter(p.Meters[op.A], b, live)
		case OpClone:
			e.onCopies(p.Ops[n+1:n+1+int(op.A)], p, b, keys, live, 0)
			n += int(op.A)
		default:
			e.change(op, b, live)
		}
		if len(live) == 0 {
			e.release()
			return
		}
	}
	if taken {
		e.consume(b, live)
	} else {
		e.drop(why, b, live)
	}
	e.release()
}

// change does a step that changes packets and loses none.
func (e *Exec) change(op *Op, b *packet.Batch, idx []uint16) {
	switch op.Code {
	case OpSet:
		e.set(op, b, idx)
	case OpPopVLAN:
		e.popVLAN(b, idx)
	case OpPopMPLS:
		e.popMPLS(uint16(op.A), b, idx)
	case OpCopyTTLIn:
		e.copyTTLIn(b, idx)
	}
}

// finish does the last output, op n, and with it ends the program, unless a sample
// after it wants to see changes that the output must not show: then the frame has to
// stay and finish does nothing. Samples that follow at once see the same bytes before
// the output as after it.
func (e *Exec) finish(p *Program, n int, b *packet.Batch, keys flow.Keys, idx []uint16) bool {
	if n+1 < len(p.Ops) {
		tail := p.Ops[n+1:]
		at := 0
		for at < len(tail) && tail[at].looks() {
			at++
		}
		if sampled(tail[at:]) {
			return false
		}
		for i := range tail[:at] {
			if op := &tail[i]; op.Code == OpController {
				e.punt(&p.Punts[op.A], b, idx, false)
			} else {
				e.sample(&p.Samples[op.A], b, keys, idx)
			}
		}
	}
	if max := uint32(p.Ops[n].V.Lo); max != 0 {
		e.truncate(max, b, idx)
	}
	e.move(p, &p.Ops[n], b, idx)
	e.release()
	return true
}

// resizes says whether the op changes the length of packets.
func (op *Op) resizes() bool {
	switch op.Code {
	case OpPushVLAN, OpPopVLAN, OpPushMPLS, OpPopMPLS:
		return true
	}
	return false
}

// looks says whether the op leaves the packet as it is, and keeps something of it.
func (op *Op) looks() bool { return op.Code == OpSample || op.Code == OpController }

// sampled says whether one of the steps after the last output, up to a drop, is a sample, an
// OpController, or an output of a copy.
func sampled(ops []Op) bool {
	for i := range ops {
		switch ops[i].Code {
		case OpSample, OpOutput, OpController:
			return true
		case OpDrop:
			return false
		}
	}
	return false
}

// drop ends the way of the packets idx.
func (e *Exec) drop(r Reason, b *packet.Batch, idx []uint16) { e.dropOf(r, b, idx, e.From) }

// dropOf is drop of packets that are counted with the port of.
func (e *Exec) dropOf(r Reason, b *packet.Batch, idx []uint16, of *PortDrops) {
	if e.witness.on {
		e.tellDropped(r, b, idx)
	}
	var bytes uint64
	for _, i := range idx {
		bytes += uint64(b.Desc[i].Len)
		e.kill(b.Desc[i].Addr)
	}
	e.count(r, len(idx), bytes, of)
}

// kill puts the chunk of a frame on the list of those to release.
func (e *Exec) kill(addr uint64) {
	if e.nDead == len(e.dead) {
		e.release()
	}
	e.dead[e.nDead] = e.Mem.Chunk(addr)
	e.nDead++
}

// release gives the dead chunks home.
func (e *Exec) release() {
	if e.nDead == 0 {
		return
	}
	chunks := e.dead[:e.nDead]
	e.nDead = 0
	if e.Release != nil {
		e.Release(chunks)
		return
	}
	for _, c := range chunks {
		e.Free.Put(c)
	}
}

// without drops the packets of idx for which gone has a bit and returns the
// others, in order. Positions in idx, not in the batch, index gone.
func (e *Exec) without(r Reason, b *packet.Batch, idx []uint16, gone *bitmap) []uint16 {
	if e.witness.on {
		n := 0
		for j, i := range idx {
			if gone.has(j) {
				e.witness.lost[n] = i
				n++
			}
		}
		e.tellDropped(r, b, e.witness.lost[:n])
	}
	n := 0
	var bytes uint64
	for j, i := range idx {
		if gone.has(j) {
			bytes += uint64(b.Desc[i].Len)
			e.kill(b.Desc[i].Addr)
			continue
		}
		e.live[n] = i
		n++
	}
	e.dropped(r, len(idx)-n, bytes)
	return e.live[:n]
}

// bitmap has a bit for every packet of a batch.
type bitmap [packet.MaxBatch / 64]uint64

func (m *bitmap) set(i int)      { m[i>>6] |= 1 << (i & 63) }
func (m *bitmap) has(i int) bool { return m[i>>6]>>(i&63)&1 != 0 }
