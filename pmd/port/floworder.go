package port

import "math/bits"

// flowOrder says which flow's packet is next.
type flowOrder struct {
	n, first, step uint64 // the flows first + j×step for j < n
	random         bool
	state          uint64 // of the random numbers; else the next j
	i              uint64 // else the next flow
	masks          uint32
	begin          uint32   // group of flow first
	group, stride  uint32   // else the next flow's group, and what to add to it
	magic          uint64   // masks as the multiplier of a remainder
	given          []uint32 // the order, if random is that it is given
	at             int      // in it
}

func (o *flowOrder) start(flows, queue, queues uint64, masks uint32, random bool) {
	*o = flowOrder{
		first:  queue,
		step:   queues,
		random: random,
		i:      queue,
		masks:  masks,
		begin:  uint32(queue) % masks,
		group:  uint32(queue) % masks,
		stride: uint32(queues) % masks,
		magic:  ^uint64(0)/uint64(masks) + 1,
	}
	if queue < flows {
		o.n = (flows - queue + queues - 1) / queues
	}
	if random {
		o.state = 0x9e3779b97f4a7c15 * (queue + 1)
	}
}

// follow makes the order a given one, of which a queue has its own flows. Nil is none.
func (o *flowOrder) follow(order []uint32, queue, queues uint64) {
	if order == nil || o.n == 0 {
		return
	}
	o.random, o.given = true, make([]uint32, 0, len(order)/int(queues))
	for _, i := range order {
		if uint64(i)%queues == queue {
			o.given = append(o.given, i)
		}
	}
	if len(o.given) == 0 {
		o.n = 0 // none of its flows ever comes
	}
}

// inTurn returns the next flow and its group, unless the order is random.
func (o *flowOrder) inTurn() (i uint64, group uint32) {
	i, group = o.i, o.group
	o.i += o.step
	if o.group += o.stride; o.group >= o.masks {
		o.group -= o.masks
	}
	if o.state++; o.state == o.n {
		o.state, o.i, o.group = 0, o.first, o.begin
	}
	return i, group
}

// next returns the next flow.
func (o *flowOrder) next() uint64 {
	if o.random {
		i, _ := o.drawn()
		return i
	}
	i, _ := o.inTurn()
	return i
}

// drawn returns the next flow and its group, if the order is random or given.
func (o *flowOrder) drawn() (i uint64, group uint32) {
	if o.given != nil {
		i = uint64(o.given[o.at])
		if o.at++; o.at == len(o.given) {
			o.at = 0
		}
		hi, _ := bits.Mul64(o.magic*i, uint64(o.masks))
		return i, uint32(hi)
	}
	// xorshift64 (Marsaglia 2003).
	s := o.state
	s ^= s << 13
	s ^= s >> 7
	s ^= s << 17
	o.state = s
	i = o.first + s>>32*o.n>>32*o.step
	// The remainder of i < 2^32 by two multiplications (Lemire 2019); by 1, magic is 0.
	hi, _ := bits.Mul64(o.magic*i, uint64(o.masks))
	return i, uint32(hi)
}
