package classifier

import (
	"errors"
	"math/bits"

	"pollux/flow"
	"pollux/internal/packet"
)

// ErrFull says that no megaflow may be added until some are removed.
var ErrFull = errors.New("megaflow table is full")

// Megaflows is one loop's tuple space of megaflows. Only the loop's thread touches
// it. Megaflows that overlap treat the packets they share alike, which whoever
// installs them makes sure of; so the first hit is as good as any.
type Megaflows struct {
	subs  []*subtable // most hit first
	all   []*Megaflow
	limit int
	masks int // the most masks there are to be, exact ones apart; 0 is any number
	salts *salts
	stats MegaflowStats
	b     batch
	sig   *signatures // nil unless in use

	wide    flow.Mask   // scratch of narrow
	warm    tags        // scratch of Warm
	cold    []*Megaflow // scratch of EachCold
	free    []*Megaflow // to be used again
	resting []*Megaflow // removed since the last Recycle
}

// spares is how many removed megaflows are kept to be used again. A loop that removes one
// for each that it adds needs as many as a batch has packets.
const spares = 1024

// MegaflowStats are the counters of Megaflows since it was made.
type MegaflowStats struct {
	Lookups   uint64 // packets looked up
	Hits      uint64
	Guessed   uint64 // of Hits, those by a signature, which looked in no subtable
	Visited   uint64 // subtables looked at for the other hits (OVS: n_mask_hit)
	Inserts   uint64
	Removes   uint64
	Refused   uint64 // inserts refused for want of room
	Narrowed  uint64 // of Inserts, those as exact megaflows, because there were too many masks
	Len       int    // megaflows now
	Subtables int    // masks now
}

// SubtableStats are the counters of one mask.
type SubtableStats struct {
	Mask *flow.Mask // shared, immutable
	Len  int
	Hits uint64
}

// NewMegaflows returns an empty table that takes up to limit megaflows.
func NewMegaflows(limit int) *Megaflows {
	return &Megaflows{
		limit: limit, salts: randomSalts(),
		// Room enough that no other loop's memory is on their cache lines.
		subs: make([]*subtable, 0, 128), all: make([]*Megaflow, 0, 128),
		cold: make([]*Megaflow, 0, coldLimit), free: make([]*Megaflow, 0, spares), resting: make([]*Megaflow, 0, spares),
	}
}

// Lookup looks for keys[i] for every i of idx and writes the megaflow, or nil, to
// out[i]. It appends the indices of those not found to miss and returns it. miss may
// share memory with idx.
func (t *Megaflows) Lookup(keys []flow.Key, idx []uint16, out *[packet.MaxBatch]*Megaflow, miss []uint16) []uint16 {
	n := len(idx)
	rest := t.b.idx[:copy(t.b.idx[:], idx)]
	for v, s := range t.subs {
		before := len(rest)
		rest = s.lookup(keys, rest, out, &t.b)
		t.stats.Visited += uint64((before - len(rest)) * (v + 1))
		if len(rest) == 0 {
			break
		}
	}
	t.stats.Lookups += uint64(n)
	t.stats.Hits += uint64(n - len(rest))
	for _, i := range rest {
		out[i] = nil
	}
	return append(miss, rest...)
}

// Find returns the megaflow of one key, or nil, and counts nothing. The loop asks
// before it translates: an earlier packet of the batch may have brought the answer.
func (t *Megaflows) Find(k *flow.Key) *Megaflow {
	for _, s := range t.subs {
		if mf := s.find(k); mf != nil {
			return mf
		}
	}
	return nil
}

// Insert adds the megaflow of key under mask, or returns the one that is there
// already. The caller fills in Program, Credit, Gen and the times. The error is
// ErrFull.
func (t *Megaflows) Insert(key *flow.Key, mask *flow.Mask) (*Megaflow, error) {
	s := t.subtable(mask)
	if s != nil {
		if mf := s.find(key); mf != nil {
			return mf, nil
		}
	}
	return t.add(s, key, mask)
}

// Add is Insert for who knows that key has no megaflow (Find).
func (t *Megaflows) Add(key *flow.Key, mask *flow.Mask) (*Megaflow, error) {
	return t.add(t.subtable(mask), key, mask)
}

// SetMasks bounds how many masks there are: each costs every look-up that misses, so who can
// make packets that need new ones could make all packets slow (Csikor et al., "Tuple Space
// Explosion", 2019). A megaflow that would bring one more gets an exact mask, all bits of the
// words that matter or that its packet has, of which there are as many as kinds of packets.
// 0 is no bound. Masks above it stay.
func (t *Megaflows) SetMasks(n int) { t.masks = n }

// exactMasks is how many masks may be made beyond the bound.
const exactMasks = 32

// narrow returns the exact mask for a megaflow that needs mask.
func (t *Megaflows) narrow(key *flow.Key, mask *flow.Mask) *flow.Mask {
	t.wide.Clear()
	for b := key.Map | mask.Map; b != 0; b &= b - 1 {
		t.wide.Or(flow.Word(bits.TrailingZeros64(b)), ^uint64(0))
	}
	return &t.wide
}

