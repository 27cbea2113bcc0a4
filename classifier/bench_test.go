package classifier

import (
	"fmt"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"pollux/flow"
	"pollux/internal/packet"
)

// benchKeys returns n TCP/IPv4 keys of different flows, in an order without sense,
// and their hashes.
func benchKeys(n int, seed uint64) ([]flow.Key, []uint64) {
	s := newSource(seed)
	keys, hashes := make([]flow.Key, n), make([]uint64, n)
	for i := range keys {
		j := uint32(i)
		keys[i] = ipv4Key(0x0a000000|j&0xffff, 0x14000000|j>>4, uint16(1024+j>>8), uint16(j))
	}
	for i := range keys {
		o := s.IntN(i + 1)
		keys[i], keys[o] = keys[o], keys[i]
	}
	for i := range keys {
		hashes[i] = keys[i].Hash(keys[i].Map, 99)
	}
	return keys, hashes
}

// fiveTuple is the mask of the fields that benchKeys differ in, and their type.
func fiveTuple() (m flow.Mask) {
	for _, f := range []flow.Field{flow.EthType, flow.IPProto, flow.IPv4Src, flow.IPv4Dst, flow.TCPSrc, flow.TCPDst} {
		f.OrMask(&m, f.Full())
	}
	return m
}

const benchBatch = 64

// traffic deals batches of a set of flows. The keys of a batch are written to the
// same place each time, as the extractor does; what that costs BenchmarkCopy says.
type traffic struct {
	keys   []flow.Key
	hashes []uint64
	at     int
	batch  []flow.Key
	hash   [packet.MaxBatch]uint64
}

func newTraffic(n int) *traffic {
	keys, hashes := benchKeys(n, 1)
	t := &traffic{keys: keys, hashes: hashes, batch: make([]flow.Key, packet.MaxBatch)}
	return t
}

// packed are the words that ipv4Key fills: copying these alone keeps the copy small.
var packed = []flow.Word{flow.WPort, flow.WEthDst, flow.WEthSrc, flow.WIPv4, flow.WIP, flow.WL4}

// next fills the batch from a compact form of the flows.
func (t *traffic) next(compact [][6]uint64) {
	for i := range benchBatch {
		c := &compact[t.at]
		k := &t.batch[i]
		k.W[flow.WPort], k.W[flow.WEthDst], k.W[flow.WEthSrc] = c[0], c[1], c[2]
		k.W[flow.WIPv4], k.W[flow.WIP], k.W[flow.WL4] = c[3], c[4], c[5]
		t.hash[i] = t.hashes[t.at]
		if t.at++; t.at == len(compact) {
			t.at = 0
		}
	}
}

// compact lets go of the keys and returns their words.
func (t *traffic) compact() [][6]uint64 {
	c := make([][6]uint64, len(t.keys))
	for i := range t.keys {
		for j, w := range packed {
			c[i][j] = t.keys[i].W[w]
		}
	}
	for i := range t.batch {
		t.batch[i] = t.keys[0]
	}
	t.keys = nil
	return c
}

// meter measures wall-clock time and the thread's own processor time: on a machine
// that others use too, the second is what the code costs.
type meter struct{ cpu int64 }

func start(b *testing.B) meter {
	runtime.LockOSThread()
	b.ResetTimer()
	return meter{threadTime()}
}

func (m meter) report(b *testing.B, packets int) {
	b.StopTimer()
	cpu := float64(threadTime() - m.cpu)
	runtime.UnlockOSThread()
	ns := float64(b.Elapsed().Nanoseconds()) / float64(packets)
	b.ReportMetric(ns, "ns/pkt")
	b.ReportMetric(cpu/float64(packets), "cpu-ns/pkt")
	b.ReportMetric(1e3/ns, "Mpps")
	b.ReportMetric(0, "ns/op")
}

// threadTime returns the nanoseconds for which this thread has run.
func threadTime() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		panic(err)
	}
	return t.Nano()
}

var flowCounts = []int{1, 1000, 10000, 100000, 1000000}

// BenchmarkCopy is what dealing a batch costs: to be taken off the others.
func BenchmarkCopy(b *testing.B) {
	for _, n := range flowCounts {
		b.Run(fmt.Sprintf("flows=%d", n), func(b *testing.B) {
			t := newTraffic(n)
			c := t.compact()
			m := start(b)
			for range b.N {
				t.next(c)
			}
			m.report(b, b.N*benchBatch)
		})
	}
}

// BenchmarkExact is the exact cache in front of one megaflow, with inserts of what
// missed: lookup, dealing and, beyond its size, thrashing.
func BenchmarkExact(b *testing.B) {
	for _, n := range flowCounts {
		b.Run(fmt.Sprintf("flows=%d", n), func(b *testing.B) {
			t := newTraffic(n)
			c := t.compact()
			x := NewExact(32768)
			mf := &Megaflow{}
			var slots [packet.MaxBatch]int32
			var out [packet.MaxBatch]*Megaflow
			var miss [packet.MaxBatch]uint16
			step := func() {
				t.next(c)
				for _, i := range x.Lookup(flow.Keys{Whole: t.batch}, benchBatch, &t.hash, &out, &slots, miss[:0]) {
					x.Insert(t.hash[i], flow.Keys{Whole: t.batch}, int(i), mf)
				}
			}
			for range 4 * n / benchBatch {
				step()
			}
			before := x.Stats()
			m := start(b)
			for range b.N {
				step()
			}
			m.report(b, b.N*benchBatch)
			st := x.Stats()
			b.ReportMetric(100*float64(st.Hits-before.Hits)/float64(st.Lookups-before.Lookups), "%hit")
		})
	}
}

