package actions

import (
	"testing"

	"pollux/flow"
	"pollux/internal/packet"
	"pollux/ipfix/cache"
)

// onCopy does steps on a copy.
func onCopy(steps ...func(*Builder)) func(*Builder) {
	return func(b *Builder) {
		b.Clone(func() {
			for _, s := range steps {
				s(b)
			}
		})
	}
}

func part(port int, max uint16) func(*Builder) {
	return func(b *Builder) { b.OutputPart(port-1, uint32(port), max) }
}

// TestCopiesInText is how programs with copies are written, and what Finish finds in them.
func TestCopiesInText(t *testing.T) {
	for _, c := range []struct {
		p    *Program
		want string
		last int
		drop Reason
	}{
		{build(onCopy(set(flow.IPTTL, 9), out(1)), out(2)), "clone(set(ipv4(ttl=9)),1),2", 3, DropNone},
		{build(onCopy(set(flow.IPTTL, 9), out(1)), set(flow.IPTTL, 8)), "clone(set(ipv4(ttl=9)),1),drop", -1, DropSampled},
		{build(onCopy(set(flow.IPTTL, 9))), "clone(set(ipv4(ttl=9))),drop", -1, DropNoOutput},
		{build(out(1), onCopy(set(flow.IPTTL, 9), out(2))), "1,clone(set(ipv4(ttl=9)),2)", 0, DropNone},
		{build(part(1, 60), part(2, 14)), "trunc(60),1,trunc(14),2", 1, DropNone},
		{build(func(b *Builder) { b.PushMPLS(0x8847, 0x140); b.CopyTTLIn() }, out(1)), "push_mpls(label=0,tc=0,ttl=64,bos=1,eth_type=0x8847),copy_ttl_in,1", 2, DropNone},
	} {
		if got := c.p.String(); got != c.want || c.p.Last != c.last || c.p.Drop != c.drop {
			t.Errorf("%s, last %d, drop %v; want %s, last %d, drop %v", got, c.p.Last, c.p.Drop, c.want, c.last, c.drop)
		}
	}
	p := build(sampleAt(cache.Point{ID: 0}), onCopy(set(flow.IPTTL, 9), sampleAt(cache.Point{ID: 1}), out(1)), sampleAt(cache.Point{ID: 2}), set(flow.IPTTL, 8), onCopy(sampleAt(cache.Point{ID: 3})), out(2))
	for i, want := range []bool{false, true, false, true} {
		if p.Samples[i].Rewritten != want {
			t.Errorf("sample %d: rewritten %v", i, p.Samples[i].Rewritten)
		}
	}
}

// TestDropsOfCopiesAreTold is a packet of which only copies are sent: its flow cache is told of
// it when none of them left, and why, and of nothing when one did.
func TestDropsOfCopiesAreTold(t *testing.T) {
	in := sampleAt(cache.Point{Dir: cache.Ingress})
	for _, c := range []struct {
		name string
		p    *Program
		free int
		room int
		want Reason // DropNone: told of nothing
	}{
		{"sent", build(in, onCopy(set(flow.IPTTL, 9), out(1)), set(flow.IPTTL, 8)), 2, 256, DropNone},
		{"the port is down", build(in, onCopy(set(flow.IPTTL, 9), out(2)), set(flow.IPTTL, 8)), 2, 256, DropPortDown},
		{"no frame for the copy", build(in, onCopy(set(flow.IPTTL, 9), out(1))), 0, 256, DropNoFrame},
		{"no frame for the copy's copy", build(in, onCopy(set(flow.IPTTL, 9), out(1))), 1, 256, DropNoFrame},
		{"no room for a tag", build(in, onCopy(func(b *Builder) { b.PushVLAN(0x8100, 1) }, out(1))), 2, 0, DropNoHeadroom},
		{"the packet itself is sent", build(in, onCopy(set(flow.IPTTL, 9), out(2)), out(1)), 2, 256, DropNone},
		{"a copy is sent, the packet is not", build(in, onCopy(set(flow.IPTTL, 9), out(1)), out(2)), 2, 256, DropNone},
		{"neither", build(in, onCopy(set(flow.IPTTL, 9), out(2)), out(2)), 2, 256, DropPortDown},
	} {
		r := newRig(1+c.free, 2)
		r.Out[1].State = Down
		r.Caches = []*cache.Cache{cache.New(cache.Config{MaxFlows: 4, Memory: r.Mem})}
		r.receive(udp(), c.room)
		r.run(c.p)
		got := flowsOf(r.Caches[0])
		if len(got) != 1 || got[0].Packets != 1 {
			t.Fatalf("%s: %+v", c.name, got)
		}
		if n := uint64(min(int(c.want), 1)); got[0].Dropped != n || n > 0 && Reason(got[0].DropReason) != c.want {
			t.Errorf("%s: told of %d dropped for %v, want %d for %v", c.name, got[0].Dropped, Reason(got[0].DropReason), n, c.want)
		}
		if r.In.Packets+r.Clones.Packets != r.Staged.Packets+r.Dropped().Packets {
			t.Errorf("%s: the sum is open: %+v", c.name, r.Stats)
		}
	}
}

