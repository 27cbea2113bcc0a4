package actions

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"pollux/flow"
	"pollux/internal/packet"
)

// rig is an Exec over its own memory, whose ports keep what they are sent.
type rig struct {
	*Exec
	batch packet.Batch
	keys  []flow.Key
	idx   []uint16
	sent  [][]packet.Desc // by slot
	from  PortDrops       // of the port that packets come in by
	lost  []PortDrops     // by slot
}

func newRig(chunks, slots int) *rig {
	m := &packet.Memory{Buf: make([]byte, chunks*2048), FD: -1, ChunkSize: 2048, Headroom: 256, PerHome: uint32(chunks)}
	r := &rig{Exec: NewExec(m, packet.NewFreeList(m, 0)), keys: make([]flow.Key, min(chunks, packet.MaxBatch)), sent: make([][]packet.Desc, slots)}
	r.From, r.lost = &r.from, make([]PortDrops, slots)
	for i := range slots {
		r.Out = append(r.Out, &Staging{Lost: &r.lost[i]})
	}
	r.Flush = func(slot int) { r.sent[slot] = append(r.sent[slot], r.Out[slot].Take()...) }
	return r
}

// receive lays a frame at the given room in a chunk of the batch.
func (r *rig) receive(f []byte, room int) {
	c, ok := r.Free.Get()
	if !ok {
		panic("rig: no chunk")
	}
	d := packet.Desc{Addr: c + uint64(room), Len: uint32(len(f))}
	copy(r.Mem.Frame(d), f)
	r.idx = append(r.idx, uint16(r.batch.N))
	r.batch.Desc[r.batch.N] = d
	r.batch.N++
}

// reset takes every frame that was sent back.
func (r *rig) reset() {
	for slot, ds := range r.sent {
		for _, d := range ds {
			r.Free.Put(r.Mem.Chunk(d.Addr))
		}
		r.sent[slot] = ds[:0]
	}
	r.batch.N, r.idx = 0, r.idx[:0]
}

// run extracts and runs p over the whole batch.
func (r *rig) run(p *Program) {
	flow.Extract(r.Mem, &r.batch, r.keys)
	r.Run(p, &r.batch, flow.Keys{Whole: r.keys}, r.idx)
	for slot, s := range r.Out {
		if s != nil {
			r.Flush(slot)
		}
	}
}

// check compares where everything went with the interpreter's account.
func (r *rig) check(t interface {
	Helper()
	Fatalf(string, ...any)
}, p *Program, ports []slowPort, drops [NumReasons]int, clones int) {
	t.Helper()
	for slot, want := range ports {
		if len(r.sent[slot]) != len(want.got) {
			t.Fatalf("%v: slot %d got %d frames, want %d", p, slot, len(r.sent[slot]), len(want.got))
		}
		for i, d := range r.sent[slot] {
			if got := r.Mem.Frame(d); !bytes.Equal(got, want.got[i]) {
				t.Fatalf("%v: slot %d frame %d:\n got %x\nwant %x", p, slot, i, got, want.got[i])
			}
		}
	}
	staged := 0
	var chunks []uint64
	for _, ds := range r.sent {
		staged += len(ds)
		for _, d := range ds {
			chunks = append(chunks, r.Mem.Chunk(d.Addr))
		}
	}
	for why, n := range drops {
		if got := r.Drops[why].Packets; got != uint64(n) {
			t.Fatalf("%v: %d dropped for %v, want %d", p, got, Reason(why), n)
		}
	}
	if r.Clones.Packets != uint64(clones) || r.Staged.Packets != uint64(staged) {
		t.Fatalf("%v: %d clones and %d staged, want %d and %d", p, r.Clones.Packets, r.Staged.Packets, clones, staged)
	}
	if r.In.Packets+r.Clones.Packets+r.Late.Packets != r.Staged.Packets+r.Dropped().Packets {
		t.Fatalf("%v: the sum is open: %+v", p, r.Stats)
	}
	if err := r.placed(); err != nil {
		t.Fatalf("%v: %v", p, err)
	}
	// Every chunk is in exactly one place.
	for c, ok := r.Free.Get(); ok; c, ok = r.Free.Get() {
		chunks = append(chunks, c)
	}
	slices.Sort(chunks)
	for i, c := range chunks {
		if c != uint64(i)*2048 {
			t.Fatalf("%v: chunk %d of %d is %#x", p, i, len(chunks), c)
		}
	}
	if len(chunks)*2048 != len(r.Mem.Buf) {
		t.Fatalf("%v: %d chunks of %d", p, len(chunks), len(r.Mem.Buf)/2048)
	}
}

// drawPorts makes two ports that are up, one down, one that is not there, and one with
// an MTU.
func drawPorts(t *rapid.T, r *rig) []slowPort {
	mtu := rapid.IntRange(28, 80).Draw(t, "mtu")
	ports := []slowPort{{exists: true}, {exists: true}, {exists: true, down: true}, {}, {exists: true, mtu: mtu}}
	r.Out[2].State = Down
	r.Out[3] = nil
	r.Out[4].MTU = mtu
	return ports
}

// TestAgainstInterpreter runs random programs over random packets by Exec and by the
// slow interpreter.
func TestAgainstInterpreter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "packets")
		free := rapid.SampledFrom([]int{40, 40, 40, 0, 1, 5}).Draw(t, "free frames")
		r := newRig(n+free, 5)
		ports := drawPorts(t, r)
		var slow []*slowPacket
		for range n {
			f := drawFrame(t)
			room := rapid.SampledFrom([]int{256, 256, 256, 0, 3, 4, 7}).Draw(t, "room")
			r.receive(f, room)
			slow = append(slow, newSlowPacket(f, room))
		}
		p := drawProgram(t)
		drops, clones := slowRun(p, slow, ports, free)
		r.run(p)
		r.check(t, p, ports, drops, clones)
	})
}

