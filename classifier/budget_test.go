package classifier

import (
	"testing"

	"pgregory.net/rapid"

	"pollux/flow"
	"pollux/internal/packet"
)

// TestMasksAreBounded: whatever masks are asked for, there are never more than the bound and
// some exact ones; a megaflow looks at every bit it was asked to look at, and its packet finds
// it.
func TestMasksAreBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapidSource{t}
		bound := rapid.IntRange(1, 5).Draw(t, "bound")
		flows := NewMegaflows(200)
		flows.SetMasks(bound)
		for range rapid.IntRange(1, 120).Draw(t, "steps") {
			k, m := randomKey(s), randomMatch(s).Mask
			was := flows.Stats()
			mf, err := flows.Insert(&k, &m)
			st := flows.Stats()
			if st.Subtables > bound+exactMasks {
				t.Fatalf("%d masks, and %d may be", st.Subtables, bound)
			}
			if err != nil {
				if was.Len < 200 && was.Subtables < bound+exactMasks {
					t.Fatalf("%v with %d megaflows and %d masks", err, was.Len, was.Subtables)
				}
				continue
			}
			if !mf.Mask.Covers(&m) {
				t.Fatalf("asked for mask\n%v, got\n%v", m, *mf.Mask)
			}
			if mf.Exact == (*mf.Mask == m) && st.Narrowed > was.Narrowed {
				t.Fatalf("exact is %v", mf.Exact)
			}
			if st.Narrowed > was.Narrowed && was.Subtables < bound {
				t.Fatalf("made exact with %d masks of %d", was.Subtables, bound)
			}
			if !mf.Mask.Match(&k, &mf.Key) {
				t.Fatal("a megaflow does not match its own packet")
			}
			if found := flows.Find(&k); found == nil {
				t.Fatal("a packet does not find its megaflow")
			}
			switch rapid.IntRange(0, 5).Draw(t, "then") {
			case 0:
				flows.Remove(mf)
			case 1:
				flows.Rank()
				flows.EachCold(2, flows.Remove)
				flows.Recycle()
			}
		}
	})
}

// TestColdMasksGo: of too many masks those go that are not hit, and the others stay.
func TestColdMasksGo(t *testing.T) {
	const bound = 8
	flows := NewMegaflows(1000)
	flows.SetMasks(bound)
	var keys []flow.Key
	for i := range bound {
		var k flow.Key
		var m flow.Mask
		k.Set(flow.WMeta, 1<<i)
		m.Or(flow.WMeta, 1<<i|(1<<i-1))
		if _, err := flows.Insert(&k, &m); err != nil {
			t.Fatal(err)
		}
		keys = append(keys, k)
	}
	var out [packet.MaxBatch]*Megaflow
	for range 10 {
		if miss := flows.Lookup(keys, []uint16{0, 1}, &out, nil); len(miss) > 0 {
			t.Fatalf("packets %v are not found", miss)
		}
	}
	flows.Rank()
	flows.EachCold(3, flows.Remove)
	if n := flows.Stats().Subtables; n != bound-3 {
		t.Errorf("%d masks are left of %d, 3 were to go", n, bound)
	}
	for i := range 2 {
		if flows.Find(&keys[i]) == nil {
			t.Errorf("the megaflow of hot mask %d has gone", i)
		}
	}
	// With room again, nothing goes.
	flows.EachCold(3, flows.Remove)
	if n := flows.Stats().Subtables; n != bound-3 {
		t.Errorf("%d masks are left, none was to go", n)
	}
}
