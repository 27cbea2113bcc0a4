package actions

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"pollux/flow"
	"pollux/ipfix/cache"
)

func control(p Punt) func(*Builder) { return func(b *Builder) { b.Controller(p) } }

// whole is a punt of all bytes.
var whole = Punt{Reason: PuntAction, MaxLen: WholePacket, Cookie: 5}

// taken is a packet as a controller was given it.
type taken struct {
	p    *Punt
	data []byte
	full int
}

func (r *rig) drain() (all []taken) {
	r.Punts.Drain(func(p *PuntedPacket) { all = append(all, taken{p.Punt, bytes.Clone(p.Data), p.FullLen}) })
	return all
}

// closed fails where the sum of law 2 does not close, in packets or in bytes.
func (s *Stats) closed(t interface{ Fatalf(string, ...any) }) {
	d := s.Dropped()
	if s.In.Packets+s.Clones.Packets+s.Late.Packets != s.Staged.Packets+s.Consumed.Packets+d.Packets {
		t.Fatalf("the sum of packets is open: %+v", *s)
	}
}

// TestPuntsAgainstInterpreter runs random programs with OpController. What ports are sent must
// be what the interpreter sends without those steps, and what controllers get what it sends a
// port in their place.
func TestPuntsAgainstInterpreter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "packets")
		r := newRig(n+200, 5)
		r.Punts = NewPuntRing(128, 2048)
		ports := drawPorts(t, r)
		var slowA, slowB, slowC []*slowPacket
		for range n {
			f := drawFrame(t)
			room := rapid.SampledFrom([]int{256, 256, 0, 3, 4, 7}).Draw(t, "room")
			r.receive(f, room)
			slowA, slowB, slowC = append(slowA, newSlowPacket(f, room)), append(slowB, newSlowPacket(f, room)), append(slowC, newSlowPacket(f, room))
		}
		b := NewBuilder()
		for range rapid.IntRange(0, 8).Draw(t, "steps") {
			switch rapid.IntRange(0, 5).Draw(t, "step") {
			case 0, 1:
				p := whole
				p.MaxLen = rapid.SampledFrom([]uint16{0, 1, 14, 60, 128, WholePacket}).Draw(t, "max_len")
				p.Cookie = rapid.Uint64().Draw(t, "cookie")
				b.Controller(p)
			case 2:
				slot := rapid.IntRange(0, 4).Draw(t, "slot")
				b.Output(slot, uint32(slot+1))
			case 3:
				b.Set(rapid.SampledFrom([]flow.Field{flow.EthSrc, flow.IPTTL, flow.IPv4Dst}).Draw(t, "field"), valueGen.Draw(t, "value"), flow.Ones(128))
			case 4:
				b.PushVLAN(0x8100, rapid.Uint16().Draw(t, "tci"))
			case 5:
				b.PopVLAN()
			}
		}
		p := b.Program()

		// What ports are sent: without the steps, and no move where the frame had to stay.
		toPorts := &Program{Last: -1, Drop: p.Drop}
		if p.Drop == Punted {
			toPorts.Drop = DropTTL // counted there by the interpreter, and by nothing else here
		}
		ops := p.Ops
		if p.Last >= 0 {
			tail := ops[p.Last+1:]
			stays := slices.ContainsFunc(tail, func(op Op) bool { return op.changes() })
			switch {
			case stays:
				toPorts.Drop = DropSampled
			default:
				ops = ops[:p.Last+1]
			}
			for i, op := range ops {
				if op.Code == OpController {
					continue
				}
				if i == p.Last && !stays {
					toPorts.Last = len(toPorts.Ops)
				}
				toPorts.Ops = append(toPorts.Ops, op)
			}
		} else {
			for _, op := range ops {
				if op.Code != OpController {
					toPorts.Ops = append(toPorts.Ops, op)
				}
			}
		}
		drops, clones := slowRun(toPorts, slowA, ports, 200)

		// What controllers get, in the order of the steps.
		toThem, but := &Program{Last: -1}, &Program{Last: -1}
		for i, op := range p.Ops {
			switch op.Code {
			case OpOutput:
			case OpController:
				toThem.Ops = append(toThem.Ops, Op{Code: OpOutput, A: 0})
				if i != p.Taker {
					but.Ops = append(but.Ops, Op{Code: OpOutput, A: 0})
				}
			default:
				toThem.Ops, but.Ops = append(toThem.Ops, op), append(but.Ops, op)
			}
		}
		them := []slowPort{{exists: true}}
		_, punts := slowRun(toThem, slowB, them, 1<<20)
		_, copied := slowRun(but, slowC, []slowPort{{exists: true}}, 1<<20)

		r.run(p)
		consumed := 0
		if p.Drop == Punted {
			consumed, drops[DropTTL] = drops[DropTTL], 0
		}
		if consumed != punts-copied {
			t.Fatalf("%v: the interpreter has %d consumed and %d taken", p, consumed, punts-copied)
		}
		got := r.drain()
		if len(got) != punts || r.PuntsLaid.Packets != uint64(punts) || r.Consumed.Packets != uint64(punts) {
			t.Fatalf("%v: controllers got %d, want %d: %+v", p, len(got), punts, r.Stats)
		}
		for i, g := range got {
			want := them[0].got[i]
			if g.full != len(want) || !bytes.Equal(g.data, want[:min(len(want), int(g.p.MaxLen))]) {
				t.Fatalf("%v: controller's packet %d:\n got %x\nwant %x", p, i, g.data, want)
			}
		}
		r.closed(t)
		// The rest of check knows nothing of what is consumed.
		r.In.Packets -= r.Consumed.Packets
		r.check(t, p, ports, drops, clones+copied)
	})
}

