package classifier

import "testing"

// seeds are streams of random bytes: a fuzzer that starts from them need not find
// out first that long streams do more.
func seeds(f *testing.F) {
	for seed := range uint64(6) {
		s := newSource(seed)
		b := make([]byte, 100+s.IntN(1500))
		for i := range b {
			b[i] = byte(s.Uint32())
		}
		f.Add(b)
	}
}

// FuzzTable reads commands and rules from bytes; see runTable.
func FuzzTable(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		runTable(t, &byteSource{b}, min(len(b)/4, 100))
	})
}

// FuzzMask reads a table and keys from bytes; see checkLookup.
func FuzzMask(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		s := &byteSource{b}
		table, oracle := randomTable(s, s.IntN(20))
		for range 4 {
			if err := checkLookup(s, table.Lookup, oracle); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// FuzzMegaflows reads commands, keys and masks from bytes; see runMegaflows.
func FuzzMegaflows(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		runMegaflows(t, &byteSource{b}, min(len(b)/4, 200))
	})
}

// FuzzExact reads commands and keys from bytes; see runExact.
func FuzzExact(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		runExact(t, &byteSource{b}, min(len(b)/4, 200))
	})
}
