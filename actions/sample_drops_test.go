package actions

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"pollux/flow"
	"pollux/ipfix/cache"
)

// toldAt is one packet at one sample.
type toldAt struct {
	exporter int
	sample   uint32 // Point.ID, which no two samples share
	packet   int
}

// toldOf is what a flow cache is told of it.
type toldOf struct {
	reason Reason
	l2     uint64
}

// seenBy is one packet that one sample has seen, in the interpreter.
type seenBy struct {
	s     *Sample
	len   int
	alive bool // its key is still known
}

// slowTold interprets p and says of which packets which flow caches are to be told.
func slowTold(p *Program, pkts []*slowPacket, ports []slowPort, free int) map[toldAt]toldOf {
	out := map[toldAt]toldOf{}
	seen := make([][]seenBy, len(pkts))
	left := make([]bool, len(pkts))
	failed := make([]Reason, len(pkts))
	gone := make([]bool, len(pkts))
	tell := func(i int, s seenBy, r Reason) {
		out[toldAt{s.s.Exporter, s.s.Point.ID, i}] = toldOf{r, uint64(s.len)}
	}
	ingress := func(i int, r Reason) {
		gone[i] = true
		if left[i] {
			return
		}
		if r == DropSampled {
			r = failed[i]
		}
		told := map[int]bool{}
		for _, s := range seen[i] {
			if s.alive && s.s.Point.Dir == cache.Ingress && !told[s.s.Exporter] {
				told[s.s.Exporter] = true
				tell(i, s, r)
			}
		}
	}
	egress := func(i int, port uint32, r Reason) {
		last := map[int]seenBy{}
		for _, s := range seen[i] {
			if s.alive && s.s.Point.Dir == cache.Egress && s.s.Point.Egress == port {
				last[s.s.Exporter] = s
			}
		}
		for _, s := range last {
			tell(i, s, r)
		}
	}
	for n, op := range p.Ops {
		stays := false
		for i, pkt := range pkts {
			if gone[i] {
				continue
			}
			switch op.Code {
			case OpSample:
				s := &p.Samples[op.A]
				if s.Rewritten {
					forget(seen[i])
				}
				seen[i] = append(seen[i], seenBy{s, len(pkt.f), true})
			case OpOutput:
				why := DropNone
				move := n == p.Last && !sampledLater(p.Ops[n+1:])
				if port := ports[op.A]; !port.exists {
					why = DropNoPort
				} else if port.down {
					why = DropPortDown
				} else if port.mtu != 0 && len(pkt.f) > port.mtu+14+4*min(2, pkt.tags()) {
					why = DropTooLong
				} else if !move && free == 0 {
					why = DropNoFrame
				}
				if move && why == DropNone {
					// Samples that follow at once see it before it goes.
					left[i], gone[i] = true, true
					break
				}
				if move {
					for _, next := range p.Ops[n+1:] {
						if next.Code != OpSample {
							break
						}
						s := &p.Samples[next.A]
						if s.Rewritten {
							forget(seen[i])
						}
						seen[i] = append(seen[i], seenBy{s, len(pkt.f), true})
					}
				}
				if why != DropNone {
					egress(i, op.B, why)
					failed[i] = why
					if move {
						ingress(i, why)
					}
					break
				}
				free--
				left[i] = true
			case OpPushVLAN:
				forget(seen[i])
				if !pkt.insert(12, []byte{byte(op.A >> 24), byte(op.A >> 16), byte(op.A >> 8), byte(op.A)}) {
					ingress(i, DropNoHeadroom)
				}
			case OpPopVLAN:
				forget(seen[i])
				if pkt.tags() > 0 {
					pkt.remove(12)
				}
			}
			stays = stays || !gone[i]
		}
		if !stays {
			break
		}
	}
	why := p.Drop
	if p.Last >= 0 {
		why = DropSampled
	}
	for i := range pkts {
		if !gone[i] {
			ingress(i, why)
		}
	}
	return out
}

// forget is what becomes of samples of changed packets when their keys are overwritten or
// lengths change.
func forget(seen []seenBy) {
	for k := range seen {
		if seen[k].s.Rewritten {
			seen[k].alive = false
		}
	}
}

// sampledLater says whether a change and then a sample follow, for which the frame must stay.
func sampledLater(ops []Op) bool {
	changed := false
	for i := range ops {
		switch ops[i].Code {
		case OpSample:
			if changed {
				return true
			}
		default:
			changed = true
		}
	}
	return false
}

