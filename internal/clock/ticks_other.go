//go:build !amd64

package clock

// Ticks counts nanoseconds where there is no time-stamp counter to read.
func Ticks() uint64 { return uint64(Now()) }
