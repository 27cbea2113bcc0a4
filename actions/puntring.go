package actions

import (
	"fmt"
	"sync/atomic"
	"unsafe"
)

// line is the distance between words that different threads write.
const line = 128

// PuntRing is where one loop leaves packets for the control plane: slots with memory for a
// frame, made beforehand. The loop never waits: what finds no free slot is lost, and counted.
// One thread at a time may Drain it.
type PuntRing struct {
	slots []puntSlot
	mem   []byte
	size  uint64 // bytes of mem a slot has
	mask  uint64
	_     [2*line - 64]byte // whole lines in all, so that the allocator puts nothing beside it

	// Only the loop writes these.
	tail     atomic.Uint64 // packets ever laid
	headSeen uint64        // head as the loop last loaded it
	_        [line - 16]byte

	// Only who drains writes these.
	head atomic.Uint64 // packets ever taken
	out  PuntedPacket  // in hand
	_    [line - 8 - unsafe.Sizeof(PuntedPacket{})]byte
}

type puntSlot struct {
	punt   *Punt
	at     int64
	inPort uint32
	full   uint32
	n      uint32
}

// PuntedPacket is a packet on its way to a controller. Data is valid while Drain's function runs.
type PuntedPacket struct {
	*Punt
	Data    []byte // as the packet was then; no more than MaxLen
	FullLen int    // bytes the packet had
	PhyPort uint32 // OpenFlow number of the port it came in by
	At      int64  // ns, monotonic
}

// NewPuntRing returns a ring of a power of two of slots, for frames of up to size bytes;
// longer ones are cut.
func NewPuntRing(slots, size int) *PuntRing {
	if slots < 1 || slots&(slots-1) != 0 || size < 1 {
		panic(fmt.Sprintf("punt ring: %d slots of %d bytes", slots, size))
	}
	return &PuntRing{
		slots: make([]puntSlot, slots), mem: make([]byte, slots*size),
		size: uint64(size), mask: uint64(slots - 1),
	}
}

// push copies a frame, or what p wants of it, and reports whether there was room.
func (r *PuntRing) push(p *Punt, inPort uint32, now int64, frame []byte) bool {
	tail := r.tail.Load()
	if tail-r.headSeen == uint64(len(r.slots)) {
		if r.headSeen = r.head.Load(); tail-r.headSeen == uint64(len(r.slots)) {
			return false
		}
	}
	n := min(len(frame), int(r.size))
	if p.MaxLen != WholePacket {
		n = min(n, int(p.MaxLen))
	}
	at := tail & r.mask
	copy(r.mem[at*r.size:(at+1)*r.size], frame[:n])
	r.slots[at] = puntSlot{p, now, inPort, uint32(len(frame)), uint32(n)}
	r.tail.Store(tail + 1)
	return true
}

// Len returns how many packets wait. Any thread may call it.
func (r *PuntRing) Len() int {
	head := r.head.Load()
	return int(min(r.tail.Load()-head, uint64(len(r.slots))))
}

// Drain calls fn with the packets that wait, the oldest first, those that come in meanwhile
// left for the next time, and returns how many there were. p is used again: fn copies what it
// keeps, Punt apart, which never changes.
func (r *PuntRing) Drain(fn func(p *PuntedPacket)) int {
	head, tail := r.head.Load(), r.tail.Load()
	p := &r.out
	for i := head; i != tail; i++ {
		s := &r.slots[i&r.mask]
		from := (i & r.mask) * r.size
		*p = PuntedPacket{s.punt, r.mem[from : from+uint64(s.n) : from+uint64(s.n)], int(s.full), s.inPort, s.at}
		fn(p)
		s.punt = nil // the ring keeps no program alive
		r.head.Store(i + 1)
	}
	p.Punt = nil
	return int(tail - head)
}
