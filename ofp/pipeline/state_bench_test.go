package pipeline

import (
	"fmt"
	"runtime"
	"testing"
	"unsafe"

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

// BenchmarkRuleMemory is the bytes of a rule, in tables where a hundred lists of actions repeat,
// in those where each rule has its own, and in those where each goes through one of a thousand meters to
// one of as many groups.
func BenchmarkRuleMemory(b *testing.B) {
	for _, n := range []int{200_000, 1_000_000} {
		for _, c := range []struct {
			name string
			flow func(int) Flow
		}{{"actions=repeat", manyFlows}, {"actions=differ", differingFlows}, {"actions=groups", usingFlows}} {
			b.Run(fmt.Sprintf("rules=%d/%s", n, c.name), func(b *testing.B) {
				for b.Loop() {
					per := bytesPerRule(b, n, c.flow)
					b.ReportMetric(float64(per), "B/rule")
					b.ReportMetric(float64(per*uint64(n))/(1<<20), "MiB")
				}
				b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/float64(n)*1e9, "ns/rule")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// bytesPerRule is the memory that each of n flows takes.
func bytesPerRule(tb testing.TB, n int, flow func(int) Flow) uint64 {
	s := usedState(tb, 0)
	before := heapInUse()
	mods := make([]FlowMod, 1000)
	for at := 0; at < n; at += len(mods) {
		for i := range mods {
			mods[i] = FlowMod{Command: FlowAdd, Flow: flow(at + i)}
		}
		if _, err := s.FlowMods(mods, nil); err != nil {
			tb.Fatal(err)
		}
	}
	clear(mods)
	per := (heapInUse() - before) / uint64(n)
	runtime.KeepAlive(s)
	return per
}

// differingFlows is manyFlows with actions that no other flow has.
func differingFlows(n int) Flow {
	f := manyFlows(n)
	f.Do.Apply[0].Value.Lo = 0x020000000000 + uint64(n)
	return f
}

// usingFlows is manyFlows that use the groups and meters of usedState.
func usingFlows(n int) Flow {
	f := manyFlows(n)
	f.Do.Apply, f.Do.Meter = []Action{{Kind: ActGroup, Group: 1 + uint32(n%1000)}}, 1+uint32(n%1000)
	return f
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
// less than 1 GiB, whatever they do.
func TestMemoryOfManyRules(t *testing.T) {
	for name, flow := range map[string]func(int) Flow{"actions repeat": manyFlows, "actions differ": differingFlows, "groups and meters": usingFlows} {
		per := bytesPerRule(t, 30_000, flow)
		t.Logf("%s: %d bytes a rule", name, per)
		if per > 1<<30/1_000_000 {
			t.Errorf("%s: %d bytes a rule: a million of them are more than 1 GiB", name, per)
		}
	}
}

// TestActionsAreSmall: tables are mostly actions.
func TestActionsAreSmall(t *testing.T) {
	if n := unsafe.Sizeof(Action{}); n > 72 {
		t.Errorf("an Action has %d bytes", n)
	}
}

// TestSharedActionsAreTold: rules that differ in rare operands alone are found by their hash.
func TestSharedActionsAreTold(t *testing.T) {
	s := testState(t, "")
	var mods []FlowMod
	for i := range 500 {
		for k, text := range []string{
			fmt.Sprintf("conjunction(%d,1/2)", i), fmt.Sprintf("controller(id=%d)", i), fmt.Sprintf("note:%02x.%02x", i>>8, i&255),
			fmt.Sprintf("clone(load:%d->reg0[],2)", i), fmt.Sprintf("learn(table=1,cookie=%d,NXM_OF_ETH_DST[])", i), fmt.Sprintf("bundle(eth_src,%d,hrw,ofport,members:1)", i),
		} {
			f, err := ParseFlow(fmt.Sprintf("table=%d,in_port=%d actions=%s", k, i, text), nil)
			if err != nil {
				t.Fatal(err)
			}
			mods = append(mods, FlowMod{Command: FlowAdd, Flow: f})
		}
	}
	if _, err := s.FlowMods(mods, nil); err != nil {
		t.Fatal(err)
	}
	for _, e := range s.dos.by {
		if e.next != nil {
			t.Fatalf("%+v and %+v have one hash", e.do, e.next.do)
		}
	}
	if n := len(s.dos.by); n != len(mods) {
		t.Errorf("%d instructions are kept, want %d", n, len(mods))
	}
}