// TestPartsAreAccountedWhole is truncated outputs: the samples before them see all of the
// packet, the wire its beginning.
func TestPartsAreAccountedWhole(t *testing.T) {
	r := newRig(2, 2)
	r.Caches = []*cache.Cache{cache.New(cache.Config{MaxFlows: 4, Memory: r.Mem})}
	f := udp()
	r.receive(f, 256)
	eg := func(port uint32) func(*Builder) {
		return sampleAt(cache.Point{Dir: cache.Egress, Egress: port})
	}
	r.run(build(eg(1), part(1, 20), eg(2), part(2, 30)))
	for _, rec := range flowsOf(r.Caches[0]) {
		if rec.L2Octets != uint64(len(f)) {
			t.Errorf("%d octets at port %d, want %d", rec.L2Octets, rec.Point.Egress, len(f))
		}
	}
	for slot, want := range []uint32{20, 30} {
		if d := r.sent[slot]; len(d) != 1 || d[0].Len != want {
			t.Errorf("slot %d: %+v, want %d bytes", slot, d, want)
		}
	}
	if r.Staged.Bytes != 50 {
		t.Errorf("%d bytes staged", r.Staged.Bytes)
	}
}

// TestWholeBatchOfCopies copies 256 packets, a push in the copies and one after them, where
// some have no room for either.
func TestWholeBatchOfCopies(t *testing.T) {
	r := newRig(3*packet.MaxBatch, 2)
	for i := range packet.MaxBatch {
		room := 256
		if i%3 == 0 {
			room = 0
		}
		f := udp()
		f[35] = byte(i)
		r.receive(f, room)
	}
	push := func(b *Builder) { b.PushVLAN(0x8100, 5) }
	r.run(build(push, onCopy(push, set(flow.IPTTL, 9), out(1)), set(flow.IPTTL, 8), out(2)))
	if a, b := len(r.sent[0]), len(r.sent[1]); a != 170 || b != 170 {
		t.Fatalf("%d and %d frames, want 170 each", a, b)
	}
	for k := range r.sent[0] {
		i := k/2*3 + 1 + k%2
		one, two := r.Mem.Frame(r.sent[0][k]), r.Mem.Frame(r.sent[1][k])
		if one[35+8] != byte(i) || one[22+8] != 9 || two[35+4] != byte(i) || two[22+4] != 8 {
			t.Fatalf("frame %d: %x\n%x", k, one, two)
		}
	}
	if got := r.Drops[DropNoHeadroom].Packets; got != 86 {
		t.Errorf("%d dropped for want of room, want 86", got)
	}
}

// TestClonesInClones: as many inside each other as there may be, each of which sees the packet as
// the one around it has made it; and what follows sees it as it was. No chunk is lost, and the
// second time nothing is allocated.
func TestClonesInClones(t *testing.T) {
	const packets = 3
	r := newRig((MaxClones+2)*packets*2, 1)
	b := NewBuilder()
	var nest func(int)
	nest = func(n int) {
		b.Set(flow.EthSrc, flow.Value{Lo: uint64(n)}, flow.Ones(48))
		if n < MaxClones {
			b.Clone(func() { nest(n + 1) })
		}
		b.Output(0, 1)
	}
	nest(0)
	p := b.Program()
	free := r.Free.Len()
	turn := func() {
		r.reset()
		for i := range packets {
			f := make([]byte, 60)
			f[0] = byte(i)
			r.receive(f, 256)
		}
		r.run(p)
	}
	turn()
	if n := len(r.sent[0]); n != packets*(MaxClones+1) {
		t.Fatalf("%d frames, want %d", n, packets*(MaxClones+1))
	}
	seen := map[[2]byte]int{}
	for _, d := range r.sent[0] {
		f := r.Mem.Frame(d)
		seen[[2]byte{f[0], f[11]}]++
	}
	for i := range packets {
		for n := range MaxClones + 1 {
			if got := seen[[2]byte{byte(i), byte(n)}]; got != 1 {
				t.Errorf("packet %d as clone %d made it was sent %d times", i, n, got)
			}
		}
	}
	r.reset()
	if n := r.Free.Len(); n != free {
		t.Errorf("%d of %d chunks are back", n, free)
	}
	f := make([]byte, 60)
	if a := testing.AllocsPerRun(20, func() {
		r.reset()
		for range packets {
			r.receive(f, 256)
		}
		r.run(p)
	}); a != 0 {
		t.Errorf("%v allocations", a)
	}
}
