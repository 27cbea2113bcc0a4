package pipeline

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"

	"pollux/actions"
	"pollux/flow"
	"pollux/internal/packet"
)

// rig runs programs as poll loops do: on frames in the switch's memory.
type rig struct {
	*actions.Exec
	batch  *packet.Batch
	keys   []flow.Key
	out    []sent
	snap   *Snapshot // by which packets that pause go on
	gaveUp bool      // one of those was refused
}

// pausedPacket is one of which something is left to do.
type pausedPacket struct {
	punt  *actions.Punt
	frame []byte
}

// chunks is enough for every port's staging and copies inside each other.
const chunks = 2048

func newRig(ports []Port) *rig {
	m := &packet.Memory{Buf: make([]byte, chunks*2048), FD: -1, ChunkSize: 2048, Headroom: 256, PerHome: chunks}
	r := &rig{Exec: actions.NewExec(m, packet.NewFreeList(m, 0)), batch: &packet.Batch{}, keys: make([]flow.Key, packet.MaxBatch)}
	for _, p := range ports {
		for len(r.Out) <= int(p.Slot) {
			r.Out = append(r.Out, nil)
		}
		r.Out[p.Slot] = new(actions.Staging)
	}
	r.Punts = actions.NewPuntRing(4096, 2048)
	r.Flush = func(slot int) {
		for _, p := range ports {
			if int(p.Slot) != slot {
				continue
			}
			for _, d := range r.Out[slot].Take() {
				r.out = append(r.out, sent{p.OFPort, string(m.Frame(d))})
				r.Free.Put(m.Chunk(d.Addr))
			}
		}
	}
	return r
}

// run has a frame come in by port in, and returns what program p makes of it.
func (r *rig) run(p *actions.Program, frame []byte, in uint32) []sent {
	chunk, _ := r.Free.Get()
	r.out = nil
	var paused []pausedPacket
	r.batch.N, r.batch.InPort = 1, in
	r.batch.Desc[0] = packet.Desc{Addr: chunk + 256, Len: uint32(len(frame))}
	copy(r.Mem.Frame(r.batch.Desc[0]), frame)
	flow.Extract(r.Mem, r.batch, r.keys)
	r.Run(p, r.batch, flow.Keys{Whole: r.keys}, []uint16{0})
	for slot, s := range r.Out {
		if s != nil {
			r.Flush(slot)
		}
	}
	r.Punts.Drain(func(p *actions.PuntedPacket) {
		var k flow.Key
		p.Key(&k)
		r.out = append(r.out, told(p.MaxLen, p.ID, p.UserData, &k, bytes.Clone(p.Data)))
		if p.Frozen != nil {
			paused = append(paused, pausedPacket{p.Punt, bytes.Clone(p.Data)})
		}
	})
	out := r.out
	for _, p := range paused {
		u := resumed(r.snap, p.frame, p.punt)
		r.gaveUp = r.gaveUp || u.Program.Drop == actions.DropHidden
		out = append(out, r.run(u.Program, p.frame, u.Key.InPort())...)
	}
	return out
}

// blank zeroes the checksums, which the oracle does not keep.
func blank(list []sent) []sent {
	for i := range list {
		// What was cut off is made up, so that headers are found: 255 bytes after an IP packet are
		// too much.
		f := append([]byte(list[i].frame), make([]byte, max(0, 128-len(list[i].frame)))...)
		var k flow.Key
		_, l3, l4 := flow.ExtractOne(f, 1, &k)
		if flow.PreMPLS.Met(&k) && int(l3) < len(f) { // look under the labels
			inner := append(make([]byte, 12), 8, 0)
			if f[l3]>>4 == 6 {
				inner[12], inner[13] = 0x86, 0xdd
			}
			in := blank([]sent{{0, string(append(inner, f[l3:]...))}})
			copy(f[l3:], in[0].frame[14:])
		}
		if k.EthType() == 0x0800 && int(l3)+20 <= len(f) {
			binary.BigEndian.PutUint16(f[l3+10:], 0)
		}
		at := map[uint8]int{1: 2, 6: 16, 17: 6, 58: 2}[k.NwProto()]
		if flow.PreIP.Met(&k) && at != 0 && int(l4)+at+2 <= len(f) {
			binary.BigEndian.PutUint16(f[int(l4)+at:], 0)
		}
		list[i].frame = string(f[:len(list[i].frame)])
	}
	return list
}

// TestProgramsAsTheLoopsRunThem is the whole way: random tables, a translation, the
// program run on a real frame by the executor, against the oracle's bytes.
func TestProgramsAsTheLoopsRunThem(t *testing.T) {
	cases, queued := 0, uint64(0)
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 3))
		w := newWorld(t, r, 25)
		x := newRig(w.or.ports)
		x.snap = w.state.Snapshot()
		for range 150 {
			frame, in := randomFrame(r), uint32(1+r.IntN(5))
			want, err := w.or.process(frame, in)
			if errors.Is(err, errTags) {
				continue
			}
			var meta flow.Key
			meta.Set(flow.WPort, uint64(in))
			key := extract(frame, &meta)
			u, _ := settle(w.state.Snapshot(), &key, frame, false)
			x.gaveUp = false
			before := queueCounts(t, w.state)
			got := x.run(u.Program, frame, in)
			w.or.gaveUp = x.gaveUp
			if cases++; !sameSent(blank(got), blank(want)) && !w.or.refused(u.Program) {
				t.Fatalf("seed %d\nsent:%s\nwant:%s\nin_port %d frame %x\n%s", seed, showSent(got), showSent(want), in, frame, w.trace(&key))
			}
			if after := queueCounts(t, w.state); !w.or.refused(u.Program) {
				for at, n := range after {
					if n-before[at] != w.or.queued[at] {
						t.Fatalf("seed %d: %d packets went by queue %d of port %d, want %d\nin_port %d frame %x\n%s",
							seed, n-before[at], at[1], at[0], w.or.queued[at], in, frame, w.trace(&key))
					}
					queued += n - before[at]
				}
			}
			if x.Free.Len() != chunks {
				t.Fatalf("seed %d: %d of %d chunks are back", seed, x.Free.Len(), chunks)
			}
		}
	}
	if queued == 0 {
		t.Error("no packet went by a queue")
	}
	t.Logf("%d cases, %d packets by queues", cases, queued)
}

// queueCounts is how many packets went by each queue, by port and queue.
func queueCounts(t *testing.T, s *State) map[[2]uint32]uint64 {
	t.Helper()
	all, err := s.QueueStats(AnyPort, AllQueues)
	if err != nil {
		t.Fatal(err)
	}
	m := map[[2]uint32]uint64{}
	for _, q := range all {
		m[[2]uint32{q.Port, q.Queue.ID}] = q.Packets
	}
	return m
}
