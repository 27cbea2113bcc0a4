package pipeline

import (
	"fmt"
	"runtime"
	"testing"

	"pollux/flow"
)

// manyFlows returns the n-th of flows as controllers write them for hosts: an address and
// a port to match, an address to write and a port to send to.
func manyFlows(n int) Flow {
	var m flow.Match
	m.SetMasked(flow.EthType, flow.Value{Lo: 0x800}, flow.EthType.Full())
	m.SetMasked(flow.IPProto, flow.Value{Lo: 6}, flow.IPProto.Full())
	m.SetMasked(flow.IPv4Dst, flow.Value{Lo: uint64(0x0a000000 + n)}, flow.IPv4Dst.Full())
	m.SetMasked(flow.TCPDst, flow.Value{Lo: 80}, flow.TCPDst.Full())
	return Flow{
		Priority: DefaultPriority, Cookie: uint64(n), Match: m,
		Do: Instructions{Apply: []Action{
			{Kind: ActSetField, Dst: Subfield{Field: flow.EthDst, Bits: 48}, Value: flow.Value{Lo: 0x020000000000 + uint64(n%100)}, Mask: flow.EthDst.Full()},
			{Kind: ActOutput, Port: uint32(1 + n%4)},
		}},
	}
}

// BenchmarkFlowMods is flow mods, one by one or so many that have come together, which load
// and then delete so many flows: the time of one is to hardly depend on how many there are.
func BenchmarkFlowMods(b *testing.B) {
	for _, c := range []struct{ flows, together int }{{1000, 1}, {10_000, 1}, {100_000, 1}, {100_000, 64}} {
		b.Run(fmt.Sprintf("flows=%d/together=%d", c.flows, c.together), func(b *testing.B) {
			for b.Loop() {
				s := testState(b, "")
				mods := make([]FlowMod, 0, c.together)
				for _, command := range []FlowCommand{FlowAdd, FlowDeleteStrict} {
					for i := range c.flows {
						mods = append(mods, FlowMod{Command: command, Flow: manyFlows(i), OutPort: AnyPort, OutGroup: AnyGroup})
						if len(mods) < c.together && i+1 < c.flows {
							continue
						}
						if errs := s.FlowModEach(mods, nil); errs != nil {
							b.Fatal(errs)
						}
						mods = mods[:0]
					}
				}
				if len(s.DumpFlows()) != 0 {
					b.Fatal("flows are left")
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(2*c.flows*b.N), "ns/mod")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// heapInUse is the bytes of live objects.
func heapInUse() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestMemoryOfManyRules bounds the bytes that a rule takes, so that a million of them take
// less than 1 GiB.
func TestMemoryOfManyRules(t *testing.T) {
	const n = 50_000
	s := testState(t, "")
	before := heapInUse()
	mods := make([]FlowMod, 1000)
	for at := 0; at < n; at += len(mods) {
		for i := range mods {
			mods[i] = FlowMod{Command: FlowAdd, Flow: manyFlows(at + i)}
		}
		if _, err := s.FlowMods(mods, nil); err != nil {
			t.Fatal(err)
		}
	}
	clear(mods)
	perRule := (heapInUse() - before) / n
	t.Logf("%d bytes a rule", perRule)
	if perRule > 1<<30/1_000_000 {
		t.Errorf("%d bytes a rule: a million of them are more than 1 GiB", perRule)
	}
	runtime.KeepAlive(s)
}
