package cache

import (
	"fmt"
	"strings"
	"testing"

	"pollux/flow"
)

const ms = 1_000_000

// tcp observes a packet of the f-th TCP flow with these flags.
func tcp(c *Cache, f uint64, flags uint64, now int64) {
	b, keys, idx := packetsOf(f, 1)
	keys[0].W[flow.WIP] = protoTCP<<56 | 64<<40
	keys[0].W[flow.WL4] |= flags << 16
	c.Observe(Point{}, b, flow.Keys{Whole: keys}, idx, nil, now)
}

// said writes the records in the ring, each as "reason packets/total".
func said(c *Cache) string {
	var all []string
	for r, ok := c.Records().Pop(); ok; r, ok = c.Records().Pop() {
		all = append(all, fmt.Sprintf("%v %d/%d", r.End, r.Packets, r.Total.Packets))
	}
	return strings.Join(all, ", ")
}

// TestEndReasons has a flow for each way to end, and what records say on the way.
func TestEndReasons(t *testing.T) {
	const fin, syn, rst, ack = 1 << FIN, 1 << SYN, 1 << RST, 1 << ACK
	cfg := Config{MaxFlows: 2, IdleTimeout: 100 * ms, ActiveTimeout: 300 * ms, EndLinger: 10 * ms, RecordRing: 8}
	steady := func(c *Cache) { // a packet each 50 ms, the seventh at 300
		for now := int64(0); now <= 300*ms; now += 50 * ms {
			observe(c, 1, now)
			c.Sweep(now, 10)
		}
	}
	tests := []struct {
		name   string
		run    func(c *Cache)
		want   string
		silent uint64
		held   int
	}{
		{"idle", func(c *Cache) { observe(c, 1, 0); c.Sweep(99*ms, 10); c.Sweep(200*ms, 10) }, "idle 1/1", 0, 0},
		{"not idle yet", func(c *Cache) { observe(c, 1, 0); c.Sweep(99*ms, 10) }, "", 0, 1},
		{"active", steady, "active 7/7", 0, 1},
		{"active, then goes on", func(c *Cache) {
			steady(c)
			observe(c, 1, 310*ms)
			c.Sweep(500*ms, 10)
		}, "active 7/7, idle 1/8", 0, 0},
		{"active twice", func(c *Cache) {
			steady(c)
			for now := int64(310 * ms); now <= 610*ms; now += 60 * ms {
				observe(c, 1, now)
				c.Sweep(now, 10)
			}
		}, "active 7/7, active 6/13", 0, 1},
		{"active, then quiet", func(c *Cache) { steady(c); c.Sweep(500*ms, 10) }, "active 7/7", 1, 0},
		{"active, then another flow", func(c *Cache) {
			steady(c)
			c.Sweep(500*ms, 10)
			observe(c, 1, 600*ms)
			c.FlushAll(10)
		}, "active 7/7, forced 1/1", 1, 0},
		{"forced right after active", func(c *Cache) { steady(c); c.FlushAll(10) }, "active 7/7", 1, 0},
		{"abandoned right after active", func(c *Cache) { steady(c); c.Abandon() }, "active 7/7", 1, 0},
		{"fin", func(c *Cache) { tcp(c, 1, fin|ack, 0); c.Sweep(9*ms, 10); c.Sweep(20*ms, 10) }, "end 1/1", 0, 0},
		{"rst", func(c *Cache) { tcp(c, 1, rst, 0); c.Sweep(20*ms, 10) }, "end 1/1", 0, 0},
		{"the last ack after fin", func(c *Cache) {
			tcp(c, 1, fin|ack, 0)
			c.Sweep(8*ms, 10)
			tcp(c, 1, ack, 8*ms)
			c.Sweep(17*ms, 10)
			c.Sweep(28*ms, 10)
		}, "end 2/2", 0, 0},
		{"a connection restarted within the linger is the same flow", func(c *Cache) {
			tcp(c, 1, fin|ack, 0)
			tcp(c, 1, syn, 5*ms)
			c.Sweep(12*ms, 10)
			c.Sweep(25*ms, 10)
		}, "end 2/2", 0, 0},
		{"a connection restarted after the linger is another", func(c *Cache) {
			tcp(c, 1, fin|ack, 0)
			c.Sweep(20*ms, 10)
			tcp(c, 1, syn, 30*ms)
			c.Sweep(50*ms, 10)
			c.Sweep(200*ms, 10)
		}, "end 1/1, idle 1/1", 0, 0},
		{"fin, reported as active, then the last ack", func(c *Cache) {
			c.SetTimeouts(100*ms, 5*ms, 10*ms)
			tcp(c, 1, fin|ack, 0)
			c.Sweep(6*ms, 10)
			tcp(c, 1, ack, 7*ms)
			c.SetTimeouts(100*ms, -1, 10*ms)
			c.Sweep(30*ms, 10)
		}, "active 1/1, end 1/2", 0, 0},
		{"forced", func(c *Cache) { observe(c, 1, 0); c.FlushAll(10) }, "forced 1/1", 0, 0},
		{"lack of resources", func(c *Cache) { observe(c, 1, 0); observe(c, 2, 1); observe(c, 3, 2) }, "lack_of_resources 1/1", 0, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := New(cfg)
			defer c.Close()
			tt.run(c)
			if got := said(c); got != tt.want {
				t.Errorf("records %q, want %q", got, tt.want)
			}
			c.Publish()
			s := c.Stats()
			if s.Silent != tt.silent || c.Len() != tt.held {
				t.Errorf("%d left in silence, %d held; want %d, %d", s.Silent, c.Len(), tt.silent, tt.held)
			}
			for why, n := range s.Ended {
				if got := strings.Count(tt.want, EndReason(why).String()+" "); uint64(got) != n {
					t.Errorf("%v counted %d times", EndReason(why), n)
				}
			}
		})
	}
}

