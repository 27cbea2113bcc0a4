package cache

import (
	"math/bits"
	"unsafe"

	"pollux/internal/packet"
)

// hotAt returns the entry of a bond: base is where entry 0 is.
func hotAt(base unsafe.Pointer, d bond) *hot { return (*hot)(unsafe.Add(base, uint32(d))) }

// at16 returns the two bytes at p+at in network order. Both are to be there.
func at16(p unsafe.Pointer, at uint64) uint16 {
	return bits.ReverseBytes16(*(*uint16)(unsafe.Add(p, at)))
}

// Where tallyBonds finds the lengths of packet x in a batch: x<<descShift beyond batchLen
// and 2*x beyond batchIPLen.
const (
	batchLen   = unsafe.Offsetof(packet.Batch{}.Desc) + unsafe.Offsetof(packet.Desc{}.Len)
	batchIPLen = unsafe.Offsetof(packet.Batch{}.IPLen)
	descShift  = 4

	_ = uint(1<<descShift - unsafe.Sizeof(packet.Desc{})) // they are that large
	_ = uint(unsafe.Sizeof(packet.Desc{}) - 1<<descShift)
	_ = uint(packet.MaxBatch - 256) // numbers of packets are taken modulo 256
	_ = uint(256 - packet.MaxBatch)
)
