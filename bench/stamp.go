package bench

import "golang.org/x/sys/unix"

// A tag has room for a sequence number of 64 bits, of which 30 are used. In a stamped
// tag the upper half is the time at which the frame was built, in ns of CLOCK_MONOTONIC,
// cut to 32 bits: times on the way up to 4.29 s are told apart. That way the smallest
// frame has room for it. Both ends must run on one machine.

// stamped returns seq with the time of now above it.
func stamped(seq uint64) uint64 { return uint64(monotonic())<<32 | seqOf(seq) }

// seqOf is the sequence number without the stamp.
func seqOf(seq uint64) uint64 { return seq & (1<<32 - 1) }

// sinceStamp returns the ns from the stamp until now.
func sinceStamp(seq uint64) uint32 { return monotonic() - uint32(seq>>32) }

// monotonic reads the clock that XDP programs read too (bpf_ktime_get_ns).
func monotonic() uint32 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	return uint32(ts.Nano())
}
