package classifier

import (
	"math/bits"

	"pollux/flow"
	"pollux/internal/packet"
)

// ExactWords is the most words of a key that the exact cache holds. A TCP/IPv4
// packet has 6, with a VLAN tag 7, IPv6 9 or 10. Keys of more are not cached.
const ExactWords = 14

// exactEntry is one cached key on one cache line: a Short, or the first words of a key.
type exactEntry struct {
	mf    *Megaflow
	words uint64            // flow.Key.Map or isShort, and from bit serialBit on the megaflow's serial
	w     [headWords]uint64 // the present words, in order, or a flow.Short
}

// headWords are the words of a key that lie in its exactEntry; the others lie in exactMore,
// which Shorts never touch.
const headWords = 6

type exactMore [ExactWords - headWords]uint64

// serialBit is where a serial begins in exactEntry.words, and isShort what stands for the
// words of a key that is kept as its Short: keys have fewer words.
const (
	serialBit = 48
	isShort   = 1 << (serialBit - 1)
)

const _ = uint(serialBit - 1 - flow.NumWords)

// holds says whether the entry is of a key with those words.
func (e *exactEntry) holds(words uint64) bool { return (e.words^words)<<(64-serialBit) == 0 }

// live returns the megaflow, or nil if it is no longer what it was when it was noted.
func (e *exactEntry) live() *Megaflow {
	if mf := e.mf; !mf.Dead && mf.serial == uint16(e.words>>serialBit) {
		return mf
	}
	return nil
}

// ExactStats are the counters of an Exact since it was made.
type ExactStats struct {
	Lookups   uint64 // keys looked up
	Hits      uint64
	Inserts   uint64 // keys written, evictions among them
	Evictions uint64 // of Inserts, those that overwrote a live entry
	Declined  uint64 // inserts not done: the dice said no, the key is too long or the megaflow dead
	Entries   int    // capacity
}

// Exact is one loop's cache from whole keys to megaflows: four slots a group,
// two groups a hash. Only its loop's thread touches it. Tags lie apart from keys
// and small (2 bytes an entry), so that a miss costs two loads that mostly hit
// the first- or second-level cache: thrashing is cheap.
type Exact struct {
	tag     []tags // one a group; the length is a power of two
	entry   []exactEntry
	more    []exactMore             // of entries, the words beyond headWords
	differ  [packet.MaxBatch]uint64 // scratch of Lookup: candidate's words ^ the key's
	stats   ExactStats
	dice    uint64 // xorshift state
	inverse uint64 // an insert that must evict is done once in this many

	windowLookups, windowHits uint64 // stats at the start of the window
}

// The insertion policy: when fewer than poorHits of poorOf lookups in a window hit,
// more flows are about than the cache holds, and writing each missed one would
// only turn the cache over. Then one eviction in poorInverse is done. Measured with
// 100,000 flows in turn on 32,768 entries: all 53 ns a packet and 6 % hits, one in 8
// 27 ns and 29 %, one in 32 24 ns and 32 %, one in 128 23 ns and 33 %.
const (
	exactWindow = 1 << 16
	poorHits    = 1
	poorOf      = 2
	poorInverse = 32
)

// NewExact returns an empty cache of at least the given number of entries, rounded
// up to a power of two, at least 8.
func NewExact(entries int) *Exact {
	groups := 2
	for groups*groupSlots < entries {
		groups *= 2
	}
	x := &Exact{
		tag:     make([]tags, groups),
		entry:   make([]exactEntry, groups*groupSlots),
		more:    make([]exactMore, groups*groupSlots),
		dice:    0x9e3779b97f4a7c15,
		inverse: 1,
	}
	x.stats.Entries = len(x.entry)
	return x
}

// groups returns the two groups where a hash may live.
func (x *Exact) groups(hash uint64) (uint64, uint64) {
	m := uint64(len(x.tag) - 1)
	return hash & m, hash >> 24 & m
}

