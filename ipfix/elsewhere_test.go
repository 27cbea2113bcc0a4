package ipfix

import (
	"reflect"
	"testing"
	"time"

	"pollux/flow"
	"pollux/ipfix/cache"
	"pollux/ipfix/collector"
	"pollux/ipfix/internal/frames"
)

// The tests of elsewhere_*_test.go are named after what goes wrong in other switches'
// flow records. Each goes from the packets of a flow cache to what a collector says.
// What needs a table of rules, the drops of a megaflow and sample actions, is tested
// with a whole switch in internal/vswitch.

const second = int64(time.Second)

// tcpOf returns a TCP frame of a flow of its own for each number.
func tcpOf(n uint16, flags uint8) frames.Spec {
	return frames.Spec{Kind: frames.TCP4, Src: 1, Dst: 2, TCI: -1, SrcPort: 1000 + n, DstPort: 80, TTL: 64, Flags: flags}
}

// details returns what the collector has of the flow from that port.
func details(t *testing.T, c *collector.Collector, port uint16) (f collector.Flow, d collector.Details) {
	t.Helper()
	for k := range c.Flows() {
		if k.SrcPort == port {
			return c.Flows()[k], c.Details()[k]
		}
	}
	t.Fatalf("no flow from port %d among %d", port, len(c.Flows()))
	return f, d
}

// TestTunnelKeyZeroIsValid: packets of a tunnel whose key is 0 are recorded with it, as
// those of any other key and apart from them, coming in and going out: the record of an
// output is taken in the loop, from the key that the packet is sent with.
func TestTunnelKeyZeroIsValid(t *testing.T) {
	l := newLab(cache.Config{}, 1)
	c := listen(t)
	_, stop := runExporter(t, ExporterConfig{Targets: []string{c.Addr()}, Epoch: epoch, Elements: []string{"full"}}, l.caches)
	keys := []uint64{0, 1, 1 << 24, 0xffffffff}
	b := l.batches[0]
	for _, pt := range []cache.Point{{Domain: 1}, {Dir: cache.Egress, Egress: 3, Domain: 1}} {
		for i, id := range keys {
			for range i + 1 {
				b.Load(1, []frames.Spec{tcpOf(1, 0x10)})
				b.Keys[0].Set(flow.WTunID, id)
				b.Keys[0].Set(flow.WTunIPv4, 0x0a000001_0a000002)
				l.caches[0].Observe(pt, &b.Batch, flow.Keys{Whole: b.Keys[:]}, b.Idx[:1], nil, l.now)
				b.Keys[0].Clear()
			}
		}
	}
	l.flush(t)
	stop()
	c.Wait(20, patience)
	got := map[[2]uint64]uint64{}
	for k, f := range c.Flows() {
		if !k.Tunnel.Src.IsValid() || k.Tunnel.Src.String() != "10.0.0.1" || k.Tunnel.Dst.String() != "10.0.0.2" {
			t.Errorf("tunnel %+v", k.Tunnel)
		}
		got[[2]uint64{uint64(k.Dir), k.Tunnel.ID}] += f.Packets
	}
	for dir := range uint64(2) {
		for i, id := range keys {
			if n := got[[2]uint64{dir, id}]; n != uint64(i+1) {
				t.Errorf("direction %d, tunnel key %d: %d packets in records, %d were sent: %v", dir, id, n, i+1, got)
			}
		}
	}
	if s := c.Totals(); s.Errors != 0 {
		t.Error(s.LastError)
	}
}

// TestTotalsArePerFlow: total counts are those of the flow since its first packet,
// record after record, and not those of all flows.
func TestTotalsArePerFlow(t *testing.T) {
	l := newLab(cache.Config{ActiveTimeout: second}, 1)
	c := listen(t)
	x, stop := runExporter(t, ExporterConfig{
		Targets: []string{c.Addr()}, Epoch: epoch, Elements: []string{"full"}, FlushInterval: time.Millisecond,
	}, l.caches)
	var sent [4]uint64
	for round := range 3 {
		for n := range sent {
			for range n + round + 1 {
				l.send(0, cache.Point{}, []frames.Spec{tcpOf(uint16(n), 0x10)})
				sent[n]++
			}
		}
		l.now += 2 * second
		for range 100 {
			l.caches[0].Sweep(l.now, 1<<16)
		}
		waitSent(t, x, 0, l.packets)
		c.Wait(l.packets, patience)
		for n := range sent {
			f, d := details(t, c, 1000+uint16(n))
			if d.TotalPackets != sent[n] || f.Packets != sent[n] || d.TotalOctets != f.Octets || d.TotalL2Octets != f.L2Octets || d.TotalTCP[4] != sent[n] {
				t.Errorf("round %d, flow %d: %d packets were sent; totals %+v, sums of deltas %+v", round, n, sent[n], d, f)
			}
			if f.Records != uint64(round+1) {
				t.Errorf("round %d, flow %d: %d records", round, n, f.Records)
			}
		}
	}
	stop()
}

