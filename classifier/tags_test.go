package classifier

import "testing"

// TestTagsMatch compares the tricks on words with a loop over slots.
func TestTagsMatch(t *testing.T) {
	s := newSource(1)
	values := []uint64{0, 1, 2, 3, 0x3fff, 0x4000, 0x7ffe, 0x7fff}
	for range 20000 {
		var g tags
		over := s.IntN(2) == 1
		if over {
			g |= overflow
		}
		var slot [groupSlots]uint64
		for i := range slot {
			g = g.with(i, pick(s, values...)) // overwritten
			slot[i] = pick(s, values...)
			g = g.with(i, slot[i])
		}
		want := pick(s, values...)
		m := g.match(want)
		for i := range slot {
			found := m != 0 && m.first() == i
			if found != (slot[i] == want) {
				t.Fatalf("%x: slot %d holds %x, match of %x says %v", g, i, slot[i], want, found)
			}
			if found {
				m = m.next()
			}
		}
		if m != 0 {
			t.Fatalf("%x: match of %x leaves %x", g, want, m)
		}
		if g.overflowed() != over {
			t.Fatalf("%x: overflowed is %v", g, g.overflowed())
		}
	}
}

func TestTagOf(t *testing.T) {
	for h := range uint64(1 << 16) {
		if tag := tagOf(h << 48); tag == tagEmpty || tag > tagBits {
			t.Fatalf("hash %#x: tag %#x", h<<48, tag)
		}
	}
}
