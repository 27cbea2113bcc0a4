package actions

import (
	"pollux/flow"
	"pollux/internal/packet"
	"pollux/ipfix/cache"
)

// A flow cache is told of packets that it has accounted and that Run then drops:
//
//   - those of samples on the way in (cache.Ingress) of a packet when its frame is
//     dropped and no copy of it has been laid in a staging area: it went nowhere;
//   - those of samples on the way out (cache.Egress) when the output to the port they
//     name drops the frame, or the copy, that they saw.
//
// A packet is told once to an exporter, by the first sample of it that saw the packet
// on its way in, or by the last that saw it on its way out of that port. So a flow
// never has more packets dropped than accounted. Drops that come after Run are not told
// of: frames that a transmit ring or the ring to another loop had no room for
// (DropTxFull, DropHandoff) left their flows behind when they were staged. Nor are
// those of a sample of changed packets whose key another sample has since taken its
// place of, or whose length has changed since.

// maxWatched is how many samples of a run are remembered; drops are not told to those
// beyond.
const maxWatched = 16

// watched is a sample that this run has taken.
type watched struct {
	s     *Sample
	drawn bool   // it saw packets seen only, not all that were still in the program
	seen  bitmap // by number in the batch
}

// witness is what Exec remembers of a run, for flow caches to be told of drops.
type witness struct {
	on     bool // the program has samples and the loop has flow caches
	n      int  // samples taken, in of
	of     [maxWatched]watched
	keys   flow.Keys               // of packets as they were received
	left   bitmap                  // packets of which a copy has been staged
	some   bool                    // there are any
	failed [packet.MaxBatch]Reason // why the last copy of a packet was not
	frozen bool                    // was holds what the packets were as they were received
	was    packet.Batch            // Desc and L3 only
	lost   [packet.MaxBatch]uint16
	tell   [packet.MaxBatch]uint16
	one    [1]uint16
}

// begin forgets the last run.
func (w *witness) begin() {
	w.on, w.n, w.frozen, w.some = true, 0, false, false
	w.left = bitmap{}
}

// watch remembers that sample s has seen the packets idx; drawn says that there may be
// others that it has not.
func (w *witness) watch(s *Sample, idx []uint16, drawn bool) {
	if s.Rewritten {
		w.unwatchRewritten() // whose keys have just been overwritten
	}
	if w.n == maxWatched {
		return
	}
	k := &w.of[w.n]
	w.n++
	k.s, k.drawn = s, drawn
	if drawn {
		k.seen = bitmap{}
		for _, i := range idx {
			k.seen.set(int(i))
		}
	}
}

func (w *witness) unwatchRewritten() {
	n := 0
	for k := range w.of[:w.n] {
		if !w.of[k].s.Rewritten {
			w.of[n] = w.of[k]
			n++
		}
	}
	w.n = n
}

// freeze keeps the lengths of the packets idx before they change: flow caches are told
// of a dropped packet as they have accounted it.
func (w *witness) freeze(b *packet.Batch, idx []uint16) {
	if w.n == 0 {
		return
	}
	w.unwatchRewritten()
	if w.frozen {
		return
	}
	w.frozen = true
	w.was.InPort = b.InPort
	for _, i := range idx {
		w.was.Desc[i], w.was.L3[i] = b.Desc[i], b.L3[i]
	}
}

// tellDropped tells flow caches that the frames of packets idx are dropped for r.
func (e *Exec) tellDropped(r Reason, b *packet.Batch, idx []uint16) {
	w := &e.witness
	if r == DropSampled {
		// A copy was meant to go, and it is that which failed.
		for _, i := range idx {
			if !w.left.has(int(i)) {
				w.one[0] = i
				e.tellIngress(w.failed[i], b, w.one[:])
			}
		}
		return
	}
	e.tellIngress(r, b, idx)
}

// tellIngress tells the first samples of each exporter on the way in of those of packets
// idx of which no copy has left.
func (e *Exec) tellIngress(r Reason, b *packet.Batch, idx []uint16) {
	w := &e.witness
	for k := range w.of[:w.n] {
		s := w.of[k].s
		if s.Point.Dir != cache.Ingress {
			continue
		}
		if k == 0 && !w.of[k].drawn && !w.some {
			e.tell(s, r, b, idx)
			continue
		}
		n := 0
		for _, i := range idx {
			if !w.left.has(int(i)) && w.of[k].saw(i) && !w.told(k, i) {
				w.tell[n] = i
				n++
			}
		}
		e.tell(s, r, b, w.tell[:n])
	}
}

// told says whether a sample on the way in before the kth has told the exporter of packet i.
func (w *witness) told(k int, i uint16) bool {
	for j := range w.of[:k] {
		if s := w.of[j].s; s.Exporter == w.of[k].s.Exporter && s.Point.Dir == cache.Ingress && w.of[j].saw(i) {
			return true
		}
	}
	return false
}

// tellEgress tells the last samples of each exporter on the way out of a port that
// packets idx, or their copies, are dropped there.
func (e *Exec) tellEgress(r Reason, ofport uint32, b *packet.Batch, idx []uint16) {
	w := &e.witness
	for k := w.n - 1; k >= 0; k-- {
		s := w.of[k].s
		if s.Point.Dir != cache.Egress || s.Point.Egress != ofport || w.later(k) {
			continue
		}
		n := 0
		for _, i := range idx {
			if w.of[k].saw(i) {
				w.tell[n] = i
				n++
			}
		}
		e.tell(s, r, b, w.tell[:n])
	}
}

// later says whether a sample after the kth is of the same exporter and port.
func (w *witness) later(k int) bool {
	at := w.of[k].s
	for j := k + 1; j < w.n; j++ {
		if s := w.of[j].s; s.Exporter == at.Exporter && s.Point.Dir == cache.Egress && s.Point.Egress == at.Point.Egress {
			return true
		}
	}
	return false
}

func (k *watched) saw(i uint16) bool { return !k.drawn || k.seen.has(int(i)) }

// tell tells the flow cache of s of packets dropped.
func (e *Exec) tell(s *Sample, r Reason, b *packet.Batch, idx []uint16) {
	if len(idx) == 0 {
		return
	}
	keys, slots := e.witness.keys, e.Slots
	if s.Rewritten {
		keys, slots = flow.Keys{Whole: e.keys[:]}, nil
	} else if e.witness.frozen {
		b = &e.witness.was
	}
	e.Caches[s.Exporter].Dropped(s.Point, b, keys, idx, slots, uint8(r), e.Now)
}
