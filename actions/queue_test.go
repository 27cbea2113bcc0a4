package actions

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"pollux/flow"
	"pollux/internal/packet"
	"pollux/ipfix/cache"
)

// throughQueue is an output to slot, of max bytes or all of them, by queue number q of qs.
func throughQueue(slot uint32, q int, max uint16) Op {
	return Op{Code: OpOutput, A: slot, B: slot + 1, V: flow.Value{Lo: uint64(max), Hi: uint64(q + 1)}, M: flow.Value{Lo: uint64(q)}}
}

// queueing is a program of one output by a queue.
func queueing(q *Queue) *Program {
	p := &Program{Ops: []Op{throughQueue(1, 0, 0)}, Queues: []*Queue{q}}
	p.Finish(DropNone)
	return p
}

// TestQueuePolicesItsOutputAlone: 100 packets at once, for a queue with room for 10 and a
// port without. What is beyond the queue's room is not sent there, and goes everywhere else.
func TestQueuePolicesItsOutputAlone(t *testing.T) {
	const size = 100
	plain := func(slot uint32) Op { return Op{Code: OpOutput, A: slot, B: slot + 1} }
	ttl := Op{Code: OpSet, Field: flow.IPTTL, V: flow.Value{Lo: 9}, M: flow.Value{Lo: 0xff}}
	for _, c := range []struct {
		name  string
		ops   []Op
		sent  [3]int
		drop  int
		byte  uint64 // of a packet that is sent by the queue
		text  string
		queue int
	}{
		{"the last output", []Op{plain(1), throughQueue(0, 0, 0)}, [3]int{10, 100}, 90, size, "2,queue(0),1", 0},
		{"an output before the last", []Op{throughQueue(0, 0, 0), plain(1)}, [3]int{10, 100}, 90, size, "queue(0),1,2", 0},
		{"the only one", []Op{throughQueue(0, 0, 0)}, [3]int{10}, 90, size, "queue(0),1", 0},
		{"cut short", []Op{throughQueue(0, 0, 50), plain(1)}, [3]int{20, 100}, 80, 50, "trunc(50),queue(0),1,2", 0},
		{"the last cut short", []Op{throughQueue(0, 0, 50)}, [3]int{20}, 80, 50, "trunc(50),queue(0),1", 0},
		{"of a copy", []Op{{Code: OpClone, A: 2}, ttl, throughQueue(0, 0, 0), plain(1)}, [3]int{10, 100}, 90, size, "clone(set(ipv4(ttl=9)),queue(0),1),2", 0},
		{"both by one queue", []Op{throughQueue(0, 0, 0), throughQueue(1, 0, 0)}, [3]int{10, 0}, 190, size, "queue(0),1,queue(0),2", 0},
		{"without limit", []Op{throughQueue(0, 1, 0), plain(1)}, [3]int{100, 100}, 0, size, "queue(1),1,2", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(1024, 3)
			qs := []*Queue{NewQueue(1_000_000, 9.5*8*size, 0, nil), NewQueue(0, 0, 0, nil)}
			p := &Program{Ops: c.ops, Queues: qs}
			p.Finish(DropNone)
			if p.String() != c.text {
				t.Errorf("%s, want %s", p, c.text)
			}
			r.reset()
			f := make([]byte, size)
			copy(f[12:], []byte{8, 0, 0x45, 0, 0, size - 14, 0, 0, 0, 0, 64, 17})
			for range 100 {
				r.receive(f, 256)
			}
			r.run(p)
			for i, want := range c.sent {
				if got := len(r.sent[i]); got != want {
					t.Errorf("port %d: %d packets, want %d", i, got, want)
				}
			}
			q := qs[c.queue]
			sent, lost := q.Sent.Packets.Load(), q.Beyond.Packets.Load()
			if int(lost) != c.drop || sent*c.byte != q.Sent.Bytes.Load() || lost*c.byte != q.Beyond.Bytes.Load() {
				t.Errorf("the queue counts %d packets of %d bytes and %d of %d beyond, want %d beyond, of %d bytes each",
					sent, q.Sent.Bytes.Load(), lost, q.Beyond.Bytes.Load(), c.drop, c.byte)
			}
			if d := r.Drops[DropQueue].Packets; int(d) != c.drop {
				t.Errorf("%d drops, want %d", d, c.drop)
			}
			if s := &r.Stats; s.In.Packets+s.Clones.Packets+s.Late.Packets != s.Staged.Packets+s.Consumed.Packets+s.Dropped().Packets {
				t.Errorf("the sum is not closed: %+v", *s)
			}
		})
	}
}

