package cache

// index finds entries by hash: open addressing, linear probing. A slot is the
// hash in the upper half and the entry's number plus one in the lower; 0 is empty.
// The home of a slot follows from the slot itself, so that removal needs no look
// at the entries.
type index struct {
	slots []uint64
	mask  uint32
}

// newIndex returns an index for n entries that is at most half full, in memory that is
// there now or when it is used.
func newIndex(a *arena, n int, now bool) index {
	size := 2
	for size < 2*n {
		size <<= 1
	}
	return index{slots: room[uint64](a, size, now), mask: uint32(size - 1)}
}

// insert adds entry e under hash h.
func (x *index) insert(h uint32, e uint32) {
	i := h & x.mask
	for x.slots[i] != 0 {
		i = (i + 1) & x.mask
	}
	x.slots[i] = uint64(h)<<32 | uint64(e+1)
}

// remove takes out entry e, which is there under hash h, and moves up the slots
// that follow and are not at home, so that no probe meets a hole too early.
func (x *index) remove(h uint32, e uint32) {
	want := uint64(h)<<32 | uint64(e+1)
	i := h & x.mask
	for x.slots[i] != want {
		i = (i + 1) & x.mask
	}
	for j := (i + 1) & x.mask; x.slots[j] != 0; j = (j + 1) & x.mask {
		home := uint32(x.slots[j]>>32) & x.mask
		// The slot at j may move to the hole at i if i lies between its home and j.
		if (j-home)&x.mask >= (j-i)&x.mask {
			x.slots[i] = x.slots[j]
			i = j
		}
	}
	x.slots[i] = 0
}
