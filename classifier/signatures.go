package classifier

import (
	"pollux/flow"
	"pollux/internal/packet"
)

// signatures guesses the megaflow of a packet from 15 bits of its key's hash, in one
// step for any number of masks. A guess is checked against the megaflow it names,
// and any megaflow that matches is right; so a guess may be as stale as it likes.
// It takes 6 bytes an entry and keeps nothing alive.
type signatures struct {
	tag   []tags   // one a group; the length is a power of two
	place []uint32 // one a slot: index in Megaflows.all when the guess was noted

	on            bool   // guessing was worth it in the last window
	hits, visited uint64 // counts of Megaflows, without guesses, when the window began

	rest  [packet.MaxBatch]uint16 // scratch: packets not guessed
	slot  [packet.MaxBatch]int32  // scratch: theirs, or -1
	guess [packet.MaxBatch]*Megaflow

	touched uint64 // scratch, of no meaning
}

// Guessing pays where a packet would else be looked for under many masks: a guess
// costs about as much as looking in four subtables.
const (
	guessWindow = 1 << 14 // hits without a guess
	guessFrom   = 4       // subtables visited a hit
)

func newSignatures(entries int) *signatures {
	groups := 2
	for groups*groupSlots < entries {
		groups *= 2
	}
	return &signatures{tag: make([]tags, groups), place: make([]uint32, groups*groupSlots)}
}

// UseSignatures lets LookupHashed guess from a table of at least the given number of
// entries, rounded up to a power of two; 0 turns that off. It allocates 6 bytes an
// entry: call it before the loop runs.
func (t *Megaflows) UseSignatures(entries int) {
	t.sig = nil
	if entries > 0 {
		t.sig = newSignatures(entries)
	}
}

// LookupHashed is Lookup for callers that have hashes of whole keys, as Exact
// uses them, at the keys' indices. After UseSignatures, and while hits take many
// masks, it guesses first.
func (t *Megaflows) LookupHashed(keys []flow.Key, idx []uint16, hashes *[packet.MaxBatch]uint64, out *[packet.MaxBatch]*Megaflow, miss []uint16) []uint16 {
	s := t.sig
	if s == nil || !s.on {
		miss = t.Lookup(keys, idx, out, miss)
		if s != nil {
			t.weigh()
		}
		return miss
	}
	rest := s.lookup(t.all, keys, idx, hashes, out)
	guessed := uint64(len(idx) - len(rest))
	t.stats.Lookups += guessed
	t.stats.Hits += guessed
	t.stats.Guessed += guessed
	if len(rest) > 0 {
		miss = t.Lookup(keys, rest, out, miss)
		for _, i := range rest {
			if mf := out[i]; mf != nil {
				s.note(hashes[i], mf)
			}
		}
	}
	t.weigh()
	return miss
}

// weigh decides, a window at a time, whether to guess.
func (t *Megaflows) weigh() {
	s := t.sig
	n := t.stats.Hits - t.stats.Guessed - s.hits
	if n < guessWindow {
		return
	}
	s.on = t.stats.Visited-s.visited >= n*guessFrom
	s.hits += n
	s.visited = t.stats.Visited
}

// lookup writes what it guesses, and has checked, to out and returns the indices of the
// others. As elsewhere, each step is done for the whole batch before the next.
func (s *signatures) lookup(all []*Megaflow, keys []flow.Key, idx []uint16, hashes *[packet.MaxBatch]uint64, out *[packet.MaxBatch]*Megaflow) []uint16 {
	slot := s.slot[:len(idx)]
	m := uint64(len(s.tag) - 1)
	for j, i := range idx {
		h := hashes[i]
		g := h & m
		slot[j] = -1
		if c := s.tag[g].match(tagOf(h)); c != 0 {
			slot[j] = int32(s.place[int(g)*groupSlots+c.first()])
		}
	}
	guess := s.guess[:len(idx)]
	for j, p := range slot {
		guess[j] = nil
		if uint(p) < uint(len(all)) {
			guess[j] = all[p]
		}
	}
	touched := uint64(0)
	for _, mf := range guess {
		if mf != nil { // its cache lines of L2, L3, L4, and that of its counters
			touched += mf.Key.W[flow.WEthDst] ^ mf.Key.W[flow.WIPv4] ^ mf.Key.W[flow.WL4] ^ mf.Gen
		}
	}
	s.touched = touched // else the compiler would leave the loop out
	rest := 0
	for j, i := range idx {
		if mf := guess[j]; mf != nil && mf.Mask.Match(&keys[i], &mf.Key) {
			out[i] = mf
			continue
		}
		s.rest[rest] = i
		rest++
	}
	return s.rest[:rest]
}

// note remembers mf for a hash: in the slot that has the tag, or an empty one, or else
// in any.
func (s *signatures) note(hash uint64, mf *Megaflow) {
	g := hash & uint64(len(s.tag)-1)
	c := s.tag[g].match(tagOf(hash))
	if c == 0 {
		c = s.tag[g].match(tagEmpty)
	}
	lane := int(hash >> 32 % groupSlots)
	if c != 0 {
		lane = c.first()
	}
	s.tag[g] = s.tag[g].with(lane, tagOf(hash))
	s.place[int(g)*groupSlots+lane] = uint32(mf.place)
}
