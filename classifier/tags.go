package classifier

import "math/bits"

// tags are the 15-bit fingerprints of the four slots of one group, slot 0 in the
// lowest bits:
//
//	empty    0000 0000 0000 0000
//	full     0ttt tttt tttt tttt   at least 1
//
// and in the highest bit of all whether a key that belongs here found no room and
// went to a group further on. Only then does a search go on, which is why slots
// can be emptied without leaving a mark.
type tags uint64

// lanes has the highest bit of a slot's sixteen set for each slot it names.
type lanes uint64

const (
	tagEmpty   = 0
	groupSlots = 4

	tagBits  = 0x7fff
	lowBits  = 0x0001000100010001
	fullBits = 0x7fff7fff7fff7fff
	highBits = 0x8000800080008000
	overflow = 1 << 63
)

// tagOf takes the fingerprint from a hash. The bits that choose the group come
// from the other end.
func tagOf(hash uint64) uint64 { return max(hash>>49, 1) }

// match returns the slots that hold tag t.
func (g tags) match(t uint64) lanes {
	x := uint64(g)&fullBits ^ t*lowBits
	return lanes(^(x + fullBits) & highBits) // the sum carries unless the tag is 0
}

// overflowed says whether a search must go on to the next group.
func (g tags) overflowed() bool { return g&overflow != 0 }

// first returns the number of the lowest slot of l, which must not be empty.
func (l lanes) first() int { return bits.TrailingZeros64(uint64(l)) >> 4 }

// next removes the lowest slot.
func (l lanes) next() lanes { return l & (l - 1) }

// with returns g with tag t in slot i.
func (g tags) with(i int, t uint64) tags {
	s := 16 * i
	return g&^(tagBits<<s) | tags(t<<s)
}
