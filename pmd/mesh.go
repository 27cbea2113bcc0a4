package pmd

import (
	"pollux/internal/packet"
	"pollux/internal/ring"
)

// handoffs is how many frames wait at most between two loops.
const handoffs = 2048

// HandoffRounds is in how many iterations a loop has taken all frames that were left
// for it when the first began.
const HandoffRounds = handoffs/packet.MaxBatch + 1

// Handoff is a frame on its way to the loop that owns the transmit queue of Slot.
type Handoff struct {
	Desc packet.Desc
	Slot int32
}

// Mesh is the rings between loops: frames for ports with fewer transmit queues than
// there are loops, and chunks on their way home. Row from is written by loop from
// alone, column to read by loop to alone.
type Mesh struct {
	frames [][]*ring.SPSC[Handoff]
	home   [][]*ring.SPSC[uint64]
}

// NewMesh joins n loops over mem. A home ring holds every chunk of its home, so
// giving a chunk back never fails.
func NewMesh(n int, mem *packet.Memory) *Mesh {
	m := &Mesh{make([][]*ring.SPSC[Handoff], n), make([][]*ring.SPSC[uint64], n)}
	for from := range n {
		m.frames[from] = make([]*ring.SPSC[Handoff], n)
		m.home[from] = make([]*ring.SPSC[uint64], n)
		for to := range n {
			if from != to {
				m.frames[from][to] = ring.New[Handoff](handoffs)
				m.home[from][to] = ring.New[uint64](int(mem.PerHome))
			}
		}
	}
	return m
}

// Waiting returns how many frames are between loops at some moment of the call.
func (m *Mesh) Waiting() (frames int) {
	for _, row := range m.frames {
		for _, r := range row {
			if r != nil {
				frames += r.Len()
			}
		}
	}
	return frames
}
