package xsk

import (
	"runtime"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"pollux/internal/packet"
)

// plain returns a ring in plain memory whose indices begin at start: both ends of
// it can be played, and the race detector watches.
func plain[T entry](size, start uint32) shared[T] {
	words := make([]uint32, 3*16) // a cache line each
	words[0], words[16] = start, start
	return shared[T]{producer: &words[0], consumer: &words[16], flags: &words[32], entries: make([]T, size)}
}

// TestRingAgainstAQueue plays both ends of a ring over random histories, its
// indices about to wrap, and compares with a slice.
func TestRingAgainstAQueue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := uint32(1) << rapid.IntRange(0, 6).Draw(t, "log size")
		r := plain[uint64](size, rapid.Uint32Range(1<<32-100, 1<<32-1).Draw(t, "start"))
		p, c := newProducer(r), newConsumer(r)
		var queue []uint64
		next := uint64(0)
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			n := rapid.Uint32Range(0, 2*size).Draw(t, "n")
			if rapid.Bool().Draw(t, "produce") {
				k := p.Reserve(n)
				if want := min(n, size-uint32(len(queue))); k != want {
					t.Fatalf("reserve %d of %d with %d used: %d", n, size, len(queue), k)
				}
				a, b := p.Slots(k)
				for _, part := range [][]uint64{a, b} {
					for i := range part {
						part[i] = next
						queue = append(queue, next)
						next++
					}
				}
				p.Submit(k)
				if got := p.Pending(); got != uint32(len(queue)) {
					t.Fatalf("pending %d of %d", got, len(queue))
				}
				continue
			}
			k := c.Peek(n)
			if want := min(n, uint32(len(queue))); k != want {
				t.Fatalf("peek %d of %d: %d", n, len(queue), k)
			}
			a, b := c.Entries(k)
			for _, part := range [][]uint64{a, b} {
				for _, v := range part {
					if v != queue[0] {
						t.Fatalf("read %d, want %d", v, queue[0])
					}
					queue = queue[1:]
				}
			}
			c.Release(k)
		}
	})
}

// TestRingBetweenThreads sends numbers through a ring from one goroutine to
// another; with -race it shows that the indices order the entries.
func TestRingBetweenThreads(t *testing.T) {
	r := plain[packet.Desc](64, 1<<32-33)
	const total = 20000
	go func() {
		p := newProducer(r)
		for next := uint64(0); next < total; {
			k := p.Reserve(uint32(1 + next%17))
			if k == 0 {
				runtime.Gosched()
				continue
			}
			a, b := p.Slots(k)
			for _, part := range [][]packet.Desc{a, b} {
				for i := range part {
					part[i] = packet.Desc{Addr: next, Len: uint32(next)}
					next++
				}
			}
			p.Submit(k)
		}
	}()
	c := newConsumer(r)
	for next := uint64(0); next < total; {
		k := c.Peek(23)
		if k == 0 {
			runtime.Gosched()
			continue
		}
		a, b := c.Entries(k)
		for _, part := range [][]packet.Desc{a, b} {
			for _, d := range part {
				if d.Addr != next || d.Len != uint32(next) {
					t.Fatalf("read %+v, want %d", d, next)
				}
				next++
			}
		}
		c.Release(k)
	}
}

func TestNeedWakeup(t *testing.T) {
	r := plain[uint64](8, 0)
	p := newProducer(r)
	if p.NeedWakeup() {
		t.Error("wakeup without the flag")
	}
	atomic.StoreUint32(r.flags, unix.XDP_RING_NEED_WAKEUP)
	if !p.NeedWakeup() {
		t.Error("no wakeup with the flag")
	}
}

// TestClosedRing: the zero ring is what a closed socket's sides hold.
func TestClosedRing(t *testing.T) {
	var p Producer[uint64]
	var c Consumer[packet.Desc]
	if p.Reserve(5) != 0 || p.Pending() != 0 || p.NeedWakeup() || c.Peek(5) != 0 || p.Size() != 0 || c.Size() != 0 {
		t.Error("a ring of size 0 gives or takes something")
	}
	p.Submit(0)
	c.Release(0)
	a, b := p.Slots(0)
	if len(a)+len(b) != 0 {
		t.Error("slots in a ring of size 0")
	}
}

func TestRingsDoNotAllocate(t *testing.T) {
	r := plain[packet.Desc](256, 0)
	p, c := newProducer(r), newConsumer(r)
	d := make([]packet.Desc, 32)
	if n := testing.AllocsPerRun(100, func() { pass(&p, &c, d) }); n != 0 {
		t.Errorf("%v allocations a batch", n)
	}
}

// pass moves one batch through a ring.
func pass(p *Producer[packet.Desc], c *Consumer[packet.Desc], d []packet.Desc) {
	n := p.Reserve(uint32(len(d)))
	a, b := p.Slots(n)
	copy(a, d)
	copy(b, d[len(a):n])
	p.Submit(n)
	n = c.Peek(uint32(len(d)))
	a, b = c.Entries(n)
	copy(d, a)
	copy(d[len(a):], b)
	c.Release(n)
}

// BenchmarkRing is a batch of 32 frames into a ring and out of it in one thread:
// what the rings themselves cost, without the kernel.
func BenchmarkRing(b *testing.B) {
	r := plain[packet.Desc](2048, 0)
	p, c := newProducer(r), newConsumer(r)
	d := make([]packet.Desc, 32)
	for b.Loop() {
		pass(&p, &c, d)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/32, "ns/pkt")
}
