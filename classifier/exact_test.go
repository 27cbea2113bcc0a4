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

func runExact(t failer, s source, steps int) {
	t.Helper()
	x := NewExact(16)
	oracle := make(map[flow.Key]*Megaflow)
	// Hashes of few bits, so that groups and tags collide all the time.
	hash := func(k *flow.Key) uint64 {
		h := k.Hash(k.Map, 1)
		return h&0x0001_0001_0000_0003 | h>>32&1<<24
	}
	var looked, missed uint64
	keys := make([]flow.Key, packet.MaxBatch)
	var hashes [packet.MaxBatch]uint64
	var out [packet.MaxBatch]*Megaflow
	var miss [packet.MaxBatch]uint16
	held := map[int32]flow.Key{} // by slot, as Insert said
	pool := make([]flow.Key, 24)
	for i := range pool {
		pool[i] = randomKey(s)
	}
	for range steps {
		switch s.IntN(8) {
		case 0, 1, 2, 3:
			k := pick(s, pool...)
			mf := &Megaflow{Key: k}
			slot, fresh := x.Insert(hash(&k), &k, mf)
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
			if mf := oracle[pick(s, pool...)]; mf != nil {
				mf.Dead = true
			}
		case 5:
			if s.IntN(10) == 0 {
				x.Flush()
				clear(held)
			}
		default:
			n := 1 + s.IntN(40)
			for i := range n {
				keys[i] = pick(s, pool...)
				hashes[i] = hash(&keys[i])
			}
			checkExact(t, x, keys, n, &hashes, &out, miss[:0], oracle, held)
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

func checkExact(t failer, x *Exact, keys []flow.Key, n int, hashes *[packet.MaxBatch]uint64,
	out *[packet.MaxBatch]*Megaflow, miss []uint16, oracle map[flow.Key]*Megaflow, held map[int32]flow.Key) {
	t.Helper()
	var slots [packet.MaxBatch]int32
	miss = x.Lookup(keys, n, hashes, out, &slots, miss)
	for i := range n {
		mf := out[i]
		if (mf == nil) != (len(miss) > 0 && miss[0] == uint16(i)) {
			t.Fatalf("key %d: megaflow %p, next miss %v", i, mf, miss)
		}
		if k, ok := held[slots[i]]; mf == nil && slots[i] != -1 || mf != nil && (!ok || k != keys[i]) {
			t.Fatalf("key %d: slot %d, which holds %v", i, slots[i], k)
		}
		if mf == nil {
			miss = miss[1:]
			continue
		}
		if mf.Dead {
			t.Fatalf("key %d: a dead megaflow", i)
		}
		if mf != oracle[keys[i]] {
			t.Fatalf("key %d: megaflow of another key, or an old one", i)
		}
	}
	if len(miss) != 0 {
		t.Fatalf("misses left over: %v", miss)
	}
}

// TestExactHolds: what fits is found, all of it: two groups of four for each key
// leave no key out at half load.
func TestExactHolds(t *testing.T) {
	const n = 2048
	x := NewExact(2 * n)
	keys, hashes := benchKeys(n, 1)
	for i := range keys {
		x.Insert(hashes[i], &keys[i], &Megaflow{})
	}
	var h [packet.MaxBatch]uint64
	var out [packet.MaxBatch]*Megaflow
	var slots [packet.MaxBatch]int32
	var miss [packet.MaxBatch]uint16
	for i := 0; i < n; i += packet.MaxBatch {
		copy(h[:], hashes[i:])
		if m := x.Lookup(keys[i:], packet.MaxBatch, &h, &out, &slots, miss[:0]); len(m) != 0 {
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
		x.Insert(hashes[0], &keys[0], &Megaflow{})
		var out [packet.MaxBatch]*Megaflow
		var slots [packet.MaxBatch]int32
		x.Lookup(keys, 2, &hashes, &out, &slots, make([]uint16, 0, 2))
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
			for _, j := range x.Lookup(keys[i:], packet.MaxBatch, &h, &out, &slots, miss[:0]) {
				x.Insert(h[j], &keys[i+int(j)], mf)
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
