package cache

import "unsafe"

// prefetchBonds asks for the bonds of packets idx, without waiting for them. It reads
// nothing but idx and slots, and those within their bounds.
//
//go:noescape
func prefetchBonds(bonds []bond, slots []int32, idx []uint16)

// prefetchEntries asks for the lines of the entries that the bonds of packets idx say: base
// is where entry 0 is.
//
//go:noescape
func prefetchEntries(base unsafe.Pointer, bonds []bond, slots []int32, idx []uint16)
