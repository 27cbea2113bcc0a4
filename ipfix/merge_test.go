package ipfix

import (
	"testing"

	"pgregory.net/rapid"

	"pollux/ipfix/cache"
)

// TestMergeAgainstMap runs random records through a merger and compares sums per
// flow with a map; records leave in order, when their window has passed and not
// before, and memory stays within the limit.
func TestMergeAgainstMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const window = 100
		limit := rapid.IntRange(1, 8).Draw(t, "limit")
		m := newMerger(window, limit, BiflowOff)
		in, out := map[cache.Key]cache.Counters{}, map[cache.Key]cache.Counters{}
		first := map[cache.Key]int64{} // when the first part of the record held came
		add := func(to map[cache.Key]cache.Counters, r *cache.Record) {
			c := r.Counters
			if have, ok := to[r.Key]; ok {
				have.Merge(&c)
				c = have
			}
			to[r.Key] = c
		}
		now, waiting, parts, records := int64(0), 0, 0, 0
		pop := func(forced bool) {
			r := m.pop()
			if age := now - first[r.Key]; !forced && age < window {
				t.Fatalf("a record left after %d ns, window %d", age, window)
			}
			delete(first, r.Key)
			add(out, &r.Record)
			waiting--
		}
		for range rapid.IntRange(1, 60).Draw(t, "records") {
			now += rapid.Int64Range(0, 60).Draw(t, "pass")
			for m.due(now) {
				pop(false)
			}
			for _, at := range first {
				if now-at >= window {
					t.Fatalf("a record of %d is still held at %d", at, now)
				}
			}
			var r cache.Record
			r.SrcPort = uint16(rapid.IntRange(0, 12).Draw(t, "flow"))
			r.Packets, r.Octets = rapid.Uint64Range(1, 9).Draw(t, "packets"), 60
			r.First = rapid.Int64Range(0, 1000).Draw(t, "first")
			r.Last = r.First + rapid.Int64Range(0, 1000).Draw(t, "last")
			r.TCPFlags = rapid.Uint16Range(0, 15).Draw(t, "flags")
			r.MinTTL, r.MaxTTL = 1, rapid.Byte().Draw(t, "ttl")
			r.End = cache.EndReason(rapid.IntRange(1, 5).Draw(t, "end"))
			if m.full() {
				pop(true)
			}
			records++
			_, known := first[r.Key]
			if (m.add(&r, nil, now) == merged) != known {
				t.Fatalf("record of flow %d: merged is not %v", r.SrcPort, known)
			}
			if known {
				parts++
			} else {
				first[r.Key] = now
				waiting++
			}
			add(in, &r)
			if waiting > limit || m.tail-m.head != uint64(waiting) {
				t.Fatalf("%d records held by %d, limit %d", m.tail-m.head, waiting, limit)
			}
		}
		for !m.empty() {
			pop(true)
		}
		if len(in) != len(out) {
			t.Fatalf("%d flows came, %d left", len(in), len(out))
		}
		for k, c := range in {
			if out[k] != c {
				t.Fatalf("flow %d: in %+v, out %+v", k.SrcPort, c, out[k])
			}
		}
	})
}

// TestMergedEnd: the end of the part that went on longest is the flow's.
func TestMergedEnd(t *testing.T) {
	m := newMerger(1, 4, BiflowOff)
	m.add(&cache.Record{Counters: cache.Counters{Last: 5}, End: cache.EndDetected}, nil, 0)
	m.add(&cache.Record{Counters: cache.Counters{Last: 3}, End: cache.EndIdle}, nil, 0)
	if r := m.pop(); r.End != cache.EndDetected {
		t.Errorf("end %v, want that of the later part", r.End)
	}
}

// BenchmarkEncode is the exporter's own time for one record of IPv4 and UDP.
func BenchmarkEncode(b *testing.B) {
	r := record{Record: cache.Record{Key: cache.Key{Class: cache.IPv4, Proto: 17, EthType: 0x0800}}}
	sc := schemaOf(b, ExporterConfig{})
	m := newMessage(1472, 0)
	s := source{rec: &r, epoch: epoch}
	b.ReportAllocs()
	for range b.N {
		if !m.addRecord(sc.of(&r), &s) {
			m.finish(0, 0)
			m.reset()
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N), "ns/record")
}

// BenchmarkMerge is the time for a record to go in and out of the merge.
func BenchmarkMerge(b *testing.B) {
	m := newMerger(1, 4096, BiflowOff)
	var r cache.Record
	for i := range b.N {
		r.SrcPort, r.DstPort = uint16(i), uint16(i>>16)
		if m.full() {
			m.pop()
		}
		m.add(&r, nil, int64(i))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N), "ns/record")
}