// TestPuntWithoutRoom: what finds no room is dropped, and told to flow caches, if the
// controller was all there was; else it is a copy that was lost. Nothing waits.
func TestPuntWithoutRoom(t *testing.T) {
	for _, c := range []struct {
		name            string
		p               *Program
		consumed, drops uint64
		clones, staged  uint64
		told            uint64
	}{
		{"alone", build(sampleAt(cache.Point{}), control(whole)), 4, 6, 0, 0, 6},
		{"and output", build(sampleAt(cache.Point{}), control(whole), out(1)), 4, 6, 10, 10, 0},
		{"after output", build(sampleAt(cache.Point{}), out(1), control(whole)), 4, 6, 10, 10, 0},
		{"twice", build(sampleAt(cache.Point{}), control(whole), control(whole)), 4, 16, 10, 0, 6},
		{"no ring", build(sampleAt(cache.Point{}), control(whole)), 0, 10, 0, 0, 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(32, 1)
			if r.Punts = NewPuntRing(4, 2048); c.name == "no ring" {
				r.Punts = nil
			}
			fc := cache.New(cache.Config{MaxFlows: 64, Memory: r.Mem})
			r.Caches = []*cache.Cache{fc}
			for i := range 10 {
				f := udp()
				f[59] = byte(i)
				r.receive(f, 256)
			}
			r.run(c.p)
			s := &r.Stats
			s.closed(t)
			if s.Consumed.Packets != c.consumed || s.Drops[DropPuntFull].Packets != c.drops || s.Clones.Packets != c.clones || s.Staged.Packets != c.staged {
				t.Errorf("consumed %d, dropped %d, copied %d, staged %d; want %d, %d, %d, %d", s.Consumed.Packets, s.Drops[DropPuntFull].Packets,
					s.Clones.Packets, s.Staged.Packets, c.consumed, c.drops, c.clones, c.staged)
			}
			var told uint64
			for _, f := range flowsOf(fc) {
				told += f.Dropped
			}
			if told != c.told {
				t.Errorf("flow caches were told of %d drops, want %d", told, c.told)
			}
			if r.Punts == nil {
				return
			}
			if got := r.drain(); len(got) != 4 || got[3].data[59] != 3 {
				t.Errorf("the first four in order: %v", got)
			}
			if r.reset(); r.Punts.Len() != 0 || r.Free.Len() != 32 {
				t.Errorf("%d wait, %d of 32 chunks are back", r.Punts.Len(), r.Free.Len())
			}
		})
	}
}