// TestOffsets checks that the batch's offsets are true after a program, for packets
// that a fresh extraction reads as deep as before.
func TestOffsets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := newRig(1, 1)
		f := drawFrame(t)
		tags := newSlowPacket(f, 0).tags()
		if tags > 2 {
			return // the key sees two tags, and what follows them as payload
		}
		r.receive(f, 256)
		b := NewBuilder()
		for range rapid.IntRange(0, 5).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0:
				if tags++; tags > 2 {
					continue
				}
				b.PushVLAN(0x8100, rapid.Uint16().Draw(t, "tci"))
			case 1:
				b.PopVLAN()
			case 2:
				b.PushMPLS(0x8847, rapid.Uint32().Draw(t, "lse"))
			case 3:
				b.PopMPLS(rapid.SampledFrom([]uint16{0x0800, 0x8847}).Draw(t, "type"))
			}
		}
		b.Output(0, 1)
		p := b.Program()
		r.run(p)
		s := newSlowPacket(r.Mem.Frame(r.sent[0][0]), 0)
		got := [3]int{int(r.batch.L25[0]), int(r.batch.L3[0]), int(r.batch.L4[0])}
		if want := [3]int{s.l25, s.l3, s.l4}; s.l25 != got[0] || s.l25 == packet.None && got != want && s.l4 != packet.None {
			t.Fatalf("%v: offsets %v, want %v in %x", p, got, want, s.f)
		}
	})
}

// TestWholeBatch sends 256 packets, and copies, past staging areas that fill up.
func TestWholeBatch(t *testing.T) {
	r := newRig(1024, 2)
	var flushed [2]int
	keep := r.Flush
	r.Flush = func(slot int) { flushed[slot]++; keep(slot) }
	dummy := packet.Desc{Addr: 0, Len: 1}
	for _, s := range r.Out {
		for s.N < 200 {
			s.Desc[s.N] = dummy
			s.N++
		}
	}
	want := make([][]byte, packet.MaxBatch)
	for i := range want {
		want[i] = bytes.Repeat([]byte{byte(i)}, 60+i)
		r.receive(want[i], 256)
	}
	b := NewBuilder()
	b.Output(0, 1)
	b.Output(1, 2)
	r.run(b.Program())
	if flushed != [2]int{2, 2} {
		t.Errorf("flushed %v times, want twice each, of which once when full", flushed)
	}
	for slot := range r.Out {
		got := r.sent[slot][200:]
		if len(got) != len(want) {
			t.Fatalf("slot %d: %d frames, want %d", slot, len(got), len(want))
		}
		for i, d := range got {
			if !bytes.Equal(r.Mem.Frame(d), want[i]) {
				t.Fatalf("slot %d: frame %d is %x", slot, i, r.Mem.Frame(d))
			}
		}
	}
	var total uint64
	for _, f := range want {
		total += uint64(len(f))
	}
	if r.Staged != (Count{512, 2 * total}) || r.In != (Count{256, total}) || r.Clones != r.In {
		t.Errorf("counts %+v", r.Stats)
	}
}

// TestStuckPort has a flush that makes no room: the frames are dropped, not lost.
func TestStuckPort(t *testing.T) {
	for _, copies := range []bool{false, true} {
		r := newRig(16, 2)
		r.Out[0].N = packet.MaxBatch
		r.Flush = func(int) {}
		for range 3 {
			r.receive(make([]byte, 60), 256)
		}
		b := NewBuilder()
		b.Output(0, 1)
		if copies {
			b.Output(1, 2)
		}
		flow.Extract(r.Mem, &r.batch, r.keys)
		r.Run(b.Program(), &r.batch, flow.Keys{Whole: r.keys}, r.idx)
		if r.Drops[DropTxFull] != (Count{3, 180}) {
			t.Errorf("copies %v: dropped %+v, want 3 for tx_full", copies, r.Drops[DropTxFull])
		}
		if want := 16 - 3*map[bool]int{true: 1}[copies]; r.Free.Len() != want {
			t.Errorf("copies %v: %d chunks free, want %d", copies, r.Free.Len(), want)
		}
	}
}

// TestSubset runs programs over interleaved parts of one batch.
func TestSubset(t *testing.T) {
	r := newRig(64, 2)
	for i := range 10 {
		f := make([]byte, 60)
		f[5] = byte(i)
		r.receive(f, 256)
	}
	flow.Extract(r.Mem, &r.batch, r.keys)
	out := NewBuilder()
	out.Output(1, 2)
	r.Run(out.Program(), &r.batch, flow.Keys{Whole: r.keys}, []uint16{1, 4, 9})
	drop := NewBuilder()
	drop.Drop(DropTTL)
	r.Run(drop.Program(), &r.batch, flow.Keys{Whole: r.keys}, []uint16{0, 2})
	r.Run(out.Program(), &r.batch, flow.Keys{Whole: r.keys}, nil)
	r.Run(drop.Program(), &r.batch, flow.Keys{Whole: r.keys}, nil)
	var got []byte
	for _, d := range r.Out[1].Desc[:r.Out[1].N] {
		got = append(got, r.Mem.Frame(d)[5])
	}
	if !bytes.Equal(got, []byte{1, 4, 9}) || r.Drops[DropTTL].Packets != 2 || r.Free.Len() != 64-8 {
		t.Errorf("sent %v, dropped %d, %d free", got, r.Drops[DropTTL].Packets, r.Free.Len())
	}
}
