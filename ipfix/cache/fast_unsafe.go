package cache

import (
	"math/bits"
	"unsafe"
)

// hotAt returns the entry of a bond: base is where entry 0 is.
func hotAt(base unsafe.Pointer, d bond) *hot { return (*hot)(unsafe.Add(base, uint32(d))) }

// at16 returns the two bytes at p+at in network order. Both are to be there.
func at16(p unsafe.Pointer, at uint64) uint16 {
	return bits.ReverseBytes16(*(*uint16)(unsafe.Add(p, at)))
}
