package port

import "pollux/internal/packet"

// finishedRoom is how many frames a driver that sends at once may be ahead of
// Reclaim.
const finishedRoom = 4 * packet.MaxBatch

// finished holds the chunks of frames that a driver is done with when Tx
// returns, until Reclaim takes them. The sending thread owns it.
type finished struct {
	chunks [finishedRoom]uint64
	n      int
}

// room returns how many frames can still be added.
func (f *finished) room() int { return len(f.chunks) - f.n }

// add takes the chunks of frames.
func (f *finished) add(d []packet.Desc, mem *packet.Memory) {
	for i := range d {
		f.chunks[f.n+i] = mem.Chunk(d[i].Addr)
	}
	f.n += len(d)
}

// reclaim moves chunks to dst and returns how many.
func (f *finished) reclaim(dst []uint64) int {
	n := min(len(dst), f.n)
	f.n -= n
	copy(dst, f.chunks[f.n:f.n+n])
	return n
}

// take appends all chunks to dst.
func (f *finished) take(dst []uint64) []uint64 {
	dst = append(dst, f.chunks[:f.n]...)
	f.n = 0
	return dst
}
