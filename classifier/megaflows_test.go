package classifier

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"pollux/flow"
	"pollux/internal/packet"
)

// TestMegaflowsAgainstLinear runs a stream of commands on a tuple space and on a list
// and compares after each.
func TestMegaflowsAgainstLinear(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		runMegaflows(t, rapidSource{t}, rapid.IntRange(1, 80).Draw(t, "steps"))
	})
}

func TestMegaflowsAgainstLinearLong(t *testing.T) {
	for seed := range uint64(scaled(10)) {
		runMegaflows(t, newSource(seed), 1500)
	}
}

// linearMegaflows is the oracle of Megaflows: all that are there, in any order.
type linearMegaflows map[*Megaflow]bool

func (l linearMegaflows) find(k *flow.Key, m *flow.Mask) *Megaflow {
	for mf := range l {
		if *mf.Mask == *m && matchesSlowly(&Match{Key: mf.Key, Mask: *m}, k) {
			return mf
		}
	}
	return nil
}

func (l linearMegaflows) matches(k *flow.Key) bool {
	for mf := range l {
		if matchesSlowly(&Match{Key: mf.Key, Mask: *mf.Mask}, k) {
			return true
		}
	}
	return false
}

const runLimit = 100

func runMegaflows(t failer, s source, steps int) {
	t.Helper()
	flows := NewMegaflows(runLimit)
	flows.UseSignatures(16 * s.IntN(2)) // few: overwritten all the time
	oracle := make(linearMegaflows)
	var order []*Megaflow // of oracle, so that drawing is repeatable
	masks := make([]flow.Mask, 6)
	for i := range masks {
		masks[i] = randomMatch(s).Mask
	}
	remove := func(i int) {
		mf := order[i]
		flows.Remove(mf)
		if !mf.Dead {
			t.Fatalf("a removed megaflow is not dead")
		}
		delete(oracle, mf)
		order[i] = order[len(order)-1]
		order = order[:len(order)-1]
	}
	var want MegaflowStats
	for range steps {
		switch s.IntN(10) {
		case 0, 1, 2, 3:
			k, m := randomKey(s), pick(s, masks...)
			there := oracle.find(&k, &m)
			mf, err := flows.Insert(&k, &m)
			switch {
			case there != nil:
				if mf != there || err != nil {
					t.Fatalf("insert of what is there gave %p %v, want %p", mf, err, there)
				}
			case len(oracle) == runLimit:
				if mf != nil || !errors.Is(err, ErrFull) {
					t.Fatalf("insert in a full table gave %p %v", mf, err)
				}
				want.Refused++
			default:
				if err != nil {
					t.Fatalf("insert %d: %v", len(oracle), err)
				}
				var masked flow.Key
				m.Apply(&masked, &k)
				if mf.Key != masked || *mf.Mask != m {
					t.Fatalf("megaflow's key or mask is another")
				}
				oracle[mf] = true
				order = append(order, mf)
				want.Inserts++
			}
		case 4, 5:
			if len(order) > 0 {
				mf := order[s.IntN(len(order))]
				for i := range order {
					if order[i] == mf {
						remove(i)
						break
					}
				}
				flows.Remove(mf) // once more does nothing
				want.Removes++
			}
		case 6:
			flows.Rank()
		case 7:
			// A whole round, with removals on the way by fn.
			pending := make(map[*Megaflow]bool)
			for mf := range oracle {
				pending[mf] = true
			}
			for cursor, rounds := 0, 0; rounds == 0 || cursor != 0; rounds++ {
				flows.Sweep(&cursor, 1+s.IntN(20), func(mf *Megaflow) {
					if mf.Dead || !oracle[mf] {
						t.Fatalf("swept what is not there")
					}
					delete(pending, mf)
					if s.IntN(4) == 1 {
						for i := range order {
							if order[i] == mf {
								remove(i)
								want.Removes++
								break
							}
						}
					}
				})
				if len(order) > 0 && s.IntN(3) == 1 { // and by others
					i := s.IntN(len(order))
					delete(pending, order[i])
					remove(i)
					want.Removes++
				}
			}
			if len(pending) != 0 {
				t.Fatalf("%d of %d megaflows were not visited in a round", len(pending), len(oracle))
			}
		case 8:
			if s.IntN(20) == 1 {
				want.Removes += uint64(flows.Len())
				flows.Clear()
				clear(oracle)
				order = order[:0]
			}
		}
		hits, lookups := compareMegaflows(t, s, flows, oracle)
		want.Hits += hits
		want.Lookups += lookups
	}
	got := flows.Stats()
	want.Len, want.Visited, want.Subtables, want.Guessed = len(oracle), got.Visited, got.Subtables, got.Guessed
	if got != want {
		t.Fatalf("stats %+v, want %+v", got, want)
	}
	if got.Guessed > got.Hits || got.Visited < got.Hits-got.Guessed {
		t.Fatalf("%d subtables visited for %d hits, %d of them guessed", got.Visited, got.Hits, got.Guessed)
	}
	if flows.sig == nil && got.Guessed != 0 {
		t.Fatalf("%d guesses without signatures", got.Guessed)
	}
}

