package ipfix

import (
	"context"
	"testing"

	"pollux/internal/clock"
	"pollux/ipfix/cache"
)

// discard is a collector that takes everything at once.
type discard struct{}

func (discard) write(b []byte) (int, error) { return len(b), nil }
func (discard) gone() <-chan struct{}       { return nil }
func (discard) why() error                  { return nil }
func (discard) resumes() bool               { return false }
func (discard) renews() bool                { return false }
func (discard) over() bool                  { return false }
func (discard) abort()                      {}
func (discard) close() error                { return nil }

// discarding returns an exporter whose one target takes everything.
func discarding(b testing.TB, cfg ExporterConfig) *Exporter {
	cfg.Targets, cfg.Epoch, cfg.Buffer = []string{"tcp:127.0.0.1:1"}, epoch, 256<<20
	x, err := New(cfg, nil)
	if err != nil {
		b.Fatal(err)
	}
	x.targets[0].out.open = func(context.Context) (sink, error) { return discard{}, nil }
	return x
}

// BenchmarkExport is the exporter's own time for a record, from the batch that was
// taken from a ring to the queue of a stream, with its writer on another thread.
func BenchmarkExport(b *testing.B) {
	for name, cfg := range map[string]ExporterConfig{
		"straight": {},
		"merge":    {MergeWindow: 1e6},
		"biflow":   {MergeWindow: 1e6, Biflow: BiflowInitiator, BiflowWindow: 1e6},
		"full":     {MergeWindow: 1e6, Elements: []string{"full"}},
	} {
		b.Run(name, func(b *testing.B) {
			x := discarding(b, cfg)
			x.reckon()
			r := rec(tcpKey(1, 2, 5000), 3, 1000, 0x18)
			b.ReportAllocs()
			b.ResetTimer()
			now := clock.Now()
			for i := range b.N {
				// Two parts of each flow come within the window, or its two directions.
				n := i / 2
				r.Key = tcpKey(byte(n), 2, uint16(n>>8))
				if name == "biflow" && i%2 == 1 {
					r.Key = turned(r.Key)
				}
				x.take(r, nil, now)
				if i%popBatch == 0 {
					now = clock.Now()
					for x.merge != nil && x.merge.due(now) {
						x.add(x.merge.pop(), now)
					}
				}
			}
			x.settle()
			b.StopTimer()
			x.hurryBy.Store(clock.Now() + 1e10)
			if err := x.close(); err != nil {
				b.Error(err)
			}
			s := x.targets[0].counts()
			if s.NotSent.Packets > 0 || s.Sent.Packets != uint64(3*b.N) {
				b.Errorf("%+v", s)
			}
			ns := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
			b.ReportMetric(ns, "ns/record")
			b.ReportMetric(1e3/ns, "Mrecords/s")
		})
	}
}

// TestExportAllocatesNothing: once the queue and the merge have grown, a record costs
// no memory.
func TestExportAllocatesNothing(t *testing.T) {
	x := discarding(t, ExporterConfig{MergeWindow: 1, Biflow: BiflowInitiator, BiflowWindow: 1})
	x.reckon()
	recs := make([]*cache.Record, 2000)
	for i := range recs {
		recs[i] = rec(tcpKey(byte(i/2), 2, uint16(i/2)), 3, 1000, 0x18)
		if i%2 == 1 {
			recs[i].Key = turned(recs[i].Key)
		}
	}
	all := func() {
		for _, r := range recs {
			x.take(r, nil, 0)
		}
		x.settle()
		for x.targets[0].out.counts().QueuedSize > 0 {
		}
	}
	all()
	all()
	if n := testing.AllocsPerRun(20, all); n > 20 { // the schema's list of templates, a chunk now and then
		t.Errorf("%v allocations for %d records", n, len(recs))
	}
	x.hurryBy.Store(clock.Now() + 1e10)
	if err := x.close(); err != nil {
		t.Error(err)
	}
}