// Lookup finds the megaflows of the first n keys, whose hashes are given (as
// flow.Keys.ShortenBatch makes them), and writes them to out, and to slots the slots where
// they were found. It appends the indices of the keys it does not know to miss, whose
// capacity should be n, and returns it; their out is nil and their slot -1. Keys that have
// a Short are compared by it and not made.
//
// A slot stands for one key, whatever its megaflow, until Insert writes another there
// or Flush forgets it: who hangs something on a slot needs no look at the key. So what
// Lookup said is good until the next Insert.
func (x *Exact) Lookup(keys flow.Keys, n int, hashes *[packet.MaxBatch]uint64, out *[packet.MaxBatch]*Megaflow, slots *[packet.MaxBatch]int32, miss []uint16) []uint16 {
	slot, differ := slots[:n], x.differ[:n]
	// Find every candidate before any is touched, and touch all before any is compared:
	// the memory accesses of the batch overlap only where no branch that depends on one
	// is guessed wrong.
	if keys.Shorts != nil && keys.Shorts.All(n) {
		x.findShorts(keys.Shorts, n, hashes, slots)
	} else {
		x.candidates(hashes, slot)
		for i, s := range slot {
			if s >= 0 {
				differ[i] = x.differs(s, keys, i)
			}
		}
	}
	missed := len(miss)
	for i, s := range slot {
		out[i] = nil
		if s >= 0 {
			if differ[i] == 0 {
				if mf := x.entry[s].live(); mf != nil {
					out[i] = mf
					continue
				}
			} else if s := x.search(hashes[i], keys, i); s >= 0 {
				if mf := x.entry[s].live(); mf != nil {
					out[i], slot[i] = mf, s
					continue
				}
			}
			slot[i] = -1
		}
		miss = append(miss, uint16(i))
	}
	x.stats.Lookups += uint64(n)
	x.stats.Hits += uint64(n - (len(miss) - missed))
	return miss
}

// differs returns zero if the entry of slot s is of packet i's key.
func (x *Exact) differs(s int32, keys flow.Keys, i int) uint64 {
	e := &x.entry[s]
	if short := keys.Shorts; short != nil && short.Has(i) {
		return e.differsShort(&short.Of[i])
	}
	k := &keys.Whole[i]
	if !e.holds(k.Map) || !e.equal(&x.more[s], k) {
		return 1
	}
	return 0
}

// differsShort returns zero if the entry is of the key that s stands for.
func (e *exactEntry) differsShort(s *flow.Short) uint64 {
	return (e.words^isShort)<<(64-serialBit) |
		(e.w[0] ^ s[0]) | (e.w[1] ^ s[1]) | (e.w[2] ^ s[2]) | (e.w[3] ^ s[3]) | (e.w[4] ^ s[4])
}

// The words of the commonest packets without a Short, for which equal has straight code.
const wordsIPv6 = 1<<flow.WPort | 1<<flow.WEthDst | 1<<flow.WEthSrc | 1<<flow.WIPv6SrcHi |
	1<<flow.WIPv6SrcLo | 1<<flow.WIPv6DstHi | 1<<flow.WIPv6DstLo | 1<<flow.WIP | 1<<flow.WL4

// equal says whether the entry, whose words are those of k, has its values.
func (e *exactEntry) equal(more *exactMore, k *flow.Key) bool {
	if k.Map != wordsIPv6 {
		return e.equalAny(more, k)
	}
	w := &e.w
	// In Go ^ binds no closer than |.
	d := (w[0] ^ k.W[flow.WPort]) | (w[1] ^ k.W[flow.WEthDst]) | (w[2] ^ k.W[flow.WEthSrc]) | (w[3] ^ k.W[flow.WIP]) |
		(w[4] ^ k.W[flow.WIPv6SrcHi]) | (w[5] ^ k.W[flow.WIPv6SrcLo]) |
		(more[0] ^ k.W[flow.WIPv6DstHi]) | (more[1] ^ k.W[flow.WIPv6DstLo]) | (more[2] ^ k.W[flow.WL4])
	return d == 0
}

// equalAny is equal for any words.
func (e *exactEntry) equalAny(more *exactMore, k *flow.Key) bool {
	var d uint64
	j := 0
	for m := k.Map; m != 0; m &= m - 1 {
		w := k.W[bits.TrailingZeros64(m)]
		if j < headWords {
			d |= w ^ e.w[j]
		} else {
			d |= w ^ more[j-headWords]
		}
		j++
	}
	return d == 0
}

