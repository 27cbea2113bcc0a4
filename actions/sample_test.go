package actions

import (
	"testing"

	"pollux/flow"
	"pollux/ipfix/cache"
)

// udp is a UDP packet of 60 bytes in no VLAN, TTL 64, checksums right.
func udp() []byte {
	f := make([]byte, 60)
	copy(f, []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 46, 0, 0, 0x40, 0, 64, 17, 0, 0,
		10, 0, 0, 1, 10, 0, 0, 2, 4, 0, 0, 53, 0, 26})
	be.PutUint16(f[24:], ^sum(f[14:34]))
	pseudo := append([]byte{0, 17, 0, 26}, f[26:34]...)
	be.PutUint16(f[40:], ^sum(append(pseudo, f[34:60]...)))
	return f
}

// flowsOf returns the flows that a cache holds.
func flowsOf(c *cache.Cache) (rs []cache.Record) {
	cursor := 0
	c.Each(&cursor, 1<<20, func(r *cache.Record) { rs = append(rs, *r) })
	return rs
}

// TestSample samples packets as received and, after edits, as they are then.
func TestSample(t *testing.T) {
	r := newRig(64, 1)
	c := cache.New(cache.Config{MaxFlows: 64, Memory: r.Mem})
	r.Caches = []*cache.Cache{c, nil}
	for range 3 {
		r.receive(udp(), 256)
	}
	r.batch.InPort = 7
	in := cache.Point{Domain: 1, ID: 2}
	eg := cache.Point{Dir: cache.Egress, Egress: 1, Domain: 1, ID: 2}
	off := func(b *Builder) { b.Sample(Sample{Exporter: 1}); b.Sample(Sample{Exporter: 2}) }
	r.run(build(sampleAt(in), off, set(flow.IPv4Dst, 0x0a000063), func(b *Builder) { b.PushVLAN(0x8100, 5) }, sampleAt(eg), out(1)))
	got := flowsOf(c)
	if len(got) != 2 {
		t.Fatalf("%d flows, want 2: %+v", len(got), got)
	}
	if got[0].Point.Dir == cache.Egress {
		got[0], got[1] = got[1], got[0]
	}
	if a := got[0]; a.Point != in || a.InPort != 7 || a.Dst[3] != 2 || a.VLAN != 0 || a.Packets != 3 {
		t.Errorf("as received: %+v", a)
	}
	if a := got[1]; a.Point != eg || a.InPort != 7 || a.Dst[3] != 0x63 || a.VLAN&0xfff != 5 || a.Packets != 3 {
		t.Errorf("as sent: %+v", a)
	}
}

// TestSampleOfDropped checks that packets which left a program are sampled no more.
func TestSampleOfDropped(t *testing.T) {
	r := newRig(8, 1)
	c := cache.New(cache.Config{MaxFlows: 64})
	r.Caches = []*cache.Cache{c}
	r.receive(udp(), 256)
	r.receive(udp(), 2) // no room for a tag
	r.receive(udp(), 256)
	r.run(build(func(b *Builder) { b.PushVLAN(0x8100, 5) }, sampleAt(cache.Point{}), out(1)))
	if got := flowsOf(c); len(got) != 1 || got[0].Packets != 2 {
		t.Errorf("flows %+v, want one of 2 packets", got)
	}
	if r.Drops[DropNoHeadroom] != (Count{1, 60}) || len(r.sent[0]) != 2 {
		t.Errorf("%+v dropped, %d sent", r.Drops[DropNoHeadroom], len(r.sent[0]))
	}
}

// TestSampleAfterOutput samples behind the last output, of the same packet and of
// one that was changed after it was sent.
func TestSampleAfterOutput(t *testing.T) {
	for _, changed := range []bool{false, true} {
		r := newRig(8, 2)
		c := cache.New(cache.Config{MaxFlows: 64})
		r.Caches = []*cache.Cache{c}
		r.receive(udp(), 256)
		r.receive(udp(), 256)
		edit := func(b *Builder) {
			if changed {
				b.Set(flow.IPv4Dst, v(0x0a000063), flow.Ones(32))
			}
		}
		p := build(out(1), out(2), edit, sampleAt(cache.Point{}), (*Builder).PopVLAN)
		r.run(p)
		got := flowsOf(c)
		if len(got) != 1 || got[0].Packets != 2 || (got[0].Dst[3] == 0x63) != changed {
			t.Errorf("%v: flows %+v", p, got)
		}
		for slot, ds := range r.sent {
			if len(ds) != 2 || string(r.Mem.Frame(ds[0])) != string(udp()) {
				t.Errorf("%v: slot %d sent %d", p, slot, len(ds))
			}
		}
		stayed := map[bool]uint64{true: 2}[changed]
		if r.Drops[DropSampled].Packets != stayed || r.Dropped().Packets != stayed || r.Clones.Packets != 2+stayed {
			t.Errorf("%v: %+v", p, r.Stats)
		}
		if want := 8 - 4; r.Free.Len() != want {
			t.Errorf("%v: %d chunks free, want %d", p, r.Free.Len(), want)
		}
	}
}