// compareMegaflows looks up a batch of odd indices.
func compareMegaflows(t failer, s source, flows *Megaflows, oracle linearMegaflows) (hits, lookups uint64) {
	t.Helper()
	n := 1 + s.IntN(10)
	keys := make([]flow.Key, n)
	var idx, miss [packet.MaxBatch]uint16
	var out [packet.MaxBatch]*Megaflow
	m := 0
	for i := range keys {
		keys[i] = randomKey(s)
		out[i] = &Megaflow{} // of an older batch
		if s.IntN(4) != 0 {
			idx[m] = uint16(i)
			m++
		}
	}
	untouched := out
	var hashes [packet.MaxBatch]uint64
	for i := range keys {
		hashes[i] = keys[i].Hash(keys[i].Map, 1) & 0x0001_0000_0000_0003 // collide
	}
	if flows.sig != nil {
		flows.sig.on = s.IntN(4) != 0
	}
	rest := flows.LookupHashed(keys, idx[:m], &hashes, &out, miss[:0])
	for i := range keys {
		if len(idx[:m]) == 0 || !contains(idx[:m], uint16(i)) {
			if out[i] != untouched[i] {
				t.Fatalf("key %d was not asked for", i)
			}
			continue
		}
		mf := out[i]
		switch {
		case (mf == nil) != contains(rest, uint16(i)):
			t.Fatalf("key %d: megaflow %p, misses %v", i, mf, rest)
		case mf == nil && oracle.matches(&keys[i]):
			t.Fatalf("key %d was not found", i)
		case mf != nil && (!oracle[mf] || !matchesSlowly(&Match{Key: mf.Key, Mask: *mf.Mask}, &keys[i])):
			t.Fatalf("key %d: wrong megaflow", i)
		}
		if (flows.Find(&keys[i]) == nil) != (mf == nil) {
			t.Fatalf("key %d: Find and Lookup differ", i)
		}
	}
	total := 0
	for _, st := range flows.SubtableStats(nil) {
		if st.Len == 0 {
			t.Fatalf("an empty subtable")
		}
		total += st.Len
	}
	if total != len(oracle) || flows.Len() != len(oracle) {
		t.Fatalf("%d megaflows, %d in subtables, want %d", flows.Len(), total, len(oracle))
	}
	return uint64(m - len(rest)), uint64(m)
}

func contains(s []uint16, v uint16) bool {
	for _, x := range s {
		if x == v {
			return true
		}
	}
	return false
}

// TestMegaflowsGrow takes one mask through its growth and back, with a lookup of
// everything now and then while slots move.
func TestMegaflowsGrow(t *testing.T) {
	const n = 5000
	keys, _ := benchKeys(n, 1)
	flows := NewMegaflows(n)
	mask := fiveTuple()
	have := make([]*Megaflow, n)
	check := func(upTo int) {
		for i := range keys {
			if mf := flows.Find(&keys[i]); mf != have[i] {
				t.Fatalf("at %d: key %d: %p, want %p", upTo, i, mf, have[i])
			}
		}
	}
	for i := range keys {
		mf, err := flows.Insert(&keys[i], &mask)
		if err != nil {
			t.Fatal(err)
		}
		have[i] = mf
		if i%3 == 0 && i > 100 { // tombstones on the way
			flows.Remove(have[i-100])
			have[i-100] = nil
		}
		if i%977 == 0 {
			check(i)
		}
	}
	check(n)
	for i := range keys {
		if have[i] != nil {
			flows.Remove(have[i])
			have[i] = nil
		}
		if i%977 == 0 {
			check(i)
		}
	}
	if st := flows.Stats(); st.Len != 0 || st.Subtables != 0 {
		t.Fatalf("%+v", st)
	}
}

