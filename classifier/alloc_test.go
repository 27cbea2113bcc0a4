package classifier

import (
	"testing"

	"pollux/flow"
	"pollux/internal/packet"
)

// TestLookupsAllocateNothing covers all that runs in a poll loop for a batch.
func TestLookupsAllocateNothing(t *testing.T) {
	keys, hashes := benchKeys(packet.MaxBatch, 1)
	var h [packet.MaxBatch]uint64
	copy(h[:], hashes)
	var idx, miss, rest [packet.MaxBatch]uint16
	var slots [packet.MaxBatch]int32
	var out [packet.MaxBatch]*Megaflow
	x := NewExact(64) // too small: hits, misses and evictions
	flows := NewMegaflows(1000)
	flows.UseSignatures(64)
	mask := fiveTuple()
	for i := range keys[:200] {
		mask.Or(flow.WIP, uint64(i%3+1)<<40)
		mustInsert(t, flows, &keys[i], &mask)
	}
	mf := mustInsert(t, flows, &keys[0], &mask)
	table := new(Table).With(benchRules(1000), nil)
	var edits []Edit
	for _, r := range benchRules(64) {
		edits = append(edits, Edit{1, r})
	}
	changes := new(Changes).Rules([2]uint64{2, 2}, edits)
	path := &Path{}
	path.Look(1, 0)
	var wild flow.Mask
	cursor := 0
	for i := range idx {
		idx[i] = uint16(i)
	}
	visit := func(*Megaflow) {}
	tests := []struct {
		name string
		do   func()
	}{
		{"Exact.Lookup and Insert", func() {
			for _, i := range x.Lookup(flow.Keys{Whole: keys}, len(keys), &h, &out, &slots, miss[:0]) {
				x.Insert(h[i], flow.Keys{Whole: keys}, int(i), mf)
			}
		}},
		{"Megaflows.Lookup", func() { flows.Lookup(keys, idx[:], &out, rest[:0]) }},
		{"Megaflows.LookupHashed", func() {
			flows.sig.on = true
			flows.LookupHashed(keys, idx[:], &h, &out, rest[:0])
		}},
		{"Megaflows.Find", func() { flows.Find(&keys[255]) }},
		{"Megaflows.Rank", flows.Rank},
		{"Megaflows.Sweep", func() { flows.Sweep(&cursor, 16, visit) }},
		{"Changes.Touched", func() { changes.Touched(1, 0, &keys[0], &mask, path, rank(0)) }},
		{"Table.Lookup", func() {
			wild.Clear()
			table.Lookup(&keys[3], &wild)
			table.Lookup(&keys[4], nil)
		}},
	}
	for _, tt := range tests {
		if n := testing.AllocsPerRun(100, tt.do); n != 0 {
			t.Errorf("%s: %v allocations", tt.name, n)
		}
	}
}
