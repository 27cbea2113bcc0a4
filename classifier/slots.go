package classifier

import (
	"pollux/flow"
	"pollux/internal/packet"
)

// slots is an open-addressed array in groups of four, probed group by group. The
// masked words of each slot lie together, away from the megaflow, so that a
// compare touches one or two cache lines and not the key of the megaflow.
type slots struct {
	tag  []tags      // one a group; the length is a power of two
	word []uint64    // stride words a slot
	mf   []*Megaflow // one a slot
	live int         // full slots
	over int         // groups that have overflowed
}

// batch is the scratch of one Lookup.
type batch struct {
	idx  [packet.MaxBatch]uint16 // packets still sought
	hash [packet.MaxBatch]uint64 // theirs, in the order of idx
	cand [packet.MaxBatch]candidate
}

// candidate is a packet for which one subtable may have something.
type candidate struct {
	hash uint64
	slot int32  // -1 when the first group says nothing but to look further
	i    uint16 // the packet
}

func newSlots(groups, stride int) *slots {
	return &slots{
		tag:  make([]tags, groups),
		word: make([]uint64, groups*groupSlots*stride),
		mf:   make([]*Megaflow, groups*groupSlots),
	}
}

// lookup looks for keys[i], whose hashes are in b, for every i of idx; see
// subtable.lookup.
func (s *slots) lookup(p *packedMask, keys []flow.Key, idx []uint16, out *[packet.MaxBatch]*Megaflow, b *batch) []uint16 {
	hash := b.hash[:len(idx)]
	m := uint64(len(s.tag) - 1)
	rest, cands := 0, 0
	// First every packet's group: most packets that are not here end with it.
	for j, i := range idx {
		h := hash[j]
		g := h & m
		t := s.tag[g]
		match := t.match(tagOf(h))
		if match == 0 && !t.overflowed() {
			idx[rest] = i
			rest++
			continue
		}
		slot := int(g)*groupSlots + match.first()
		if match == 0 {
			slot = -1
		}
		c := &b.cand[cands&(packet.MaxBatch-1)]
		c.hash, c.slot, c.i = h, int32(slot), i
		cands++
	}
	// Then every candidate is touched before any is compared, so that the memory
	// accesses of the batch overlap.
	cand := b.cand[:cands]
	stride := len(p.word)
	touched := uint64(0)
	for c := range cand {
		if k := int(cand[c].slot); k >= 0 {
			if s.mf[k] != nil && stride > 0 {
				touched += s.word[k*stride]
			}
		}
	}
	b.hash[0] = touched // else the compiler would leave the loop out
	for c := range cand {
		c := &cand[c]
		k := int(c.slot)
		if k < 0 || !p.equal(&keys[c.i], s.word[k*stride:]) {
			// Two keys share a tag, or the group has overflowed.
			if k = s.find(p, c.hash, &keys[c.i]); k < 0 {
				at := rest
				for ; at > 0 && idx[at-1] > c.i; at-- {
					idx[at] = idx[at-1]
				}
				idx[at] = c.i
				rest++
				continue
			}
		}
		out[c.i] = s.mf[k]
	}
	return idx[:rest]
}

// find probes for one key and returns its slot, or -1.
func (s *slots) find(p *packedMask, hash uint64, k *flow.Key) int {
	m := uint64(len(s.tag) - 1)
	t := tagOf(hash)
	g := hash & m
	for range s.tag {
		for c := s.tag[g].match(t); c != 0; c = c.next() {
			i := int(g)*groupSlots + c.first()
			if p.equal(k, s.word[i*len(p.word):]) {
				return i
			}
		}
		if !s.tag[g].overflowed() {
			break
		}
		g = (g + 1) & m
	}
	return -1
}

// put adds mf, whose key must not be here and hashes to hash. There must be room.
func (s *slots) put(p *packedMask, hash uint64, mf *Megaflow) {
	m := uint64(len(s.tag) - 1)
	g := hash & m
	for s.tag[g].match(tagEmpty) == 0 {
		if !s.tag[g].overflowed() {
			s.tag[g] |= overflow
			s.over++
		}
		g = (g + 1) & m
	}
	lane := s.tag[g].match(tagEmpty).first()
	s.tag[g] = s.tag[g].with(lane, tagOf(hash))
	i := int(g)*groupSlots + lane
	p.put(&mf.Key, s.word[i*len(p.word):])
	s.mf[i] = mf
	mf.slot = int32(i)
	s.live++
}

// drop empties slot i.
func (s *slots) drop(i int) {
	g := i / groupSlots
	s.tag[g] = s.tag[g].with(i%groupSlots, tagEmpty)
	s.mf[i] = nil
	s.live--
}

// appendTo appends the megaflows to dst.
func (s *slots) appendTo(dst []*Megaflow) []*Megaflow {
	for _, mf := range s.mf {
		if mf != nil {
			dst = append(dst, mf)
		}
	}
	return dst
}

// full says whether the next put needs more room first: half the slots may be
// full, of which then one group in twenty has overflowed; and one in four may have
// after much coming and going.
func (s *slots) full() bool {
	return 2*(s.live+1) > len(s.mf) || 4*s.over > len(s.tag)
}

// nextGroups returns how many groups the next slots should have: twice as many, or
// the same where only the marks of overflow must go.
func (s *slots) nextGroups() int {
	if 4*s.live > len(s.mf) {
		return 2 * len(s.tag)
	}
	return len(s.tag)
}
