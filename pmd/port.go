package pmd

import "pollux/internal/packet"

// RxQueue is the receiving side of one queue of a port. One loop's thread calls it.
type RxQueue interface {
	// Rx writes up to max received frames to b.Desc[:n] and returns n, which may be
	// 0. The frames belong to the caller. Chunks the driver needs for later frames
	// are taken from free. It never blocks.
	Rx(b *packet.Batch, max int, free *packet.FreeList) (n int)
}

// TxQueue is the sending side of one queue of a port. One loop's thread calls it.
type TxQueue interface {
	// Tx hands frames to the driver and returns how many it took; d[n:] stays with
	// the caller. It makes at most one system call and never blocks. Frames that the
	// driver has done with by the time it returns (the memory sink) come back through
	// Reclaim as all others do.
	Tx(d []packet.Desc) (n int)
	// Reclaim writes the chunks of frames that have been sent to dst and returns how
	// many. A queue with frames in flight may need it to make progress (it may kick
	// the kernel), so the loop calls it every iteration while Inflight is not 0.
	Reclaim(dst []uint64) (n int)
	// Inflight is the number of frames taken by Tx and not yet reclaimed.
	Inflight() int
}

// Port is one device of the switch. Its methods are for the control plane; loops
// only see the queues.
type Port interface {
	// Queues returns the queues, rx[i] and tx[i] those of queue i. A port may have
	// no receiving or no sending side (nil slices).
	Queues() (rx []RxQueue, tx []TxQueue)
	// Info describes what was opened, for people: mode, features, what was refused.
	Info() PortInfo
	// Counters reads the driver's own counters; safe from any thread.
	Counters() PortCounters
	// Close releases everything the kernel holds, after all loops have let go of the
	// queues, and returns the chunks that were still on the port's rings.
	Close() (chunks []uint64, err error)
}

// PortInfo is what a person wants to know of an open port.
type PortInfo struct {
	Type    string            `json:"type"`   // afxdp, memory, pcap, tap
	Device  string            `json:"device"` // kernel interface or file
	IfIndex int               `json:"ifindex,omitempty"`
	MAC     string            `json:"mac,omitempty"`
	MTU     int               `json:"mtu,omitempty"`
	Mode    string            `json:"mode,omitempty"` // of afxdp: native-zerocopy, native-copy, generic
	Queues  int               `json:"queues"`
	Details map[string]string `json:"details,omitempty"` // feature → state, e.g. need_wakeup: on
}

// PortCounters are counts by the driver and the kernel of frames that the loops
// never saw or could not get rid of.
type PortCounters struct {
	RxDropped   uint64 `json:"rx_dropped"`   // received by the device, lost before the ring (XDP_STATISTICS)
	RxRingFull  uint64 `json:"rx_ring_full"` // the loop was too slow
	RxFillEmpty uint64 `json:"rx_fill_empty"`
	RxInvalid   uint64 `json:"rx_invalid"`
	TxInvalid   uint64 `json:"tx_invalid"`
	TxErrors    uint64 `json:"tx_errors"`
	Kicks       uint64 `json:"kicks"`       // system calls made to send
	KicksAgain  uint64 `json:"kicks_again"` // of them, those that left frames for another: the budget, or no room
	RxKicks     uint64 `json:"rx_kicks"`    // system calls made to receive: a driver that asked to be woken, busy polling
	Completed   uint64 `json:"completed"`   // frames that the kernel has given back as sent
}
