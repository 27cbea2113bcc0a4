package actions

import (
	"fmt"
	"testing"

	"pollux/flow"
	"pollux/internal/packet"
)

// placed is the law of drops by port: every one is counted in all and once more, with the port
// that the packet came in by, or with that which did not take it, as its reason says.
func (r *rig) placed() error {
	for why := range NumReasons {
		var out Count
		for i := range r.lost {
			out.add(int(r.lost[i].Drops[why].Packets), r.lost[i].Drops[why].Bytes)
		}
		from, all := r.from.Drops[why], r.Drops[why]
		if from.Packets+out.Packets+r.Unplaced.Drops[why].Packets != all.Packets || from.Bytes+out.Bytes+r.Unplaced.Drops[why].Bytes != all.Bytes {
			return fmt.Errorf("%v: %+v in all, %+v of the port they came by, %+v of others, %+v of none", why, all, from, out, r.Unplaced.Drops[why])
		}
		if other := map[bool]Count{true: from, false: out}[why.AtOutput()]; other != (Count{}) {
			return fmt.Errorf("%v: %+v are told of the wrong port", why, other)
		}
	}
	return nil
}

// TestDropsByPort: each drop is told of one port, in packets and bytes, whether it is the
// frame or a copy of it.
func TestDropsByPort(t *testing.T) {
	const size, n = 100, 10
	out := func(slot uint32) Op { return Op{Code: OpOutput, A: slot, B: slot + 1} }
	ttl := Op{Code: OpSet, Field: flow.IPTTL, V: flow.Value{Lo: 9}, M: flow.Value{Lo: 0xff}}
	for _, c := range []struct {
		name   string
		ops    []Op
		frames int // free
		from   map[Reason]uint64
		lost   map[int]map[Reason]uint64
	}{
		{"dropped", []Op{{Code: OpDrop, A: uint32(DropTTL)}}, 0, map[Reason]uint64{DropTTL: n}, nil},
		{"no output", []Op{ttl}, 0, map[Reason]uint64{DropNoOutput: n}, nil},
		{"no such port", []Op{out(9), out(7)}, 0, map[Reason]uint64{DropNoPort: 2 * n}, nil},
		{"a port that is down", []Op{out(3)}, 0, map[Reason]uint64{DropPortDown: n}, nil},
		{"no frame for copies", []Op{out(0), out(1)}, 4, map[Reason]uint64{DropNoFrame: n - 4}, nil},
		{"too long for a port", []Op{out(2)}, 0, nil, map[int]map[Reason]uint64{2: {DropTooLong: n}}},
		{"copies too long for a port", []Op{out(2), out(0)}, n, nil, map[int]map[Reason]uint64{2: {DropTooLong: n}}},
		{"too long in a clone", []Op{{Code: OpClone, A: 2}, ttl, out(2), out(0)}, 2 * n, nil, map[int]map[Reason]uint64{2: {DropTooLong: n}}},
		{"beyond a queue", []Op{throughQueue(1, 0, 0)}, 0, nil, map[int]map[Reason]uint64{1: {DropQueue: n - 4}}},
		{"copies beyond a queue", []Op{throughQueue(1, 0, 0), out(0)}, n, nil, map[int]map[Reason]uint64{1: {DropQueue: n - 4}}},
		{"a full port", []Op{out(4)}, 0, nil, map[int]map[Reason]uint64{4: {DropTxFull: n}}},
		{"copies to a full port", []Op{out(4), out(2), out(0)}, 2 * n, nil, map[int]map[Reason]uint64{4: {DropTxFull: n}, 2: {DropTooLong: n}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(n+c.frames, 5)
			r.Out[2].MTU, r.Out[3].State = 64, Down
			r.Out[4].N = packet.MaxBatch // and nothing takes any
			flush := r.Flush
			r.Flush = func(slot int) {
				if slot != 4 {
					flush(slot)
				}
			}
			p := &Program{Ops: c.ops, Queues: []*Queue{NewQueue(1_000_000, 3.5*8*size, 0, nil)}}
			p.Finish(DropNone)
			f := make([]byte, size)
			copy(f[12:], []byte{8, 0, 0x45, 0, 0, size - 14, 0, 0, 0, 0, 64, 17})
			for range n {
				r.receive(f, 256)
			}
			r.run(p)
			same := func(what string, got *Drops, want map[Reason]uint64) {
				for why, got := range got {
					if k := want[Reason(why)]; got != (Count{k, k * size}) {
						t.Errorf("%s: %+v for %v, want %d of %d bytes", what, got, Reason(why), k, size)
					}
				}
			}
			same("of the port they came by", &r.from.Drops, c.from)
			same("of none", &r.Unplaced.Drops, nil)
			for i := range r.lost {
				same(fmt.Sprintf("of slot %d", i), &r.lost[i].Drops, c.lost[i])
			}
			if err := r.placed(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestDropsByPortOfTheLoop: what the loop gives up is told of the port that it names, and of
// none where it names none, whatever packets are in hand.
func TestDropsByPortOfTheLoop(t *testing.T) {
	r := newRig(4, 1)
	for i, of := range []*PortDrops{&r.lost[0], nil, &r.lost[0]} {
		c, _ := r.Free.Get()
		r.Exec.Drop(DropTxFull, []packet.Desc{{Addr: c + 256, Len: uint32(10 + i)}}, of)
	}
	if r.lost[0].Drops[DropTxFull] != (Count{2, 22}) || r.Unplaced.Drops[DropTxFull] != (Count{1, 11}) || r.from.Drops != (Drops{}) {
		t.Errorf("of the port %+v, of none %+v, of the port they came by %+v", r.lost[0].Drops[DropTxFull], r.Unplaced.Drops[DropTxFull], r.from.Drops[DropTxFull])
	}
	if err := r.placed(); err != nil {
		t.Error(err)
	}
}