// TestRecordsAfterActive: limits and flags are those since the last record, also when the
// packets come by a slot, and totals are those since the flow began.
func TestRecordsAfterActive(t *testing.T) {
	c := New(Config{ActiveTimeout: 10 * ms})
	defer c.Close()
	c.UseSlots(2)
	send := func(slot int32, ttl, flags uint64, length uint32, now int64) {
		b, keys, idx := packetsOf(1, 1)
		keys[0].W[flow.WIP] = protoTCP<<56 | ttl<<40
		keys[0].W[flow.WL4] |= flags << 16
		b.Desc[0].Len = length
		c.Observe(Point{}, b, flow.Keys{Whole: keys}, idx, []int32{slot}, now)
	}
	send(0, 10, 1<<SYN, 114, 0)
	send(1, 99, 1<<ACK, 214, 1*ms)
	send(1, 99, 1<<ACK, 314, 2*ms)
	c.Sweep(20*ms, 10)
	send(1, 99, 1<<ACK, 150, 21*ms)
	send(1, 99, 1<<ACK, 160, 22*ms)
	c.FlushAll(10)
	a, _ := c.Records().Pop()
	b, _ := c.Records().Pop()
	if a.MinTTL != 10 || a.MaxTTL != 99 || a.MinLen != 100 || a.MaxLen != 300 || a.TCPFlags != 1<<SYN|1<<ACK ||
		a.First != 0 || a.Last != 2*ms || a.TCP[ACK] != 2 || a.TCP[SYN] != 1 {
		t.Errorf("first record %+v", a.Counters)
	}
	if b.MinTTL != 99 || b.MaxTTL != 99 || b.MinLen != 136 || b.MaxLen != 146 || b.TCPFlags != 1<<ACK ||
		b.First != 21*ms || b.Last != 22*ms || b.TCP[ACK] != 2 || b.TCP[SYN] != 0 {
		t.Errorf("second record %+v", b.Counters)
	}
	want := Total{Began: 0, Packets: 5, Octets: 100 + 200 + 300 + 136 + 146, L2Octets: 114 + 214 + 314 + 150 + 160}
	for _, n := range []uint64{100, 200, 300, 136, 146} {
		want.SumSq += n * n
	}
	want.TCP[SYN], want.TCP[ACK] = 1, 4
	if b.Total != want {
		t.Errorf("totals %+v, want %+v", b.Total, want)
	}
}
