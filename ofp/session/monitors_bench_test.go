package session

import (
	"fmt"
	"io"
	"testing"
	"time"

	"pollux/flow"
	"pollux/ofp/pipeline"
	"pollux/ofp/wire"
	"pollux/pmd"
)

// BenchmarkMonitoredLearning is what a loop spends on a packet that has the switch learn a flow
// while so many sessions have a monitor of all flows. The control plane tells every 100 packets,
// and that is not in it.
func BenchmarkMonitoredLearning(b *testing.B) {
	for _, sessions := range []int{0, 1, 4} {
		b.Run(fmt.Sprintf("monitors=%d", sessions), func(b *testing.B) {
			tables, err := pipeline.New(pipeline.Config{Threads: 1, Ports: []pipeline.Port{{OFPort: 1, Up: true}}})
			if err != nil {
				b.Fatal(err)
			}
			f, err := pipeline.ParseFlow("actions=learn(table=1,cookie=0x2,idle_timeout=9,NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[])", nil)
			if err != nil {
				b.Fatal(err)
			}
			if err := tables.Add(f); err != nil {
				b.Fatal(err)
			}
			for range sessions {
				end, s := pipe(b, Config{Switch: box(), Tables: tables, SendTimeout: time.Minute})
				defer s.Close()
				defer end.conn.Close()
				p := watcher{&bundlePeer{end, wire.V14}}
				p.greet(wire.V14)
				p.write(appendMonitors(wire.V14, 1, monitorAll(1)))
				p.told()
				go func() { _, _ = io.Copy(io.Discard, end.in) }()
			}
			var spent time.Duration
			n := uint64(0)
			for b.Loop() {
				for range 100 {
					var k flow.Key
					flow.InPort.Set(&k, flow.Value{Lo: 1})
					flow.EthSrc.Set(&k, flow.Value{Lo: 2*n + 2})
					n++
					at := time.Now()
					tables.Snapshot().Translate(&pmd.Upcall{Key: &k, Commit: true})
					tables.Snapshot().Settle()
					spent += time.Since(at)
				}
				tables.Tick()
			}
			b.ReportMetric(float64(spent.Nanoseconds())/float64(n), "ns/learned")
			b.ReportMetric(0, "ns/op")
		})
	}
}
