package actions

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"pollux/internal/packet"
)

// metering is a program of one meter and an output.
func metering(m *Meter) *Program {
	p := &Program{Ops: []Op{{Code: OpMeter, B: 1}, {Code: OpOutput, B: 1}}, Meters: []*Meter{m}}
	p.Finish(DropNone)
	return p
}

// TestMeterHoldsItsRate: several loops at once, each with batches of packets of all sizes
// at ten times the rate, for ten seconds of their clocks: what goes through is the rate and
// at most one burst.
func TestMeterHoldsItsRate(t *testing.T) {
	for _, c := range []struct {
		packets bool
		rate    uint64
		burst   uint64
		seconds float64
	}{
		{true, 1000, 0, 10}, {true, 100_000, 200, 0.5}, {true, 10, 0, 10},
		{false, 10_000_000, 0, 10}, {false, 200_000, 40_000, 10}, {false, 1_000_000_000, 8_000_000, 0.2},
	} {
		for _, loops := range []int{1, 3} {
			t.Run(fmt.Sprintf("packets=%v,rate=%d,burst=%d,loops=%d", c.packets, c.rate, c.burst, loops), func(t *testing.T) {
				m := NewMeter(c.packets, []MeterBand{{Rate: c.rate, Burst: c.burst}}, 0)
				p := metering(m)
				each := float64(c.rate) * 10 * c.seconds / float64(loops)
				if !c.packets {
					each /= 8 * 600
				}
				perStep := min(max(int(each/2000), 1), 32)
				steps := max(int(each)/perStep, 500)
				var sum uint64
				var mu sync.Mutex
				var all sync.WaitGroup
				for range loops {
					all.Go(func() {
						r := newRig(packet.MaxBatch, 1)
						var out uint64
						frame := make([]byte, 1200)
						for s := range steps {
							r.Now = int64(float64(s) * c.seconds * 1e9 / float64(steps))
							r.reset()
							for range perStep {
								n := 60 + rand.IntN(1080)
								r.receive(frame[:n], 256)
							}
							r.run(p)
							for _, d := range r.sent[0] {
								if out++; !c.packets {
									out += uint64(d.Len)*8 - 1
								}
							}
						}
						mu.Lock()
						sum += out
						mu.Unlock()
					})
				}
				all.Wait()
				// 50 ms where no burst is given; one packet may overdraw the bucket.
				burst, largest := float64(c.burst), 1.0
				if c.burst == 0 {
					burst = float64(c.rate) / 20
				}
				if !c.packets {
					largest = 1140 * 8
				}
				want := float64(c.rate) * c.seconds
				if got := float64(sum); got > want+burst+largest+1 || got < want*0.98-largest {
					t.Errorf("%.0f went through, want %.0f and a burst of %.0f", got, want, burst)
				}
				if m.In.Packets.Load() == 0 || m.Hits[0].Packets.Load() == 0 {
					t.Errorf("counts: in %d, dropped %d", m.In.Packets.Load(), m.Hits[0].Packets.Load())
				}
			})
		}
	}
}

// TestMeterBands: the band of the highest rate that is exceeded applies, and only that;
// between the two rates packets are remarked, beyond the second dropped.
func TestMeterBands(t *testing.T) {
	m := NewMeter(true, []MeterBand{{Rate: 20, Burst: 20}, {Rate: 10, Burst: 10, Remark: 1}}, 0)
	p := metering(m)
	if !m.Remarks() || p.Ops[0].changes() {
		t.Fatal("a meter that remarks")
	}
	r := newRig(64, 1)
	for range 64 {
		f := udp()
		f[15] = 10 << 2 // AF11
		r.receive(f, 256)
	}
	r.run(p)
	// The first packet overdraws nothing: 10+1 conform to the slow band, 20+1 to the fast.
	if got := len(r.sent[0]); got != 21 {
		t.Fatalf("%d went through, want 21", got)
	}
	for i, d := range r.sent[0] {
		want := byte(10 << 2)
		if i >= 11 {
			want = 12 << 2 // AF12
		}
		if f := r.Mem.Frame(d); f[15] != want {
			t.Errorf("packet %d has TOS %#x, want %#x", i, f[15], want)
		}
	}
	if r.Drops[DropMeter].Packets != 43 || m.Hits[0].Packets.Load() != 43 || m.Hits[1].Packets.Load() != 10 || m.In.Packets.Load() != 64 {
		t.Errorf("dropped %d; band 0 %d, band 1 %d of %d", r.Drops[DropMeter].Packets, m.Hits[0].Packets.Load(), m.Hits[1].Packets.Load(), m.In.Packets.Load())
	}
}

// TestMeterRemarks: only assured forwarding has a drop precedence to raise, and IPv4's
// checksum stays right.
func TestMeterRemarks(t *testing.T) {
	for _, c := range []struct{ dscp, level, want uint8 }{
		{10, 1, 12}, {10, 2, 14}, {12, 1, 14}, {14, 1, 14}, {10, 200, 14}, {38, 1, 38}, {34, 1, 36}, {0, 1, 0}, {46, 1, 46}, {8, 1, 8}, {11, 1, 11},
	} {
		m := NewMeter(true, []MeterBand{{Rate: 0, Remark: c.level}}, 0)
		r := newRig(4, 1)
		f := udp()
		f[15] = c.dscp<<2 | 1
		want := udp()
		want[15] = c.want<<2 | 1
		for _, b := range [][]byte{f, want} {
			be.PutUint16(b[24:], 0)
			be.PutUint16(b[24:], ^fold(b[14:34]))
		}
		r.receive(f, 256)
		r.run(metering(m))
		if len(r.sent[0]) != 1 {
			t.Fatal("not sent")
		}
		if got := r.Mem.Frame(r.sent[0][0]); string(got) != string(want) {
			t.Errorf("DSCP %d by %d:\n got %x\nwant %x", c.dscp, c.level, got, want)
		}
	}
}

// fold adds up 16-bit words as the Internet checksum does.
func fold(b []byte) uint16 {
	var s uint32
	for i := 0; i < len(b); i += 2 {
		s += uint32(be.Uint16(b[i:]))
	}
	for s>>16 != 0 {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}

func TestMeterAllocs(t *testing.T) {
	m := NewMeter(false, []MeterBand{{Rate: 1000, Remark: 1}, {Rate: 2000}}, 0)
	p := metering(m)
	r := newRig(64, 1)
	f := udp()
	if n := testing.AllocsPerRun(100, func() {
		r.reset()
		for range 32 {
			r.receive(f, 256)
		}
		r.run(p)
		r.Now += 1e6
	}); n != 0 {
		t.Errorf("%v allocations a batch", n)
	}
}
