package classifier

import (
	"testing"

	"pollux/flow"
	"pollux/internal/packet"
)

// TestFindIsFindPlain: the assembly finds the same slots, and the same of them are the
// packets', in caches from empty to full, with hashes whose groups and tags collide.
func TestFindIsFindPlain(t *testing.T) {
	for seed := range uint64(200) {
		s := newSource(seed)
		d := newDeck(s)
		for d.frames == nil {
			d = newDeck(s)
		}
		x := NewExact(8 << s.IntN(4))
		for range s.IntN(60) {
			d.deal(s.IntN(deckSize))
			x.Insert(d.hashes[0], d.hand, 0, &Megaflow{})
		}
		for round := range 3 {
			of := make([]int, 1+s.IntN(packet.MaxBatch))
			for i := range of {
				of[i] = s.IntN(deckSize)
			}
			d.deal(of...)
			if round == 2 { // and with any hash at all
				for i := range of {
					d.hashes[i] = s.Uint64() >> (s.IntN(2) * s.IntN(64))
				}
			}
			var slots, plain [packet.MaxBatch]int32
			x.findShorts(d.hand.Shorts, len(of), &d.hashes, &slots)
			differ := x.differ
			a := finding{
				tags: &x.tag[0], mask: uint64(len(x.tag) - 1), entries: &x.entry[0],
				hashes: &d.hashes[0], shorts: &d.hand.Shorts.Of[0], slots: &plain[0], differ: &x.differ[0],
			}
			a.findPlain(len(of))
			if slots != plain {
				t.Fatalf("slots %v, the plain way %v", slots[:len(of)], plain[:len(of)])
			}
			for i, s := range slots[:len(of)] {
				if s >= 0 && differ[i] != x.differ[i] {
					t.Fatalf("packet %d differs by %#x, the plain way %#x", i, differ[i], x.differ[i])
				}
			}
		}
	}
}

// BenchmarkFind is the look-up of a batch's Shorts, by assembly and the plain way.
func BenchmarkFind(b *testing.B) {
	for name, f := range map[string]func(*finding, int){"asm": find, "plain": func(a *finding, n int) { a.findPlain(n) }} {
		b.Run(name, func(b *testing.B) {
			x := NewExact(65536)
			var shorts flow.Shorts
			var hashes [packet.MaxBatch]uint64
			var slots [packet.MaxBatch]int32
			secrets := flow.NewSecrets(1)
			for i := range shorts.Of {
				shorts.Of[i][3] = uint64(i)
				hashes[i] = shorts.Of[i].Hash(&secrets)
				g, lane, _ := x.empty(hashes[i])
				x.tag[g] = x.tag[g].with(lane, tagOf(hashes[i]))
				e := &x.entry[int(g)*groupSlots+lane]
				e.words = isShort
				copy(e.w[:], shorts.Of[i][:])
			}
			a := finding{
				tags: &x.tag[0], mask: uint64(len(x.tag) - 1), entries: &x.entry[0],
				hashes: &hashes[0], shorts: &shorts.Of[0], slots: &slots[0], differ: &x.differ[0],
			}
			for b.Loop() {
				f(&a, packet.MaxBatch)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/packet.MaxBatch, "ns/pkt")
			b.ReportMetric(0, "ns/op")
		})
	}
}
