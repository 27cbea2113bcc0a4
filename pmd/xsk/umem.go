package xsk

import (
	"errors"
	"fmt"
	"math/bits"
	"unsafe"

	"golang.org/x/sys/unix"

	"pollux/internal/packet"
)

// Sizes that the kernel fixes for chunks that it aligns itself.
const (
	minChunk     = 2048
	maxChunk     = 4096
	kernelRoom   = unix.XDP_PACKET_HEADROOM // bytes that XDP keeps free before a frame
	hugePageSize = 2 << 20
)

// MemoryConfig says how large the switch's memory is.
type MemoryConfig struct {
	Homes     int  // poll loops (and others) that own chunks
	PerHome   int  // chunks of each
	ChunkSize int  // bytes, 2048 or 4096; 0 is 2048
	Headroom  int  // bytes before a received frame, 256 or more; 0 is 256
	NoHuge    bool // do not try huge pages
}

// NewMemory allocates frame memory that sockets can register: a memfd, mapped
// and touched, so that no page is missing when the first frame comes. It lies on
// huge pages of 2 MB where the system has enough of them set aside
// (vm.nr_hugepages); otherwise on normal pages, with a hint to the kernel to
// merge them. FreeMemory gives it back.
func NewMemory(cfg MemoryConfig) (*packet.Memory, error) {
	if cfg.ChunkSize == 0 {
		cfg.ChunkSize = minChunk
	}
	if cfg.Headroom == 0 {
		cfg.Headroom = kernelRoom
	}
	switch {
	case cfg.Homes < 1 || cfg.PerHome < 1:
		return nil, fmt.Errorf("xsk: memory of %d homes with %d chunks each: want 1 or more of both", cfg.Homes, cfg.PerHome)
	case cfg.ChunkSize != minChunk && cfg.ChunkSize != maxChunk:
		return nil, fmt.Errorf("xsk: chunk of %d bytes: want %d or %d", cfg.ChunkSize, minChunk, maxChunk)
	case cfg.Headroom < kernelRoom || cfg.Headroom > cfg.ChunkSize/2:
		return nil, fmt.Errorf("xsk: headroom of %d bytes: want %d to %d", cfg.Headroom, kernelRoom, cfg.ChunkSize/2)
	case bits.Len64(uint64(cfg.Homes))+bits.Len64(uint64(cfg.PerHome)) > 31:
		return nil, fmt.Errorf("xsk: memory of %d × %d chunks is more than this machine could have", cfg.Homes, cfg.PerHome)
	}
	mem := &packet.Memory{
		ChunkSize: uint32(cfg.ChunkSize),
		Headroom:  uint32(cfg.Headroom),
		PerHome:   uint32(cfg.PerHome),
		FD:        -1,
	}
	size := uintptr(cfg.Homes) * uintptr(cfg.PerHome) * uintptr(cfg.ChunkSize)
	if !cfg.NoHuge && mapMemory(mem, size, true) == nil {
		return mem, nil
	}
	if err := mapMemory(mem, size, false); err != nil {
		return nil, fmt.Errorf("xsk: memory of %d MB: %w", size>>20, err)
	}
	return mem, nil
}

// FreeMemory unmaps and closes. No socket may be open on the memory, and no
// frame in use.
func FreeMemory(mem *packet.Memory) error {
	if mem.Buf == nil {
		return nil
	}
	base, length := unsafe.Pointer(unsafe.SliceData(mem.Buf)), mappedLength(uintptr(len(mem.Buf)), mem.HugePages)
	fd := mem.FD
	mem.Buf, mem.FD = nil, -1
	return errors.Join(unix.MunmapPtr(base, length), unix.Close(fd))
}

// mapMemory maps size bytes of a new memfd to mem.Buf.
func mapMemory(mem *packet.Memory, size uintptr, huge bool) error {
	flags := unix.MFD_CLOEXEC
	if huge {
		flags |= unix.MFD_HUGETLB | unix.MFD_HUGE_2MB
	}
	fd, err := unix.MemfdCreate("pollux-frames", flags)
	if err != nil {
		return fmt.Errorf("memfd: %w", err)
	}
	length := mappedLength(size, huge)
	if err := unix.Ftruncate(fd, int64(length)); err != nil {
		return errors.Join(fmt.Errorf("size memfd: %w", err), unix.Close(fd))
	}
	base, err := unix.MmapPtr(fd, 0, nil, length, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return errors.Join(fmt.Errorf("map memfd: %w", err), unix.Close(fd))
	}
	mem.Buf, mem.FD, mem.HugePages = unsafe.Slice((*byte)(base), size), fd, huge
	if !huge {
		// Only a hint: where shared memory has no transparent huge pages it is refused.
		_ = unix.Madvise(unsafe.Slice((*byte)(base), length), unix.MADV_HUGEPAGE)
	}
	return nil
}

// mappedLength rounds size up to whole pages.
func mappedLength(size uintptr, huge bool) uintptr {
	page := uintptr(unix.Getpagesize())
	if huge {
		page = hugePageSize
	}
	return (size + page - 1) &^ (page - 1)
}
