package pmd_test

import (
	"fmt"
	"testing"

	"pollux/actions"
	"pollux/classifier"
	"pollux/flow"
	"pollux/internal/packet"
	"pollux/ipfix/cache"
	"pollux/pmd"
	"pollux/pmd/port"
)

// nobody takes the counts that are due to no rule.
type nobody struct{}

func (nobody) Credit(packets, bytes uint64, now int64) {}
func (nobody) Outranks(uint8, int32) bool              { return false }
func (nobody) Names(uint8, uint64) bool                { return false }

// byBit is tables of one rule per bit of the source address, in order of priority:
// the first bit that is set decides, and the bits above it were looked at.
type byBit struct {
	masks int
	out   *actions.Program
}

func newByBit(masks int, sampled bool) *byBit {
	b := actions.NewBuilder()
	if sampled {
		b.Sample(actions.Sample{})
	}
	b.Output(1, 2)
	return &byBit{masks: masks, out: b.Program()}
}

func (t *byBit) Generation() uint64           { return 1 }
func (t *byBit) FDBGeneration() uint64        { return 1 }
func (t *byBit) Changes() *classifier.Changes { return nil }
func (t *byBit) Settle()                      {}

func (t *byBit) Translate(u *pmd.Upcall) {
	u.Mask.Clear()
	u.Mask.Or(flow.WPort, 0xffffffff)
	u.Mask.Or(flow.WEthDst, 0xffff)
	u.Mask.Or(flow.WIP, 0xff<<32)
	if t.masks > 1 {
		for g := 0; g < t.masks; g++ {
			u.Mask.Or(flow.WEthSrc, 1<<(16+g))
			if u.Key.W[flow.WEthSrc]>>(16+g)&1 != 0 {
				break
			}
		}
	}
	u.Program, u.Credit, u.FDB = t.out, nobody{}, false
}

const rigMegaflows = 65536 // the most that a rig caches

// rig is one loop from a memory source in slot 0 to a memory sink in slot 1.
type rig struct {
	loop *pmd.Loop
	sink *port.Memory
	pub  *pmd.Published
}

func newRig(tb testing.TB, flows, masks int, ipfix bool) *rig {
	tb.Helper()
	return newRigOf(tb, newByBit(masks, ipfix), rigSpec{flows: flows, masks: masks, ipfix: ipfix})
}

// rigSpec is what a rig's source makes, and what its loop does besides forwarding.
type rigSpec struct {
	flows, masks int
	ipfix        bool
	verify       uint32
}

func newRigOf(tb testing.TB, tables pmd.Tables, c rigSpec) *rig {
	tb.Helper()
	const frames = 2048
	mem := &packet.Memory{Buf: make([]byte, frames*2048), FD: -1, ChunkSize: 2048, Headroom: 256, PerHome: frames}
	var pub pmd.Published
	pub.Store(tables)
	cfg := pmd.LoopConfig{
		Burst: 64, ExactEntries: 65536, Megaflows: rigMegaflows, MegaflowIdle: 10e9, Verify: c.verify,
		Memory: mem, Tables: &pub, Slots: 4,
	}
	if c.ipfix {
		cfg.Caches = []*cache.Cache{cache.New(cache.Config{MaxFlows: 2 * max(c.flows, 32), Memory: mem})}
	}
	l, err := pmd.NewLoop(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	src, err := port.OpenMemory(port.MemoryConfig{Flows: c.flows, Masks: c.masks}, mem)
	if err != nil {
		tb.Fatal(err)
	}
	sink, err := port.OpenMemory(port.MemoryConfig{}, mem)
	if err != nil {
		tb.Fatal(err)
	}
	rx, _ := src.Queues()
	_, tx := sink.Queues()
	l.AddTx(1, 0, 2, tx[0], 0, &actions.Staging{})
	l.AddRx(0, 0, 1, rx[0])
	return &rig{l, sink, &pub}
}

// measure reports what a packet takes by the clock, and how many there are in a microsecond.
func (r *rig) measure(b *testing.B, time, rate string) {
	before, _ := r.sink.Taken()
	b.ResetTimer()
	for b.Loop() {
		r.loop.Iterate()
	}
	after, _ := r.sink.Taken()
	ns := float64(b.Elapsed().Nanoseconds()) / float64(after-before)
	b.ReportMetric(ns, time)
	b.ReportMetric(1e3/ns, rate)
	b.ReportMetric(0, "ns/op")
}

func BenchmarkLoop(b *testing.B) {
	for _, masks := range []int{1, 20} {
		for _, flows := range []int{1, 1000, 100_000, 1_000_000} {
			for _, ipfix := range []bool{false, true} {
				b.Run(fmt.Sprintf("masks=%d/flows=%d/ipfix=%v", masks, flows, ipfix), func(b *testing.B) {
					r := newRig(b, flows, masks, ipfix)
					for n := 0; n < 2*flows+64; n += 64 {
						r.loop.Iterate()
					}
					r.measure(b, "ns/pkt", "Mpps")
				})
			}
		}
	}
}
