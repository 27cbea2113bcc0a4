package xsk

import (
	"sync/atomic"

	"pollux/internal/packet"
)

// entry is what a ring holds: frames, or addresses of chunks.
type entry interface{ uint64 | packet.Desc }

// Producer is a ring that the user side writes and the kernel reads.
type Producer[T entry] struct {
	entries  []T
	size     uint32
	mask     uint32
	head     uint32  // next entry to write; only the owner
	tail     uint32  // copy of *consumer, maybe old; only the owner
	producer *uint32 // shared: the owner stores, the kernel loads
	consumer *uint32 // shared: the kernel stores, the owner loads
	flags    *uint32 // shared: the kernel stores
}

// Consumer is a ring that the kernel writes and the user side reads.
type Consumer[T entry] struct {
	entries  []T
	size     uint32
	mask     uint32
	tail     uint32  // next entry to read; only the owner
	head     uint32  // copy of *producer, maybe old; only the owner
	producer *uint32 // shared: the kernel stores, the owner loads
	consumer *uint32 // shared: the owner stores, the kernel loads
}

// Reserve returns how many of n entries can be written now. It looks at the
// kernel's index only when its copy does not show room enough.
func (p *Producer[T]) Reserve(n uint32) uint32 {
	free := p.size - (p.head - p.tail)
	if free < n && p.size != 0 {
		p.tail = atomic.LoadUint32(p.consumer)
		free = p.size - (p.head - p.tail)
	}
	return min(free, n)
}

// Slots returns the next n entries to write, which Reserve has granted, in two
// parts: the second is what wraps round, mostly empty.
func (p *Producer[T]) Slots(n uint32) (a, b []T) {
	return window(p.entries, p.head&p.mask, n)
}

// Submit hands the next n entries, now written, to the kernel.
func (p *Producer[T]) Submit(n uint32) {
	if n == 0 {
		return
	}
	p.head += n
	atomic.StoreUint32(p.producer, p.head)
}

// Pending returns how many submitted entries the kernel has not yet taken.
func (p *Producer[T]) Pending() uint32 {
	if p.size == 0 {
		return 0
	}
	p.tail = atomic.LoadUint32(p.consumer)
	return p.head - p.tail
}

// NeedWakeup reports whether the kernel wants a system call to go on. Submit's
// store is sequentially consistent, so the flag read after it is not too old.
func (p *Producer[T]) NeedWakeup() bool {
	return p.size != 0 && atomic.LoadUint32(p.flags)&needWakeup != 0
}

// Size is the number of entries of the ring; 0 after Close.
func (p *Producer[T]) Size() uint32 { return p.size }

// Peek returns how many of up to n entries can be read now. It looks at the
// kernel's index only when its copy shows fewer than n.
func (c *Consumer[T]) Peek(n uint32) uint32 {
	have := c.head - c.tail
	if have < n && c.size != 0 {
		c.head = atomic.LoadUint32(c.producer)
		have = c.head - c.tail
	}
	return min(have, n)
}

// Entries returns the next n entries to read, which Peek has shown, in two
// parts. They are the kernel's again after Release.
func (c *Consumer[T]) Entries(n uint32) (a, b []T) {
	return window(c.entries, c.tail&c.mask, n)
}

// Release gives the next n entries, now read, back to the kernel.
func (c *Consumer[T]) Release(n uint32) {
	if n == 0 {
		return
	}
	c.tail += n
	atomic.StoreUint32(c.consumer, c.tail)
}

// Size is the number of entries of the ring; 0 after Close.
func (c *Consumer[T]) Size() uint32 { return c.size }

// window returns n entries of a ring from i on: up to its end, and from its
// beginning.
func window[T entry](ring []T, i, n uint32) (a, b []T) {
	if end := i + n; end <= uint32(len(ring)) {
		return ring[i:end], nil
	}
	a = ring[i:]
	return a, ring[:n-uint32(len(a))]
}

// newProducer returns a ring over shared words and entries.
func newProducer[T entry](r shared[T]) Producer[T] {
	return Producer[T]{
		entries: r.entries, size: uint32(len(r.entries)), mask: uint32(len(r.entries)) - 1,
		head: atomic.LoadUint32(r.producer), tail: atomic.LoadUint32(r.consumer),
		producer: r.producer, consumer: r.consumer, flags: r.flags,
	}
}

// newConsumer returns a ring over shared words and entries.
func newConsumer[T entry](r shared[T]) Consumer[T] {
	return Consumer[T]{
		entries: r.entries, size: uint32(len(r.entries)), mask: uint32(len(r.entries)) - 1,
		head: atomic.LoadUint32(r.producer), tail: atomic.LoadUint32(r.consumer),
		producer: r.producer, consumer: r.consumer,
	}
}
