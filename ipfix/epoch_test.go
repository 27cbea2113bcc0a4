package ipfix

import (
	"encoding/binary"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"pollux/internal/clock"
	"pollux/ipfix/cache"
	"pollux/ipfix/collector"
	"pollux/ipfix/internal/frames"
)

// TestEpochFollowsTheWallClock: the wall clock is set two days ahead while the
// exporter runs, then two years back. The times of flows and the export times of
// their messages stay together.
func TestEpochFollowsTheWallClock(t *testing.T) {
	raw, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	l := newLab(cache.Config{}, 1)
	x, err := New(ExporterConfig{Targets: []string{raw.LocalAddr().String()}, FlushInterval: time.Millisecond}, l.caches)
	if err != nil {
		t.Fatal(err)
	}
	var ahead, reads atomic.Int64
	x.wall = func() time.Time {
		reads.Add(1)
		return time.Now().Round(0).Add(time.Duration(ahead.Load()))
	}
	stop := runStarted(t, x)
	defer stop()

	c := collector.New()
	l.now = clock.Now()
	spec := frames.Spec{Kind: frames.UDP4, Src: 1, Dst: 2, TCI: -1, DstPort: 53, TTL: 64}
	for i, step := range []time.Duration{0, 48 * time.Hour, -2 * 365 * 24 * time.Hour} {
		ahead.Store(int64(step))
		// A round that began before read the clock before: let two pass.
		end := time.Now().Add(patience)
		for n := reads.Load(); reads.Load() < n+3; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("the clock is not read each round")
			}
		}
		spec.SrcPort = uint16(i + 1)
		l.send(0, cache.Point{}, []frames.Spec{spec})
		l.flush(t)
		want := time.Now().Add(step)
		exported := receive(t, raw, c, uint64(i+1))
		if !near(exported, want) {
			t.Errorf("step %v: exported at %v, want %v", step, exported, want)
		}
		for k, f := range c.Flows() {
			if k.SrcPort == spec.SrcPort && (!near(f.First, want) || !near(f.Last, want)) {
				t.Errorf("step %v: flow from %v to %v, want %v", step, f.First, f.Last, want)
			}
		}
	}
}

// near leaves an hour for slow machines; steps are longer.
func near(a, b time.Time) bool { return a.Sub(b).Abs() < time.Hour }

// receive gives messages to the collector until it has that many packets, and
// returns the export time of the last.
func receive(t *testing.T, raw net.PacketConn, c *collector.Collector, packets uint64) time.Time {
	t.Helper()
	raw.SetReadDeadline(time.Now().Add(patience))
	b := make([]byte, 65536)
	for {
		n, from, err := raw.ReadFrom(b)
		if err != nil {
			t.Fatal(err)
		}
		c.Handle(from.(*net.UDPAddr).AddrPort(), b[:n])
		if c.Totals().Packets >= packets {
			return time.Unix(int64(binary.BigEndian.Uint32(b[4:])), 0)
		}
	}
}
