package cache

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// arena is the memory of a cache's tables. It lies outside the garbage collector's
// heap: nothing in it is a pointer, a collector would only walk past it, and huge
// pages spare the translation misses that tables of many megabytes have.
type arena struct {
	regions [][]byte
}

// hugePage is where huge pages begin and end.
const hugePage = 2 << 20

// room returns n zeroed values of T, which must hold no pointers. With now every
// page is there before it is asked for: a page fault costs a poll loop more than a
// thousand packets. A kernel that has no memory left gives nothing, and this panics as
// make does.
func room[T any](a *arena, n int, now bool) []T {
	var zero T
	size := n * int(unsafe.Sizeof(zero))
	if size == 0 {
		return nil
	}
	length := size
	if size >= hugePage {
		length += hugePage // so that it can begin where a huge page does
	}
	b, err := unix.Mmap(-1, 0, length, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		panic("cache: no memory for the flow tables: " + err.Error())
	}
	a.regions = append(a.regions, b)
	if size >= hugePage {
		skip := -uintptr(unsafe.Pointer(&b[0])) & (hugePage - 1)
		b = b[skip : skip+uintptr(size)]
		if now {
			// Kernels without huge pages refuse; then pages are small.
			_ = unix.Madvise(b, unix.MADV_HUGEPAGE)
		}
	}
	if now && unix.Madvise(b, unix.MADV_POPULATE_WRITE) != nil { // before Linux 5.14
		for i := 0; i < len(b); i += 4096 {
			b[i] = 0
		}
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&b[0])), n)
}

// free gives all of it back. Whoever still holds a slice of it must not use it.
func (a *arena) free() {
	for _, b := range a.regions {
		// What was mapped can be unmapped: an error would be a bug of room's.
		if err := unix.Munmap(b); err != nil {
			panic("cache: unmap: " + err.Error())
		}
	}
	a.regions = nil
}
