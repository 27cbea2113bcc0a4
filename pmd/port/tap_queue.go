package port

import (
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"pollux/internal/packet"
)

// tapBurst is the most frames one call reads or writes: each is a system call of
// a microsecond or two, and other ports of the loop wait meanwhile.
const tapBurst = 64

// tapRx reads what the host sends.
type tapRx struct {
	mem   *packet.Memory
	fd    int
	ready *readiness
}

// Rx implements pmd.RxQueue. With nothing to read it costs one atomic load; a
// frame costs a system call.
func (q *tapRx) Rx(b *packet.Batch, limit int, free *packet.FreeList) (n int) {
	if !q.ready.flag.Load() || q.fd < 0 {
		return 0
	}
	limit = min(limit, tapBurst)
	// Taken back before reading: what comes later sets it again.
	q.ready.flag.Store(false)
	for n < limit {
		chunk, ok := free.Get()
		if !ok {
			break
		}
		addr := chunk + uint64(q.mem.Headroom)
		size, errno := readInto(q.fd, q.mem.Buf[addr:chunk+uint64(q.mem.ChunkSize)])
		if errno != 0 || size == 0 {
			free.Put(chunk)
			if errno == syscall.EINTR {
				continue
			}
			return n // EAGAIN: read empty
		}
		b.Desc[n] = packet.Desc{Addr: addr, Len: uint32(size)}
		n++
	}
	q.ready.flag.Store(true) // there may be more
	return n
}

// tapTx gives frames to the host.
type tapTx struct {
	mem      *packet.Memory
	fd       int
	finished finished

	calls  atomic.Uint64 // system calls; this thread stores
	errors atomic.Uint64 // frames that the host refused, e.g. the interface is down
}

// Tx implements pmd.TxQueue, but for its promise of one system call: the kernel
// takes frames of a tap one by one. A frame that the host refuses counts as sent
// with an error; one that it has no room for stays with the caller.
func (q *tapTx) Tx(d []packet.Desc) int {
	if q.fd < 0 {
		return 0
	}
	d = d[:min(len(d), tapBurst, q.finished.room())]
	n, failed := 0, uint64(0)
	for n < len(d) {
		errno := writeFrom(q.fd, q.mem.Frame(d[n]))
		if errno == syscall.EAGAIN || errno == syscall.ENOBUFS {
			break
		}
		if errno == syscall.EINTR {
			continue
		}
		if errno != 0 {
			failed++
		}
		n++
	}
	q.finished.add(d[:n], q.mem)
	q.calls.Store(q.calls.Load() + uint64(n))
	if failed != 0 {
		q.errors.Store(q.errors.Load() + failed)
	}
	return n
}

// Reclaim implements pmd.TxQueue.
func (q *tapTx) Reclaim(dst []uint64) int { return q.finished.reclaim(dst) }

// Inflight implements pmd.TxQueue.
func (q *tapTx) Inflight() int { return q.finished.n }

// readInto is read(2) without telling the scheduler: the descriptor never blocks.
func readInto(fd int, buf []byte) (int, syscall.Errno) {
	n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)))
	return int(n), errno
}

// writeFrom is write(2) likewise.
func writeFrom(fd int, buf []byte) syscall.Errno {
	_, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)))
	return errno
}
