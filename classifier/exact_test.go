package classifier

import (
	"testing"

	"pgregory.net/rapid"

	"pollux/flow"
	"pollux/internal/packet"
)

// TestExactAgainstMap runs a stream of commands on a small cache and on a map of what
// was inserted last. The cache may forget, but never errs.
func TestExactAgainstMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		runExact(t, rapidSource{t}, rapid.IntRange(1, 60).Draw(t, "steps"))
	})
}

func TestExactAgainstMapLong(t *testing.T) {
	for seed := range uint64(scaled(10)) {
		runExact(t, newSource(seed), 2000)
	}
}

// deck is what keys a test draws from: random ones, or those of frames, most of which have
// a Short.
type deck struct {
	keys   []flow.Key
	frames [][]byte // nil: keys are no frames'
	mem    packet.Memory
	b      packet.Batch
	hand   flow.Keys
	hashes [packet.MaxBatch]uint64
}

const deckSize = 24

func newDeck(s source) *deck {
	d := &deck{keys: make([]flow.Key, deckSize), hand: flow.Keys{Whole: make([]flow.Key, packet.MaxBatch)}}
	if s.IntN(2) == 0 {
		for i := range d.keys {
			d.keys[i] = randomKey(s)
		}
		return d
	}
	d.hand.Shorts = new(flow.Shorts)
	d.mem = packet.Memory{Buf: make([]byte, packet.MaxBatch*64), FD: -1, ChunkSize: 64}
	odd := s.IntN(3) // of four frames
	for i := range d.keys {
		f := make([]byte, 60)
		f[12], f[14], f[17], f[22], f[23] = 8, 0x45, 46, 64, 17
		if s.IntN(4) < odd {
			f[23] = 1
		}
		f[s.IntN(6)], f[26+s.IntN(12)] = byte(s.IntN(4)), byte(i+1)
		d.frames = append(d.frames, f)
		flow.ExtractOne(f, 0, &d.keys[i])
	}
	return d
}

// deal makes a batch of the keys of those numbers, with hashes of few bits, so that groups
// and tags collide all the time.
func (d *deck) deal(of ...int) {
	d.b.N = len(of)
	for i, n := range of {
		if d.frames == nil {
			k := &d.hand.Whole[i]
			*k = d.keys[n]
			d.hashes[i] = k.Hash(k.Map, 1)
		} else {
			d.b.Desc[i] = packet.Desc{Addr: uint64(64 * i), Len: uint32(copy(d.mem.Buf[64*i:], d.frames[n]))}
		}
	}
	if d.frames != nil {
		secrets := flow.NewSecrets(1)
		d.hand.ShortenBatch(&d.mem, &d.b, &secrets, 1, &d.hashes)
	}
	for i := range of {
		d.hashes[i] = d.hashes[i]&0x0001_0001_0000_0003 | d.hashes[i]>>32&1<<24
	}
}

func runExact(t failer, s source, steps int) {
	t.Helper()
	x := NewExact(16)
	oracle := make(map[flow.Key]*Megaflow)
	var looked, missed uint64
	var out [packet.MaxBatch]*Megaflow
	var miss [packet.MaxBatch]uint16
	held := map[int32]flow.Key{} // by slot, as Insert said
	d := newDeck(s)
	for range steps {
		switch s.IntN(8) {
		case 0, 1, 2, 3:
			n := s.IntN(deckSize)
			d.deal(n)
			k := d.keys[n]
			mf := &Megaflow{Key: k}
			slot, fresh := x.Insert(d.hashes[0], d.hand, 0, mf)
			if was, ok := held[slot]; slot >= 0 && fresh == (ok && was == k) {
				t.Fatalf("slot %d held %v, now %v, and fresh is %v", slot, was, k, fresh)
			}
			if slot >= 0 {
				held[slot] = k
			}
			if old := oracle[k]; old != nil {
				old.Dead = true // whoever has the old answer must not be given it
			}
			oracle[k] = mf
		case 4:
			if mf := oracle[pick(s, d.keys...)]; mf != nil {
				mf.Dead = true
			}
		case 5:
			if s.IntN(10) == 0 {
				x.Flush()
				clear(held)
			}
		default:
			n := 1 + s.IntN(40)
			of := make([]int, n)
			for i := range of {
				of[i] = s.IntN(deckSize)
			}
			d.deal(of...)
			checkExact(t, x, d, of, &out, miss[:0], oracle, held)
			looked += uint64(n)
			for _, mf := range out[:n] {
				if mf == nil {
					missed++
				}
			}
		}
	}
	if st := x.Stats(); st.Lookups != looked || st.Hits != looked-missed {
		t.Fatalf("counted %d lookups, %d hits; want %d, %d", st.Lookups, st.Hits, looked, looked-missed)
	}
}

