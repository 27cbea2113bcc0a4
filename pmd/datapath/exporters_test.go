package datapath

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"pollux/ipfix/cache"
	"pollux/pmd/port"
)

// collector takes the records of caches as an exporter does.
type collector struct {
	mu     sync.Mutex
	caches []*cache.Cache
	sum    cache.Count
	ended  [cache.NumEndReasons]int
	stop   chan struct{}
	done   sync.WaitGroup
}

func newCollector() *collector {
	c := &collector{stop: make(chan struct{})}
	c.done.Go(func() {
		for {
			c.drain()
			select {
			case <-c.stop:
				return
			case <-time.After(200 * time.Microsecond):
			}
		}
	})
	return c
}

func (c *collector) add(caches []*cache.Cache) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.caches = append(c.caches, caches...)
}

func (c *collector) drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, from := range c.caches {
		for r, ok := from.Records().Pop(); ok; r, ok = from.Records().Pop() {
			c.sum.Packets += r.Packets
			c.sum.Octets += r.Octets
			c.sum.L2Octets += r.L2Octets
			c.ended[r.End]++
		}
	}
}

// end stops taking, takes what is left, and returns what was taken and seen.
func (c *collector) end() (took, seen, lost cache.Count) {
	close(c.stop)
	c.done.Wait()
	c.drain()
	for _, from := range c.caches {
		s := from.Stats()
		seen.Packets += s.Seen.Packets
		seen.Octets += s.Seen.Octets
		seen.L2Octets += s.Seen.L2Octets
		for _, l := range s.Lost {
			lost.Packets += l.Packets
			lost.Octets += l.Octets
			lost.L2Octets += l.L2Octets
		}
	}
	return c.sum, seen, lost
}