// BenchmarkMegaflows is the tuple space alone: flows in so many masks, each flow of
// equal chance, one megaflow each.
func BenchmarkMegaflows(b *testing.B) {
	for _, masks := range []int{1, 5, 20} {
		for _, n := range []int{1000, 100000, -100000} {
			name, guess := fmt.Sprintf("masks=%d/flows=%d", masks, n), 0
			if n < 0 {
				n, guess = -n, 1<<18
				name = fmt.Sprintf("masks=%d/flows=%d/guess", masks, n)
			}
			b.Run(name, func(b *testing.B) {
				t := newTraffic(n)
				flows := NewMegaflows(n)
				flows.UseSignatures(guess)
				for i := range t.keys {
					m := fiveTuple()
					// The masks differ in a bit of the TTL, which is zero in all keys.
					m.Or(flow.WIP, uint64(i%masks+1)<<40)
					mustInsert(b, flows, &t.keys[i], &m)
				}
				benchMegaflows(b, t, flows)
			})
		}
	}
}

// BenchmarkMegaflowsWide is one megaflow that holds all flows, in the last of so
// many masks: what a ranking makes of it is the case of one mask.
func BenchmarkMegaflowsWide(b *testing.B) {
	for _, tt := range []struct {
		masks, flows, guess int
	}{
		{1, 1000, 0}, {5, 1000, 0}, {20, 1000, 0}, {20, 100000, 0}, {20, 100000, 1 << 18},
	} {
		b.Run(fmt.Sprintf("masks=%d/flows=%d/guess=%v", tt.masks, tt.flows, tt.guess > 0), func(b *testing.B) {
			t := newTraffic(tt.flows)
			flows := NewMegaflows(100)
			flows.UseSignatures(tt.guess)
			for i := range tt.masks {
				var m flow.Mask
				flow.EthType.OrMask(&m, lo(0xffff))
				m.Or(flow.WIP, uint64(i+1)<<40)
				k := t.keys[0]
				if i < tt.masks-1 {
					flow.EthType.Set(&k, lo(uint64(i))) // none of the traffic
				}
				mustInsert(b, flows, &k, &m)
			}
			benchMegaflows(b, t, flows)
		})
	}
}

func benchMegaflows(b *testing.B, t *traffic, flows *Megaflows) {
	c := t.compact()
	var idx, miss [packet.MaxBatch]uint16
	for i := range idx {
		idx[i] = uint16(i)
	}
	var out [packet.MaxBatch]*Megaflow
	step := func() {
		t.next(c)
		if m := flows.LookupHashed(t.batch, idx[:benchBatch], &t.hash, &out, miss[:0]); len(m) != 0 {
			b.Fatal("miss")
		}
	}
	for range 2 * (len(c) + guessWindow) / benchBatch {
		step()
	}
	before := flows.Stats()
	m := start(b)
	for range b.N {
		step()
	}
	m.report(b, b.N*benchBatch)
	st := flows.Stats()
	b.ReportMetric(float64(st.Visited-before.Visited)/float64(st.Hits-before.Hits), "masks/hit")
}

// benchRules returns rules as routers and firewalls have: prefixes of a few lengths,
// some with a port.
func benchRules(n int) []*Rule {
	s := newSource(5)
	rules := make([]*Rule, n)
	for i := range rules {
		length := pick[uint](s, 16, 20, 24, 24, 24, 28, 32)
		r := ipv4Rule(int32(length), 0, 0, s.Uint32(), length)
		if s.IntN(4) == 0 {
			flow.IPProto.Set(&r.Match.Key, lo(6))
			flow.IPProto.OrMask(&r.Match.Mask, lo(0xff))
			flow.TCPDst.Set(&r.Match.Key, lo(uint64(s.IntN(1024))))
			flow.TCPDst.OrMask(&r.Match.Mask, lo(0xffff))
			r.Priority += 100
		}
		rules[i] = r
	}
	return rules
}

// BenchmarkTable is what the slow path pays a table: with the mask, and without.
func BenchmarkTable(b *testing.B) {
	for _, n := range []int{10, 1000, 100000} {
		rules := benchRules(n)
		table := new(Table).With(rules, nil)
		s := newSource(6)
		keys := make([]flow.Key, 4096)
		for i := range keys {
			keys[i] = ipv4Key(s.Uint32(), uint32(rules[s.IntN(n)].Match.Key.W[flow.WIPv4])|s.Uint32()&0xff, 1, uint16(s.IntN(1024)))
		}
		for _, wild := range []bool{true, false} {
			b.Run(fmt.Sprintf("rules=%d/wild=%v", n, wild), func(b *testing.B) {
				var mask flow.Mask
				m := start(b)
				for i := range b.N {
					if wild {
						mask.Clear()
						table.Lookup(&keys[i&4095], &mask)
					} else {
						table.Lookup(&keys[i&4095], nil)
					}
				}
				m.report(b, b.N)
				b.ReportMetric(float64(table.Subtables()), "masks")
			})
		}
	}
}

// BenchmarkFlowMod is one rule added to and one removed from a table, a new version each.
func BenchmarkFlowMod(b *testing.B) {
	for _, n := range []int{10, 1000, 100000} {
		b.Run(fmt.Sprintf("rules=%d", n), func(b *testing.B) {
			table := new(Table).With(benchRules(n), nil)
			r := ipv4Rule(7, 0, 0, 0x01020304, 32)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				with := table.With([]*Rule{r}, nil)
				table = with.With(nil, []*Rule{r})
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(2*b.N), "ns/mod")
		})
	}
}

// BenchmarkLoad is a whole table built at once.
func BenchmarkLoad(b *testing.B) {
	rules := benchRules(100000)
	for range b.N {
		bl := new(Table).Builder()
		for _, r := range rules {
			bl.Add(r)
		}
		bl.Table()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(rules)), "ns/rule")
}
