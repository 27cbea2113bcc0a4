package classifier

import (
	"pollux/flow"
	"pollux/internal/packet"
)

// subtable holds the megaflows of one mask. It grows by moving a few slots with each
// insert from the old slots to slots of twice the number, so that no insert stops
// the loop for long; while that goes on a lookup looks in both.
type subtable struct {
	mask   flow.Mask
	packed packedMask
	seed   uint64
	cur    *slots
	old    *slots // nil unless growing
	moved  int    // slots of old already moved

	hits   uint64 // packets
	ranked uint64 // hits at the last ranking
	score  uint64 // recent hits, halved with each ranking
}

const (
	minGroups = 4
	moveSlots = 16 // slots moved with an insert while growing
)

func newSubtable(m *flow.Mask, s *salts) *subtable {
	t := &subtable{mask: *m, packed: pack(m, 0, flow.NumWords, s), seed: s[0]}
	t.cur = newSlots(minGroups, len(t.packed.word))
	return t
}

// len returns the number of megaflows.
func (t *subtable) len() int {
	n := t.cur.live
	if t.old != nil {
		n += t.old.live
	}
	return n
}

// lookup looks for keys[i] for every i of idx, writes what it finds to out and
// returns idx shortened in place to the rest, in order. It leaves out of the rest alone.
func (t *subtable) lookup(keys []flow.Key, idx []uint16, out *[packet.MaxBatch]*Megaflow, b *batch) []uint16 {
	n := len(idx)
	p := &t.packed
	p.hashBatch(keys, idx, t.seed, &b.hash)
	idx = t.cur.lookup(p, keys, idx, out, b)
	if t.old != nil && len(idx) > 0 {
		p.hashBatch(keys, idx, t.seed, &b.hash)
		idx = t.old.lookup(p, keys, idx, out, b)
	}
	t.hits += uint64(n - len(idx))
	return idx
}

// find returns the megaflow that k belongs to, or nil.
func (t *subtable) find(k *flow.Key) *Megaflow {
	h := t.packed.hash(k, t.seed)
	if i := t.cur.find(&t.packed, h, k); i >= 0 {
		return t.cur.mf[i]
	}
	if t.old != nil {
		if i := t.old.find(&t.packed, h, k); i >= 0 {
			return t.old.mf[i]
		}
	}
	return nil
}

// insert adds mf, whose key must not be here.
func (t *subtable) insert(mf *Megaflow) {
	t.move(moveSlots)
	if t.cur.full() {
		if t.old != nil {
			t.move(len(t.old.mf)) // only when inserts have overtaken the moving
		}
		t.old, t.moved = t.cur, 0
		t.cur = newSlots(t.old.nextGroups(), len(t.packed.word))
		t.move(moveSlots)
	}
	t.cur.put(&t.packed, t.packed.hash(&mf.Key, t.seed), mf)
}

// move moves the megaflows of up to n slots from old to cur.
func (t *subtable) move(n int) {
	if t.old == nil {
		return
	}
	for ; n > 0 && t.moved < len(t.old.mf); n-- {
		if mf := t.old.mf[t.moved]; mf != nil {
			t.old.drop(t.moved)
			t.cur.put(&t.packed, t.packed.hash(&mf.Key, t.seed), mf)
		}
		t.moved++
	}
	if t.moved == len(t.old.mf) {
		t.old = nil
	}
}

// remove takes mf out.
func (t *subtable) remove(mf *Megaflow) {
	s := t.cur
	if i := int(mf.slot); i >= len(s.mf) || s.mf[i] != mf {
		s = t.old
	}
	s.drop(int(mf.slot))
}
