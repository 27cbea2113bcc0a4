package classifier

import (
	"unsafe"

	"pollux/flow"
	"pollux/internal/packet"
)

// finding is a look for the Shorts of a batch in an Exact: what find is given.
type finding struct {
	tags    *tags
	mask    uint64 // of groups' numbers
	entries *exactEntry
	hashes  *uint64
	shorts  *flow.Short
	slots   *int32  // where a packet's key may be, -1 nowhere
	differ  *uint64 // 0 if the key there is the packet's; not written without a slot
}

// What the assembly has to know of others' layout.
const (
	entryShift = 6
	serialBits = 64 - serialBit
	shortSize  = unsafe.Sizeof(flow.Short{})
)

const _ = -(unsafe.Sizeof(exactEntry{}) ^ 1<<entryShift) // it is as large as that

// candidates finds a slot for each of the n hashes, by tags alone. Looking at both groups'
// tags at once, for a choice without a branch, costs 0.5 ns with 1,000 flows and saves 16
// of 58 ns a packet with 100,000.
func (x *Exact) candidates(hashes *[packet.MaxBatch]uint64, slot []int32) {
	for i := range slot {
		h := hashes[i]
		t := tagOf(h)
		g, alt := x.groups(h)
		c, d := x.tag[g].match(t), x.tag[alt].match(t)
		if c == 0 {
			g, c = alt, d
		}
		s := int(g)*groupSlots + c.first()
		if c == 0 {
			s = -1
		}
		slot[i] = int32(s)
	}
}

// findShorts is candidates and, for those found, differ; all n packets have Shorts.
func (x *Exact) findShorts(s *flow.Shorts, n int, hashes *[packet.MaxBatch]uint64, slots *[packet.MaxBatch]int32) {
	a := finding{
		tags: &x.tag[0], mask: uint64(len(x.tag) - 1), entries: &x.entry[0],
		hashes: &hashes[0], shorts: &s.Of[0], slots: &slots[0], differ: &x.differ[0],
	}
	find(&a, n)
}

// findPlain is find for any processor.
func (a *finding) findPlain(n int) {
	groups := int(a.mask + 1)
	x := Exact{tag: unsafe.Slice(a.tags, groups), entry: unsafe.Slice(a.entries, groups*groupSlots)}
	slots := unsafe.Slice(a.slots, n)
	x.candidates((*[packet.MaxBatch]uint64)(unsafe.Pointer(a.hashes)), slots)
	shorts, differ := unsafe.Slice(a.shorts, n), unsafe.Slice(a.differ, n)
	for i, s := range slots {
		if s >= 0 {
			differ[i] = x.entry[s].differsShort(&shorts[i])
		}
	}
}
