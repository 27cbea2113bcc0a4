package ring

import (
	"fmt"
	"reflect"
	"sync/atomic"
)

// line is the distance kept between words that different threads write: two
// cache lines, because the adjacent-line prefetcher fetches them in pairs.
const line = 128

// SPSC is a bounded queue of one producer and one consumer. Make it with New.
type SPSC[T any] struct {
	slots []T
	mask  uint64
	wipe  bool // popped slots are zeroed, so that the ring keeps nothing alive
	_     [line]byte

	// Only the producer writes these.
	tail     atomic.Uint64
	headSeen uint64 // head as the producer last loaded it
	_        [line - 16]byte

	// Only the consumer writes these.
	head     atomic.Uint64
	tailSeen uint64 // tail as the consumer last loaded it
	_        [line - 16]byte
}

// New returns an empty ring for at least capacity values; the capacity is rounded
// up to a power of two. A capacity below 1 or above 1<<30 is a bug of the caller
// and panics.
func New[T any](capacity int) *SPSC[T] {
	if capacity < 1 || capacity > 1<<30 {
		panic(fmt.Sprintf("ring: capacity %d is not between 1 and %d", capacity, 1<<30))
	}
	n := 1
	for n < capacity {
		n <<= 1
	}
	return &SPSC[T]{
		slots: make([]T, n),
		mask:  uint64(n - 1),
		wipe:  holdsPointers(reflect.TypeFor[T]()),
	}
}

// Cap returns how many values the ring holds at most. Any thread may call it.
func (r *SPSC[T]) Cap() int { return len(r.slots) }

// Len returns how many values the ring held at some moment of the call. Any
// thread may call it; it is exact for a thread that is the only one active.
func (r *SPSC[T]) Len() int {
	// head first: loaded second it could have passed the tail that was loaded.
	head := r.head.Load()
	return int(min(r.tail.Load()-head, uint64(len(r.slots))))
}

// Pushed returns how many values were ever pushed, Popped how many were ever popped: a
// value pushed before Pushed returned n is out once Popped has reached n. Any thread may
// call them.
func (r *SPSC[T]) Pushed() uint64 { return r.tail.Load() }

// Popped is described at Pushed.
func (r *SPSC[T]) Popped() uint64 { return r.head.Load() }

// Push appends v and reports whether there was room. Producer only.
func (r *SPSC[T]) Push(v T) bool {
	tail := r.tail.Load()
	if tail-r.headSeen == uint64(len(r.slots)) {
		r.headSeen = r.head.Load()
		if tail-r.headSeen == uint64(len(r.slots)) {
			return false
		}
	}
	r.slots[tail&r.mask] = v
	r.tail.Store(tail + 1)
	return true
}

// PushN appends the first n values of vs, as many as there is room for, and
// returns n. The consumer sees them all at once. Producer only.
func (r *SPSC[T]) PushN(vs []T) int {
	tail := r.tail.Load()
	room := uint64(len(r.slots)) - (tail - r.headSeen)
	if room < uint64(len(vs)) {
		r.headSeen = r.head.Load()
		room = uint64(len(r.slots)) - (tail - r.headSeen)
	}
	n := min(len(vs), int(room))
	if n == 0 {
		return 0
	}
	k := copy(r.slots[tail&r.mask:], vs[:n])
	copy(r.slots, vs[k:n])
	r.tail.Store(tail + uint64(n))
	return n
}

// Pop takes the oldest value; ok is false when the ring is empty. Consumer only.
func (r *SPSC[T]) Pop() (v T, ok bool) {
	head := r.head.Load()
	if head == r.tailSeen {
		r.tailSeen = r.tail.Load()
		if head == r.tailSeen {
			return v, false
		}
	}
	slot := &r.slots[head&r.mask]
	v = *slot
	if r.wipe {
		var zero T
		*slot = zero
	}
	r.head.Store(head + 1)
	return v, true
}

// PopN takes up to len(dst) of the oldest values, in order, and returns how many.
// Consumer only.
func (r *SPSC[T]) PopN(dst []T) int {
	head := r.head.Load()
	have := r.tailSeen - head
	if have < uint64(len(dst)) {
		r.tailSeen = r.tail.Load()
		have = r.tailSeen - head
	}
	n := min(len(dst), int(have))
	if n == 0 {
		return 0
	}
	at := head & r.mask
	k := copy(dst[:n], r.slots[at:])
	copy(dst[k:n], r.slots)
	if r.wipe {
		clear(r.slots[at : at+uint64(k)])
		clear(r.slots[:n-k])
	}
	r.head.Store(head + uint64(n))
	return n
}

// holdsPointers says whether a value of type t can keep other memory alive.
func holdsPointers(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr,
		reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
		return false
	case reflect.Array:
		return t.Len() > 0 && holdsPointers(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if holdsPointers(t.Field(i).Type) {
				return true
			}
		}
		return false
	}
	return true
}
