package pmd

import (
	"testing"

	"pgregory.net/rapid"

	"pollux/actions"
	"pollux/flow"
)

// among is a choice among n places.
func among(n int, basis uint16) *actions.Choice {
	c := &actions.Choice{Hash: actions.Hash{Of: actions.HashNwSrc, Basis: basis}}
	for i := range n {
		c.Places = append(c.Places, actions.Place{ID: uint32(7 * i), N: uint16(i), Weight: uint16(1 + i%3)})
	}
	return c
}

// sourceKey is the key of a packet from an IPv4 address.
func sourceKey(addr uint32) *flow.Key {
	k := new(flow.Key)
	flow.EthType.Set(k, flow.Value{Lo: 0x0800})
	flow.IPv4Src.Set(k, flow.Value{Lo: uint64(addr)})
	return k
}

// TestPlacesAreThoseDrawn: what is remembered of a hash is what is drawn by it, of each list of questions
// its own, while lists come and go, their numbers are used again and serials are used up.
func TestPlacesAreThoseDrawn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newLists()
		s.places.last = serials - 1 - uint32(rapid.IntRange(0, 6).Draw(t, "serials left"))
		type held struct {
			n int32
			q actions.Question
		}
		var live []held
		t.Repeat(map[string]func(*rapid.T){
			"come": func(t *rapid.T) {
				n := rapid.SampledFrom([]int{2, manyPlaces, manyPlaces + 1, 4100}).Draw(t, "places")
				q := actions.Question{What: actions.AskChoice, Choice: among(n, uint16(rapid.IntRange(0, 2).Draw(t, "basis")))}
				live = append(live, held{s.next(0, q), q})
				if l := &s.all[live[len(live)-1].n]; (l.serial != 0) != (n > manyPlaces) {
					t.Fatalf("serial %d of a choice among %d", l.serial, n)
				}
			},
			"go": func(t *rapid.T) {
				if len(live) == 0 {
					t.Skip("none is there")
				}
				i := rapid.IntRange(0, len(live)-1).Draw(t, "which")
				s.drop(live[i].n)
				live = append(live[:i], live[i+1:]...)
			},
			"": func(t *rapid.T) {
				for range 2 {
					k := sourceKey(uint32(rapid.IntRange(0, 3).Draw(t, "from")))
					for i := range live {
						h := &live[i]
						var got, want flow.Key
						s.answer(h.n, &h.q, k, nil, 0, 0, &got)
						if h.q.Answer(k, nil, 0, 0, &want); got != want {
							t.Fatalf("list %d: %v, drawn %v", h.n, &got, &want)
						}
					}
				}
			},
		})
	})
}

// TestPlacesAreRemembered: of flows that come round again and again, as many as a loop has megaflows by default,
// few are drawn for again.
func TestPlacesAreRemembered(t *testing.T) {
	const flows = 65536
	s := newLists()
	q := actions.Question{What: actions.AskChoice, Choice: among(manyPlaces+1, 0)}
	n := s.next(0, q)
	answer := func(addr uint32) flow.Key {
		var a flow.Key
		s.answer(n, &q, sourceKey(addr), nil, 0, 0, &a)
		return a
	}
	for addr := range uint32(flows) {
		answer(addr)
	}
	// Who draws now, draws something else.
	was := *q.Choice
	q.Choice.Places = make([]actions.Place, manyPlaces+1)
	for i := range q.Choice.Places {
		q.Choice.Places[i] = actions.Place{N: 4000, Weight: 1}
	}
	again := 0
	w, shift := q.Note()
	for addr := range uint32(flows) {
		a := answer(addr)
		if got := int(a.W[w] >> shift); got == 4000 {
			again++
		} else if want := was.Of(sourceKey(addr)); got != want {
			t.Fatalf("flow %d has place %d, was drawn %d", addr, got, want)
		}
	}
	if again > flows/20 {
		t.Errorf("%d of %d flows were drawn for again", again, flows)
	}
}

// BenchmarkPlaces is what it costs to tell the place of one flow of 4,096 among so many, remembered and drawn.
func BenchmarkPlaces(b *testing.B) {
	for _, n := range []string{"65", "4096"} {
		for _, how := range []string{"drawn", "remembered"} {
			b.Run(n+"/"+how, func(b *testing.B) {
				c, p, keys := among(map[string]int{"65": 65, "4096": 4096}[n], 0), newPlaces(), make([]*flow.Key, 4096)
				for i := range keys {
					keys[i] = sourceKey(uint32(i))
					p.of(c, 1, keys[i])
				}
				i := 0
				for b.Loop() {
					if k := keys[i%len(keys)]; how == "drawn" {
						c.Of(k)
					} else {
						p.of(c, 1, k)
					}
					i++
				}
			})
		}
	}
}