// TestQueueHoldsItsRate: packets of all sizes at three times the rate for ten seconds of the
// clock, shared unevenly by loops.
func TestQueueHoldsItsRate(t *testing.T) {
	for _, c := range []struct {
		rate  uint64
		loops int
	}{{500_000, 1}, {500_000, 4}, {10_000_000, 1}, {10_000_000, 2}, {10_000_000, 4}, {1_000_000_000, 2}} {
		rate := c.rate
		t.Run(fmt.Sprintf("rate=%d,loops=%d", rate, c.loops), func(t *testing.T) {
			const seconds, meanBits = 10, 8 * 630
			var rigs []*rig
			for range c.loops {
				rigs = append(rigs, newRig(packet.MaxBatch, 1))
			}
			q := NewQueue(rate, 0, 0, nil)
			p := &Program{Ops: []Op{throughQueue(0, 0, 0)}, Queues: []*Queue{q}}
			p.Finish(DropNone)
			n := 3 * int(rate) * seconds / meanBits
			per := min(max(int(rate)/80/meanBits, 1), 32) // a fourth of the burst at most, or one packet
			steps := min(n/per, 4000)
			span := float64(steps*per) * meanBits / 3 / float64(rate) // seconds that this many packets are for
			frame := make([]byte, 1200)
			var bits uint64
			for s := range steps {
				r := rigs[s*s%c.loops]
				r.Now = int64(float64(s) * span * 1e9 / float64(steps))
				r.reset()
				for range per {
					r.receive(frame[:60+rand.IntN(1141)], 256)
				}
				r.run(p)
				for _, d := range r.sent[0] {
					bits += uint64(d.Len) * 8
				}
			}
			if bits != 8*q.Sent.Bytes.Load() {
				t.Errorf("%d bits were sent, the queue counts %d", bits, 8*q.Sent.Bytes.Load())
			}
			want := float64(rate)*span + float64(rate)/20 // and the first 50 ms
			if got := float64(bits); got < 0.99*want || got > 1.01*want {
				t.Errorf("%.0f bits in %.2f s, want %.0f", got, span, want)
			}
		})
	}
}

// TestQueueCountsOutliveIt: a queue of another rate goes on with the counters.
func TestQueueCountsOutliveIt(t *testing.T) {
	a := NewQueue(8000, 0, 0, nil)
	a.Sent.add(3, 300)
	b := NewQueue(16000, 0, 0, a.QueueCounts)
	b.Sent.add(1, 100)
	if n := a.Sent.Packets.Load(); n != 4 {
		t.Errorf("%d packets, want 4", n)
	}
}

// TestQueueDropsAreTold: flow records tell of what a queue dropped: on the way out always, on
// the way in of packets that went nowhere else.
func TestQueueDropsAreTold(t *testing.T) {
	sample := func(s ...cache.Point) (ops []Op, samples []Sample) {
		for i, p := range s {
			p.ID = uint32(i)
			ops = append(ops, Op{Code: OpSample, A: uint32(i)})
			samples = append(samples, Sample{Point: p})
		}
		return ops, samples
	}
	ops, samples := sample(cache.Point{}, cache.Point{Dir: cache.Egress, Egress: 1}, cache.Point{Dir: cache.Egress, Egress: 2})
	queue, plain := throughQueue(0, 0, 0), Op{Code: OpOutput, A: 1, B: 2}
	for _, c := range []struct {
		name string
		ops  []Op
		want map[uint32]uint64 // dropped of 100, by sample
	}{
		{"the last output", []Op{ops[0], ops[1], queue}, map[uint32]uint64{0: 90, 1: 90}},
		{"another goes on", []Op{ops[0], ops[1], queue, ops[2], plain}, map[uint32]uint64{0: 0, 1: 90, 2: 0}},
		{"another went before", []Op{ops[0], ops[2], plain, ops[1], queue}, map[uint32]uint64{0: 0, 1: 90, 2: 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(512, 2)
			r.Caches = []*cache.Cache{cache.New(cache.Config{MaxFlows: 16, Memory: r.Mem})}
			f := udp()
			p := &Program{Ops: c.ops, Samples: samples, Queues: []*Queue{NewQueue(1_000_000, uint64(9*len(f)*8+1), 0, nil)}}
			p.Finish(DropNone)
			for range 100 {
				r.receive(f, 256)
			}
			r.run(p)
			recs := flowsOf(r.Caches[0])
			for _, rec := range recs {
				why := DropQueue
				if c.want[rec.Point.ID] == 0 {
					why = DropNone
				}
				if rec.Packets != 100 || rec.Dropped != c.want[rec.Point.ID] || Reason(rec.DropReason) != why {
					t.Errorf("sample %d: %d of %d dropped for %v, want %d for %v", rec.Point.ID, rec.Dropped, rec.Packets, Reason(rec.DropReason), c.want[rec.Point.ID], why)
				}
			}
			if len(recs) != len(c.want) {
				t.Errorf("%d records, want %d", len(recs), len(c.want))
			}
		})
	}
	if DropQueue.ForwardingStatus() != DropMeter.ForwardingStatus() {
		t.Errorf("forwardingStatus %d, want that of a policer", DropQueue.ForwardingStatus())
	}
}
