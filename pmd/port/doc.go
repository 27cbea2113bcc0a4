// Package port holds the switch's port drivers: kernel devices over AF_XDP
// (afxdp), memory (memory), capture files (pcap) and host-side interfaces (tap).
// Each is a pmd.Port: it receives and sends batches of frames that lie in the
// switch's one memory.
//
// # Terms
//
// A queue has a receiving side (pmd.RxQueue) and a sending side (pmd.TxQueue).
// A chunk belongs to the driver from the moment it takes it (Rx takes free ones,
// Tx takes frames) until it gives it back (as a received frame, by Reclaim, or at
// last from Close). Close returns exactly what was still with the driver.
//
// # Threads
//
// A side is used by one thread at a time; the two sides of a queue share nothing
// that is written, so they may be used by two threads at once. Open, Info,
// Counters and Close are for the control plane; Counters may be asked while loops
// run, Close comes after they have let go. A closed port's queues stay callable
// and do nothing.
//
// # Devices that come and go
//
// An afxdp port survives its device going down and up: frames that were on the
// tx ring go out when it is up again, and meanwhile Tx takes none. A device that
// is deleted leaves the port inert: Rx returns 0, Tx takes nothing, until Close.
// WatchLinks tells the control plane when to close and when to open again.
//
// # Cost
//
// No side allocates, locks or blocks in Rx, Tx or Reclaim. afxdp: see package xsk;
// and two bit operations for each frame and direction, for exact accounts. tap:
// one system call a frame, as the kernel has no batch for it. pcap: one copy a
// frame into memory (writer) or out of it (reader); disk writes are another
// goroutine's.
package port
