package pmd_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"pollux/flow"
	"pollux/internal/packet"
	"pollux/ipfix/cache"
	"pollux/pmd"
)

// perFlow is what was counted of each flow on the way in, by the key without the point.
type perFlow map[cache.Key]cache.Count

func (p perFlow) add(r *cache.Record) {
	if r.Point.Dir != cache.Ingress {
		return
	}
	k := r.Key
	k.Point = cache.Point{}
	c := p[k]
	c.Packets += r.Packets
	c.Octets += r.Octets
	c.L2Octets += r.L2Octets
	p[k] = c
}

// byOne accounts frames one at a time in a cache that knows no slots: the truth that a
// loop's records are held against.
type byOne struct {
	c    *cache.Cache
	mem  *packet.Memory
	keys []flow.Key
	b    packet.Batch
}

func newByOne() *byOne {
	m := &packet.Memory{Buf: make([]byte, 2048), FD: -1, ChunkSize: 2048, Headroom: 256, PerHome: 1}
	return &byOne{c: cache.New(cache.Config{MaxFlows: 4096, Memory: m}), mem: m, keys: make([]flow.Key, 1)}
}

func (o *byOne) observe(a arrival) {
	o.b.N, o.b.InPort = 1, uint32(a.in+1)
	o.b.Desc[0] = packet.Desc{Addr: 256, Len: uint32(copy(o.mem.Buf[256:], a.frame))}
	flow.Extract(o.mem, &o.b, o.keys)
	o.c.Observe(cache.Point{}, &o.b, flow.Keys{Whole: o.keys}, []uint16{0}, nil, 1)
}

// flowsOf adds up what a cache has recorded and still holds.
func flowsOf(c *cache.Cache, sum perFlow) {
	for r, ok := c.Records().Pop(); ok; r, ok = c.Records().Pop() {
		sum.add(&r)
	}
}

func heldBy(c *cache.Cache, sum perFlow) {
	cursor := 0
	for first := true; first || cursor != 0; first = false {
		c.Each(&cursor, 1024, sum.add)
	}
}

// TestRecordsArePerFlow: in batches of many flows, over an exact cache of eight slots that
// turns over all the time and a flow cache of few more entries than that, every packet is
// counted in the record of its own flow. A slot that still stood for another flow would
// move packets from one to another and show in no sum.
func TestRecordsArePerFlow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.SampledFrom([]int{8, 16, 64}).Draw(t, "exact entries")
		room := rapid.SampledFrom([]int{24, 64, 512}).Draw(t, "flow cache")
		// All rules: some flows change before they are accounted again, some are dropped.
		w := newWorldOf(t, genFlows(t, "flows"), nil, size, &cache.Config{MaxFlows: room, RecordRing: 4096})
		truth := newByOne()
		pool := make([]arrival, rapid.IntRange(1, 60).Draw(t, "pool"))
		for i := range pool {
			pool[i] = arrival{rapid.IntRange(0, 3).Draw(t, "in"), genFrame(t)}
		}
		got := perFlow{}
		for range rapid.IntRange(1, 30).Draw(t, "batches") {
			batch := make([]arrival, rapid.SampledFrom([]int{1, 8, 32, 32}).Draw(t, "batch"))
			for i := range batch {
				batch[i] = pool[rapid.IntRange(0, len(pool)-1).Draw(t, "frame")]
				truth.observe(batch[i])
			}
			w.send(t, batch...)
			flowsOf(w.flows, got)
		}
		heldBy(w.flows, got)
		w.loop.Do(func(*pmd.Loop) { w.flows.Publish() })
		if lost := w.flows.Stats().Lost[cache.LossNoRoom].Packets; lost != 0 {
			t.Fatalf("%d packets found no room in a cache whose ring is emptied", lost)
		}
		want := perFlow{}
		heldBy(truth.c, want)
		for k, n := range want {
			if got[k] != n {
				t.Errorf("flow %s: recorded %+v, want %+v", keyText(&k), got[k], n)
			}
			delete(got, k)
		}
		for k, n := range got {
			t.Errorf("flow %s: recorded %+v of a flow that never came", keyText(&k), n)
		}
	})
}

func keyText(k *cache.Key) string {
	src, dst := k.Addrs()
	return fmt.Sprintf("in_port=%d type=%#x proto=%d %v:%d>%v:%d vlan=%#x", k.InPort, k.EthType, k.Proto, src, k.SrcPort, dst, k.DstPort, k.VLAN)
}
