package pipeline

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestFloodAtOnePort: whoever sends from many addresses at one port throws out that
// port's addresses alone.
func TestFloodAtOnePort(t *testing.T) {
	b := newBridge(t, func(c *Config) { c.MACTableSize = 10 })
	for i := range 3 {
		b.now++
		b.send(fmt.Sprintf("in_port=1,dl_src=00:00:00:00:01:%02x,dl_dst=00:00:00:00:00:01", i))
	}
	b.Tick()
	for i := range 40 {
		b.now++
		b.send(fmt.Sprintf("in_port=2,dl_src=00:00:00:00:02:%02x,dl_dst=00:00:00:00:00:01", i))
		if i%4 == 0 {
			b.Tick()
		}
	}
	b.Tick()
	var got []string
	for _, e := range b.DumpFDB() {
		got = append(got, fmt.Sprint(e.Port, " ", e.MAC[12:]))
	}
	want := []string{"1 01:00", "1 01:01", "1 01:02"}
	for i := 33; i < 40; i++ {
		want = append(want, fmt.Sprintf("2 02:%02x", i))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if st := b.FDBStats(); st.Evicted != 33 {
		t.Errorf("%d evicted, want 33", st.Evicted)
	}
}

// slowShrink is shrink one entry at a time: of the ports with the most entries the
// one with the highest number loses its oldest.
func slowShrink(all map[fdbKey]*fdbEntry, size int) {
	for len(all) > size {
		have := map[uint32]int{}
		for _, v := range all {
			have[v.port]++
		}
		var from uint32
		for _, port := range slices.Sorted(maps.Keys(have)) {
			if have[port] >= have[from] {
				from = port
			}
		}
		var oldest *fdbEntry
		for _, v := range all {
			if v.port == from && (oldest == nil || (agedKey{v.used.Load(), v.key}).before(agedKey{oldest.used.Load(), oldest.key})) {
				oldest = v
			}
		}
		delete(all, oldest.key)
	}
}

func TestShrink(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := editFDB(&fdb{})
		for range rapid.IntRange(0, 60).Draw(t, "addresses") {
			key := makeFDBKey(uint16(rapid.IntRange(0, 2).Draw(t, "vlan")), rapid.Uint64Range(0, 99).Draw(t, "mac"))
			e.learn(key, rapid.Uint32Range(1, 5).Draw(t, "port"), rapid.Int64Range(1, 9).Draw(t, "used"))
		}
		was := e.next
		want := map[fdbKey]*fdbEntry{}
		was.each(func(v *fdbEntry) { want[v.key] = v })
		size := rapid.IntRange(0, 60).Draw(t, "size")
		slowShrink(want, size)

		e = editFDB(was)
		if n := e.shrink(size); n != was.n-e.next.n || e.next.n != len(want) {
			t.Fatalf("%d of %d removed, %d left; want %d left", n, was.n, e.next.n, len(want))
		}
		e.next.each(func(v *fdbEntry) {
			if want[v.key] != v {
				t.Fatalf("port %d's %x of time %d is left and should not be", v.port, uint64(v.key), v.used.Load())
			}
		})
	})
}

// BenchmarkShrink is the cost of 256 addresses too many in a table of 8192, most of
// which are one port's.
func BenchmarkShrink(b *testing.B) {
	e := editFDB(&fdb{})
	for i := range uint64(8192 + 256) {
		e.learn(makeFDBKey(0, i*0x9e3779b97f4a7c15>>16), uint32(i&7/7+1), int64(i))
	}
	full := e.next
	for b.Loop() {
		if n := editFDB(full).shrink(8192); n != 256 {
			b.Fatalf("%d evicted, want 256", n)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/256, "ns/address")
}