// traffic attaches a source of so many flows to slot 0 and a sink to slot 1 and starts
// the loops.
func traffic(t *testing.T, flows int) *Datapath {
	t.Helper()
	d, mem := running(t)
	for slot, flows := range []int{flows, 0, 0} {
		p := &Port{Slot: slot, OFPort: uint32(slot + 1), Name: fmt.Sprint(slot)}
		var err error
		if p.Dev, err = port.OpenMemory(port.MemoryConfig{Queues: 2, Flows: flows, Rate: 100_000}, mem); err != nil {
			t.Fatal(err)
		}
		if err := d.Add(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestExportersAreExchangedUnderTraffic: caches of both loops are replaced over and over
// while packets flow, with caches too small for the flows among them. Every packet has
// been seen by exactly one cache, and every one of those is in a record or lost for a
// reason.
func TestExportersAreExchangedUnderTraffic(t *testing.T) {
	d := traffic(t, 1000)
	c := newCollector()
	c.add(d.Caches(0))
	for i := range 40 {
		was := in(d)
		time.Sleep(2 * time.Millisecond)
		until(t, "traffic", func() bool { return in(d) > was })
		caches, err := d.SetExporter(0, &cache.Config{MaxFlows: []int{4096, 64}[i%2], RecordRing: 256, Sampling: 1})
		if err != nil {
			t.Fatal(err)
		}
		if now := d.Caches(0); len(caches) != 2 || len(now) != 2 || now[0] != caches[0] || now[1] != caches[1] {
			t.Fatalf("in force are %v, not those returned: %v", now, caches)
		}
		c.add(caches)
	}
	d.StopLoops()
	d.FlushFlows(patience)
	took, seen, lost := c.end()
	sum := d.Stats().Sums.In
	if seen.Packets != sum.Packets || seen.L2Octets != sum.Bytes || sum.Packets == 0 {
		t.Errorf("caches saw %+v of %+v", seen, sum)
	}
	if took.Packets+lost.Packets != seen.Packets || took.Octets+lost.Octets != seen.Octets || took.L2Octets+lost.L2Octets != seen.L2Octets {
		t.Errorf("seen %+v, recorded %+v, lost %+v", seen, took, lost)
	}
	if c.ended[cache.EndForced] == 0 {
		t.Errorf("no flow of a replaced cache ended as forced: %v", c.ended)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

// TestARetiredCacheIsLetGo: a cache that was replaced empties while the loop runs, as its
// ring is emptied, and one whose ring nobody empties holds up nothing but itself.
func TestARetiredCacheIsLetGo(t *testing.T) {
	d := traffic(t, 500)
	stuck := d.Caches(0)
	flows := func(caches []*cache.Cache) (n uint64) {
		d.Stats() // brings the numbers up to date
		for _, c := range caches {
			n += c.Stats().Flows
		}
		return n
	}
	until(t, "flows", func() bool { return flows(stuck) > 0 })
	tight, err := d.SetExporter(0, &cache.Config{RecordRing: 16})
	if err != nil {
		t.Fatal(err)
	}
	until(t, "more flows than the rings take", func() bool { return flows(tight) > 2*16 })
	if caches, err := d.SetExporter(0, nil); err != nil || caches != nil || d.Caches(0) != nil {
		t.Fatalf("off: %v, %v, in force %v", caches, err, d.Caches(0))
	}
	until(t, "a cache whose ring has room to let its flows go", func() bool { return flows(stuck) == 0 })
	if n := flows(tight); n == 0 || n > 500 {
		t.Errorf("%d flows in caches whose rings nobody empties", n)
	}
	before := in(d)
	until(t, "packets: the loops stand still", func() bool { return in(d) > before })
	d.StopLoops()
	d.FlushFlows(time.Millisecond)
	for _, c := range tight {
		if s := c.Stats(); s.Flows != 0 || s.Lost[cache.LossStop].Packets == 0 {
			t.Errorf("not given up: %+v", s)
		}
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

// TestEachFlowAndTune shows every flow once, and changes timeouts and sampling of caches
// in use.
func TestEachFlowAndTune(t *testing.T) {
	const flows = 300
	d := traffic(t, flows)
	type place struct {
		loop int
		key  cache.Key
	}
	var seen map[place]int
	until(t, "all flows", func() bool {
		seen = map[place]int{}
		d.EachFlow(0, func(loop int, r *cache.Record) { seen[place{loop, r.Key}]++ })
		return len(seen) >= flows
	})
	if len(seen) != flows {
		t.Errorf("%d flows shown, want %d", len(seen), flows)
	}
	for p, n := range seen {
		if n != 1 {
			t.Fatalf("%+v was shown %d times", p, n)
		}
	}
	d.EachFlow(1, func(int, *cache.Record) { t.Error("a flow of an exporter that is off") })
	d.EachFlow(-1, func(int, *cache.Record) { t.Error("a flow of an exporter that cannot be") })

	d.TuneExporter(0, &cache.Config{IdleTimeout: int64(time.Hour), ActiveTimeout: int64(5 * time.Millisecond)})
	until(t, "a record of the new active timeout", func() bool { return ended(d, cache.EndActive) > 0 })
	d.TuneExporter(0, &cache.Config{ActiveTimeout: -1, Sampling: 1 << 30})
	d.Barrier()
	sum := func() (offered, seen uint64) {
		d.Stats() // brings the numbers up to date
		for _, c := range d.Caches(0) {
			s := c.Stats()
			offered, seen = offered+s.Offered, seen+s.Seen.Packets
			if c.Sampling() != 1<<30 {
				t.Errorf("sampling 1:%d", c.Sampling())
			}
		}
		return offered, seen
	}
	o1, s1 := sum()
	var o2, s2 uint64
	until(t, "packets to be offered", func() bool { o2, s2 = sum(); return o2-o1 > 1000 })
	if s2-s1 > 2 {
		t.Errorf("of %d packets offered %d were selected, at 1:2^30", o2-o1, s2-s1)
	}
	d.StopLoops()
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

// ended counts the records of exporter 0 that ended for a reason.
func ended(d *Datapath, why cache.EndReason) (n uint64) {
	for _, l := range d.Loops() {
		l.Tune(0, func(c *cache.Cache) { c.Publish(); n += c.Stats().Ended[why] })
	}
	return n
}

func TestExporterRefusals(t *testing.T) {
	d, _ := running(t)
	was := d.Caches(0)
	for _, i := range []int{-1, MaxExporters} {
		if _, err := d.SetExporter(i, &cache.Config{}); err == nil {
			t.Errorf("exporter %d was accepted", i)
		}
	}
	if _, err := d.SetExporter(0, &cache.Config{MaxFlows: -1}); err == nil {
		t.Error("a cache of -1 flows was accepted")
	}
	if now := d.Caches(0); len(now) != 2 || now[0] != was[0] {
		t.Error("a refusal changed the caches")
	}
	if caches, err := d.SetExporter(MaxExporters-1, &cache.Config{MaxFlows: 16}); err != nil || len(caches) != 2 {
		t.Errorf("the last exporter: %v, %v", caches, err)
	}
	if d.Caches(3) != nil {
		t.Error("an exporter between has caches")
	}
}
