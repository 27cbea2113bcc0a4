package port

import (
	"encoding/binary"
	"sync/atomic"

	"pollux/internal/packet"
	"pollux/internal/ring"
)

// sentRoom is how many frames a sink queue holds until Reclaim takes them.
const sentRoom = 4 * packet.MaxBatch

// memoryTx is the sink of one queue.
type memoryTx struct {
	mem  *packet.Memory
	sent [sentRoom]uint64 // chunks for Reclaim
	n    int
	seen *flowCounts        // nil: not counted
	kept *ring.SPSC[[]byte] // nil: not kept

	taken, bytes uint64 // totals

	// Published, stored by the loop's thread.
	packets, octets, lost atomic.Uint64
}

func newMemoryTx(cfg MemoryConfig, mem *packet.Memory, seen *flowCounts) *memoryTx {
	q := &memoryTx{mem: mem, seen: seen}
	if cfg.Capture > 0 {
		q.kept = ring.New[[]byte](cfg.Capture)
	}
	return q
}

// Tx implements pmd.TxQueue. A frame is sent at once; its chunk waits for Reclaim.
func (q *memoryTx) Tx(d []packet.Desc) int {
	d = d[:min(len(d), len(q.sent)-q.n)]
	if len(d) == 0 {
		return 0
	}
	sent := q.sent[q.n : q.n+len(d)]
	chunk, bytes := ^uint64(q.mem.ChunkSize-1), uint64(0)
	for i := range d {
		sent[i] = d[i].Addr & chunk
		bytes += uint64(d[i].Len)
	}
	q.bytes += bytes
	if q.seen != nil {
		for i := range d {
			q.seen.count(q.mem.Frame(d[i]))
		}
	}
	if q.kept != nil {
		q.keep(d)
	}
	q.n += len(d)
	q.taken += uint64(len(d))
	q.packets.Store(q.taken)
	q.octets.Store(q.bytes)
	return len(d)
}

// keep copies frames for Captured; unlike the rest of the sink it allocates.
func (q *memoryTx) keep(d []packet.Desc) {
	for i := range d {
		if !q.kept.Push(append([]byte(nil), q.mem.Frame(d[i])...)) {
			q.lost.Store(q.lost.Load() + 1)
		}
	}
}

// Reclaim implements pmd.TxQueue.
func (q *memoryTx) Reclaim(dst []uint64) int {
	n := min(len(dst), q.n)
	copy(dst, q.sent[q.n-n:q.n])
	q.n -= n
	return n
}

// Inflight implements pmd.TxQueue.
func (q *memoryTx) Inflight() int { return q.n }

// flowCounts counts packets by the flow they are of. Several loops may write it.
type flowCounts struct {
	flows []atomic.Uint64
	other atomic.Uint64
}

func newFlowCounts(flows int) *flowCounts { return &flowCounts{flows: make([]atomic.Uint64, flows)} }

// count counts a frame under the flow whose source address and ports it has, behind
// up to two VLAN tags.
func (c *flowCounts) count(f []byte) {
	if i, ok := flowOf(f); ok && i < uint64(len(c.flows)) {
		c.flows[i].Add(1)
		return
	}
	c.other.Add(1)
}

// load returns the counts so far.
func (c *flowCounts) load() (packets []uint64, other uint64) {
	packets = make([]uint64, len(c.flows))
	for i := range c.flows {
		packets[i] = c.flows[i].Load()
	}
	return packets, c.other.Load()
}

// flowOf returns which flow of a memory port's source the frame is of.
func flowOf(f []byte) (i uint64, ok bool) {
	for range 2 {
		if len(f) >= 18 && (binary.BigEndian.Uint16(f[12:]) == 0x8100 || binary.BigEndian.Uint16(f[12:]) == 0x88a8) {
			f = f[4:]
		}
	}
	if len(f) < 42 || binary.BigEndian.Uint32(f[12:])>>8 != 0x080045 || f[23] != 17 {
		return 0, false
	}
	src, port := binary.BigEndian.Uint32(f[26:]), binary.BigEndian.Uint16(f[34:])
	if src>>20 != 10<<4 || port < 1024 || port >= 1024+4096 {
		return 0, false
	}
	return uint64(src&(1<<20-1))<<12 | uint64(port-1024), true
}