// TestPuntMeter: a meter bounds what controllers get and nothing else.
func TestPuntMeter(t *testing.T) {
	m := NewMeter(true, []MeterBand{{Rate: 1000, Burst: 2}, {Rate: 1, Burst: 1, Remark: 1}}, 0)
	metered := whole
	metered.Meter, metered.MeterID = m, 9
	r := newRig(32, 1)
	r.Punts = NewPuntRing(16, 2048)
	for range 10 {
		r.receive(udp(), 256)
	}
	r.run(build(control(metered), out(1)))
	got := len(r.drain())
	if uint64(got) != r.Consumed.Packets || r.Staged.Packets != 10 || r.Drops[DropMeter].Packets != uint64(10-got) || got < 2 || got > 4 {
		t.Errorf("%d packets went to the controller: %+v", got, r.Stats)
	}
	r.closed(t)
	if m.In.Packets.Load() != 10 || m.Hits[0].Packets.Load() != uint64(10-got) {
		t.Errorf("the meter counts %d in, %d hits", m.In.Packets.Load(), m.Hits[0].Packets.Load())
	}
	for _, d := range r.sent[0] {
		if f := r.Mem.Frame(d); f[15] != 0 {
			t.Errorf("a band of the controller's meter has marked a packet that went elsewhere: %x", f)
		}
	}
	r.reset()
	alone := NewMeter(true, []MeterBand{{}}, 0)
	metered.Meter = alone
	r.receive(udp(), 256)
	was := r.Drops[DropMeter].Packets
	r.run(build(control(metered)))
	if r.Drops[DropMeter].Packets != was+1 || len(r.drain()) != 0 {
		t.Errorf("beyond the rate, and for a controller alone: %+v", r.Stats)
	}
	r.closed(t)
}

// TestPuntsAreTold: the operands arrive with the packet; in text and comparison they count.
func TestPuntsAreTold(t *testing.T) {
	p := Punt{Reason: PuntInvalidTTL, Table: 3, Pause: true, MaxLen: 20, ID: 7, InPort: 2, MeterID: 4, Cookie: 0x55, UserData: "\x01\xff"}
	p.Fields[0] = 0x1234
	p.Fields[slices.Index(PuntWords[:], flow.WReg0)] = 9 << 32
	r := newRig(4, 1)
	r.Punts = NewPuntRing(4, 2048)
	r.Now = 77
	r.receive(udp(), 256)
	r.batch.InPort = 6
	prog := build(control(p))
	r.run(prog)
	n := r.Punts.Drain(func(got *PuntedPacket) {
		if *got.Punt != p || len(got.Data) != 20 || got.FullLen != 60 || got.PhyPort != 6 || got.At != 77 {
			t.Errorf("got %+v", got)
		}
		var k flow.Key
		got.Key(&k)
		if k.InPort() != 2 || flow.Metadata.Get(&k).Lo != 0x1234 || flow.Reg0.Get(&k).Lo != 9 {
			t.Errorf("the fields are %+v", k)
		}
	})
	if n != 1 {
		t.Fatalf("%d packets", n)
	}
	if got, want := prog.String(), "controller(reason=2,table=3,rule_cookie=0x55,controller_id=7,max_len=20,userdata=01ff,meter_id=4,pause)"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	other := p
	other.Fields[3]++
	if !Equal(prog, build(control(p))) || Equal(prog, build(control(other))) || p.Hash() == other.Hash() {
		t.Error("programs that tell controllers otherwise are not equal")
	}
	if got, want := build(control(whole), out(1)).String(), "controller(reason=1,table=0,rule_cookie=0x5,controller_id=0,max_len=65535),1"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestPuntRingOfTwoThreads: one lays, another drains; what arrives is whole and in order.
func TestPuntRingOfTwoThreads(t *testing.T) {
	const packets = 20_000
	r := NewPuntRing(8, 64)
	done := make(chan int)
	go func() {
		frame := make([]byte, 80) // longer than a slot
		laid := 0
		for i := range uint64(packets) {
			for at := 0; at < 80; at += 8 {
				binary.BigEndian.PutUint64(frame[at:], i)
			}
			if r.push(&whole, uint32(i), int64(i), frame) {
				laid++
			}
		}
		done <- laid
	}()
	got, last, laid := 0, int64(-1), -1
	for laid < 0 || r.Len() > 0 {
		select {
		case laid = <-done:
		default:
		}
		got += r.Drain(func(p *PuntedPacket) {
			if p.At <= last || p.PhyPort != uint32(p.At) || len(p.Data) != 64 || p.FullLen != 80 {
				t.Fatalf("after %d: %+v", last, p)
			}
			last = p.At
			for at := 0; at < 64; at += 8 {
				if v := binary.BigEndian.Uint64(p.Data[at:]); v != uint64(p.At) {
					t.Fatalf("packet %d has bytes of %d", p.At, v)
				}
			}
		})
	}
	if got != laid || laid < 8 {
		t.Errorf("%d laid, %d drained", laid, got)
	}
}
