package cache

import (
	"math/bits"
	"runtime"

	"pollux/flow"
	"pollux/internal/packet"
)

// chunk is how many packets go through the stages together: enough to keep the
// processor's outstanding misses busy, few enough for the scratch to stay in L1.
const chunk = 32

// none marks a packet whose flow the index does not know yet.
const none = ^uint32(0)

// sample is what is counted of one packet.
type sample struct {
	len   uint32
	ipLen uint16
	flags uint16
	ttl   uint8
	kind  kind
}

// scratch is the memory of one call.
type scratch struct {
	chosen  [packet.MaxBatch]uint16
	rest    [packet.MaxBatch]uint16
	who     [chunk]uint16 // of Dropped
	key     [chunk]ckey
	hash    [chunk]uint32
	entry   [chunk]uint32
	samples [chunk]sample
	other   uint32 // bit i: packet i of the chunk needs prepareAny
	tunnels uint32 // bit i: packet i holds the number of a tunnel
	outside uint32 // bit i: packet i came by a tunnel that has no number
	record  Record
}

// call is what is the same for all packets of one Observe.
type call struct {
	point uint32 // its number
	bonds []bond // of the point's direction
	b     *packet.Batch
	keys  flow.Keys
	slots []int32 // or nil
	now   int64
}

// Observe accounts packets idx of batch b, whose keys are keys.At(x) for x of idx, at point
// pt. A frame's layer-2 octets are b.Desc's Len; its IP octets end where the IP header
// says, if the cache knows the memory, and with the frame otherwise. now is ns of the
// loop's monotonic clock and does not go back.
//
// slots[x] is the slot of the exact-match cache that holds packet x's key, or -1; slots may be
// nil. It must hold that key at the time of the call: if a later packet of the same batch
// has taken the slot for its own key, slots[x] is to be -1. And since the slot stands for
// the key, keys that were taken again from rewritten frames go with no slots. Owner only.
func (c *Cache) Observe(pt Point, b *packet.Batch, keys flow.Keys, idx []uint16, slots []int32, now int64) {
	c.n.own[nOffered] += uint64(len(idx))
	point, ok := c.points.enter(&pt, &c.secret)
	if c.sampling > 1 {
		chosen := c.scratch.chosen[:c.sampler.choose(c.scratch.chosen[:], idx)]
		c.chosen.note(point, idx, chosen)
		idx = chosen
	}
	k := call{point: point, b: b, keys: keys, slots: slots, now: now}
	if slots != nil {
		_ = slots[:b.N] // tallyBonds does not look whether there are as many
		k.bonds = c.bonds[pt.Dir&1]
	}
	c.gone = false
	switch {
	case !ok:
		c.refuse(&k, idx)
	case c.qos != nil:
		c.inOrder(&k, idx)
	case len(k.bonds) != 0:
		c.slow(&k, c.fast(&k, idx))
	default:
		c.slow(&k, idx)
	}
	if ok {
		c.points.pool.leave(point)
	}
	if c.gone {
		// A record is in the ring: who reads it is to find its packets seen.
		c.n.publish()
	}
	runtime.KeepAlive(c)
}

// slow accounts packets by their keys.
func (c *Cache) slow(k *call, idx []uint16) {
	for len(idx) > 0 {
		part := idx[:min(len(idx), chunk)]
		idx = idx[len(part):]
		c.prepare(k, part)
		c.find(len(part))
		c.account(k, part)
		c.leaveTunnels()
	}
}

// refuse counts packets at a point for which no number is free.
func (c *Cache) refuse(k *call, idx []uint16) {
	for _, x := range idx {
		class := classOf(k.keys.At(int(x)), k.b.L3[x])
		p := sample{len: k.b.Desc[x].Len, kind: classKind(class)}
		if class != Other {
			p.ipLen = c.ipLen(class, &k.b.Desc[x], k.b.L3[x])
		}
		c.n.count(nSeen, 1, uint64(p.ipLen), uint64(p.len))
		c.n.own[nSeenBy+int(class)]++
		c.lose(&p)
	}
}

// lose counts a packet that begins a flow for which there is no room.
func (c *Cache) lose(p *sample) {
	c.n.count(nLost+3*int(LossNoRoom), 1, uint64(p.ipLen), uint64(p.len))
	c.n.own[nLostFlows+int(LossNoRoom)]++
	c.n.own[nNoRoomBy+int(p.kind.class())]++
}

// find looks the packets' flows up in the index. Nothing depends on the packet
// before, so the processor works on several look-ups at once; the entries' lines
// are on their way when account wants them.
func (c *Cache) find(n int) {
	s := &c.scratch
	slots, mask := c.index.slots, c.index.mask
	probes, touched := uint64(0), uint64(0)
	for i := range n {
		h := s.hash[i&(chunk-1)]
		at := h & mask
		found := none
		for {
			probes++
			v := slots[at]
			if v == 0 {
				break
			}
			if uint32(v>>32) == h {
				found = uint32(v) - 1
				touched += c.cold[found].key[0] + c.hot[found].packets
				break
			}
			at = (at + 1) & mask
		}
		s.entry[i&(chunk-1)] = found
	}
	c.n.own[nProbes] += probes
	c.n.own[nLookups] += uint64(n)
	c.touched = touched
}

