// Package bench makes traffic, counts what comes back, and measures the switch
// with it.
//
// Terms. A flow set is N flows of given shapes, computed from a seed: the same
// seed gives the same bytes. A tag is the first 16 bytes of a frame's payload:
// a magic number, the flow's number and the packet's sequence number within its
// flow. A wire is one end of a link: a Port, opened on an AF_XDP socket of
// github.com/asavie/xdp. That package is not what the switch itself uses, so
// that traffic which passes both was understood by two implementations.
//
// A rig is a switch between a memory source and a memory sink (memoryRig); RunMemory and
// RunScenario measure it in turns, short runs of its loops of which figures are medians.
//
// Invariants. A Generator counts a packet as sent when the kernel has taken it
// from the transmit ring. A Receiver counts every tagged frame exactly once as
// new, duplicate or foreign; loss, duplicates and reordering are exact per flow,
// because it remembers each sequence number it saw.
//
// Threads. A Port belongs to one goroutine at a time, which Run locks to its
// thread (and to a core, when asked). Counters that others may read while it
// runs are atomic.
//
// Cost. Building a frame is a copy of its template and an update of the
// checksum; the kernel's transmit path, about half a microsecond a frame on
// veth, is what limits a Generator. For more there is KernelGen, which has the
// kernel repeat one frame without sockets.
package bench
