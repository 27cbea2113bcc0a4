package cache

import (
	"runtime"

	"pollux/flow"
	"pollux/internal/packet"
)

// Dropped counts packets idx, which were observed at pt in this call of the loop, as
// dropped for reason (actions.Reason). b, keys and slots are as for Observe. It counts in
// the flow's Dropped numbers only, with the lengths that frames have now; what is seen
// and recorded does not change. A flow has never more packets dropped than counted:
// those of a flow that had to leave in between, or that there was no room for, are in
// Stats.DropsUntold instead. Packets that sampling left out are left out here. Owner only.
func (c *Cache) Dropped(pt Point, b *packet.Batch, keys flow.Keys, idx []uint16, slots []int32, reason uint8, now int64) {
	k := call{b: b, keys: keys, slots: slots, now: now}
	if slots != nil {
		k.bonds = c.bonds[pt.Dir&1]
	}
	var ok bool
	if k.point, ok = c.points.enter(&pt, &c.secret); !ok {
		c.n.own[nDropsUntold] += uint64(len(idx))
		return
	}
	if c.sampling > 1 {
		idx = c.scratch.chosen[:c.chosen.filter(k.point, c.scratch.chosen[:], idx)]
	}
	for len(idx) > 0 {
		part := idx[:min(len(idx), chunk)]
		idx = idx[len(part):]
		c.dropped(&k, part, reason)
	}
	c.points.pool.leave(k.point)
	runtime.KeepAlive(c)
}

func (c *Cache) dropped(k *call, idx []uint16, reason uint8) {
	s := &c.scratch
	rest := 0
	for _, x := range idx {
		if k.bonds != nil {
			if d, ok := c.bound(k.bonds, k.slots[x], k.point); ok {
				desc := &k.b.Desc[x]
				n := uint16(0)
				if class := d.kind().class(); class != Other {
					n = c.ipLen(class, desc, k.b.L3[x])
				}
				c.drops(d.entry(), n, desc.Len, reason)
				continue
			}
		}
		s.who[rest&(chunk-1)] = x
		rest++
	}
	c.prepare(k, s.who[:rest])
	for i := range rest {
		p := &s.samples[i]
		if s.outside>>i&1 != 0 {
			c.n.own[nDropsUntold]++
			continue
		}
		c.drops(c.look(&s.key[i], s.hash[i]), p.ipLen, p.len, reason)
	}
	c.leaveTunnels()
}

// drops counts one packet of entry e, which may be none.
func (c *Cache) drops(e uint32, ipLen uint16, length uint32, reason uint8) {
	if e == none || c.cold[e].dropped.Packets >= c.hot[e].packets {
		c.n.own[nDropsUntold]++
		return
	}
	d := &c.cold[e]
	d.dropped.Packets++
	d.dropped.Octets += uint64(ipLen)
	d.dropped.L2Octets += uint64(length)
	d.reason = reason
}

// chosen remembers which packets sampling selected, for the few points that one call of
// the loop observes at.
type chosen [8]struct {
	point uint32 // its number plus one, 0 when unused
	set   [packet.MaxBatch / 64]uint64
}

// note remembers that of packets idx at a point those of sel were selected.
func (c *chosen) note(point uint32, idx, sel []uint16) {
	p := &c[point%uint32(len(c))]
	if p.point != point+1 {
		p.point = point + 1
		clear(p.set[:])
	}
	for _, x := range idx {
		p.set[x>>6&3] &^= 1 << (x & 63)
	}
	for _, x := range sel {
		p.set[x>>6&3] |= 1 << (x & 63)
	}
}

// filter writes to dst those of idx that were selected at the point; of a point that has
// been forgotten none.
func (c *chosen) filter(point uint32, dst, idx []uint16) (n int) {
	p := &c[point%uint32(len(c))]
	if p.point != point+1 {
		return 0
	}
	for _, x := range idx {
		if p.set[x>>6&3]>>(x&63)&1 != 0 {
			dst[n] = x
			n++
		}
	}
	return n
}