// add adds a megaflow to subtable s, or to one of its own if s is nil.
func (t *Megaflows) add(s *subtable, key *flow.Key, mask *flow.Mask) (*Megaflow, error) {
	if len(t.all) >= t.limit {
		t.stats.Refused++
		return nil, ErrFull
	}
	exact := false
	if s == nil && t.masks > 0 && len(t.subs) >= t.masks {
		mask, exact = t.narrow(key, mask), true
		if s = t.subtable(mask); s == nil && len(t.subs) >= t.masks+exactMasks {
			t.stats.Refused++
			return nil, ErrFull
		}
		if s != nil {
			if mf := s.find(key); mf != nil {
				return mf, nil
			}
		}
		t.stats.Narrowed++
	}
	if s == nil {
		s = newSubtable(mask, t.salts)
		t.subs = append(t.subs, s)
	}
	mf := t.blank()
	mf.Mask, mf.sub, mf.place, mf.Group, mf.Exact = &s.mask, s, int32(len(t.all)), -1, exact
	mask.Apply(&mf.Key, key)
	s.insert(mf)
	t.all = append(t.all, mf)
	t.stats.Inserts++
	return mf, nil
}

func (t *Megaflows) subtable(m *flow.Mask) *subtable {
	for _, s := range t.subs {
		if s.mask.Equal(m) {
			return s
		}
	}
	return nil
}

// Remove takes mf out and marks it dead. Removing it again does nothing.
func (t *Megaflows) Remove(mf *Megaflow) {
	if mf.Dead {
		return
	}
	mf.Dead = true
	mf.serial++
	mf.sub.remove(mf)
	last := t.all[len(t.all)-1]
	t.all[mf.place] = last
	last.place = mf.place
	t.all[len(t.all)-1] = nil
	t.all = t.all[:len(t.all)-1]
	t.stats.Removes++
	if mf.sub.len() == 0 {
		t.forget(mf.sub)
	}
	mf.sub = nil
	// One whose serial begins again could be taken for what it was once.
	if mf.serial != 0 && len(t.resting)+len(t.free) < spares {
		t.resting = append(t.resting, mf)
	}
}

// Warm reads what Remove will look at of each of these, so that the memory accesses of all
// overlap.
func (t *Megaflows) Warm(mfs []*Megaflow) {
	touched := tags(0)
	for _, mf := range mfs {
		s := mf.sub.cur
		if i := int(mf.slot); i < len(s.mf) && s.mf[i] == mf {
			touched += s.tag[i/groupSlots]
		}
	}
	t.warm = touched // else the compiler would leave the loop out
}

// Recycle lets the memory of megaflows that were removed before be used by Insert. Nobody
// but exact caches may have pointers to them then: a loop calls it between batches.
func (t *Megaflows) Recycle() {
	if len(t.resting) == 0 {
		return
	}
	for _, mf := range t.resting {
		mf.Program, mf.Credit, mf.Mask, mf.Path = nil, nil, nil, nil
	}
	t.free = append(t.free, t.resting...)
	clear(t.resting)
	t.resting = t.resting[:0]
}

// blank returns a megaflow that is as new but for its key and serial.
func (t *Megaflows) blank() *Megaflow {
	n := len(t.free) - 1
	if n < 0 {
		return new(Megaflow)
	}
	mf := t.free[n]
	t.free[n] = nil
	t.free = t.free[:n]
	// The key is the caller's to write; the rest but the serial begins from nothing.
	mf.Gen, mf.Packets, mf.Bytes, mf.Used, mf.FDB, mf.Dead = 0, 0, 0, 0, false, false
	mf.Created, mf.PushedPackets, mf.PushedBytes = 0, 0, 0
	return mf
}

// forget removes an empty subtable, in order.
func (t *Megaflows) forget(s *subtable) {
	for i := range t.subs {
		if t.subs[i] == s {
			copy(t.subs[i:], t.subs[i+1:])
			t.subs[len(t.subs)-1] = nil
			t.subs = t.subs[:len(t.subs)-1]
			return
		}
	}
}

// Clear removes every megaflow.
func (t *Megaflows) Clear() {
	for len(t.all) > 0 {
		t.Remove(t.all[len(t.all)-1])
	}
}

// Len returns the number of megaflows.
func (t *Megaflows) Len() int { return len(t.all) }

// Limit returns the most megaflows that are taken.
func (t *Megaflows) Limit() int { return t.limit }

// SetLimit changes the most megaflows that are taken. Those above it stay.
func (t *Megaflows) SetLimit(n int) { t.limit = n }

// Sweep visits up to n megaflows and moves the cursor on. A round begins with
// *cursor 0 and is over when it is 0 again. Every megaflow that is there from the
// round's beginning to its end is visited, whatever is removed and inserted
// meanwhile, by fn too; it may be visited twice when others are removed.
func (t *Megaflows) Sweep(cursor *int, n int, fn func(*Megaflow)) {
	// From the end down: removal fills the hole with the last megaflow, which the
	// hand has already passed.
	c := *cursor
	if c <= 0 || c > len(t.all) {
		c = len(t.all)
	}
	for ; n > 0 && c > 0; n-- {
		c--
		fn(t.all[c])
		c = min(c, len(t.all))
	}
	*cursor = c
}

// Stats returns a copy of the counters.
func (t *Megaflows) Stats() MegaflowStats {
	s := t.stats
	s.Len, s.Subtables = len(t.all), len(t.subs)
	return s
}

// SubtableStats appends the counters of each mask to dst, in the order of lookup.
func (t *Megaflows) SubtableStats(dst []SubtableStats) []SubtableStats {
	for _, s := range t.subs {
		dst = append(dst, SubtableStats{&s.mask, s.len(), s.hits})
	}
	return dst
}
