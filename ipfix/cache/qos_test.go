package cache

import (
	"encoding/binary"
	"testing"

	"pgregory.net/rapid"

	"pollux/flow"
	"pollux/internal/packet"
)

// wire makes batches of TCP segments over IPv4.
type wire struct {
	mem  packet.Memory
	b    packet.Batch
	keys [packet.MaxBatch]flow.Key
	idx  []uint16
}

type segment struct {
	seq   uint32
	data  int
	flags uint8
}

func newWire() *wire {
	return &wire{mem: packet.Memory{Buf: make([]byte, 64*2048), FD: -1, ChunkSize: 2048, PerHome: 64}}
}

func (w *wire) load(segs []segment) {
	w.b.N, w.idx = len(segs), nil
	be := binary.BigEndian
	for i, s := range segs {
		f := make([]byte, 54+s.data)
		copy(f, []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45})
		be.PutUint16(f[16:], uint16(40+s.data))
		f[22], f[23], f[26], f[30] = 64, protoTCP, 10, 10
		be.PutUint16(f[34:], 1000)
		be.PutUint16(f[36:], 80)
		be.PutUint32(f[38:], s.seq)
		f[46], f[47] = 5<<4, s.flags
		w.b.Desc[i] = packet.Desc{Addr: uint64(i * 2048), Len: uint32(copy(w.mem.Buf[i*2048:], f))}
		w.idx = append(w.idx, uint16(i))
	}
	flow.Extract(&w.mem, &w.b, w.keys[:])
}

const (
	tFIN = 1 << FIN
	tSYN = 1 << SYN
	tACK = 1 << ACK
)

// TestQoS: segments of one flow, and what is measured.
func TestQoS(t *testing.T) {
	const top = 1<<32 - 100 // numbers go round
	tests := []struct {
		name          string
		segs          []segment
		retrans, late uint64
	}{
		{"in order", []segment{{top, 0, tSYN}, {top + 1, 200, tACK}, {101, 100, tACK}, {201, 0, tACK | tFIN}}, 0, 0},
		{"pure acks", []segment{{1, 10, tACK}, {11, 0, tACK}, {11, 0, tACK}, {5, 0, tACK}}, 0, 0},
		{"sent again", []segment{{1, 10, tACK}, {11, 10, tACK}, {11, 10, tACK}, {1, 10, tACK}}, 2, 0},
		{"syn sent again", []segment{{1, 0, tSYN}, {1, 0, tSYN}, {2, 10, tACK}}, 1, 0},
		{"fin sent again", []segment{{1, 10, tACK}, {11, 0, tACK | tFIN}, {11, 0, tACK | tFIN}}, 1, 0},
		{"swapped", []segment{{1, 10, tACK}, {21, 10, tACK}, {11, 10, tACK}, {31, 10, tACK}}, 0, 1},
		{"swapped, then sent again", []segment{{1, 10, tACK}, {21, 10, tACK}, {11, 10, tACK}, {11, 10, tACK}}, 1, 1},
		{"a hole filled in parts", []segment{{1, 10, tACK}, {41, 10, tACK}, {21, 10, tACK}, {11, 10, tACK}, {31, 10, tACK}}, 0, 1},
		{"two holes", []segment{{1, 10, tACK}, {21, 10, tACK}, {41, 10, tACK}, {31, 10, tACK}, {11, 10, tACK}}, 0, 2},
		{"partly new", []segment{{1, 10, tACK}, {6, 10, tACK}, {16, 10, tACK}}, 1, 0},
		{"another connection", []segment{{1, 0, tSYN}, {2, 10, tACK}, {9000, 0, tSYN}, {9001, 10, tACK}}, 0, 0},
		{"begun in the middle", []segment{{777, 10, tACK}, {787, 10, tACK}}, 0, 0},
	}
	for _, tt := range tests {
		for _, slots := range [][]int32{nil, make([]int32, 256)} {
			w := newWire()
			c := New(Config{QoS: true, Memory: &w.mem})
			c.UseSlots(64)
			w.load(tt.segs)
			// Segments of equal flags have equal keys, and so one slot.
			for i := range slots {
				if i < len(tt.segs) {
					slots[i] = int32(tt.segs[i].flags)
				}
			}
			c.Observe(Point{}, &w.b, flow.Keys{Whole: w.keys[:]}, w.idx, slots, 0)
			c.FlushAll(1)
			r, ok := c.Records().Pop()
			if !ok || r.Packets != uint64(len(tt.segs)) || r.QoS.Retransmit != tt.retrans || r.QoS.OutOfOrder != tt.late {
				t.Errorf("%s, slots %t: %d packets, %+v; want %d again, %d early", tt.name, slots != nil, r.Packets, r.QoS, tt.retrans, tt.late)
			}
			c.Close()
		}
	}
}

