package actions

import (
	"math"
	"slices"
	"sync/atomic"

	"pollux/internal/packet"
)

// MaxBands is how many bands a meter has at most.
const MaxBands = 8

// MeterBand is one rate of a meter, and what it does to packets beyond it (OpenFlow 1.3
// section 5.7.1).
type MeterBand struct {
	Rate   uint64 // bits or packets a second; 0: all packets are beyond it
	Burst  uint64 // bits or packets that may come at once; 0: what 50 ms bring
	Remark uint8  // 0: drop; else by how much the drop precedence of the DSCP rises
}

// Meter is a rate that packets of all loops share. Who executes OpMeter takes from it what a
// batch needs, by one compare and swap a band: no loop waits for another, and the rate is
// that of all together.
//
// Every band is a bucket, kept as the time at which what went through will be paid for
// (GCRA, ITU-T I.371): a packet conforms while that is no further ahead than the burst. So
// the bucket may be overdrawn by one packet, which lets packets through that are longer than
// the burst, and the rate is exact over time.
type Meter struct {
	packets bool // rates are in packets
	bands   []meterBand

	In    MeterCount
	Hits  [MaxBands]MeterCount // by band, in the order given
	order []uint8              // of bands, as given
}

type meterBand struct {
	cost   float64 // units a packet or a bit
	burst  int64   // units
	remark uint8
	_      [7]byte
	due    atomic.Int64 // when all that went through is paid for, in units
	_      [88]byte     // others' lines
}

// MeterCount counts packets and bytes; loops add, anybody reads.
type MeterCount struct{ Packets, Bytes atomic.Uint64 }

func (c *MeterCount) add(packets int, bytes uint64) {
	c.Packets.Add(uint64(packets))
	c.Bytes.Add(bytes)
}

// A unit of time is 1/64 ns: a packet of 64 bytes at 100 Gbit/s costs 320, so that rounding
// is no matter, and the clock goes round after four years.
const unitsPerNano = 64

const defaultBurst = 50_000_000 * unitsPerNano

// NewMeter returns a meter of at most MaxBands bands, in packets a second or in bits a
// second, that is full at now (ns, the loops' clock).
func NewMeter(packets bool, bands []MeterBand, now int64) *Meter {
	m := &Meter{packets: packets, bands: make([]meterBand, len(bands))}
	for i := range bands {
		m.order = append(m.order, uint8(i))
	}
	// The band of the highest rate that is exceeded applies: it is the last that says so.
	slices.SortStableFunc(m.order, func(a, b uint8) int {
		switch x, y := bands[a].Rate, bands[b].Rate; {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	for k, i := range m.order {
		b, to := &bands[i], &m.bands[k]
		to.cost, to.burst, to.remark = math.Inf(1), defaultBurst, b.Remark
		if b.Rate > 0 {
			to.cost = 1e9 * unitsPerNano / float64(b.Rate)
		}
		if b.Burst > 0 && b.Rate > 0 {
			to.burst = int64(min(to.cost*float64(b.Burst), math.MaxInt64/4))
		}
		to.due.Store(now * unitsPerNano)
	}
	return m
}

// Remarks says whether a band changes packets.
func (m *Meter) Remarks() bool {
	for i := range m.bands {
		if m.bands[i].remark != 0 {
			return true
		}
	}
	return false
}

// meterScratch is what one loop's Exec needs to ask a meter.
type meterScratch struct {
	hit   [packet.MaxBatch]int8 // the band that applies; -1 none
	apply [packet.MaxBatch]uint16
	pass  [packet.MaxBatch]uint16 // those that a queue lets through
}

// meter asks m about the packets idx, drops those that a band drops, and returns the others.
func (e *Exec) meter(m *Meter, b *packet.Batch, idx []uint16) []uint16 {
	var bytes uint64
	for j, i := range idx {
		bytes += uint64(b.Desc[i].Len)
		e.metered.hit[j] = -1
	}
	m.In.add(len(idx), bytes)
	some := false
	for k := range m.bands {
		some = m.bands[k].take(m.packets, e.Now, b, idx, wholeFrame, &e.metered.hit, int8(k)) || some
	}
	if !some {
		return idx
	}
	return e.meterHits(m, b, idx)
}

// take marks the packets that are beyond the band, and says whether there are any. Of each most
// bytes count.
func (t *meterBand) take(packets bool, nowNs int64, b *packet.Batch, idx []uint16, most uint32, hit *[packet.MaxBatch]int8, k int8) (some bool) {
	if math.IsInf(t.cost, 1) {
		for j := range idx {
			hit[j] = k
		}
		return len(idx) > 0
	}
	now := nowNs * unitsPerNano
	for {
		was := t.due.Load()
		due := was
		if due-now < 0 {
			due = now // it was full
		}
		// Nothing is marked before it is known that no other loop came in between; but who is
		// beyond follows from due alone, so it is found out twice.
		end := t.walk(packets, due, now, b, idx, most, nil, 0)
		if t.due.CompareAndSwap(was, end) {
			if end-now <= t.burst { // even the last could have been let through
				return false
			}
			t.walk(packets, due, now, b, idx, most, hit, k)
			for j := range idx {
				if hit[j] == k {
					return true
				}
			}
			return false
		}
	}
}

// walk returns when all that conforms will be paid for; with hit, it marks what does not.
func (t *meterBand) walk(packets bool, due, now int64, b *packet.Batch, idx []uint16, most uint32, hit *[packet.MaxBatch]int8, k int8) int64 {
	one := int64(t.cost + 0.5)
	for j, i := range idx {
		if due-now > t.burst {
			if hit != nil {
				hit[j] = k
			}
			continue
		}
		if !packets {
			one = int64(t.cost*float64(min(b.Desc[i].Len, most)*8) + 0.5)
		}
		due += one
	}
	return due
}

// meterHits does to each packet what the band that applies does, and counts.
func (e *Exec) meterHits(m *Meter, b *packet.Batch, idx []uint16) []uint16 {
	var gone bitmap
	drops := false
	for k := range m.bands {
		t, n := &m.bands[k], 0
		var bytes uint64
		for j, i := range idx {
			if e.metered.hit[j] != int8(k) {
				continue
			}
			e.metered.apply[n] = i
			n++
			bytes += uint64(b.Desc[i].Len)
			if t.remark == 0 {
				gone.set(j)
				drops = true
			}
		}
		if n == 0 {
			continue
		}
		m.Hits[m.order[k]].add(n, bytes)
		if t.remark != 0 {
			e.remark(t.remark, b, e.metered.apply[:n])
		}
	}
	if !drops {
		return idx
	}
	return e.without(DropMeter, b, idx, &gone)
}

// remark raises the drop precedence of packets whose DSCP is of an assured forwarding class
// by level, to 3 at most (RFC 2597); others stay as they are.
func (e *Exec) remark(level uint8, b *packet.Batch, idx []uint16) {
	var one [1]uint16
	for _, i := range idx {
		n, typ := e.network(b, i)
		var tos uint8
		switch typ {
		case typeIPv4:
			tos = n[1]
		case typeIPv6:
			tos = uint8(be.Uint16(n) >> 4)
		default:
			continue
		}
		class, prec := tos>>5, tos>>3&3
		if class < 1 || class > 4 || prec == 0 || tos>>2&1 != 0 {
			continue
		}
		one[0] = i
		e.setTOS(b, one[:], min(prec+level, 3)<<3, 3<<3)
	}
}
