package port

import (
	"sync/atomic"
	"syscall"
	"time"

	"pollux/internal/packet"
	"pollux/pmd/xsk"
)

// downPatience is how many calls of Reclaim a queue whose device is down or gone
// lets pass before it asks the kernel again.
const downPatience = 256

// afxdpTx is the sending side of one queue.
type afxdpTx struct {
	_ [apart]byte
	*xsk.TxSide
	ledger   ledger // chunks on tx, on completion, or with the driver
	chunk    uint64 // mask of a chunk's address
	inflight int
	patience int // 0 while the device takes frames, else calls until the next try

	// This thread writes these, anyone reads.
	kicks     atomic.Uint64 // system calls
	again     atomic.Uint64 // those that left frames on the ring for another
	errors    atomic.Uint64 // those that failed, other than for the budget; and frames unsent at Close
	completed atomic.Uint64 // frames that came back
	_         [apart]byte
}

func newAFXDPTx(side *xsk.TxSide, mem *packet.Memory) *afxdpTx {
	return &afxdpTx{TxSide: side, ledger: newLedger(mem), chunk: ^uint64(mem.ChunkSize - 1)}
}

// Tx implements pmd.TxQueue. A device that is down or gone takes nothing. The
// kernel throws a descriptor away that it finds invalid (Len 0, a frame beyond its
// chunk, Options not 0): it counts it (TxInvalid) and the chunk is back at Close.
func (q *afxdpTx) Tx(d []packet.Desc) int {
	if q.patience != 0 || len(d) == 0 {
		return 0
	}
	n := q.TxSide.Tx.Reserve(uint32(len(d)))
	if n == 0 {
		return 0 // the ring is full: Reclaim kicks if the kernel waits for it
	}
	first, rest := q.TxSide.Tx.Slots(n)
	copy(first, d)
	copy(rest, d[len(first):n])
	q.ledger.markFrames(d[:n])
	q.TxSide.Tx.Submit(n)
	q.inflight += int(n)
	if q.TxSide.Tx.NeedWakeup() {
		q.kick()
	}
	return int(n)
}

// Reclaim implements pmd.TxQueue. It kicks the kernel again when that left
// frames on the ring (the budget of one call, no memory, the device down).
func (q *afxdpTx) Reclaim(dst []uint64) int {
	n := q.Completion.Peek(uint32(len(dst)))
	if n != 0 {
		first, rest := q.Completion.Entries(n)
		copy(dst, first)
		copy(dst[len(first):], rest)
		q.Completion.Release(n)
		q.inflight -= int(n)
		q.completed.Store(q.completed.Load() + uint64(n))
		q.ledger.clearAll(dst[:n])
		for i := range dst[:n] {
			dst[i] &= q.chunk
		}
	}
	if q.inflight != 0 {
		q.nudge()
	}
	return int(n)
}

// Inflight implements pmd.TxQueue.
func (q *afxdpTx) Inflight() int { return q.inflight }

// nudge kicks if frames wait on the ring and the kernel waits for a call, but
// seldom while the device is down.
func (q *afxdpTx) nudge() {
	if q.patience > 1 {
		q.patience--
		return
	}
	if q.TxSide.Tx.Pending() != 0 && q.TxSide.Tx.NeedWakeup() {
		q.kick()
	}
}

// drainTime bounds how long Close waits for a queue's frames to go out.
const drainTime = 10 * time.Millisecond

// drain kicks until the kernel has taken what is on the ring, if the device takes
// frames at all, and counts what it has not taken as errors. Only Close calls it.
func (q *afxdpTx) drain() {
	for deadline := time.Now().Add(drainTime); q.patience == 0 && q.TxSide.Tx.Pending() != 0 && time.Now().Before(deadline); {
		q.kick()
	}
	q.errors.Store(q.errors.Load() + uint64(q.TxSide.Tx.Pending()))
}

// kick makes the kernel send, and learns from its answer whether the device
// takes frames.
func (q *afxdpTx) kick() {
	errno := q.Kick()
	q.kicks.Store(q.kicks.Load() + 1)
	switch errno {
	case 0:
		q.patience = 0
		return
	case syscall.EAGAIN:
		// The budget is used up and frames are left, or the device's own queue is
		// full. Both are ordinary.
		q.again.Store(q.again.Load() + 1)
		q.patience = 0
		return
	case syscall.ENETDOWN, syscall.ENXIO, syscall.ENODEV, syscall.EBADF:
		q.patience = downPatience
	default:
		// EBUSY: no carrier, or the driver dropped; ENOBUFS: no memory for the
		// moment. The next call may fare better.
		q.patience = 0
	}
	q.errors.Store(q.errors.Load() + 1)
}
