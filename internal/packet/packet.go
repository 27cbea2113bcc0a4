// Package packet holds what moves through the switch: frames in one shared
// memory, named by descriptors, in batches.
//
// A frame lies in a chunk of Memory. A chunk has a home loop, given by its
// address; the home's FreeList is touched by that loop's thread alone. A frame
// that another loop has finished with travels home through a ring.
package packet

// MaxBatch is the most packets that one batch holds.
const MaxBatch = 256

// None marks an offset of a header that the packet does not have.
const None = 0xffff

// Desc names a frame: Addr is the offset of its first byte in Memory.Buf, Len
// its length in bytes without FCS. It is laid out as the kernel's struct xdp_desc.
type Desc struct {
	Addr    uint64
	Len     uint32
	Options uint32
}

// Batch is up to MaxBatch packets that came from one receive queue. The
// extractor writes the offsets; actions keep them true when they push or pop.
type Batch struct {
	N      int
	InPort uint32 // OpenFlow number of the port all of them came in by
	Desc   [MaxBatch]Desc
	L25    [MaxBatch]uint16 // offset of the first MPLS label from the frame's start, or None
	L3     [MaxBatch]uint16 // offset of the network header, or None
	L4     [MaxBatch]uint16 // offset of the transport header, or None
	// IPLen is the length of the IP packet as it was received: what its header says, but
	// no more than the frame holds. 0 where there is none, or it is not known here.
	IPLen [MaxBatch]uint16
}

// Memory is the one piece of memory that all ports of a switch share.
type Memory struct {
	Buf       []byte // whole chunks; page-aligned
	FD        int    // the memfd behind Buf, or -1
	ChunkSize uint32 // bytes; a power of two, 2048 or 4096
	Headroom  uint32 // bytes kept free before a received frame, for pushed headers
	PerHome   uint32 // chunks that belong to each loop
	HugePages bool   // Buf lies on huge pages
}

// Frame returns the bytes of d. Its capacity ends with the chunk.
func (m *Memory) Frame(d Desc) []byte {
	end := (d.Addr | uint64(m.ChunkSize-1)) + 1
	return m.Buf[d.Addr : d.Addr+uint64(d.Len) : end]
}

// Chunk returns the address of the chunk in which addr lies.
func (m *Memory) Chunk(addr uint64) uint64 { return addr &^ uint64(m.ChunkSize-1) }

// Home returns the number of the loop that the chunk of addr belongs to.
func (m *Memory) Home(addr uint64) int {
	return int(addr / (uint64(m.ChunkSize) * uint64(m.PerHome)))
}

// FreeList is a stack of free chunks. Only one loop's thread uses it. It is written with
// every batch, so it keeps those of other loops off its cache lines, which processors
// fetch in pairs of 64 bytes.
type FreeList struct {
	_    [128]byte
	addr []uint64 // chunk addresses; full capacity from the start
	_    [128]byte
}

// NewFreeList returns home's chunks of m, all free.
func NewFreeList(m *Memory, home int) *FreeList {
	f := &FreeList{addr: make([]uint64, m.PerHome)}
	base := uint64(home) * uint64(m.PerHome) * uint64(m.ChunkSize)
	for i := range f.addr {
		f.addr[i] = base + uint64(i)*uint64(m.ChunkSize)
	}
	return f
}

// Len returns the number of free chunks.
func (f *FreeList) Len() int { return len(f.addr) }

// Get takes one chunk; ok is false when none is free.
func (f *FreeList) Get() (chunk uint64, ok bool) {
	n := len(f.addr) - 1
	if n < 0 {
		return 0, false
	}
	chunk = f.addr[n]
	f.addr = f.addr[:n]
	return chunk, true
}

// GetN takes up to len(dst) chunks and returns how many it took.
func (f *FreeList) GetN(dst []uint64) int {
	n := min(len(dst), len(f.addr))
	k := len(f.addr) - n
	copy(dst, f.addr[k:])
	f.addr = f.addr[:k]
	return n
}

// PutN gives the chunks back in which the addresses of m lie, as Put does.
func (f *FreeList) PutN(m *Memory, addr []uint64) {
	n, low := len(f.addr), uint64(m.ChunkSize-1)
	f.addr = f.addr[:n+len(addr)]
	for i, a := range addr {
		f.addr[n+i] = a &^ low
	}
}

// Put gives a chunk back. Putting more than the home owns is a bug of the
// caller and panics rather than allocating.
func (f *FreeList) Put(chunk uint64) {
	n := len(f.addr)
	f.addr = f.addr[:n+1]
	f.addr[n] = chunk
}
