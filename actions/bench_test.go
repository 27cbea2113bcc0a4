package actions

import (
	"testing"

	"golang.org/x/sys/unix"

	"pollux/flow"
	"pollux/ipfix/cache"
)

// cases are the programs that are measured.
var cases = []struct {
	name string
	p    *Program
}{
	{"output", build(out(1))},
	{"dec_ttl,output", build(set(flow.IPTTL, 63), out(1))},
	{"route", build(set(flow.EthSrc, 0x020000000009), set(flow.EthDst, 0x02000000000a), set(flow.IPTTL, 63), out(1))},
	{"nat", build(set(flow.IPv4Src, 0x0a000909), set(flow.UDPSrc, 999), out(1))},
	{"push_vlan,output", build(func(b *Builder) { b.PushVLAN(0x8100, 5) }, out(1))},
	{"flood 4", build(out(1), out(2), out(3), out(4))},
	{"sample,output", build(sampleAt(cache.Point{}), out(1))},
	{"sample rewritten,output", build(set(flow.IPTTL, 63), sampleAt(cache.Point{}), out(1))},
	{"clone(dec_ttl,output),output", build(onCopy(set(flow.IPTTL, 63), out(1)), out(2))},
	{"output of 64", build(part(1, 64))},
	{"drop", build(drop(DropTableMiss))},
	{"controller", build(control(whole))},
	{"controller of 128,output", build(control(Punt{MaxLen: 128}), out(1))},
	{"meter,output", metering(NewMeter(true, []MeterBand{{Rate: 1 << 40}}, 0))},
	{"output by a queue", queueing(NewQueue(1<<40, 0, 0, nil))},
	{"output by a queue that is full", queueing(NewQueue(1, 0, 0, nil))},
}

// bench returns a function that runs p over a batch of n fresh UDP packets and takes
// what was sent away again.
func bench(p *Program, n int) func() {
	r := newRig(512, 4)
	for range n {
		r.receive(udp(), 256)
	}
	r.Punts = NewPuntRing(64, 2048)
	r.Caches = []*cache.Cache{cache.New(cache.Config{MaxFlows: 64, Memory: r.Mem})}
	flow.Extract(r.Mem, &r.batch, r.keys)
	fresh := r.batch
	// The frames are used again and again: only copies go home.
	mine := make([]bool, 512)
	for _, d := range fresh.Desc[:n] {
		mine[d.Addr/2048] = true
	}
	r.Release = func([]uint64) {}
	r.Flush = func(slot int) {
		for _, d := range r.Out[slot].Take() {
			if c := r.Mem.Chunk(d.Addr); !mine[c/2048] {
				r.Free.Put(c)
			}
		}
	}
	return func() {
		r.batch.N = n
		copy(r.batch.Desc[:n], fresh.Desc[:n])
		copy(r.batch.L25[:n], fresh.L25[:n])
		copy(r.batch.L3[:n], fresh.L3[:n])
		copy(r.batch.L4[:n], fresh.L4[:n])
		r.Now++
		r.Punts.head.Store(r.Punts.tail.Load()) // another thread has drained it
		r.Run(p, &r.batch, flow.Keys{Whole: r.keys}, r.idx)
		for slot, s := range r.Out {
			if s.N > 0 {
				r.Flush(slot)
			}
		}
	}
}

func TestAllocs(t *testing.T) {
	for _, c := range cases {
		f := bench(c.p, 32)
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations a batch, want 0", c.name, n)
		}
	}
}

// BenchmarkRun gives the cost a packet of programs over batches of 32.
func BenchmarkRun(b *testing.B) {
	for _, c := range cases {
		b.Run(c.name, func(b *testing.B) {
			measure(b, 32, bench(c.p, 32))
		})
	}
}

// BenchmarkSmallGroup gives the cost a packet when each is a group of its own.
func BenchmarkSmallGroup(b *testing.B) {
	measure(b, 1, bench(cases[0].p, 1))
}

// measure runs f, which treats n packets, and reports the cost of one: by the clock,
// and in processor time, which other work on the machine does not disturb as much.
func measure(b *testing.B, n int, f func()) {
	start := processorTime(b)
	for b.Loop() {
		f()
	}
	packets := float64(b.N) * float64(n)
	ns := float64(b.Elapsed().Nanoseconds()) / packets
	b.ReportMetric(ns, "ns/pkt")
	b.ReportMetric(1e3/ns, "Mpps")
	b.ReportMetric(float64(processorTime(b)-start)/packets, "cpu-ns/pkt")
}

// processorTime returns the time in ns that this process has run.
func processorTime(b *testing.B) int64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
