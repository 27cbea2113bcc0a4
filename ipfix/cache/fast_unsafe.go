package cache

import (
	"math/bits"
	"unsafe"
)

// entries returns the entries as an array, so that the numbers in bonds, which are those
// of entries, index it with no check.
func (c *Cache) entries() *[MaxFlows]hot {
	return (*[MaxFlows]hot)(unsafe.Pointer(unsafe.SliceData(c.hot)))
}

// at16 returns the two bytes at p+at in network order. Both are to be there.
func at16(p unsafe.Pointer, at uint64) uint16 {
	return bits.ReverseBytes16(*(*uint16)(unsafe.Add(p, at)))
}
