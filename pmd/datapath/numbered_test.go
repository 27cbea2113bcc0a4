package datapath

import (
	"encoding/binary"
	"sync"
	"sync/atomic"

	"pollux/internal/clock"
	"pollux/internal/packet"
	"pollux/pmd"
)

// numbered is a port whose frames carry the number of their flow and their own number in
// it. What is sent to it is on the wire no sooner than Reclaim is called twice, as a
// driver may keep frames a while; there it is checked that each flow's frames come in
// order, whatever queue they come by.
type numbered struct {
	mem    *packet.Memory
	rx     []*numberedRx
	tx     []*numberedTx
	window int64 // most frames on the way
	made   atomic.Int64
	stop   atomic.Bool

	mu    sync.Mutex
	next  []uint64 // by flow: the number due
	taken int64
	wrong int // frames that were not the one due
	first [3]uint64
}

// newNumbered has the flows of one side come in by so many queues, and takes frames by
// others. Flow f comes by queue f mod queues.
func newNumbered(mem *packet.Memory, flows, rx, tx int, window int64) *numbered {
	p := &numbered{mem: mem, window: window, next: make([]uint64, flows)}
	for q := range rx {
		p.rx = append(p.rx, &numberedRx{p: p, queue: q, sent: make([]uint64, flows)})
	}
	for range tx {
		p.tx = append(p.tx, &numberedTx{p: p})
	}
	return p
}

type numberedRx struct {
	p     *numbered
	queue int
	turn  int
	sent  []uint64 // by flow

	// How long nobody called Rx when the queue changed loops, which is seen by the list
	// that chunks are taken from.
	free *packet.FreeList
	last int64
	gaps []float64 // µs
}

// Rx makes frames as long as not too many are on their way, so that none is dropped for
// want of room.
func (q *numberedRx) Rx(b *packet.Batch, limit int, free *packet.FreeList) (n int) {
	p := q.p
	now := clock.Now()
	if q.free != nil && q.free != free {
		q.gaps = append(q.gaps, float64(now-q.last)/1e3)
	}
	q.free, q.last = free, now
	for ; n < min(limit, 32) && len(q.sent) > q.queue; n++ {
		if p.made.Load()-p.out() >= p.window {
			break
		}
		// Counted before it looks whether to stop, so that whoever stops it and then finds
		// all that was made delivered has not overlooked one.
		p.made.Add(1)
		var chunk uint64
		ok := !p.stop.Load()
		if ok {
			chunk, ok = free.Get()
		}
		if !ok {
			p.made.Add(-1)
			break
		}
		flow := q.queue + q.turn*len(p.rx)
		if q.turn++; q.queue+q.turn*len(p.rx) >= len(q.sent) {
			q.turn = 0
		}
		d := packet.Desc{Addr: chunk + uint64(p.mem.Headroom), Len: 60}
		f := p.mem.Frame(d)
		clear(f)
		copy(f, "\x02\x00\x00\x00\x02\x02\x02\x00\x00\x00\x00\x00\x08\x00\x45\x00\x00\x2e\x00\x00\x40\x00\x40\x11\x00\x00")
		binary.BigEndian.PutUint32(f[26:], 10<<24+uint32(flow))
		copy(f[30:], "\x0a\xc8\x00\x01\x04\x00\x07\xd0\x00\x1a\x00\x00")
		binary.BigEndian.PutUint64(f[42:], uint64(flow))
		binary.BigEndian.PutUint64(f[50:], q.sent[flow])
		q.sent[flow]++
		b.Desc[n] = d
	}
	return n
}

func (p *numbered) out() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.taken
}

type numberedTx struct {
	p     *numbered
	held  []packet.Desc
	calls int
}

func (q *numberedTx) Tx(d []packet.Desc) int {
	q.held = append(q.held, d...)
	return len(d)
}

func (q *numberedTx) Inflight() int { return len(q.held) }

func (q *numberedTx) Reclaim(dst []uint64) int {
	if q.calls++; q.calls%2 != 0 {
		return 0
	}
	n := min(len(dst), len(q.held), 64)
	q.p.mu.Lock()
	defer q.p.mu.Unlock()
	for i, d := range q.held[:n] {
		f := q.p.mem.Frame(d)
		flow, seq := binary.BigEndian.Uint64(f[42:]), binary.BigEndian.Uint64(f[50:])
		if seq != q.p.next[flow] {
			if q.p.wrong++; q.p.wrong == 1 {
				q.p.first = [3]uint64{flow, seq, q.p.next[flow]}
			}
		}
		q.p.next[flow] = max(seq+1, q.p.next[flow])
		dst[i] = q.p.mem.Chunk(d.Addr)
	}
	q.p.taken += int64(n)
	q.held = append(q.held[:0], q.held[n:]...)
	return n
}

func (p *numbered) Queues() (rx []pmd.RxQueue, tx []pmd.TxQueue) {
	for _, q := range p.rx {
		rx = append(rx, q)
	}
	for _, q := range p.tx {
		tx = append(tx, q)
	}
	return rx, tx
}

func (p *numbered) Info() pmd.PortInfo         { return pmd.PortInfo{Type: "numbered", Queues: len(p.rx)} }
func (p *numbered) Counters() pmd.PortCounters { return pmd.PortCounters{} }
func (p *numbered) Close() (chunks []uint64, err error) {
	for _, q := range p.tx {
		for _, d := range q.held {
			chunks = append(chunks, p.mem.Chunk(d.Addr))
		}
		q.held = nil
	}
	return chunks, nil
}
