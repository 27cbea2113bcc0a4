package classifier

import "testing"

// TestTagsMatch compares the tricks on words with a loop over slots. Slots above
// a true one may be given by mistake; the lowest and all true ones must be right.
func TestTagsMatch(t *testing.T) {
	s := newSource(1)
	values := []uint64{0, 1, 2, 3, 0x7fff, 0x8000, 0x8001, 0xffff}
	for range 20000 {
		var g tags
		var slot [groupSlots]uint64
		for i := range slot {
			slot[i] = pick(s, values...)
			g = g.with(i, slot[i])
		}
		want := pick(s, values...)
		first, empty := -1, false
		for i := groupSlots - 1; i >= 0; i-- {
			if g.at(i) != slot[i] {
				t.Fatalf("%x: slot %d is %x, want %x", g, i, g.at(i), slot[i])
			}
			if slot[i] == want {
				first = i
			}
			empty = empty || slot[i] == tagEmpty
		}
		m := g.match(want)
		if (m == 0) != (first < 0) || m != 0 && m.first() != first {
			t.Fatalf("%x: match of %x is %x, first slot is %d", g, want, m, first)
		}
		given := [groupSlots]bool{}
		for ; m != 0; m = m.next() {
			given[m.first()] = true
		}
		for i := range slot {
			if slot[i] == want && !given[i] {
				t.Fatalf("%x: slot %d is %x, but is not given", g, i, want)
			}
		}
		if g.hasEmpty() != empty {
			t.Fatalf("%x: hasEmpty is %v", g, g.hasEmpty())
		}
	}
}

func TestTagOf(t *testing.T) {
	for h := range uint64(1 << 16) {
		if tag := tagOf(h << 48); tag <= tagDeleted || tag > 0xffff {
			t.Fatalf("hash %#x: tag %#x", h<<48, tag)
		}
	}
}
