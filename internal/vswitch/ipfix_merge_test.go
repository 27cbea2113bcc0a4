package vswitch

import (
	"testing"
	"time"

	"pollux/internal/mixed"
	"pollux/internal/mixed/peers"
)

// TestFlowSplitOverLoops: every flow's packets come in by two loops in turn. A record
// has both parts, when flows end, and each time that one goes on for the active timeout.
func TestFlowSplitOverLoops(t *testing.T) {
	const key = "    flow_key: five-tuple\n" // without the port that packets came in by
	t.Run("flows that end", func(t *testing.T) {
		c := listenUDP(t)
		r := newIPFIXRig(t, mixed.Config{Seed: 3, Flows: 3000, Packets: 20_000, Split: 1})
		r.setRate(0) // all of it within a fraction of the merge's second
		// The loop that sees a FIN ends its part a second later; so does the other, which
		// has to wait for the idle timeout, if that is a second too.
		r.exporter([]string{c.Addr()}, key+"    cache_idle_timeout: 1s\n")
		r.run()
		r.played()
		r.idle()
		x := r.equation()
		r.stop()
		c.Wait(r.total.Packets, patience)
		truth := peers.View(fiveTuple).Truth(r.traffic)
		if d := truth.Diff(fiveTuples(c)); d != "" {
			t.Error(d)
		}
		both := map[mixed.Key]bool{}
		for i := range r.traffic.Flows {
			f := &r.traffic.Flows[i]
			if f.Sent[0].Packets > 0 && f.Sent[1].Packets > 0 {
				k, _, _ := fiveTuple(f.Key, mixed.Counts{})
				both[k] = true
			}
		}
		// Parts end a second after their last packets, which are as far apart as the machine
		// was slow; those that end within the merge's second are one record.
		var first, last time.Time
		apart := uint64(0)
		for k, f := range c.Flows() {
			if first.IsZero() || f.First.Before(first) {
				first = f.First
			}
			if f.Last.After(last) {
				last = f.Last
			}
			if apart += f.Records - 1; f.Records > 2 {
				t.Errorf("%v: %d records", k, f.Records)
			}
		}
		t.Logf("the traffic took %v, parts of %d flows came apart", last.Sub(first), apart)
		if apart > uint64(len(both))/10 {
			t.Errorf("parts of %d of %d flows came apart", apart, len(both))
		}
		if s := c.Totals(); s.Records != uint64(len(truth))+apart || x.Exporter.Merged+apart < uint64(len(both)) || len(both) < 500 {
			t.Errorf("%d records of %d flows, %d of them by both loops, %d merged", s.Records, len(truth), len(both), x.Exporter.Merged)
		}
		t.Logf("%d flows, %d by both loops, %d parts merged", len(truth), len(both), x.Exporter.Merged)
	})
	t.Run("flows that go on", func(t *testing.T) {
		c := listenUDP(t)
		r := newIPFIXRig(t, mixed.Config{Seed: 4, Flows: 20, Packets: 20_000, Split: 1})
		packets := r.total.Packets
		r.repeat = 4
		const lasts = 4 * time.Second
		r.setRate(int(float64(packets)*float64(r.repeat)/2/lasts.Seconds()) + 1)
		r.exporter([]string{c.Addr()}, key+"    cache_active_timeout: 1s\n    cache_idle_timeout: 3s\n")
		r.run()
		r.played()
		r.idle()
		x := r.equation()
		r.stop()
		c.Wait(packets*uint64(r.repeat), patience)
		most, records := 0, uint64(0)
		for _, f := range c.Flows() {
			records += f.Records
			// Five intervals begin in four seconds and a bit; parts that were not merged
			// would be twice as many.
			if f.Records > 6 {
				t.Errorf("%d records of a flow of %d packets: parts of an interval were not merged", f.Records, f.Packets)
			}
			most = max(most, int(f.Records))
		}
		if most < 3 {
			t.Errorf("no flow has more than %d records: none went on for some intervals", most)
		}
		if x.Exporter.Merged == 0 || x.Exporter.Popped.Records != records+x.Exporter.Merged {
			t.Errorf("%d records of the caches, %d merged, %d came", x.Exporter.Popped.Records, x.Exporter.Merged, records)
		}
		t.Logf("%d parts, %d records; the longest flow has %d", x.Exporter.Popped.Records, records, most)
	})
}
