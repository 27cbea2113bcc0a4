package cache

import (
	"testing"
	"unsafe"

	"pgregory.net/rapid"

	"pollux/flow"
	"pollux/internal/packet"
)

// TestLengthsArePlain: the way by slots takes the lengths that ipLen takes, whatever the
// header says and wherever the frame ends.
func TestLengthsArePlain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mem := &packet.Memory{Buf: make([]byte, 8*2048), FD: -1, ChunkSize: 2048, PerHome: 8}
		c := New(Config{MaxFlows: 1, Memory: mem})
		defer c.Close()
		if rapid.IntRange(0, 9).Draw(t, "blind") == 0 {
			c.mem = nil
		}
		b := &packet.Batch{N: 8}
		for i := range b.N {
			class := Class(rapid.IntRange(0, int(NumClasses)-1).Draw(t, "class"))
			l3 := uint16(rapid.SampledFrom([]int{14, 18, 22}).Draw(t, "l3"))
			if class == Other && rapid.Bool().Draw(t, "none") {
				l3 = packet.None
			}
			at := i * 2048
			if i == b.N-1 { // the last frame of all memory
				at = rapid.IntRange(at, len(mem.Buf)-80).Draw(t, "at")
			}
			b.Desc[i], b.L3[i] = packet.Desc{Addr: uint64(at), Len: uint32(rapid.IntRange(62, 80).Draw(t, "len"))}, l3
			header := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 0, 0, 20, 40, 41, 255}), 8, 8).Draw(t, "header")
			copy(mem.Buf[at+int(l3)%64:], header)
			c.scratch.who[i] = uint16(i)
			c.scratch.bond[i] = bond(classKind(class)|kind(rapid.IntRange(0, 0xff).Draw(t, "flags"))) << bondKind
		}
		c.lengths(b, b.N)
		for i := range b.N {
			want := length{frame: b.Desc[i].Len}
			if class := c.scratch.bond[i].kind().class(); class != Other {
				want.ip = uint32(c.ipLen(class, &b.Desc[i], b.L3[i]))
			}
			if got := c.scratch.length[i]; got != want {
				t.Fatalf("packet %d: lengths %v, want %v", i, got, want)
			}
		}
	})
}

// TestLanesSpill: flags and destinations are counted beyond what a lane holds, by slots
// and by keys, and over records.
func TestLanesSpill(t *testing.T) {
	for _, slot := range []int32{-1, 0} {
		c := New(Config{ActiveTimeout: ms})
		c.UseSlots(1)
		b, keys, idx := packetsOf(1, 100)
		slots := make([]int32, len(keys))
		for i := range keys {
			keys[i].W[flow.WIP] = protoTCP<<56 | 64<<40
			keys[i].W[flow.WL4] |= 0x3f << 16
			keys[i].W[flow.WEthDst] |= 0xffffffffffff << 16
			slots[i] = slot
		}
		const batches = 77
		for i := range batches {
			c.Observe(Point{}, b, keys, idx, slots, int64(i))
			if i == batches/2 {
				c.Sweep(2*ms, 10)
			}
		}
		c.FlushAll(1)
		sum, last := Counters{}, Total{}
		for r, ok := c.Records().Pop(); ok; r, ok = c.Records().Pop() {
			for f := range sum.TCP {
				sum.TCP[f] += r.TCP[f]
			}
			sum.Broadcast += r.Broadcast
			last = r.Total
		}
		for f := range sum.TCP {
			if sum.TCP[f] != 100*batches || last.TCP[f] != 100*batches {
				t.Errorf("slot %d: flag %d counted %d times, total %d; want %d", slot, f, sum.TCP[f], last.TCP[f], 100*batches)
			}
		}
		if sum.Broadcast != 100*batches || last.Broadcast != 100*batches || last.Multicast != 0 {
			t.Errorf("slot %d: %d broadcasts, total %d, %d multicasts", slot, sum.Broadcast, last.Broadcast, last.Multicast)
		}
		c.Close()
	}
}

// TestAskingAheadStaysWithin: slots that are nowhere, and lists of slots that are too short,
// are not followed.
func TestAskingAheadStaysWithin(t *testing.T) {
	c := New(Config{MaxFlows: 4})
	defer c.Close()
	base := unsafe.Pointer(unsafe.SliceData(c.hot))
	for _, bonds := range [][]bond{nil, make([]bond, 1), make([]bond, 300)} {
		for _, slots := range [][]int32{nil, {-1}, {0, 1, 299, 300, -1 << 31, 1<<31 - 1}} {
			for _, idx := range [][]uint16{nil, {0}, {0, 1, 2, 3, 4, 5}, {255, 65535, 0}} {
				prefetchBonds(bonds, slots, idx)
				prefetchEntries(base, bonds, slots, idx)
			}
		}
	}
}
