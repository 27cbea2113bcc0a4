package classifier

import "math/bits"

// tags are the 16-bit fingerprints of the four slots of one group, slot 0 in the
// lowest bits:
//
//	empty    0000 0000 0000 0000   never used, or free again: a search may end here
//	deleted  0000 0000 0000 0001   a search goes on (subtables only)
//	full     tttt tttt tttt tttt   at least 2
type tags uint64

// lanes has the highest bit of each slot's tag set, or not.
type lanes uint64

const (
	tagEmpty   = 0
	tagDeleted = 1
	groupSlots = 4

	lowBits  = 0x0001000100010001
	highBits = 0x8000800080008000
)

// tagOf takes the fingerprint from a hash. The bits that choose the group come
// from the other end.
func tagOf(hash uint64) uint64 {
	t := hash >> 48
	if t <= tagDeleted {
		t += 2
	}
	return t
}

// match returns the slots that hold tag t. The lowest of them is exact; a slot
// above a true one may be there by mistake, which the compare of keys finds out.
func (g tags) match(t uint64) lanes {
	x := uint64(g) ^ t*lowBits
	return lanes((x - lowBits) &^ x & highBits)
}

// hasEmpty says whether some slot is empty.
func (g tags) hasEmpty() bool {
	return (uint64(g)-lowBits)&^uint64(g)&highBits != 0
}

// first returns the number of the lowest slot of l, which must not be empty.
func (l lanes) first() int { return bits.TrailingZeros64(uint64(l)) >> 4 }

// next removes the lowest slot.
func (l lanes) next() lanes { return l & (l - 1) }

// at returns the tag of slot i.
func (g tags) at(i int) uint64 { return uint64(g) >> (16 * i) & 0xffff }

// with returns g with tag t in slot i.
func (g tags) with(i int, t uint64) tags {
	s := 16 * i
	return g&^(0xffff<<s) | tags(t<<s)
}
