package clock

// Ticks reads the time-stamp counter. It does not serialise: good for sums over
// many batches, not for single instructions.
//
//go:noescape
func Ticks() uint64
