package ipfix

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"pollux/ipfix/cache"
	"pollux/ipfix/internal/frames"
)

// TestTotalsOfSplitFlows: parts of a flow in three caches are counted, reported as active, end
// and begin again in any order; each record that leaves says how many packets the whole flow
// has had by then in the records that came, once two parts have met, and never fewer than the
// record before.
func TestTotalsOfSplitFlows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const window = 10
		m := newMerger(window, 100, BiflowOff)
		feeds := []*feed{{}, {}, {}}
		var part [3]cache.Total // of what goes on
		var key cache.Key
		var all, told uint64
		now := int64(1)
		// Two parts meet first.
		for i := range 2 {
			part[i] = cache.Total{Began: now, Packets: 5}
			all += 5
			m.add(&cache.Record{Key: key, Counters: cache.Counters{Packets: 5, Total: part[i]}, End: cache.EndActive}, feeds[i], now)
		}
		check := func() {
			for m.due(now) {
				r := m.pop()
				if r.Total.Packets != all || r.Total.Packets < told {
					t.Fatalf("a record says %d packets, the one before %d, and there were %d", r.Total.Packets, told, all)
				}
				told = r.Total.Packets
			}
		}
		going := 2
		for range rapid.IntRange(1, 40).Draw(t, "records") {
			now += rapid.Int64Range(0, 2*window).Draw(t, "pass")
			check()
			i := rapid.IntRange(0, 2).Draw(t, "cache")
			n := rapid.Uint64Range(1, 9).Draw(t, "packets")
			if part[i].Packets == 0 {
				part[i].Began = now
				going++
			}
			part[i].Packets += n
			all += n
			end := cache.EndActive
			// While one part goes on the flow does.
			if going > 1 && rapid.Bool().Draw(t, "ends") {
				end = cache.EndIdle
			}
			m.add(&cache.Record{Key: key, Counters: cache.Counters{Packets: n, Total: part[i]}, End: end}, feeds[i], now)
			if end != cache.EndActive {
				part[i] = cache.Total{}
				going--
			}
		}
		now += window
		check()
		// When all have ended the flow is forgotten, and begins from nothing.
		for i := range part {
			if part[i].Packets != 0 {
				part[i].Packets++
				all++
				m.add(&cache.Record{Key: key, Counters: cache.Counters{Packets: 1, Total: part[i]}, End: cache.EndForced}, feeds[i], now)
			}
		}
		now += window
		check()
		if len(m.parts) != 0 {
			t.Fatalf("%d flows are remembered that have ended", len(m.parts))
		}
	})
}

// TestTotalsOfOnePart: two records of one part that come together are not two parts.
func TestTotalsOfOnePart(t *testing.T) {
	m := newMerger(10, 100, BiflowOff)
	f := new(feed)
	m.add(&cache.Record{Counters: cache.Counters{Packets: 11, Total: cache.Total{Began: 1, Packets: 11}}, End: cache.EndActive}, f, 1)
	m.add(&cache.Record{Counters: cache.Counters{Packets: 1, Total: cache.Total{Began: 1, Packets: 12}}, End: cache.EndIdle}, f, 2)
	if r := m.pop(); r.Packets != 12 || r.Total.Packets != 12 {
		t.Errorf("%d packets, %d in all, want 12 and 12", r.Packets, r.Total.Packets)
	}
}

// TestPartsThatBeginApart: two loops see a flow, the second three seconds after the first, much
// more than the merge's window, and for a while only one does. There is a record an interval,
// and its totals are those of the flow.
func TestPartsThatBeginApart(t *testing.T) {
	const ms = 1e6
	l := newLab(cache.Config{Align: true, ActiveTimeout: 10_000 * ms, IdleTimeout: 100_000 * ms}, 2)
	c := listen(t)
	x, stop := runExporter(t, ExporterConfig{
		Targets: []string{c.Addr()}, Epoch: epoch, MergeWindow: 100 * time.Millisecond, FlushInterval: time.Millisecond, Elements: []string{"full"},
	}, l.caches)
	s := frames.Spec{Kind: frames.UDP4, Src: 1, Dst: 2, TCI: -1, SrcPort: 9, DstPort: 80, TTL: 64, Payload: 100}
	began := l.now
	pushed := uint64(0)
	reported := int64(0) // when a loop did last; 0: that has left
	for at := int64(0); at < 65_000; at += 50 {
		l.now = began + at*ms
		if at < 40_000 {
			l.send(0, cache.Point{}, []frames.Spec{s})
		}
		if at > 3000 && at%250 == 0 {
			l.send(1, cache.Point{}, []frames.Spec{s})
		}
		for _, cc := range l.caches {
			n := cc.Sweep(l.now, 100)
			if pushed += uint64(n); n > 0 && reported == 0 {
				reported = l.now
			}
		}
		// The caches' time flies; the exporter's does not. It is to have what belongs
		// together before the next interval.
		if reported != 0 && l.now >= reported+600*ms {
			soon(t, "the interval's record to leave", func() bool {
				st := x.Stats()
				return st.Popped.Records == pushed && st.Pending == (Totals{})
			})
			reported = 0
		}
	}
	l.flush(t)
	st := stop()
	c.Wait(l.packets, 10*time.Second)
	compare(t, l, c)
	// Seven boundaries in 65 seconds at most, and the end.
	if n := c.Totals().Records; n > 8 || n < 7 || st.Merged < 4 {
		t.Errorf("%d records, %d parts merged", n, st.Merged)
	}
	for _, f := range c.Details() {
		if f.TotalPackets != l.packets {
			t.Errorf("the last record says %d packets in all, %d were sent", f.TotalPackets, l.packets)
		}
	}
}
