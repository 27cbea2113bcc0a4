package classifier

import (
	"slices"
	"testing"

	"pollux/flow"
)

// prefix is one that a trie holds, in the oracle.
type prefix struct {
	value  flow.Value
	length int
}

// checkSlowly is trie.check on a list: how many upper bits a miss depends on is, of
// all prefixes of the length, the latest bit at which one of them leaves v.
func checkSlowly(all []prefix, v flow.Value, length int) (match bool, depends int) {
	for _, p := range all {
		if p.length != length {
			continue
		}
		same := 0
		for same < length && bitAt(v, same) == bitAt(p.value, same) {
			same++
		}
		if same == length {
			return true, length
		}
		depends = max(depends, same+1)
	}
	return false, depends
}

// TestTrieAgainstList adds and removes prefixes, some several times, and compares
// every check, whose number of bits must be the least that will do.
func TestTrieAgainstList(t *testing.T) {
	s := newSource(9)
	value := func() flow.Value {
		v := flow.Value{Hi: pick[uint64](s, 0, 0x0a<<56, 0x0a01<<48, 1<<63, 0x0a80<<48), Lo: pick[uint64](s, 0, 1, 1<<63, 0xff)}
		if s.IntN(3) == 0 {
			v.Hi ^= 1 << s.IntN(64)
		}
		if s.IntN(3) == 0 {
			v.Lo ^= 1 << s.IntN(64)
		}
		return v
	}
	for range 50 {
		var root *trie
		var all []prefix
		for edit := range uint64(scaled(300)) {
			if s.IntN(5) < 3 {
				p := prefix{value(), pick(s, 1, 8, 9, 16, 31, 32, 63, 64, 65, 100, 127, 128)}
				if s.IntN(4) == 0 && len(all) > 0 {
					p = all[s.IntN(len(all))]
				}
				all = append(all, p)
				root = root.add(edit/7, p.value, p.length, 1)
			} else if len(all) > 0 {
				i := s.IntN(len(all))
				root = root.add(edit/7, all[i].value, all[i].length, -1)
				all = slices.Delete(all, i, i+1)
			}
			v, length := value(), pick(s, 1, 8, 9, 16, 32, 64, 65, 128)
			match, depends := root.check(v, length)
			wantMatch, want := checkSlowly(all, v, length)
			if match != wantMatch || depends != want {
				t.Fatalf("%x/%d among %d: %v by %d bits, want %v by %d", v, length, len(all), match, depends, wantMatch, want)
			}
		}
		for _, p := range all {
			root = root.add(1<<40, p.value, p.length, -1)
		}
		if root != nil {
			t.Fatal("an empty trie has nodes")
		}
	}
}

func TestPrefixField(t *testing.T) {
	for i, f := range prefixFields {
		for n := range int(f.width) + 1 {
			var m flow.Mask
			f.or(&m, n)
			if got := f.length(&m); got != n {
				t.Errorf("field %d: %d bits are read as %d", i, n, got)
			}
		}
	}
}
