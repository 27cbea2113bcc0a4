package port

import (
	"fmt"

	"pollux/internal/packet"
)

// FrameTable is the packets of a memory port's flows, for those that it cannot make by
// itself: other protocols, addresses drawn from rules, attacks. Each flow has one frame,
// of which the first 128 bytes are kept, or 64 where no flow needs more; what a longer
// frame holds behind them is as it was in the chunk.
type FrameTable struct {
	heads   []byte
	stride  int
	lengths []uint32
	longest int
}

// The headers of a frame, as kept.
const (
	shortHead = 64
	longHead  = 128
)

// NewFrameTable copies the headers of n frames; frame returns those of flow i, valid until
// the next call, and the length of its packets.
func NewFrameTable(n int, long bool, frame func(i int) (head []byte, length int)) (*FrameTable, error) {
	t := &FrameTable{stride: shortHead, lengths: make([]uint32, n)}
	if long {
		t.stride = longHead
	}
	if n < 1 || n > 1<<32 {
		return nil, fmt.Errorf("port: table of %d frames: want 1 to %d", n, 1<<32)
	}
	t.heads = make([]byte, n*t.stride)
	for i := range n {
		h, length := frame(i)
		if length < MinSize || length > MaxSize {
			return nil, fmt.Errorf("port: frame %d of a table: %d bytes: want %d to %d", i, length, MinSize, MaxSize)
		}
		if len(h) > t.stride {
			return nil, fmt.Errorf("port: frame %d of a table: %d bytes of headers: want %d at most", i, len(h), t.stride)
		}
		copy(t.heads[i*t.stride:(i+1)*t.stride], h)
		t.lengths[i] = uint32(length)
		t.longest = max(t.longest, length)
	}
	return t, nil
}

// Len returns how many flows there are.
func (t *FrameTable) Len() int { return len(t.lengths) }

// Frame returns the headers of flow i and the length of its packets.
func (t *FrameTable) Frame(i int) (head []byte, length int) {
	return t.heads[i*t.stride : (i+1)*t.stride], int(t.lengths[i])
}

// play writes packets of the flows in order into chunks and returns their bytes.
func (t *FrameTable) play(mem *packet.Memory, desc []packet.Desc, chunks []uint64, o *flowOrder) (bytes uint64) {
	buf, room := mem.Buf, uint64(mem.Headroom)
	for j, chunk := range chunks {
		i := o.next()
		addr := chunk + room
		// As arrays, which are copied with no call.
		if t.stride == shortHead {
			*(*[shortHead]byte)(buf[addr:]) = *(*[shortHead]byte)(t.heads[i*shortHead:])
		} else {
			*(*[longHead]byte)(buf[addr:]) = *(*[longHead]byte)(t.heads[i*longHead:])
		}
		desc[j] = packet.Desc{Addr: addr, Len: t.lengths[i]}
		bytes += uint64(t.lengths[i])
	}
	return bytes
}
