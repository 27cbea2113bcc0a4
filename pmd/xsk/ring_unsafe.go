package xsk

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// needWakeup is the flag by which the kernel asks for a system call.
const needWakeup = unix.XDP_RING_NEED_WAKEUP

// shared is a ring as the kernel maps it: three words and the entries.
type shared[T entry] struct {
	producer, consumer, flags *uint32
	entries                   []T

	base   unsafe.Pointer // of the mapping; nil for a ring in plain memory
	length uintptr
}

// mapRing maps a socket's ring of n entries (a power of two) that lies at the
// given page offset, with its words where the kernel says they are.
func mapRing[T entry](fd int, pgoff int64, off unix.XDPRingOffset, n uint32) (shared[T], error) {
	var zero T
	length := uintptr(off.Desc) + uintptr(n)*unsafe.Sizeof(zero)
	base, err := unix.MmapPtr(fd, pgoff, nil, length, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return shared[T]{}, fmt.Errorf("map ring of %d entries: %w", n, err)
	}
	return shared[T]{
		producer: (*uint32)(unsafe.Add(base, off.Producer)),
		consumer: (*uint32)(unsafe.Add(base, off.Consumer)),
		flags:    (*uint32)(unsafe.Add(base, off.Flags)),
		entries:  unsafe.Slice((*T)(unsafe.Add(base, off.Desc)), n),
		base:     base,
		length:   length,
	}, nil
}

// unmap gives the mapping back; nothing of the ring may be used after it.
func (r *shared[T]) unmap() error {
	if r.base == nil {
		return nil
	}
	base, length := r.base, r.length
	*r = shared[T]{}
	if err := unix.MunmapPtr(base, length); err != nil {
		return fmt.Errorf("unmap ring: %w", err)
	}
	return nil
}