func checkExact(t failer, x *Exact, d *deck, of []int, out *[packet.MaxBatch]*Megaflow, miss []uint16,
	oracle map[flow.Key]*Megaflow, held map[int32]flow.Key) {
	t.Helper()
	var slots [packet.MaxBatch]int32
	miss = x.Lookup(d.hand, len(of), &d.hashes, out, &slots, miss)
	for i, n := range of {
		key, mf := d.keys[n], out[i]
		if (mf == nil) != (len(miss) > 0 && miss[0] == uint16(i)) {
			t.Fatalf("key %d: megaflow %p, next miss %v", i, mf, miss)
		}
		if k, ok := held[slots[i]]; mf == nil && slots[i] != -1 || mf != nil && (!ok || k != key) {
			t.Fatalf("key %d: slot %d, which holds %v", i, slots[i], k)
		}
		if mf == nil {
			miss = miss[1:]
			continue
		}
		if mf.Dead {
			t.Fatalf("key %d: a dead megaflow", i)
		}
		if mf != oracle[key] {
			t.Fatalf("key %d: megaflow of another key, or an old one", i)
		}
	}
	if len(miss) != 0 {
		t.Fatalf("misses left over: %v", miss)
	}
}

// TestExactComparesEveryBit: of two keys with one hash that differ in one bit, be all other
// bits ones or any, the other is not found.
func TestExactComparesEveryBit(t *testing.T) {
	s := newSource(1)
	words := map[string][]flow.Word{
		"IPv6": {flow.WPort, flow.WEthDst, flow.WEthSrc, flow.WIP, flow.WIPv6SrcHi, flow.WIPv6SrcLo, flow.WIPv6DstHi, flow.WIPv6DstLo, flow.WL4},
		"ARP":  {flow.WPort, flow.WEthDst, flow.WEthSrc, flow.WIPv4, flow.WIP, flow.WSHA, flow.WTHA},
	}
	var hashes [packet.MaxBatch]uint64
	var out [packet.MaxBatch]*Megaflow
	var slots [packet.MaxBatch]int32
	for name, words := range words {
		for _, w := range words {
			for bit := range 128 {
				keys := flow.Keys{Whole: make([]flow.Key, 1)}
				for _, v := range words {
					keys.Whole[0].Set(v, ^uint64(0))
					if bit >= 64 {
						keys.Whole[0].Set(v, s.Uint64())
					}
				}
				x := NewExact(8)
				x.Insert(hashes[0], keys, 0, &Megaflow{})
				if miss := x.Lookup(keys, 1, &hashes, &out, &slots, nil); len(miss) != 0 {
					t.Fatalf("%s: not found", name)
				}
				keys.Whole[0].W[w] ^= 1 << (bit & 63)
				if miss := x.Lookup(keys, 1, &hashes, &out, &slots, nil); len(miss) != 1 {
					t.Errorf("%s: a key that differs in bit %d of word %d was found", name, bit&63, w)
				}
			}
		}
	}
	for bit := range 5 * 64 {
		d := newDeck(s)
		for d.frames == nil {
			d = newDeck(s)
		}
		d.frames[0][12], d.frames[0][23] = 8, 17
		x := NewExact(8)
		d.deal(0)
		shorts := d.hand.Shorts
		if !shorts.All(1) {
			continue
		}
		for w := range shorts.Of[0] {
			shorts.Of[0][w] = s.Uint64() | s.Uint64()
		}
		x.Insert(d.hashes[0], d.hand, 0, &Megaflow{})
		shorts.Of[0][bit/64] ^= 1 << (bit % 64)
		if miss := x.Lookup(d.hand, 1, &d.hashes, &out, &slots, nil); len(miss) != 1 {
			t.Errorf("a Short that differs in bit %d of word %d was found", bit%64, bit/64)
		}
		if x.search(d.hashes[0], d.hand, 0) >= 0 {
			t.Errorf("searching, a Short that differs in bit %d of word %d was found", bit%64, bit/64)
		}
	}
}