// TestQoSTimes: the last SYN, the first SYN with ACK, each told once.
func TestQoSTimes(t *testing.T) {
	w := newWire()
	c := New(Config{QoS: true, Memory: &w.mem, ActiveTimeout: 50 * ms})
	defer c.Close()
	send := func(s segment, now int64) {
		w.load([]segment{s})
		c.Observe(Point{}, &w.b, flow.Keys{Whole: w.keys[:]}, w.idx, nil, now)
	}
	send(segment{1, 0, tSYN}, 10*ms)
	send(segment{1, 0, tSYN}, 20*ms)
	send(segment{9, 0, tSYN | tACK}, 30*ms)
	send(segment{9, 0, tSYN | tACK}, 40*ms)
	c.Sweep(100*ms, 10)
	send(segment{10, 1, tACK}, 110*ms)
	c.FlushAll(1)
	a, _ := c.Records().Pop()
	b, _ := c.Records().Pop()
	if a.QoS != (QoS{SYN: 20 * ms, SYNACK: 30 * ms, Retransmit: 2}) || b.QoS != (QoS{}) {
		t.Errorf("%+v, then %+v", a.QoS, b.QoS)
	}
}

// TestQoSOff: nothing is measured unless it is asked for.
func TestQoSOff(t *testing.T) {
	w := newWire()
	c := New(Config{Memory: &w.mem})
	defer c.Close()
	w.load([]segment{{1, 0, tSYN}, {1, 0, tSYN}})
	c.Observe(Point{}, &w.b, flow.Keys{Whole: w.keys[:]}, w.idx, nil, 5)
	c.FlushAll(1)
	if r, _ := c.Records().Pop(); r.QoS != (QoS{}) {
		t.Errorf("%+v", r.QoS)
	}
}

// TestSequenceAgainstBytes: with holes no more than are remembered, what is counted is what
// a set of the bytes that went by says.
func TestSequenceAgainstBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := rapid.SampledFrom([]uint32{1, 1<<32 - 20}).Draw(t, "start")
		var s tcpState
		s.segment(start, 4, tACK, 0)
		gone, next := map[int]bool{0: true, 1: true, 2: true, 3: true}, 4
		var retrans, early uint64
		for range rapid.IntRange(1, 40).Draw(t, "segments") {
			at := rapid.IntRange(0, next+6).Draw(t, "at")
			n := rapid.IntRange(1, 6).Draw(t, "n")
			old := false
			for i := at; i < at+n; i++ {
				old = old || gone[i]
			}
			if crossing := at < next && !old && at+n > next; crossing || at < next && old && !all(gone, at, n) {
				continue // it fills a hole and more: what that is called is not said
			}
			if at > next && holes(gone, next) == len(s.holes) {
				continue
			}
			if old {
				retrans++
			}
			if at > next {
				early++
			}
			for i := at; i < at+n; i++ {
				gone[i] = true
			}
			if next = max(next, at+n); holes(gone, next) > len(s.holes) {
				return
			}
			s.segment(start+uint32(at), uint32(n), tACK, 0)
			if s.Retransmit != retrans || s.OutOfOrder != early {
				t.Fatalf("after [%d, %d): %d again, %d early; want %d, %d", at, at+n, s.Retransmit, s.OutOfOrder, retrans, early)
			}
		}
	})
}

func all(gone map[int]bool, at, n int) bool {
	for i := at; i < at+n; i++ {
		if !gone[i] {
			return false
		}
	}
	return true
}

// holes returns how many runs of bytes before next have not gone by.
func holes(gone map[int]bool, next int) (n int) {
	for i := 1; i < next; i++ {
		if !gone[i] && gone[i-1] {
			n++
		}
	}
	return n
}
