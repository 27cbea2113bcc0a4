package pmd_test

import (
	"testing"

	"pollux/ofp/pipeline"
)

// newFlowRig is a loop whose every packet begins a flow that is a decision of its own, over
// real tables: what is moved to registers counts as looked at, so megaflows are of one
// five-tuple each, and there are more than fit.
func newFlowRig(tb testing.TB) *rig {
	tb.Helper()
	ports := worldPorts()[:2]
	flows, err := pipeline.ParseFlows("in_port=1,udp,actions=move:NXM_OF_IP_SRC[]->NXM_NX_REG0[],move:NXM_OF_IP_DST[]->NXM_NX_REG1[],"+
		"move:NXM_OF_UDP_SRC[]->NXM_NX_REG2[0..15],move:NXM_OF_UDP_DST[]->NXM_NX_REG2[16..31],output:2\n", nil)
	if err != nil {
		tb.Fatal(err)
	}
	state, err := pipeline.New(pipeline.Config{Name: "br0", Ports: ports, Flows: flows, Threads: 1, Now: func() int64 { return 1 }})
	if err != nil {
		tb.Fatal(err)
	}
	r := newRigOf(tb, state.Snapshot(), rigSpec{flows: 1 << 32, masks: 1})
	for range 2 * rigMegaflows / 64 {
		r.loop.Iterate()
	}
	return r
}

// TestNewFlowAllocs: a flow that begins in full caches, pushes others out and is translated
// allocates nothing.
func TestNewFlowAllocs(t *testing.T) {
	r := newFlowRig(t)
	before := r.loop.Counts()
	if a := testing.AllocsPerRun(1000, func() { r.loop.Iterate() }); a != 0 {
		t.Errorf("%v allocations a batch", a)
	}
	after := r.loop.Counts()
	if n := after.Upcalls - before.Upcalls; n != after.Packets-before.Packets || after.Evicted == before.Evicted {
		t.Errorf("%d of %d packets were translated, %d decisions pushed out: the measurement measured something else",
			n, after.Packets-before.Packets, after.Evicted-before.Evicted)
	}
}

// BenchmarkNewFlows is what a packet costs that begins a flow, over full caches.
func BenchmarkNewFlows(b *testing.B) {
	r := newFlowRig(b)
	r.measure(b, "ns/flow", "Mflows/s")
}
