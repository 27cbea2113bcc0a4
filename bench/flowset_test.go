package bench

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

func TestFlowSetIsDeterministicAndDistinct(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := drawSpec(t)
		a, err := NewFlowSet(spec)
		if err != nil {
			t.Fatal(err)
		}
		b, err := NewFlowSet(spec)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[FlowInfo]int{}
		ba, bb := make([]byte, MaxFrame), make([]byte, MaxFrame)
		for i := range a.Len() {
			na, nb := a.Build(ba, i, 3), b.Build(bb, i, 3)
			if !bytes.Equal(ba[:na], bb[:nb]) {
				t.Fatalf("flow %d differs between two sets of one seed", i)
			}
			if j, dup := seen[a.Info(i)]; dup {
				t.Fatalf("flows %d and %d are the same: %+v", i, j, a.Info(i))
			}
			seen[a.Info(i)] = i
			clear(ba)
			clear(bb)
		}
	})
}

func TestOrderHoldsEveryFlow(t *testing.T) {
	for _, tc := range []struct {
		flows int
		skew  float64
	}{{1, 0}, {1, 1}, {7, 0}, {1000, 1}, {1000, 2}, {20000, 0.5}} {
		fs, err := NewFlowSet(FlowSpec{Flows: tc.flows, Skew: tc.skew})
		if err != nil {
			t.Fatal(err)
		}
		count := make([]int, tc.flows)
		for n := range uint64(len(fs.order)) {
			count[fs.At(n)]++
		}
		for i, c := range count {
			if c == 0 {
				t.Fatalf("%+v: flow %d never sends", tc, i)
			}
			if i > 0 && c > count[i-1] {
				t.Fatalf("%+v: flow %d sends more (%d) than flow %d (%d)", tc, i, c, i-1, count[i-1])
			}
		}
		if tc.skew >= 1 && tc.flows >= 1000 && count[0] < 100*count[tc.flows-1] {
			t.Errorf("%+v: largest %d and smallest %d are too alike", tc, count[0], count[tc.flows-1])
		}
	}
}

func TestL3Bytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := drawSpec(t)
		fs, err := NewFlowSet(spec)
		if err != nil {
			t.Fatal(err)
		}
		i := rapid.IntRange(0, fs.Len()-1).Draw(t, "flow")
		n := uint64(rapid.IntRange(0, 50).Draw(t, "packets"))
		var want, frames uint64
		for seq := range n {
			frames += uint64(fs.Size(i, seq))
			want += uint64(fs.Size(i, seq) - 14)
			if fs.Info(i).VLAN != 0 {
				want -= 4
			}
		}
		if got := fs.L3Bytes(i, n); got != want {
			t.Fatalf("L3Bytes(%d, %d) = %d, the frames have %d", i, n, got, want)
		}
		if got := fs.Bytes(i, n); got != frames {
			t.Fatalf("Bytes(%d, %d) = %d, the frames have %d", i, n, got, frames)
		}
	})
}

func TestFlowSpecErrors(t *testing.T) {
	for name, spec := range map[string]FlowSpec{
		"no flows":   {},
		"many flows": {Flows: maxFlows + 1},
		"skew":       {Flows: 1, Skew: -1},
		"protocol":   {Flows: 1, Shapes: []Shape{{Proto: 99}}},
		"vlan":       {Flows: 1, Shapes: []Shape{{Proto: UDP, VLAN: 4095}}},
		"size":       {Flows: 1, Shapes: []Shape{{Proto: UDP, Sizes: []int{9000}}}},
		"mac":        {Flows: 1, SrcMAC: []byte{1, 2}},
	} {
		if _, err := NewFlowSet(spec); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func BenchmarkBuild(b *testing.B) {
	fs, err := NewFlowSet(FlowSpec{Flows: 1000, Skew: 1})
	if err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, MaxFrame)
	b.ReportAllocs()
	n := uint64(0)
	for b.Loop() {
		fs.Build(buf, fs.At(n), n)
		n++
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N), "ns/pkt")
	b.ReportMetric(float64(b.N)*1e3/float64(b.Elapsed().Nanoseconds()), "Mpps")
}