// TestDropsAreTold runs random programs with samples, over packets of a flow each, and
// compares what flow caches were told of drops with the interpreter, by packet, reason
// and octets.
func TestDropsAreTold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 5).Draw(t, "packets")
		free := rapid.SampledFrom([]int{40, 40, 0, 1, 3}).Draw(t, "free frames")
		r := newRig(n+free, 5)
		ports := drawPorts(t, r)
		caches := []*cache.Cache{cache.New(cache.Config{MaxFlows: 256, Memory: r.Mem}), cache.New(cache.Config{MaxFlows: 256, Memory: r.Mem})}
		r.Caches = caches
		var slow []*slowPacket
		for i := range n {
			f := udp()
			f[35] = byte(i) // the source port is the packet's number
			f[34] = 0
			f = append(f, make([]byte, rapid.IntRange(0, 20).Draw(t, "more"))...)
			room := rapid.SampledFrom([]int{256, 0, 4, 7}).Draw(t, "room")
			r.receive(f, room)
			slow = append(slow, newSlowPacket(f, room))
		}
		p := drawSampled(t)
		want := slowTold(p, slow, ports, free)
		r.run(p)
		for x, c := range caches {
			for _, rec := range flowsOf(c) {
				at := toldAt{x, rec.Point.ID, int(rec.SrcPort)}
				w, ok := want[at]
				delete(want, at)
				switch {
				case !ok && rec.Dropped != 0:
					t.Fatalf("%v: exporter %d, sample %d, packet %d: %d dropped for %v, want none", p, x, rec.Point.ID, rec.SrcPort, rec.Dropped, Reason(rec.DropReason))
				case ok && (rec.Dropped != 1 || rec.Packets != 1 || Reason(rec.DropReason) != w.reason || rec.DroppedL2Octets != w.l2 || rec.DroppedOctets > rec.Octets):
					t.Fatalf("%v: %+v: %d of %d dropped for %v, %d octets; want 1 for %v, %d octets", p, at, rec.Dropped, rec.Packets, Reason(rec.DropReason), rec.DroppedL2Octets, w.reason, w.l2)
				}
			}
		}
		if len(want) > 0 {
			t.Fatalf("%v: not told of %v", p, want)
		}
	})
}

// drawSampled draws a program with samples of two exporters on the way in and out.
func drawSampled(t *rapid.T) *Program {
	b := NewBuilder()
	tags := 0
	for n := range rapid.IntRange(1, 9).Draw(t, "steps") {
		port := rapid.IntRange(1, 5).Draw(t, "port")
		s := Sample{Exporter: rapid.IntRange(0, 1).Draw(t, "exporter"), Point: cache.Point{ID: uint32(n)}}
		switch rapid.IntRange(0, 9).Draw(t, "step") {
		case 0, 1, 2:
			b.Sample(s)
		case 3, 4:
			s.Point.Dir, s.Point.Egress = cache.Egress, uint32(port)
			b.Sample(s)
			b.Output(port-1, uint32(port))
		case 5:
			b.Output(port-1, uint32(port))
		case 6:
			if tags < 2 { // the key sees two, and with a third no port, by which packets are told apart
				b.PushVLAN(0x8100, 7)
				tags++
			}
		case 7:
			b.PopVLAN()
			tags = max(tags-1, 0)
		case 8:
			b.Set(flow.IPTTL, v(uint64(n)), flow.Ones(8))
		case 9:
			if rapid.Bool().Draw(t, "end") {
				b.Drop(DropTTL)
			}
		}
	}
	return b.Program()
}

// TestDropsOfDrawnPackets: of a flow that a sample draws half of, as many are dropped as
// were drawn; and with sampling in the cache as many as it selected.
func TestDropsOfDrawnPackets(t *testing.T) {
	for _, c := range []struct {
		probability uint16
		sampling    uint32
	}{{32768, 1}, {0, 3}, {32768, 3}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			r := newRig(256, 1)
			r.Caches = []*cache.Cache{cache.New(cache.Config{MaxFlows: 4, Sampling: c.sampling})}
			for range 200 {
				r.receive(udp(), 256)
			}
			r.run(build(func(b *Builder) { b.Sample(Sample{Probability: c.probability}) }, drop(DropTableMiss)))
			got := flowsOf(r.Caches[0])
			if len(got) != 1 || got[0].Packets == 0 || got[0].Packets == 200 || got[0].Dropped != got[0].Packets ||
				got[0].DroppedL2Octets != got[0].L2Octets || Reason(got[0].DropReason) != DropTableMiss {
				t.Errorf("%+v", got)
			}
		})
	}
}

// TestDropsAllocateNothing: whatever is dropped.
func TestDropsAllocateNothing(t *testing.T) {
	r := newRig(64, 1)
	r.Caches = []*cache.Cache{cache.New(cache.Config{MaxFlows: 64, Memory: r.Mem})}
	r.Out[0].MTU = 40
	p := build(sampleAt(cache.Point{}), out(1))
	frame := udp()
	stay := build(sampleAt(cache.Point{}), out(1), set(flow.IPTTL, 3), sampleAt(cache.Point{ID: 1}))
	if a := testing.AllocsPerRun(100, func() {
		for _, p := range []*Program{p, stay} {
			r.reset()
			for range 8 {
				r.receive(frame, 256)
			}
			r.run(p)
		}
	}); a != 0 {
		t.Errorf("%v allocations", a)
	}
	if got := flowsOf(r.Caches[0]); len(got) == 0 || got[0].Dropped == 0 {
		t.Errorf("nothing was dropped: %+v", got)
	}
}
