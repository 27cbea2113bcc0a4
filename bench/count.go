package bench

import "sync/atomic"

// FlowCount is what arrived of one flow.
type FlowCount struct {
	Received  uint64 // distinct packets
	Bytes     uint64 // of those, frame bytes without FCS
	Duplicate uint64 // packets whose sequence number had been seen before
	Reordered uint64 // packets that came after one with a higher sequence number

	next uint64   // one more than the highest sequence number seen
	seen []uint64 // bit n: sequence number n was seen
}

// maxSeq bounds a flow's memory of what it saw to 128 MiB.
const maxSeq = 1 << 30

// add counts one packet and says whether its sequence number is one that can be.
func (c *FlowCount) add(seq uint64, size int) bool {
	if seq >= maxSeq {
		return false
	}
	w, bit := seq/64, uint64(1)<<(seq%64)
	if w >= uint64(len(c.seen)) {
		n := max(w+1, uint64(2*len(c.seen)))
		c.seen = append(c.seen, make([]uint64, n-uint64(len(c.seen)))...)
	}
	if c.seen[w]&bit != 0 {
		c.Duplicate++
		return true
	}
	c.seen[w] |= bit
	c.Received++
	c.Bytes += uint64(size)
	if seq < c.next {
		c.Reordered++
	} else {
		c.next = seq + 1
	}
	return true
}

// Tally counts received frames of one flow set. One goroutine calls Add; Total
// and Foreign may be read from others.
type Tally struct {
	Flow    []FlowCount
	Stamped func(ns uint32) // given each new frame's time on the way, if frames are stamped; or nil
	total   atomic.Uint64
	foreign atomic.Uint64
}

// NewTally returns a tally for flows 0 to flows-1.
func NewTally(flows int) *Tally { return &Tally{Flow: make([]FlowCount, flows)} }

// Add counts one frame.
func (t *Tally) Add(frame []byte) {
	i, seq, ok := Parse(frame)
	var took uint32
	if t.Stamped != nil {
		took, seq = sinceStamp(seq), seqOf(seq)
	}
	if !ok || i >= len(t.Flow) || !t.Flow[i].add(seq, len(frame)) {
		t.foreign.Store(t.foreign.Load() + 1)
		return
	}
	t.total.Store(t.total.Load() + 1)
	if t.Stamped != nil {
		t.Stamped(took)
	}
}

// Total returns the number of frames of the set, duplicates among them.
func (t *Tally) Total() uint64 { return t.total.Load() }

// Foreign returns the number of frames that are not of the set: neighbour
// discovery and the like.
func (t *Tally) Foreign() uint64 { return t.foreign.Load() }
