// Package xsk speaks AF_XDP with the kernel: the memory (UMEM), the four rings of
// a socket, the XDP program that steers frames to sockets, and the probing of
// what a device can do. It knows nothing of packets; pmd/port builds the switch's
// port on it. The kernel's side is described in Documentation/networking/af_xdp.rst.
//
// # Terms
//
// A chunk is a fixed piece of memory that holds one frame. Chunks go round:
//
//	fill ring ─▶ kernel receives into the chunk ─▶ rx ring
//	tx ring   ─▶ kernel sends from the chunk    ─▶ completion ring
//
// The user side produces on fill and tx and consumes rx and completion. An index
// grows without bound and is masked at use, so full and empty differ.
//
// # One memory, one registration a socket
//
// All sockets use one packet.Memory, so a frame received on one port is sent by
// another as a descriptor, with no copy. The kernel offers two ways to arrange
// that. With XDP_SHARED_UMEM one socket registers the memory and the others name
// that socket; they inherit its mode (copy or zero-copy) and cannot bind once it
// is gone. Here every socket registers the same memory for itself instead:
//
//   - no port is the first one: each comes, goes and is opened again alone;
//   - each has its own mode: a zero-copy card beside a copy-mode veth;
//   - addresses are offsets into the same memory, so descriptors mean the same
//     everywhere, which is all that forwarding without a copy needs.
//
// The price is paid when a socket opens: the kernel pins the pages once more, which
// took 0.5 to 0.9 ms for 32 MB and 4 to 6 ms for 256 MB (normal pages, 2026-11-22),
// and keeps one more table of them.
//
// # Invariants
//
//   - A chunk is in one place: a free list, a batch, a ring or the kernel.
//   - Memory outlives every socket on it: FreeMemory comes after the last Close.
//   - Close unmaps all four rings before it closes the descriptor. A mapping left
//     behind keeps the socket alive and its queue busy.
//
// # Threads
//
// RxSide (fill and rx) and TxSide (tx and completion) of a socket share nothing
// that is written, so two threads may own one each. A side has no lock: one thread
// at a time. Open, Close and Statistics are for the control plane; Close comes
// after both threads have let go. After Close a side's rings are of size 0: they
// take nothing and give nothing.
//
// # Cost
//
// A batch costs each ring at most one atomic load of the kernel's index and one
// atomic store of ours. A kick is a system call, made only when the kernel asks
// for it (need_wakeup); in copy mode it asks on every send. Kicks are raw system
// calls: the Go scheduler is not told, so that a poll loop never loses its
// processor over one. A send kick builds up to the tx budget of socket buffers
// (about half a microsecond each), which is also how long it can hold off a stop
// of the world.
package xsk
