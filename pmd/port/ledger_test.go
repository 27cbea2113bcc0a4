package port

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"pollux/internal/packet"
)

// TestLedgerAgainstASet compares the ledger with a map over random histories.
func TestLedgerAgainstASet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.SampledFrom([]uint32{2048, 4096}).Draw(t, "chunk")
		chunks := rapid.IntRange(1, 200).Draw(t, "chunks")
		mem := &packet.Memory{Buf: make([]byte, chunks*int(size)), ChunkSize: size}
		l, set := newLedger(mem), map[uint64]bool{}
		// An address anywhere in the chunk means the chunk.
		addr := rapid.Custom(func(t *rapid.T) uint64 {
			c := rapid.IntRange(0, chunks-1).Draw(t, "c")
			return uint64(c)*uint64(size) + rapid.Uint64Range(0, uint64(size)-1).Draw(t, "offset")
		})
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			addrs := rapid.SliceOfN(addr, 1, 8).Draw(t, "addrs")
			frames := make([]packet.Desc, len(addrs))
			for i, a := range addrs {
				frames[i].Addr = a
			}
			mark := true
			switch rapid.IntRange(0, 3).Draw(t, "op") {
			case 0:
				l.markAll(addrs)
			case 1:
				l.markFrames(frames)
			case 2:
				l.clearFrames(frames)
				mark = false
			case 3:
				l.clearAll(addrs)
				mark = false
			}
			for _, a := range addrs {
				if mark {
					set[mem.Chunk(a)] = true
				} else {
					delete(set, mem.Chunk(a))
				}
			}
		}
		var want []uint64
		for c := range set {
			want = append(want, c)
		}
		slices.Sort(want)
		if got := l.take(nil); !slices.Equal(got, want) {
			t.Fatalf("ledger has %x, set has %x", got, want)
		}
		if again := l.take(nil); len(again) != 0 {
			t.Fatalf("taken twice: %x", again)
		}
	})
}
