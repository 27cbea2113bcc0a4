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

// slots is an open-addressed array in groups of four, probed group by group. The
// masked words of each slot lie together, away from the megaflow, so that a
// compare touches one or two cache lines and not the key of the megaflow.
type slots struct {
	tag  []tags      // one a group; the length is a power of two
	word []uint64    // stride words a slot
	mf   []*Megaflow // one a slot
	live int         // full slots
	dead int         // deleted slots
}

// batch is the scratch of one Lookup: what is known of each packet still sought.
type batch struct {
	hash [packet.MaxBatch]uint64
	slot [packet.MaxBatch]int32 // candidate, or one of the two below
	word [packet.MaxBatch]uint64
	idx  [packet.MaxBatch]uint16
}

const (
	slotNone  = -1 // the group has no such tag, and an empty slot: a miss
	slotProbe = -2 // look further
)

const (
	minGroups  = 4
	moveSlots  = 16 // slots moved with an insert while growing
	maxLoad    = 3  // of every four slots, those that may be full or deleted
	pruneBelow = 2  // when fewer than 1/this of the load is live, rehash to the same size
)

func newSlots(groups, stride int) *slots {
	return &slots{
		tag:  make([]tags, groups),
		word: make([]uint64, groups*groupSlots*stride),
		mf:   make([]*Megaflow, groups*groupSlots),
	}
}

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
// returns idx shortened in place to the rest.
func (t *subtable) lookup(keys []flow.Key, idx []uint16, out *[packet.MaxBatch]*Megaflow, b *batch) []uint16 {
	n := len(idx)
	p := &t.packed
	hash := b.hash[:n]
	for j, i := range idx {
		hash[j] = p.hash(&keys[i], t.seed)
	}
	idx = t.cur.lookup(p, keys, idx, out, b)
	if t.old != nil && len(idx) > 0 {
		for j, i := range idx {
			b.hash[j] = p.hash(&keys[i], t.seed)
		}
		idx = t.old.lookup(p, keys, idx, out, b)
	}
	t.hits += uint64(n - len(idx))
	return idx
}

// lookup is subtable.lookup in one array, with the hashes in b.
func (s *slots) lookup(p *packedMask, keys []flow.Key, idx []uint16, out *[packet.MaxBatch]*Megaflow, b *batch) []uint16 {
	n := len(idx)
	hash, slot, word := b.hash[:n], b.slot[:n], b.word[:n]
	stride := len(p.word)
	m := uint64(len(s.tag) - 1)
	// Every packet's group and candidate is touched before any is compared, so
	// that the memory accesses of the batch overlap.
	for j, h := range hash {
		g := h & m
		t := s.tag[g]
		c := t.match(tagOf(h))
		if c == 0 {
			slot[j] = slotNone
			if !t.hasEmpty() {
				slot[j] = slotProbe
			}
			continue
		}
		k := int(g)*groupSlots + c.first()
		slot[j] = int32(k)
		if stride > 0 {
			word[j] = s.word[k*stride]
		}
		out[idx[j]] = s.mf[k]
	}
	rest := 0
	for j, i := range idx {
		k := int(slot[j])
		if k >= 0 {
			if stride == 0 || p.equal(&keys[i], s.word[k*stride:]) {
				continue
			}
		}
		out[i] = nil
		if k != slotNone {
			if k = s.find(p, hash[j], &keys[i]); k >= 0 {
				out[i] = s.mf[k]
				continue
			}
		}
		idx[rest] = i
		rest++
	}
	return idx[:rest]
}

// find probes for one key and returns its slot, or -1.
func (s *slots) find(p *packedMask, hash uint64, k *flow.Key) int {
	m := uint64(len(s.tag) - 1)
	t := tagOf(hash)
	for g := hash & m; ; g = (g + 1) & m {
		for c := s.tag[g].match(t); c != 0; c = c.next() {
			i := int(g)*groupSlots + c.first()
			if s.tag[g].at(c.first()) == t && p.equal(k, s.word[i*len(p.word):]) {
				return i
			}
		}
		if s.tag[g].hasEmpty() {
			return -1
		}
	}
}

// put claims a slot for hash; the caller fills it. There must be room.
func (s *slots) put(hash uint64) int {
	m := uint64(len(s.tag) - 1)
	for g := hash & m; ; g = (g + 1) & m {
		free := s.tag[g].match(tagEmpty)
		if d := s.tag[g].match(tagDeleted); d != 0 && s.tag[g].at(d.first()) == tagDeleted {
			free = d
			s.dead--
		}
		if free != 0 {
			i := free.first()
			s.tag[g] = s.tag[g].with(i, tagOf(hash))
			s.live++
			return int(g)*groupSlots + i
		}
	}
}

// drop empties slot i. A search goes on past the slot only if it would have gone
// past the whole group.
func (s *slots) drop(i int) {
	g, lane := i/groupSlots, i%groupSlots
	t := uint64(tagEmpty)
	if !s.tag[g].hasEmpty() {
		t = tagDeleted
		s.dead++
	}
	s.tag[g] = s.tag[g].with(lane, t)
	s.mf[i] = nil
	s.live--
}

// full says whether the next put needs more room first.
func (s *slots) full() bool {
	return 4*(s.live+s.dead+1) > maxLoad*groupSlots*len(s.tag)
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
		t.move(len(t.cur.mf)) // only when inserts overtook the moving
		groups := len(t.cur.tag)
		if t.cur.live*pruneBelow > groups*groupSlots*maxLoad/4 {
			groups *= 2
		}
		t.old, t.moved = t.cur, 0
		t.cur = newSlots(groups, len(t.packed.word))
		t.move(moveSlots)
	}
	t.place(t.packed.hash(&mf.Key, t.seed), mf)
}

func (t *subtable) place(hash uint64, mf *Megaflow) {
	i := t.cur.put(hash)
	stride := len(t.packed.word)
	t.packed.put(&mf.Key, t.cur.word[i*stride:(i+1)*stride])
	t.cur.mf[i] = mf
}

// move moves up to n slots from old to cur.
func (t *subtable) move(n int) {
	if t.old == nil {
		return
	}
	for ; n > 0 && t.moved < len(t.old.mf); n-- {
		if mf := t.old.mf[t.moved]; mf != nil {
			t.old.drop(t.moved)
			t.place(t.packed.hash(&mf.Key, t.seed), mf)
		}
		t.moved++
	}
	if t.moved == len(t.old.mf) {
		t.old = nil
	}
}

// remove takes mf out.
func (t *subtable) remove(mf *Megaflow) {
	h := t.packed.hash(&mf.Key, t.seed)
	if i := t.cur.find(&t.packed, h, &mf.Key); i >= 0 {
		t.cur.drop(i)
		return
	}
	if i := t.old.find(&t.packed, h, &mf.Key); i >= 0 {
		t.old.drop(i)
	}
}