// TestMegaflowsChurn: a table that stays small must not grow, however much comes and
// goes.
func TestMegaflowsChurn(t *testing.T) {
	flows := NewMegaflows(100)
	mask := fiveTuple()
	keys, _ := benchKeys(20000, 1)
	var last [64]*Megaflow
	for i := range keys {
		mf, err := flows.Insert(&keys[i], &mask)
		if err != nil {
			t.Fatal(err)
		}
		if old := last[i%64]; old != nil {
			flows.Remove(old)
		}
		last[i%64] = mf
	}
	if n := len(flows.subs[0].cur.mf); n > 512 {
		t.Errorf("%d slots for %d megaflows", n, flows.Len())
	}
}

// TestRank: the most hit mask comes first, and a change of traffic changes that.
func TestRank(t *testing.T) {
	flows := NewMegaflows(10)
	k := ipv4Key(0x0a000001, 0x0a000002, 1, 2)
	other := ipv4Key(0x0b000001, 0x0a000002, 1, 2)
	src, dst := flow.Mask{}, flow.Mask{}
	flow.IPv4Src.OrMask(&src, flow.IPv4Src.Full())
	flow.IPv4Dst.OrMask(&dst, flow.IPv4Dst.Full())
	mustInsert(t, flows, &k, &src)
	mustInsert(t, flows, &k, &dst)
	send := func(k flow.Key, n int) {
		var out [packet.MaxBatch]*Megaflow
		for range n {
			flows.Lookup([]flow.Key{k}, []uint16{0}, &out, nil)
		}
	}
	first := func(want *flow.Mask) {
		t.Helper()
		flows.Rank()
		if st := flows.SubtableStats(nil); *st[0].Mask != *want {
			t.Errorf("first is %v", st)
		}
	}
	send(k, 10) // both match: the older answers
	first(&src)
	send(other, 100) // only dst matches
	first(&dst)
	send(other, 1)
	first(&dst)
}

func mustInsert(t testing.TB, flows *Megaflows, k *flow.Key, m *flow.Mask) *Megaflow {
	t.Helper()
	mf, err := flows.Insert(k, m)
	if err != nil {
		t.Fatal(err)
	}
	return mf
}

// TestSignatures: with many masks lookups are guessed before long, and rightly; with
// one mask they are not.
func TestSignatures(t *testing.T) {
	for _, masks := range []int{1, 20} {
		const n = 2048
		keys, hashes := benchKeys(n, 1)
		flows := NewMegaflows(n)
		flows.UseSignatures(4 * n)
		own := make([]*Megaflow, n)
		for i := range keys {
			m := fiveTuple()
			m.Or(flow.WIP, uint64(i%masks+1)<<40)
			own[i] = mustInsert(t, flows, &keys[i], &m)
		}
		var idx [packet.MaxBatch]uint16
		for i := range idx {
			idx[i] = uint16(i)
		}
		var out [packet.MaxBatch]*Megaflow
		var h [packet.MaxBatch]uint64
		pass := func() {
			for i := 0; i < n; i += packet.MaxBatch {
				copy(h[:], hashes[i:])
				if miss := flows.LookupHashed(keys[i:], idx[:], &h, &out, nil); len(miss) != 0 {
					t.Fatalf("%d masks: keys %v are missing", masks, miss)
				}
				for j, mf := range out {
					if mf != own[i+j] {
						t.Fatalf("%d masks: key %d has another's megaflow", masks, i+j)
					}
				}
			}
		}
		for range 20 {
			pass()
		}
		before := flows.Stats()
		pass()
		guessed := flows.Stats().Guessed - before.Guessed
		if masks == 1 && guessed != 0 || masks > 1 && guessed < n*95/100 {
			t.Errorf("%d masks: %d of %d guessed", masks, guessed, n)
		}
	}
}
