package cache

import (
	"math"
	"testing"
	"unsafe"

	"pollux/flow"
	"pollux/internal/packet"
)

func TestEntryIsWholeLines(t *testing.T) {
	if s := unsafe.Sizeof(hot{}); s != 64 {
		t.Errorf("what every packet changes has %d bytes, want 64", s)
	}
	if s := unsafe.Sizeof(cold{}); s%64 != 0 {
		t.Errorf("the rest of an entry has %d bytes, want whole lines", s)
	}
	if s := unsafe.Sizeof(tcpState{}); s != 64 {
		t.Errorf("what is followed of a TCP flow has %d bytes, want 64", s)
	}
}

// packetsOf makes a batch of n packets of flow f.
func packetsOf(f uint64, n int) (*packet.Batch, []flow.Key, []uint16) {
	b := &packet.Batch{N: n}
	keys, idx := make([]flow.Key, n), make([]uint16, n)
	for i := range n {
		keys[i], idx[i] = udpKey(f), uint16(i)
		b.Desc[i].Len, b.L3[i], b.L4[i] = 100, 14, 34
	}
	return b, keys, idx
}

func observe(c *Cache, f uint64, now int64) {
	b, keys, idx := packetsOf(f, 1)
	c.Observe(Point{}, b, flow.Keys{Whole: keys}, idx, nil, now)
}

// TestLackOfResourcesTakesTheQuietest: the flow that still has packets stays.
func TestLackOfResourcesTakesTheQuietest(t *testing.T) {
	c := New(Config{MaxFlows: 3})
	for f, now := range []int64{30, 10, 20} {
		observe(c, uint64(f), now)
	}
	observe(c, 9, 40)
	if r, _ := c.Records().Pop(); r.Last != 10 {
		t.Errorf("the flow last seen at %d went, want that of 10", r.Last)
	}
}

// TestFullRingLosesNothingCached: with cache and ring full, only packets that
// would begin a flow are lost, and they are counted.
func TestFullRingLosesNothingCached(t *testing.T) {
	c := New(Config{MaxFlows: 1, RecordRing: 1})
	observe(c, 1, 0)
	observe(c, 2, 1) // pushes 1
	observe(c, 3, 2) // nowhere to go
	observe(c, 2, 3) // still known
	c.Publish()
	s := c.Stats()
	if s.Lost[LossNoRoom].Packets != 1 || s.LostFlows[LossNoRoom] != 1 || s.RingFull == 0 {
		t.Errorf("lost %+v %v, ring full %d", s.Lost, s.LostFlows, s.RingFull)
	}
	if h := s.Held(); h.Packets != 2 {
		t.Errorf("held %+v, want 2 packets", h)
	}
}

// TestSweepComesRound: a flow does not outlive its timeout by more than the
// period, whatever the budget of a call.
func TestSweepComesRound(t *testing.T) {
	const idle = 1_000_000_000
	c := New(Config{MaxFlows: 1000, IdleTimeout: idle, ActiveTimeout: -1})
	for f := range uint64(1000) {
		observe(c, f, 0)
	}
	now := int64(0)
	for ; now < idle+idle/4 && c.Len() > 0; now += 1_000_000 {
		c.Sweep(now, 32)
		if now < idle && c.Len() != 1000 {
			t.Fatalf("a flow ended %d ns after its last packet, before %d", now, int64(idle))
		}
	}
	if c.Len() != 0 {
		t.Fatalf("%d flows still there %d ns after their last packet", c.Len(), now)
	}
}

// TestSamplingUnbiased: over many seeds, the number selected is within what the
// binomial distribution allows, and so is the number of first packets selected.
func TestSamplingUnbiased(t *testing.T) {
	const n, seeds, packets = 10, 400, 3000
	total, first := 0, 0
	idx := make([]uint16, 30)
	dst := make([]uint16, 30)
	for i := range idx {
		idx[i] = uint16(i)
	}
	for seed := range uint64(seeds) {
		s := newSampler(n, seed*0xd1342543de82ef95)
		for at := 0; at < packets; at += len(idx) {
			k := s.choose(dst, idx)
			total += k
			if at == 0 && k > 0 && dst[0] == 0 {
				first++
			}
			for j := 1; j < k; j++ {
				if dst[j] <= dst[j-1] {
					t.Fatalf("selected %v: not in order", dst[:k])
				}
			}
		}
	}
	within := func(what string, got int, trials float64) {
		p := 1.0 / n
		mean, dev := trials*p, math.Sqrt(trials*p*(1-p))
		if d := math.Abs(float64(got) - mean); d > 4*dev {
			t.Errorf("%s: %d selected of %.0f, want %.0f ± %.0f", what, got, trials, mean, 4*dev)
		}
	}
	within("all packets", total, seeds*packets)
	within("first packets", first, seeds)
}

// TestSamplingCounts: what is recorded is what was selected, what was offered is
// counted apart.
func TestSamplingCounts(t *testing.T) {
	c := New(Config{Sampling: 4, Seed: 7})
	b, keys, idx := packetsOf(1, 200)
	for range 50 {
		c.Observe(Point{}, b, flow.Keys{Whole: keys}, idx, nil, 0)
	}
	c.Publish()
	s := c.Stats()
	if s.Offered != 10_000 || s.Seen.Packets < 2000 || s.Seen.Packets > 3000 || s.Held() != s.Seen {
		t.Errorf("offered %d, seen %+v, held %+v", s.Offered, s.Seen, s.Held())
	}
}

