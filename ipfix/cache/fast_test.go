package cache

import (
	"testing"
	"unsafe"

	"pollux/flow"
	"pollux/internal/packet"
)

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
			c.Observe(Point{}, b, flow.Keys{Whole: keys}, idx, slots, int64(i))
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

// TestFullBatchesBySlots: batches as large as they get, of packets of one class or of all,
// count by slots what they count by keys.
func TestFullBatchesBySlots(t *testing.T) {
	for _, types := range [][]uint64{{0x0800}, {0x86dd}, {0x0806}, {0x0800, 0x86dd, 0x0806}, {0x86dd, 0x86dd, 0x0800}} {
		for _, plain := range []bool{false, true} {
			var got [2]Stats
			for way, slotted := range []bool{true, false} {
				c := New(Config{})
				c.UseSlots(packet.MaxBatch)
				c.plain = plain
				b, keys, idx := packetsOf(1, packet.MaxBatch)
				slots := make([]int32, len(keys))
				for i := range keys {
					typ := types[i%len(types)]
					keys[i].W[flow.WEthDst] = keys[i].W[flow.WEthDst]&^0xffff | typ
					b.L3[i], b.IPLen[i] = 14, uint16(b.Desc[i].Len-14)
					if typ == 0x0806 {
						b.IPLen[i] = 0
					}
					if slots[i] = int32(i); !slotted {
						slots[i] = -1
					}
				}
				for now := range int64(5) {
					c.Observe(Point{}, b, flow.Keys{Whole: keys}, idx, slots, now)
				}
				c.Publish()
				got[way] = c.Stats()
				got[way].Probes, got[way].Lookups = 0, 0
				c.Close()
			}
			if got[0] != got[1] {
				t.Errorf("types %x, plain %t: by slots\n%+v, by keys\n%+v", types, plain, got[0], got[1])
			}
		}
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
