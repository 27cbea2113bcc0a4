package port

import (
	"encoding/binary"
	"sync/atomic"

	"pollux/internal/packet"
	"pollux/internal/ring"
)

// MaxMasks is the most groups of a memory port's flows: the low 40 bits of the
// source address and the low 24 of the destination address.
const MaxMasks = 64

// headerRoom is how many bytes the source may write past a frame's end: it writes
// the first 64 of a chunk whole.
const headerRoom = 64 - MinSize

// injectRoom is how many injected frames a queue holds.
const injectRoom = 1024

// memoryRx is the source of one queue.
type memoryRx struct {
	mem  *packet.Memory
	flow flowOrder
	mix  []header    // by place in the round
	at   int         // place in the round
	list *FrameTable // nil: frames are made

	fresh    flowOrder // of flows that begin
	newFlows pacer

	groups  [][2]uint64 // a frame's first two words, by group
	endless bool
	left    uint64 // packets still to make, unless endless
	paced   pacer

	given  *ring.SPSC[[]byte]
	chunks [packet.MaxBatch]uint64

	made, length uint64 // totals

	// Published, stored by the loop's thread.
	packets, bytes, starved atomic.Uint64
	done                    atomic.Bool
}

// header is what the frames of one length have in common.
type header struct {
	length uint32
	word2  uint64 // total length, id, fragment, TTL, protocol
	word4  uint64 // low half of the destination address, ports of flow 0, UDP length
	sum    uint32 // of the IP header without checksum and source address
}

func newHeader(size int) header {
	h := header{
		length: uint32(size),
		word2:  uint64(size-14)<<48 | 0x4000<<16 | 64<<8 | 17,
		word4:  0x0001<<48 | 1024<<32 | 2000<<16 | uint64(size-34),
	}
	h.sum = 0x4500 + uint32(size-14) + 0x4000 + 64<<8 + 17 + 0x0ac8 + 0x0001
	return h
}

func newMemoryRx(cfg MemoryConfig, queue int, mem *packet.Memory) *memoryRx {
	q := &memoryRx{
		mem:     mem,
		given:   ring.New[[]byte](injectRoom),
		endless: cfg.Count == 0,
		left:    cfg.Count,
		paced:   pacer{perNS: cfg.Rate / 1e9, burst: cfg.Burst},
		list:    cfg.Frames,

		newFlows: pacer{perNS: cfg.New / 1e9},
	}
	q.flow.start(uint64(cfg.Flows), uint64(queue), uint64(cfg.Queues), uint32(cfg.Masks), cfg.Random)
	q.flow.follow(cfg.Order, uint64(queue), uint64(cfg.Queues))
	// The first flow beyond the others that is of this queue.
	first := uint64(cfg.Flows) + uint64((queue+cfg.Queues-cfg.Flows%cfg.Queues)%cfg.Queues)
	q.fresh.start(1<<32, first, uint64(cfg.Queues), uint32(cfg.Masks), false)
	if q.flow.n == 0 {
		q.endless = false
		q.left = 0
	}
	q.done.Store(!q.endless && q.left == 0)
	for _, i := range cfg.Mix.round() {
		q.mix = append(q.mix, newHeader(cfg.Mix[i].Size))
	}
	for g := range cfg.Masks {
		dst, src := uint64(0x020000000202), uint64(0x020000000000)
		if g < 40 {
			src ^= 1 << g
		} else {
			dst ^= 1 << (g - 40)
		}
		// Type IPv4, version and header length, type of service follow the addresses.
		q.groups = append(q.groups, [2]uint64{dst<<16 | src>>32, src<<32 | 0x08004500})
	}
	return q
}

// Rx implements pmd.RxQueue.
func (q *memoryRx) Rx(b *packet.Batch, limit int, free *packet.FreeList) int {
	limit = min(limit, packet.MaxBatch)
	n := 0
	if q.given.Len() > 0 {
		n = q.receive(b, limit, free)
	}
	want := limit - n
	if !q.endless {
		want = int(min(uint64(want), q.left))
	}
	if want == 0 || q.paced.perNS != 0 && q.paced.take(&want) == 0 {
		q.publish(n)
		return n
	}
	k := free.GetN(q.chunks[:want])
	if k < want {
		q.starved.Store(q.starved.Load() + 1)
	}
	begin := 0
	if q.newFlows.perNS != 0 {
		begin = (k + 1) / 2 // flows that begin leave half of a batch to the others
		q.newFlows.take(&begin)
	}
	old := b.Desc[n : n+k-begin]
	if q.list != nil {
		q.length += q.list.play(q.mem, old, q.chunks[:k-begin], &q.flow)
	} else {
		q.make(old, q.chunks[:k-begin], &q.flow)
	}
	if begin > 0 {
		q.make(b.Desc[n+k-begin:n+k], q.chunks[k-begin:k], &q.fresh)
	}
	if !q.endless {
		q.left -= uint64(k)
		if q.left == 0 {
			q.done.Store(true)
		}
	}
	q.publish(n + k)
	return n + k
}

// make writes packets of the flows in order into chunks.
func (q *memoryRx) make(desc []packet.Desc, chunks []uint64, o *flowOrder) {
	buf, room := q.mem.Buf, uint64(q.mem.Headroom)
	length := uint64(0)
	one := len(q.mix) == 1
	h := &q.mix[q.at]
	for j, chunk := range chunks {
		var i uint64
		var g uint32
		if o.random {
			i, g = o.drawn()
		} else {
			i, g = o.inTurn()
		}
		if !one {
			h = &q.mix[q.at]
			if q.at++; q.at == len(q.mix) {
				q.at = 0
			}
		}
		addr := chunk + room
		w := (*[64]byte)(buf[addr : addr+64])
		group := &q.groups[g]
		src := uint64(10<<24 + uint32(i>>12))
		sum := h.sum + uint32(src>>16) + uint32(src&0xffff)
		sum = sum&0xffff + sum>>16
		sum = sum&0xffff + sum>>16
		binary.BigEndian.PutUint64(w[0:], group[0])
		binary.BigEndian.PutUint64(w[8:], group[1])
		binary.BigEndian.PutUint64(w[16:], h.word2)
		binary.BigEndian.PutUint64(w[24:], uint64(^uint16(sum))<<48|src<<16|0x0ac8)
		binary.BigEndian.PutUint64(w[32:], h.word4+i&4095<<32+i&15<<16)
		binary.BigEndian.PutUint64(w[40:], 0)
		binary.BigEndian.PutUint64(w[48:], 0)
		binary.BigEndian.PutUint64(w[56:], 0)
		desc[j] = packet.Desc{Addr: addr, Len: h.length}
		length += uint64(h.length)
	}
	q.length += length
}

// receive copies injected frames into the batch. Those that are longer than a chunk
// holds are cut.
func (q *memoryRx) receive(b *packet.Batch, limit int, free *packet.FreeList) int {
	n := 0
	for n < limit && free.Len() > 0 {
		f, ok := q.given.Pop()
		if !ok {
			break
		}
		chunk, _ := free.Get()
		d := packet.Desc{Addr: chunk + uint64(q.mem.Headroom)}
		d.Len = uint32(copy(q.mem.Buf[d.Addr:chunk+uint64(q.mem.ChunkSize)], f))
		b.Desc[n] = d
		q.length += uint64(d.Len)
		n++
	}
	return n
}

// publish makes n more packets visible to Made.
func (q *memoryRx) publish(n int) {
	if n == 0 {
		return
	}
	q.made += uint64(n)
	q.packets.Store(q.made)
	q.bytes.Store(q.length)
}
