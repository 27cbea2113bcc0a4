package ipfix

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"pollux/flow"
	"testing"
	"time"

	"pollux/ipfix/cache"
	"pollux/ipfix/collector"
	"pollux/ipfix/internal/frames"
)

// patience is how long tests wait for what is to come. It costs nothing when it comes, so
// it is much longer than that takes on the slowest machine.
const patience = 30 * time.Second

// lab is two loops' caches and what their records are to add up to.
type lab struct {
	caches  []*cache.Cache
	batches []*frames.Batch // one a loop
	want    map[cache.Key]cache.Counters
	packets uint64
	l2      uint64
	now     int64
}

func newLab(cfg cache.Config, loops int) *lab {
	l := &lab{want: map[cache.Key]cache.Counters{}, now: 1_000_000_000}
	for i := range loops {
		b := frames.NewBatch()
		cfg.Memory, cfg.Seed = &b.Memory, uint64(i)
		l.batches = append(l.batches, b)
		l.caches = append(l.caches, cache.New(cfg))
	}
	return l
}

// send puts frames through the cache of one loop.
func (l *lab) send(loop int, pt cache.Point, specs []frames.Spec) {
	for len(specs) > 0 {
		n := min(len(specs), 256)
		b := l.batches[loop]
		b.Load(1, specs[:n])
		l.caches[loop].Observe(pt, &b.Batch, flow.Keys{Whole: b.Keys[:]}, b.Idx[:n], nil, l.now)
		for _, s := range specs[:n] {
			c := s.Counters(l.now)
			k := s.Key(pt, 1)
			l.packets++
			l.l2 += c.L2Octets
			if have, ok := l.want[k]; ok {
				have.Merge(&c)
				c = have
			}
			l.want[k] = c
		}
		l.now += 1_000_000
		specs = specs[n:]
	}
}

// flush ends all flows, as a loop that stops does.
func (l *lab) flush(t testing.TB) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		done := true
		for _, c := range l.caches {
			done = c.FlushAll(1024) && done
		}
		if done {
			return
		}
	}
	t.Fatal("the caches do not get rid of their flows")
}

// wantFlows returns what a collector is to have of all flows, record counts and
// ends apart.
func (l *lab) wantFlows(epoch time.Time) map[collector.Key]collector.Flow {
	m := make(map[collector.Key]collector.Flow, len(l.want))
	for k, c := range l.want {
		ck, f := expected(&cache.Record{Key: k, Counters: c}, epoch)
		m[ck] = f
	}
	return m
}

// specs draws n flows of all kinds, of uneven sizes, and returns their frames in
// mixed order.
func specs(n int, seed uint64) []frames.Spec {
	r := rand.New(rand.NewPCG(seed, 1))
	var all []frames.Spec
	for i := range n {
		s := frames.Spec{
			Kind: frames.Kind(i % int(frames.NumKinds)), TCI: -1, TTL: 64, Flags: 0x10,
			Src: uint8(i/int(frames.NumKinds)) | 1, Dst: uint8(2 + i%50), SrcPort: uint16(1024 + i), DstPort: 53,
		}
		if r.IntN(3) == 0 {
			s.TCI = 100 + i%3
		}
		size := 1 + r.IntN(5)
		if r.IntN(20) == 0 {
			size += 200
		}
		for range size {
			s.Payload, s.Pad = r.IntN(600), true
			all = append(all, s)
		}
	}
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// runExporter starts an exporter; stop ends it and returns its statistics. If the test
// does not say otherwise, everything is sent before it ends, however long that takes.
func runExporter(t testing.TB, cfg ExporterConfig, caches []*cache.Cache) (x *Exporter, stop func() Stats) {
	t.Helper()
	if cfg.DrainTimeout == 0 {
		cfg.DrainTimeout = patience
	}
	x, err := New(cfg, caches)
	if err != nil {
		t.Fatal(err)
	}
	return x, runStarted(t, x)
}

func runStarted(t testing.TB, x *Exporter) (stop func() Stats) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- x.Run(ctx) }()
	return func() Stats {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		return x.Stats()
	}
}

// checkSum fails if records were lost between rings and one collector's socket.
func checkSum(t testing.TB, s Stats) {
	t.Helper()
	for _, c := range s.Collectors {
		sum := s.Pending
		sum.add(s.Dropped)
		sum.add(c.Sent)
		sum.add(c.NotSent)
		sum.Records += s.Merged
		if sum != s.Popped {
			t.Errorf("%s: popped %+v, accounted for %+v: %+v", c.Address, s.Popped, sum, s)
		}
	}
}

func sameAddr(a, b netip.Addr) bool { return a == b }
