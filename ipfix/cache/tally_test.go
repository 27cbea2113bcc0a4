package cache

import (
	"testing"
	"unsafe"

	"pgregory.net/rapid"

	"pollux/internal/packet"
)

// TestTallyIsPlain gives tallyBonds and tallyPlain the same packets, in any order and number,
// of bonds that hold, have ended, are of another point or are none, of lengths that are known,
// not known and beyond limits: what they leave in every entry, in sums and in rest is the same.
func TestTallyIsPlain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const point = 7
		flows := rapid.SampledFrom([]int{1, 3, 40}).Draw(t, "flows")
		hots := [2][]hot{make([]hot, flows), make([]hot, flows)}
		for i := range hots[0] {
			low := rapid.Uint16().Draw(t, "min")
			hots[0][i] = hot{
				packets: rapid.Uint64().Draw(t, "packets"),
				octets:  rapid.Uint64().Draw(t, "octets"),
				lanes:   lanes(rapid.Uint64().Draw(t, "lanes")) &^ lanesFull,
				check:   rapid.Uint32Range(1, 3).Draw(t, "generation")<<16 | rapid.SampledFrom([]uint32{point, point, point, 8, nowhere}).Draw(t, "point"),
				minLen:  low,
				maxLen:  rapid.Uint16Range(low, 0xffff).Draw(t, "max"),
				flags:   rapid.Uint16().Draw(t, "flags"),
			}
		}
		copy(hots[1], hots[0])
		bonds := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) bond {
			entry := rapid.IntRange(0, flows-1).Draw(t, "entry")
			generation := uint64(hots[0][entry].check >> 16)
			if rapid.IntRange(0, 7).Draw(t, "ended") == 0 {
				generation++
			}
			return bond(generation<<48 | uint64(rapid.Uint16().Draw(t, "kind"))<<bondKind | uint64(entry)<<bondEntry)
		}), 0, 60).Draw(t, "bonds")
		b := &packet.Batch{N: packet.MaxBatch}
		var slots [packet.MaxBatch]int32
		idx := rapid.SliceOfN(rapid.Uint16Range(0, packet.MaxBatch-1), 0, tallyRoom).Draw(t, "idx")
		for _, x := range idx {
			slots[x] = rapid.Int32Range(-1, int32(len(bonds))).Draw(t, "slot")
			b.IPLen[x] = rapid.OneOf(rapid.Just(uint16(0)), rapid.Uint16(), rapid.Uint16Range(40, 60)).Draw(t, "ipLen")
			b.Desc[x].Len = rapid.Uint32Range(0, 4096).Draw(t, "len")
		}
		left := rapid.IntRange(0, packet.MaxBatch-len(idx)).Draw(t, "left")
		var rests [2][packet.MaxBatch]uint16
		var got [2]tallied
		for i, tally := range []func(*tallied, []uint16){tallyBonds, tallyPlain} {
			got[i] = tallied{
				hot: unsafe.Pointer(unsafe.SliceData(hots[i])), bonds: unsafe.SliceData(bonds), nBonds: len(bonds),
				slots: &slots[0], batch: b, rest: &rests[i], left: left, now: 123456789, point: point,
			}
			tally(&got[i], idx)
			got[i].hot, got[i].rest = nil, nil
		}
		if got[0] != got[1] {
			t.Fatalf("found %+v, want %+v", got[0], got[1])
		}
		if rests[0] != rests[1] {
			t.Fatalf("left\n%v, want\n%v", rests[0][:got[0].left], rests[1][:got[1].left])
		}
		for i := range hots[0] {
			if hots[0][i] != hots[1][i] {
				t.Errorf("entry %d is %+v, want %+v", i, hots[0][i], hots[1][i])
			}
		}
	})
}