// search looks at every slot where a key may be: what Lookup falls back to when two
// keys share a tag, and where Insert begins. It returns -1 where the key is not.
func (x *Exact) search(hash uint64, keys flow.Keys, i int) int32 {
	t := tagOf(hash)
	g, alt := x.groups(hash)
	for {
		for c := x.tag[g].match(t); c != 0; c = c.next() {
			s := int(g)*groupSlots + c.first()
			if x.entry[s].mf != nil && x.differs(int32(s), keys, i) == 0 {
				return int32(s)
			}
		}
		if g == alt {
			return -1
		}
		g = alt
	}
}

// Insert remembers that packet i's key, with this hash, belongs to mf. It may decline: the cache
// promises nothing, and a dead megaflow is not kept. Memory is written in place;
// nothing is allocated. It returns the slot of the key, -1 when it declined, and whether the
// slot stood for another key or for none before: whoever hangs something on slots must
// then let go of what hangs on this one.
func (x *Exact) Insert(hash uint64, keys flow.Keys, i int, mf *Megaflow) (slot int32, fresh bool) {
	words, short := uint64(isShort), keys.Shorts != nil && keys.Shorts.Has(i)
	if !short {
		words = keys.Whole[i].Map
	}
	if mf.Dead || bits.OnesCount64(words) > ExactWords {
		x.stats.Declined++
		return -1, false
	}
	words |= uint64(mf.serial) << serialBit
	if s := x.search(hash, keys, i); s >= 0 {
		x.entry[s].mf, x.entry[s].words = mf, words
		return s, false
	}
	g, lane, ok := x.empty(hash)
	if !ok {
		if !x.allow() {
			x.stats.Declined++
			return -1, false
		}
		x.stats.Evictions++
		g, lane = x.victim(hash)
	}
	x.stats.Inserts++
	x.tag[g] = x.tag[g].with(lane, tagOf(hash))
	s := int(g)*groupSlots + lane
	e := &x.entry[s]
	e.mf, e.words = mf, words
	if short {
		copy(e.w[:], keys.Shorts.Of[i][:])
		return int32(s), true
	}
	k, j := &keys.Whole[i], 0
	for m := k.Map; m != 0; m &= m - 1 {
		w := k.W[bits.TrailingZeros64(m)]
		if j < headWords {
			e.w[j] = w
		} else {
			x.more[s][j-headWords] = w
		}
		j++
	}
	return int32(s), true
}

// empty finds a slot that was never used, by the tags alone. The first group is
// found sooner, but is left with a last empty slot if the other has more: so that
// at half load no key is without room.
func (x *Exact) empty(hash uint64) (group uint64, lane int, ok bool) {
	g, alt := x.groups(hash)
	l, a := x.tag[g].match(tagEmpty), x.tag[alt].match(tagEmpty)
	if l.next() == 0 && a.next() != 0 || l == 0 {
		g, l = alt, a
	}
	if l == 0 {
		return 0, 0, false
	}
	return g, l.first(), true
}

// victim chooses the slot to overwrite: any of the eight. To look for one whose megaflow is
// dead would cost up to sixteen memory accesses, for what the dice find soon enough.
func (x *Exact) victim(hash uint64) (group uint64, lane int) {
	g, alt := x.groups(hash)
	r := x.roll()
	if r>>32&1 != 0 {
		g = alt
	}
	return g, int(r >> 40 % groupSlots)
}

// allow says whether an eviction is worth it, by the hit rate of the last window.
func (x *Exact) allow() bool {
	if n := x.stats.Lookups - x.windowLookups; n >= exactWindow {
		hits := x.stats.Hits - x.windowHits
		x.inverse = 1
		if hits*poorOf < n*poorHits {
			x.inverse = poorInverse
		}
		x.windowLookups, x.windowHits = x.stats.Lookups, x.stats.Hits
	}
	return x.inverse == 1 || x.roll()>>16%x.inverse == 0
}

// roll returns the next of a xorshift generator's numbers.
func (x *Exact) roll() uint64 {
	x.dice ^= x.dice << 13
	x.dice ^= x.dice >> 7
	x.dice ^= x.dice << 17
	return x.dice
}

// Flush forgets every entry and lets go of the megaflows.
func (x *Exact) Flush() {
	x.Forget()
	clear(x.entry)
}

// Forget forgets every entry, in a microsecond for 10,000: what entries point to stays in
// memory until they are written again.
func (x *Exact) Forget() { clear(x.tag) }

// Stats returns a copy of the counters.
func (x *Exact) Stats() ExactStats { return x.stats }
