package port

import (
	"math/bits"

	"pollux/internal/packet"
)

// ledger remembers which chunks one side of a queue has given to the kernel, a
// bit each, so that Close can say exactly which ones come back. Rings alone
// could not: a driver also holds chunks that are on none, and completes them in
// any order. One thread writes it. A mark or a clear costs about a nanosecond.
type ledger struct {
	bits  []uint64 // by chunk number
	shift uint     // chunk number of an address
}

// newLedger returns an empty ledger over mem.
func newLedger(mem *packet.Memory) ledger {
	shift := uint(bits.TrailingZeros32(mem.ChunkSize))
	chunks := len(mem.Buf) >> shift
	return ledger{bits: make([]uint64, (chunks+63)/64), shift: shift}
}

// markAll notes that the chunks of addrs are the kernel's.
func (l *ledger) markAll(addrs []uint64) {
	words, shift := l.bits, l.shift&63 // in registers, and no shift is too wide
	for _, a := range addrs {
		c := a >> shift
		words[c>>6] |= 1 << (c & 63)
	}
}

// markFrames notes that the chunks of frames are the kernel's.
func (l *ledger) markFrames(d []packet.Desc) {
	words, shift := l.bits, l.shift&63
	for i := range d {
		c := d[i].Addr >> shift
		words[c>>6] |= 1 << (c & 63)
	}
}

// clearAll notes that the chunks of addrs came back.
func (l *ledger) clearAll(addrs []uint64) {
	words, shift := l.bits, l.shift&63
	for _, a := range addrs {
		c := a >> shift
		words[c>>6] &^= 1 << (c & 63)
	}
}

// clearFrames notes that the chunks of frames came back.
func (l *ledger) clearFrames(d []packet.Desc) {
	words, shift := l.bits, l.shift&63
	for i := range d {
		c := d[i].Addr >> shift
		words[c>>6] &^= 1 << (c & 63)
	}
}

// take appends the addresses of all marked chunks to dst and empties the ledger.
func (l *ledger) take(dst []uint64) []uint64 {
	for i, w := range l.bits {
		for ; w != 0; w &= w - 1 {
			c := uint64(i)<<6 | uint64(bits.TrailingZeros64(w))
			dst = append(dst, c<<l.shift)
		}
		l.bits[i] = 0
	}
	return dst
}
