package ipfix

import (
	"pollux/flow"
	"sync"
	"testing"
	"time"

	"pollux/ipfix/cache"
)

// TestEquation: two loops on threads of their own, caches a tenth of what the flows
// need, rings that are short, a slow exporter and a collector that dies on the way.
// Every packet and octet is sent, not sent, or lost by the cache for a reason, and
// what the collector has was sent.
func TestEquation(t *testing.T) {
	c := listen(t)
	cfg := cache.Config{MaxFlows: 100, RecordRing: 32, IdleTimeout: 5e6, ActiveTimeout: 20e6}
	l := newLab(cfg, 2)
	_, stop := runExporter(t, ExporterConfig{
		Targets: []string{c.Addr()}, Epoch: epoch, MessageRate: 3000, FlushInterval: time.Millisecond, MaxPending: 64,
	}, l.caches)
	var sent [2]cache.Count
	var loops sync.WaitGroup
	for i := range l.caches {
		loops.Go(func() {
			all := specs(1000, uint64(20+i))
			now := int64(0)
			for len(all) > 0 {
				n := min(32, len(all))
				b := l.batches[i]
				b.Load(1, all[:n])
				l.caches[i].Observe(cache.Point{}, &b.Batch, flow.Keys{Whole: b.Keys[:]}, b.Idx[:n], nil, now)
				for _, s := range all[:n] {
					one := s.Counters(now)
					sent[i].Packets++
					sent[i].Octets += one.Octets
					sent[i].L2Octets += one.L2Octets
				}
				now += 100_000
				l.caches[i].Sweep(now, 16)
				all = all[n:]
				if i == 0 {
					time.Sleep(20 * time.Microsecond)
				}
			}
		})
	}
	time.Sleep(20 * time.Millisecond)
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	loops.Wait()
	l.flush(t)
	s := stop()
	checkSum(t, s)

	got := c.Totals()
	target := s.Collectors[0]
	var want, have cache.Count
	for i, cc := range l.caches {
		cs := cc.Stats()
		want.Packets += sent[i].Packets
		want.Octets += sent[i].Octets
		want.L2Octets += sent[i].L2Octets
		for _, lost := range cs.Lost {
			have.Packets += lost.Packets
			have.Octets += lost.Octets
			have.L2Octets += lost.L2Octets
		}
		if cs.Ended[cache.EndLack] == 0 {
			t.Errorf("loop %d never lacked room: %+v", i, cs)
		}
	}
	for _, n := range []Totals{target.Sent, target.NotSent, s.Dropped} {
		have.Packets += n.Packets
		have.Octets += n.Octets
		have.L2Octets += n.L2Octets
	}
	if have != want {
		t.Errorf("accounted for %+v, sent %+v\n%+v", have, want, s)
	}
	if s.Pending != (Totals{}) {
		t.Errorf("still pending: %+v", s.Pending)
	}
	if got.Packets > target.Sent.Packets || got.Missing != 0 || got.Errors != 0 {
		t.Errorf("the collector has %+v, sent %+v", got, target.Sent)
	}
}
