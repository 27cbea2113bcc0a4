package port

import (
	"sync/atomic"

	"pollux/internal/packet"
	"pollux/pmd/xsk"
)

// refillBatch is how many entries of the fill ring must be free before it is
// filled up, or a quarter of a small ring: fewer would be a store to a shared
// line for every few frames.
const refillBatch = 64

// reserve is how many free chunks of a loop no fill ring takes.
const reserve = 2 * packet.MaxBatch

// afxdpRx is the receiving side of one queue.
type afxdpRx struct {
	_ [apart]byte
	*xsk.RxSide
	ledger   ledger // chunks on fill, on rx, or with the driver
	missing  uint32 // entries that must be free before fill is filled up
	busyPoll bool

	kicks atomic.Uint64 // system calls; this thread writes, anyone reads
	_     [apart]byte
}

// apart is the distance of what one queue's thread writes from all else: two cache
// lines, which processors fetch together.
const apart = 128

func newAFXDPRx(side *xsk.RxSide, mem *packet.Memory, busyPoll bool) *afxdpRx {
	return &afxdpRx{
		RxSide:   side,
		ledger:   newLedger(mem),
		missing:  min(refillBatch, side.Fill.Size()/4),
		busyPoll: busyPoll,
	}
}

// Rx implements pmd.RxQueue. It costs one load and one store of a shared index
// for the frames, as much again when it fills up the fill ring, and a system call
// only if the driver asks to be woken or busy polling is on and no frame is there.
func (q *afxdpRx) Rx(b *packet.Batch, max int, free *packet.FreeList) int {
	q.refill(free)
	n := q.RxSide.Rx.Peek(uint32(min(max, packet.MaxBatch)))
	if n == 0 {
		if q.busyPoll {
			q.kick() // what it finds is on the ring at the next call
		}
		return 0
	}
	first, rest := q.RxSide.Rx.Entries(n)
	copy(b.Desc[:], first)
	copy(b.Desc[len(first):], rest)
	q.RxSide.Rx.Release(n)
	q.ledger.clearFrames(b.Desc[:n])
	return int(n)
}

// refill puts chunks on the fill ring once a batch's worth is missing.
func (q *afxdpRx) refill(free *packet.FreeList) {
	n := q.Fill.Reserve(q.Fill.Size())
	if n < q.missing {
		return
	}
	// Some are left for copies: a switch that can't flood is worse than one that drops.
	left := free.Len() - reserve
	if left <= 0 {
		return
	}
	n = min(n, uint32(left))
	first, rest := q.Fill.Slots(n)
	free.GetN(first)
	free.GetN(rest)
	q.ledger.markAll(first)
	q.ledger.markAll(rest)
	q.Fill.Submit(n)
	if q.Fill.NeedWakeup() {
		q.kick()
	}
}

// kick wakes the driver up, or has it polled. What it answers does not matter: the
// next call asks again.
func (q *afxdpRx) kick() {
	q.Kick()
	q.kicks.Store(q.kicks.Load() + 1)
}