// TestExactHolds: what fits is found, all of it: two groups of four for each key
// leave no key out at half load.
func TestExactHolds(t *testing.T) {
	const n = 2048
	x := NewExact(2 * n)
	keys, hashes := benchKeys(n, 1)
	for i := range keys {
		x.Insert(hashes[i], flow.Keys{Whole: keys}, i, &Megaflow{})
	}
	var h [packet.MaxBatch]uint64
	var out [packet.MaxBatch]*Megaflow
	var slots [packet.MaxBatch]int32
	var miss [packet.MaxBatch]uint16
	for i := 0; i < n; i += packet.MaxBatch {
		copy(h[:], hashes[i:])
		if m := x.Lookup(flow.Keys{Whole: keys[i:]}, packet.MaxBatch, &h, &out, &slots, miss[:0]); len(m) != 0 {
			t.Fatalf("keys %v of those from %d are missing", m, i)
		}
	}
	if st := x.Stats(); st.Evictions != 0 || st.Inserts != n {
		t.Fatalf("%+v", st)
	}
}

// TestExactLongKeys: a key of more words than an entry holds is left out, not cut.
func TestExactLongKeys(t *testing.T) {
	for words := ExactWords - 1; words <= ExactWords+2; words++ {
		x := NewExact(8)
		keys := make([]flow.Key, 2)
		for i := range keys {
			for w := range words {
				keys[i].Set(flow.Word(w), uint64(w+1))
			}
		}
		keys[1].W[words-1]++
		hashes := [packet.MaxBatch]uint64{7 << 48, 7 << 48} // equal
		x.Insert(hashes[0], flow.Keys{Whole: keys}, 0, &Megaflow{})
		var out [packet.MaxBatch]*Megaflow
		var slots [packet.MaxBatch]int32
		x.Lookup(flow.Keys{Whole: keys}, 2, &hashes, &out, &slots, make([]uint16, 0, 2))
		if got, want := out[0] != nil, words <= ExactWords; got != want {
			t.Errorf("%d words: cached is %v, want %v", words, got, want)
		}
		if out[1] != nil {
			t.Errorf("%d words: a key that differs in the last was found", words)
		}
	}
}

// TestExactThrashing: with far more keys than room most evictions are declined, and
// once the keys fit again they all get in.
func TestExactThrashing(t *testing.T) {
	x := NewExact(1024)
	keys, hashes := benchKeys(32*1024, 1)
	mf := &Megaflow{}
	pass := func(keys []flow.Key, hashes []uint64) {
		var h [packet.MaxBatch]uint64
		var out [packet.MaxBatch]*Megaflow
		var slots [packet.MaxBatch]int32
		var miss [packet.MaxBatch]uint16
		for i := 0; i < len(keys); i += packet.MaxBatch {
			copy(h[:], hashes[i:])
			for _, j := range x.Lookup(flow.Keys{Whole: keys[i:]}, packet.MaxBatch, &h, &out, &slots, miss[:0]) {
				x.Insert(h[j], flow.Keys{Whole: keys[i:]}, int(j), mf)
			}
		}
	}
	for range 8 {
		pass(keys, hashes)
	}
	st := x.Stats()
	if st.Declined < st.Evictions {
		t.Errorf("thrashing: %+v", st)
	}
	few := 512
	for range 2000 {
		pass(keys[:few], hashes[:few])
	}
	before := x.Stats()
	pass(keys[:few], hashes[:few])
	after := x.Stats()
	if hits := after.Hits - before.Hits; hits < uint64(few)*99/100 {
		t.Errorf("%d of %d keys hit after the storm", hits, few)
	}
}
