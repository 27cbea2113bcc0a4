package cache

// nowhere is the number of no point and no tunnel: numbers have 16 bits.
const nowhere = 1<<16 - 1

// pool gives the values of a flow key that do not fit it small numbers, so that
// equal values have equal numbers. A number is taken as long as somebody holds it.
type pool[T comparable] struct {
	index index
	items []pooled[T]
	high  uint32 // items at and after it were never used
	free  uint32 // the first of those given back, or nowhere
}

type pooled[T comparable] struct {
	value   T
	holders uint32 // 0: free
	hash    uint32
	next    uint32 // while free: the next free one, or nowhere
}

// newPool returns a pool of n numbers, at most 65535. Its memory comes as it is used.
func newPool[T comparable](a *arena, n int) pool[T] {
	n = min(n, nowhere)
	return pool[T]{index: newIndex(a, n, false), items: room[pooled[T]](a, n, false), free: nowhere}
}

// find returns the number of v, whose hash is h.
func (p *pool[T]) find(v *T, h uint32) (n uint32, ok bool) {
	x := &p.index
	for at := h & x.mask; x.slots[at] != 0; at = (at + 1) & x.mask {
		if s := x.slots[at]; uint32(s>>32) == h {
			if n := uint32(s) - 1; p.items[n].value == *v {
				return n, true
			}
		}
	}
	return nowhere, false
}

// enter returns the number of v, which the caller holds from then on; ok is false
// when all numbers are held by others.
func (p *pool[T]) enter(v *T, h uint32) (n uint32, ok bool) {
	if n, ok = p.find(v, h); ok {
		p.items[n].holders++
		return n, true
	}
	switch {
	case p.free != nowhere:
		n = p.free
		p.free = p.items[n].next
	case p.high < uint32(len(p.items)):
		n = p.high
		p.high++
	default:
		return nowhere, false
	}
	p.items[n] = pooled[T]{value: *v, holders: 1, hash: h}
	p.index.insert(h, n)
	return n, true
}

// hold is enter for one who knows that somebody holds n.
func (p *pool[T]) hold(n uint32) { p.items[n].holders++ }

// leave gives n back; it is free when nobody else holds it.
func (p *pool[T]) leave(n uint32) {
	i := &p.items[n]
	if i.holders--; i.holders == 0 {
		p.index.remove(i.hash, n)
		i.next, p.free = p.free, n
	}
}