// account adds the packets to their flows: first those whose entries find knew and that
// change nothing but counts, as most do, then the others, one by one. Where sequence numbers
// are followed all go one by one, in their order.
func (c *Cache) account(k *call, idx []uint16) {
	s := &c.scratch
	var octets, l2, classes uint64
	var full lanes
	later := uint32(0) // bit i: packet i is not counted yet
	inOrder := c.qos != nil
	for m := s.outside; m != 0; m &= m - 1 {
		s.entry[bits.TrailingZeros32(m)] = none // its key is not whole
	}
	for i, n := range s.entry[:len(idx)] {
		p := &s.samples[i]
		octets += uint64(p.ipLen)
		l2 += uint64(p.len)
		classes += uint64(p.kind & (oneIPv4 | oneIPv6))
		if n < uint32(len(c.hot)) && n < uint32(len(c.cold)) && !inOrder {
			if e := &c.hot[n]; e.packets != 0 && e.within(p) && c.cold[n].key.same(&s.key[i]) {
				e.add(p, k.now)
				full |= e.lanes
				continue
			}
		}
		later |= 1 << (i & (chunk - 1))
	}
	v4, v6 := classes%uint64(oneIPv6)/uint64(oneIPv4), classes/uint64(oneIPv6)
	c.n.own[nSeenBy+int(IPv4)] += v4
	c.n.own[nSeenBy+int(IPv6)] += v6
	c.n.own[nSeenBy+int(Other)] += uint64(len(idx)) - v4 - v6
	c.n.count(nSeen, uint64(len(idx)), octets, l2)
	if full&lanesFull != 0 {
		for i, n := range s.entry[:len(idx)] {
			if later>>i&1 == 0 {
				c.empty(n)
			}
		}
	}
	if len(k.bonds) != 0 {
		for i, n := range s.entry[:len(idx)] {
			if later>>i&1 == 0 {
				c.bind(k.bonds, k.slots[idx[i]], n, s.samples[i].kind)
			}
		}
	}
	for ; later != 0; later &= later - 1 {
		i := bits.TrailingZeros32(later)
		c.accountOne(k, i, idx[i])
	}
}

// accountOne adds packet x, the i-th of the chunk. What find said is a hint: a packet before
// it may have begun the flow since, or taken its entry.
func (c *Cache) accountOne(k *call, i int, x uint16) {
	s := &c.scratch
	key, p := &s.key[i&(chunk-1)], &s.samples[i&(chunk-1)]
	if s.outside>>i&1 != 0 {
		c.lose(p)
		return
	}
	e := s.entry[i&(chunk-1)]
	if e >= uint32(len(c.hot)) || !c.hot[e].live() || !c.cold[e].key.equal(key) {
		if e = c.place(key, s.hash[i&(chunk-1)], k.now); e == none {
			c.lose(p)
			return
		}
	}
	c.count(e, p, k.now)
	if len(k.bonds) != 0 {
		c.bind(k.bonds, k.slots[x], e, p.kind)
	}
	if c.qos != nil && p.kind&kindTCP != 0 {
		c.segment(e, k, x, uint32(p.ipLen))
	}
}

// look returns the entry of a flow, or none.
func (c *Cache) look(key *ckey, h uint32) uint32 {
	x := &c.index
	for at := h & x.mask; x.slots[at] != 0; at = (at + 1) & x.mask {
		if v := x.slots[at]; uint32(v>>32) == h {
			if e := uint32(v) - 1; c.cold[e].key.equal(key) {
				return e
			}
		}
	}
	return none
}

// place returns the entry of a flow, a new one if there is none yet, which nothing is
// counted in; none when there is no room.
func (c *Cache) place(key *ckey, h uint32, now int64) uint32 {
	if e := c.look(key, h); e != none {
		return e
	}
	if len(c.free) == 0 && !c.evict() {
		return none
	}
	last := len(c.free) - 1
	e := c.free[last]
	c.free = c.free[:last]
	c.high = max(c.high, e+1)
	c.hot[e] = hot{check: c.hot[e].check&^nowhere | key.point()}
	c.cold[e] = cold{key: *key, began: now}
	c.points.pool.hold(key.point())
	if t := key.tunnel(); t != noTunnel {
		c.tunnels.hold(t)
	}
	if c.qos != nil {
		c.qos[e] = tcpState{}
	}
	c.index.insert(h, e)
	c.n.own[nInserted]++
	c.n.own[nFlows]++
	return e
}