// TestIdleActiveEnd: each way in which a flow ends has its own reason in the record.
func TestIdleActiveEnd(t *testing.T) {
	l := newLab(cache.Config{MaxFlows: 64, IdleTimeout: 10 * second, ActiveTimeout: 30 * second}, 1)
	c := listen(t)
	_, stop := runExporter(t, ExporterConfig{Targets: []string{c.Addr()}, Epoch: epoch}, l.caches)
	sweep := func(until int64) {
		for ; l.now < until; l.now += second / 4 {
			for range 20 {
				l.caches[0].Sweep(l.now, 1<<16)
			}
		}
	}
	from := l.now
	one := func(n uint16, flags uint8) { l.send(0, cache.Point{}, []frames.Spec{tcpOf(n, flags)}) }
	one(1, 0x10) // nothing more: idle
	one(2, 0x11) // FIN
	one(3, 0x04) // RST
	for s := int64(0); s < 40; s += 4 {
		one(4, 0x10) // goes on
		sweep(from + s*second)
	}
	if l.caches[0].Stats().Ended[cache.EndForced] != 0 {
		t.Error("a flow was forced to end while nobody did so")
	}
	one(5, 0x10) // until the switch stops
	for n := range uint16(200) {
		one(100+n, 0x10) // more than there is room for
	}
	l.flush(t)
	stop()
	c.Wait(l.packets, patience)
	for _, tt := range []struct {
		port   uint16
		reason cache.EndReason
		what   string
	}{{1, cache.EndIdle, "quiet"}, {2, cache.EndDetected, "with FIN"}, {3, cache.EndDetected, "with RST"}, {4, cache.EndActive, "that goes on"}} {
		if _, d := details(t, c, 1000+tt.port); d.Ends[tt.reason] == 0 {
			t.Errorf("a flow %s has no record with reason %v: %v", tt.what, tt.reason, d.Ends)
		}
	}
	var ends [6]uint64
	for _, d := range c.Details() {
		for i := range ends {
			ends[i] += d.Ends[i]
		}
	}
	if ends[cache.EndForced] == 0 || ends[cache.EndLack] == 0 || ends[0] != 0 {
		t.Errorf("records by reason %v: want some forced and some for lack of resources, none without", ends)
	}
}

// TestFixedSizeKeys: a flow's key has one size and holds no pointer, so that two equal
// flows have equal keys whatever frames they were made of: with other payload, other
// padding, and in memory that held something else.
func TestFixedSizeKeys(t *testing.T) {
	var fixed func(typ reflect.Type) bool
	fixed = func(typ reflect.Type) bool {
		switch typ.Kind() {
		case reflect.Struct:
			for i := range typ.NumField() {
				if !fixed(typ.Field(i).Type) {
					return false
				}
			}
			return true
		case reflect.Array:
			return fixed(typ.Elem())
		case reflect.Pointer, reflect.Slice, reflect.Map, reflect.String, reflect.Interface, reflect.Chan, reflect.Func, reflect.UnsafePointer:
			return false
		}
		return true
	}
	if !fixed(reflect.TypeFor[cache.Key]()) || !reflect.TypeFor[cache.Key]().Comparable() {
		t.Error("cache.Key holds something of no fixed size")
	}
	l := newLab(cache.Config{}, 1)
	all := specs(300, 60)
	flows := map[cache.Key]bool{}
	for i, s := range all {
		flows[s.Key(cache.Point{}, 1)] = true
		for j := range l.batches[0].Memory.Buf[:4096] {
			l.batches[0].Memory.Buf[j] = byte(i)
		}
		l.send(0, cache.Point{}, []frames.Spec{s})
	}
	if n := l.caches[0].Len(); n != len(flows) {
		t.Errorf("%d flows in the cache, %d were sent", n, len(flows))
	}
	l.flush(t)
}
