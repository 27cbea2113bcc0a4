package cache

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"pollux/flow"
	"pollux/internal/packet"
)

// benchFlows makes batches of packets whose flows are drawn evenly from n, as many
// that one round of them meets every flow a few times but the keys fit in memory.
func benchFlows(n int) (batches []*packet.Batch, keys [][]flow.Key) {
	const size = 32
	r := rand.New(rand.NewPCG(1, 2))
	count := min(max(2*n/size, 8), 4096)
	for range count {
		b := &packet.Batch{N: size, InPort: 1}
		ks := make([]flow.Key, size)
		for i := range ks {
			f := uint64(r.IntN(n))
			ks[i] = udpKey(f)
			b.Desc[i].Len, b.L3[i], b.L4[i] = 60, 14, 34
		}
		batches, keys = append(batches, b), append(keys, ks)
	}
	return batches, keys
}

// udpKey is the key of a packet of the f-th flow.
func udpKey(f uint64) flow.Key {
	var k flow.Key
	k.Set(flow.WPort, 1)
	k.Set(flow.WEthDst, 0x020000000001<<16|0x0800)
	k.Set(flow.WEthSrc, 0x020000000002<<16)
	k.Set(flow.WIPv4, (0x0a000000|f>>16)<<32|0x0a800001)
	k.Set(flow.WIP, 17<<56|64<<40)
	k.Set(flow.WL4, (f&0xffff)<<48|53<<32)
	return k
}

func BenchmarkObserve(b *testing.B) {
	all := make([]uint16, packet.MaxBatch)
	for i := range all {
		all[i] = uint16(i)
	}
	for _, flows := range []int{1, 1000, 100_000, 1_000_000} {
		for _, sampling := range []uint32{1, 100} {
			b.Run(fmt.Sprintf("flows=%d/sampling=%d", flows, sampling), func(b *testing.B) {
				batches, keys := benchFlows(flows)
				c := New(Config{MaxFlows: flows + flows/4 + 16, Sampling: sampling})
				// Keys are as warm as they are after extraction: a few batches, whose flows
				// change by one word, take the place of as many keys as there are flows.
				r := rand.New(rand.NewPCG(3, 4))
				pick := make([]uint32, 1<<20)
				for i := range pick {
					pick[i] = uint32(r.IntN(flows))
				}
				at := 0
				now := int64(0)
				fill := func() (*packet.Batch, []flow.Key) {
					ks := keys[0]
					for i := range ks {
						f := uint64(pick[at&(len(pick)-1)])
						at++
						ks[i].W[flow.WIPv4] = (0x0a000000|f>>16)<<32 | 0x0a800001
						ks[i].W[flow.WL4] = (f&0xffff)<<48 | 53<<32
					}
					return batches[0], ks
				}
				for range min(2*flows/32+1, 1<<15) {
					bt, ks := fill()
					c.Observe(Point{}, bt, ks, all[:32], nil, now)
				}
				b.ReportAllocs()
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				b.ResetTimer()
				cpu := threadTime()
				for range b.N {
					bt, ks := fill()
					now += 300
					c.Observe(Point{}, bt, ks, all[:32], nil, now)
				}
				perPacket := float64(b.Elapsed().Nanoseconds()) / float64(b.N) / 32
				b.ReportMetric(perPacket, "ns/pkt")
				b.ReportMetric(float64(threadTime()-cpu)/float64(b.N)/32, "cpu-ns/pkt")
				b.ReportMetric(1e3/perPacket, "Mpps")
				s := c.Stats()
				b.ReportMetric(float64(s.Probes)/float64(s.Lookups), "probes/lookup")
			})
		}
	}
}

// threadTime is the processor time of the thread: on a machine that others use
// too it says more than the time that passes.
func threadTime() int64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &u); err != nil {
		panic(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// BenchmarkFill is the benchmark's own cost, to be subtracted.
func BenchmarkFill(b *testing.B) {
	_, keys := benchFlows(1000)
	for range b.N {
		for i := range keys[0] {
			f := uint64(i)
			keys[0][i].W[flow.WIPv4] = (0x0a000000|f>>16)<<32 | 0x0a800001
			keys[0][i].W[flow.WL4] = (f&0xffff)<<48 | 53<<32
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/32, "ns/pkt")
}

// BenchmarkChurn is the worst case: every packet begins a flow, and the full cache
// ends another for it.
func BenchmarkChurn(b *testing.B) {
	c := New(Config{MaxFlows: 10_000})
	keys := make([]flow.Key, 32)
	bt := &packet.Batch{N: 32}
	idx := make([]uint16, 32)
	for i := range keys {
		keys[i], idx[i] = udpKey(0), uint16(i)
		bt.Desc[i].Len, bt.L3[i], bt.L4[i] = 60, 14, 34
	}
	out := make([]Record, 64)
	f := uint64(0)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cpu := threadTime()
	for range b.N {
		for i := range keys {
			f++
			keys[i].W[flow.WIPv4] = f
		}
		c.Observe(Point{}, bt, keys, idx, nil, int64(f))
		c.Records().PopN(out)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/32, "ns/pkt")
	b.ReportMetric(float64(threadTime()-cpu)/float64(b.N)/32, "cpu-ns/pkt")
	if lost := c.Stats().Lost[LossNoRoom].Packets; lost != 0 {
		b.Fatalf("%d packets lost", lost)
	}
}

// BenchmarkSweep is the hand's cost for an entry that is not due, among 100,000.
func BenchmarkSweep(b *testing.B) {
	const flows = 100_000
	c := New(Config{MaxFlows: flows, IdleTimeout: 1 << 60, ActiveTimeout: -1})
	for f := range uint64(flows) {
		observe(c, f, 0)
	}
	looked := 0
	b.ResetTimer()
	for i := range b.N {
		before := c.hand
		c.Sweep(int64(i)*160_000, 1024) // with a period of 125 ms: 128 entries a call
		if c.hand > before {
			looked += int(c.hand - before)
		}
	}
	if looked > 0 {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(looked), "ns/entry")
	}
}
