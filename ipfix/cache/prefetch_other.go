//go:build !amd64

package cache

import "unsafe"

// Where there is no prefetch the loads of tally have to do.

func prefetchBonds([]bond, []int32, []uint16) {}

func prefetchEntries(unsafe.Pointer, []bond, []int32, []uint16) {}