// TestKeyMask: five-tuple flows do not split by MAC address or port.
func TestKeyMask(t *testing.T) {
	m := new(flow.Mask)
	for _, f := range []flow.Field{flow.IPProto, flow.IPv4Src, flow.IPv4Dst, flow.IPv6Src, flow.IPv6Dst, flow.TCPSrc, flow.TCPDst} {
		f.OrMask(m, f.Full())
	}
	c := New(Config{KeyMask: m})
	b, keys, idx := packetsOf(1, 4)
	keys[1].W[flow.WEthSrc] ^= 1 << 20
	keys[2].W[flow.WPort] = 9
	keys[3].W[flow.WL4] ^= 1 << 32
	c.Observe(Point{}, b, flow.Keys{Whole: keys}, idx, nil, 0)
	if c.Len() != 2 {
		t.Errorf("%d flows, want 2", c.Len())
	}
}

// TestIndex inserts and removes under few hashes, so that chains are long, and
// looks everything up after each step.
func TestIndex(t *testing.T) {
	a := &arena{}
	defer a.free()
	x := newIndex(a, 16, true)
	s := sampler{state: 1}
	held := map[uint32]uint32{} // entry → hash
	for range 20_000 {
		r := s.next()
		e := uint32(r>>32) % 16
		if h, ok := held[e]; ok {
			x.remove(h, e)
			delete(held, e)
		} else {
			h := uint32(r) & 0x40000007
			x.insert(h, e)
			held[e] = h
		}
		for e, h := range held {
			at := h & x.mask
			for x.slots[at] != uint64(h)<<32|uint64(e+1) {
				if x.slots[at] == 0 {
					t.Fatalf("entry %d of hash %x is not found", e, h)
				}
				at = (at + 1) & x.mask
			}
		}
	}
}

// TestNoAllocation: hits by slot and by key, flows begun and evicted, drops, tunnels, points
// that come and go, the hand and the flush allocate nothing.
func TestNoAllocation(t *testing.T) {
	for _, cfg := range []Config{
		{MaxFlows: 64, RecordRing: 64, IdleTimeout: 10},
		{MaxFlows: 64, RecordRing: 64, IdleTimeout: 10, QoS: true},
		{MaxFlows: 64, RecordRing: 64, IdleTimeout: 10, Sampling: 3},
	} {
		c := New(cfg)
		c.UseSlots(64)
		b, keys, idx := packetsOf(1, 32)
		slots := make([]int32, len(keys))
		now, f := int64(0), uint64(0)
		n := testing.AllocsPerRun(1000, func() {
			for i := range keys {
				f++
				keys[i].W[flow.WL4] = f & 0xff << 48
				if i%8 == 0 {
					keys[i].Set(flow.WTunID, f&3)
				}
				slots[i] = int32(f & 63)
				c.Forget(slots[i])
			}
			now += 5
			pt := Point{ID: uint32(f) & 0x7ff, Dir: Direction(f & 1)}
			for range 3 {
				c.Observe(pt, b, flow.Keys{Whole: keys}, idx, slots, now)
				c.Observe(pt, b, flow.Keys{Whole: keys}, idx, nil, now)
			}
			c.Dropped(pt, b, flow.Keys{Whole: keys}, idx, slots, 1, now)
			c.Sweep(now, 64)
			c.FlushAll(1)
			c.Publish()
			for {
				if _, ok := c.Records().Pop(); !ok {
					break
				}
			}
		})
		if n != 0 {
			t.Errorf("%v allocations a batch with %+v", n, cfg)
		}
		c.Close()
	}
}

// TestStatsFromOtherThreads runs with the race detector.
func TestStatsFromOtherThreads(t *testing.T) {
	c := New(Config{MaxFlows: 16, RecordRing: 4, IdleTimeout: 100})
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			if s := c.Stats(); s.Recorded.Packets+s.Lost[LossNoRoom].Packets > s.Seen.Packets {
				t.Errorf("more recorded than seen: %+v", s)
			}
			c.Records().Pop()
			select {
			case <-stop:
				return
			default:
			}
		}
	}()
	for f := range uint64(20_000) {
		observe(c, f%50, int64(f))
		c.Sweep(int64(f), 4)
	}
	close(stop)
	<-done
}

// TestPreparedIsPlain: the straight way of IPv4 gives the key, hash and counts
// that the plain functions give.
func TestPreparedIsPlain(t *testing.T) {
	c := New(Config{Seed: 3})
	s := sampler{state: 5}
	for range 10_000 {
		k := udpKey(s.next())
		for _, w := range []flow.Word{flow.WPort, flow.WEthSrc, flow.WVLAN, flow.WIPv4, flow.WIP, flow.WL4} {
			if s.next()%3 == 0 {
				k.Set(w, s.next())
			}
		}
		d := packet.Desc{Len: uint32(s.next() % 9000)}
		b := &packet.Batch{N: 1}
		b.Desc[0], b.L3[0] = d, 14
		if d.Len < 34 {
			continue
		}
		if s.next()%4 == 0 {
			k.Set(flow.WIP, 6<<56|s.next()>>8)
		}
		if s.next()%4 == 0 {
			k.Set(flow.WEthDst, s.next()|0xffff<<48|0x0800)
		}
		k.W[flow.WEthDst] = k.W[flow.WEthDst]&^0xffff | 0x0800
		c.prepare(&call{point: 77, b: b, keys: flow.Keys{Whole: []flow.Key{k}}}, []uint16{0})
		key, hash, p := c.scratch.key[0], c.scratch.hash[0], c.scratch.samples[0]
		c.prepareAny(0, 77, &k, &d, 14)
		if plain := c.scratch.key[0]; !key.equal(&plain) || key.class() != plain.class() || hash != c.scratch.hash[0] || p != c.scratch.samples[0] {
			t.Fatalf("%+v\nstraight %x %x %+v\n   plain %x %x %+v", k, key, hash, p, c.scratch.key[0], c.scratch.hash[0], c.scratch.samples[0])
		}
	}
}
