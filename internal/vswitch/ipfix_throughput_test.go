package vswitch

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pollux/internal/ctl"
	"pollux/internal/mixed"
	"pollux/ipfix/collector"
)

// TestLoopsGoOnWhateverCollectorsDo shows what the loops forward of as many packets as
// they can take, while the collectors read everything and while none of them does. The
// times are for the reader of a run without the race detector, on a machine that has
// cores beside those of the loops; what is tested is that every change of collectors leaves
// the sums whole and that the loops never stop.
func TestLoopsGoOnWhateverCollectorsDo(t *testing.T) {
	tcp, udp := deaf(t)
	stream, err := collector.ListenTCP("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	r := newIPFIXRig(t, mixed.Config{Seed: 5, Flows: 1})
	r.ports = `  - {name: west, type: memory, loops: [0], memory: {flows: 5000}}
  - {name: east, type: memory, loops: [1], memory: {flows: 5000}}
  - {name: sink, type: memory, queues: 2, memory: {flows: 0}}
`
	good := []string{"tcp:" + stream.Addr(), listenUDP(t).Addr(), listenUDP(t).Addr()}
	bad := []string{tcp, udp, "127.0.0.1:9"}
	const keys = "    cache_active_timeout: 200ms\n    buffer: 65536\n"
	r.exporter(good, keys)
	r.run()
	time.Sleep(300 * time.Millisecond)
	rate := func() float64 {
		from, began := r.received(), time.Now()
		time.Sleep(400 * time.Millisecond)
		r.until("packets: the loops stand still", func() bool { return r.received() > from })
		return float64(r.received()-from) / time.Since(began).Seconds()
	}
	reload := func(targets []string) {
		t.Helper()
		r.exporter(targets, keys)
		if _, err := ctl.Call(r.sock, "reload"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(300 * time.Millisecond) // sessions are made, decisions are checked again
	}
	var ratios []float64
	for range 5 {
		well := rate()
		reload(bad)
		ill := rate()
		reload(good)
		ratios = append(ratios, ill/well)
	}
	slices.Sort(ratios)
	t.Logf("packets a second with collectors that fail, of those with three that read: median %.2f of %s", ratios[2], fmt.Sprintf("%.2f", ratios))
	x := r.bridge()
	s := x.Exporter.Sums
	if sum := s.Exported.Packets + s.Held.Packets + s.NotSent.Packets; sum != s.Seen.Packets {
		t.Errorf("seen %d, exported + held + not sent %d", s.Seen.Packets, sum)
	}
	r.stop()
}
