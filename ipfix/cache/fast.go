package cache

import (
	"math/bits"
	"unsafe"

	"pollux/internal/packet"
)

// fast counts the packets whose slots are bound to entries, and returns those whose are
// not. It looks at no key: the slot has been found by the whole of it. The three steps are
// functions of their own so that each has registers for all that it uses.
func (c *Cache) fast(k *call, idx []uint16) (rest []uint16) {
	s := &c.scratch
	left := 0
	for len(idx) > 0 {
		part := idx[:min(len(idx), chunk)]
		idx = idx[len(part):]
		n, m := c.follow(k, part, left)
		left += m
		c.lengths(k.b, n)
		c.tally(n, k.now)
	}
	return s.rest[:left]
}

// follow writes the bonds that hold, and whose they are, to scratch, and the other
// packets to scratch.rest[left:]; it returns how many of each there are. It loads the
// entries' lines, each load independent of the one before, so that they are under way
// together.
func (c *Cache) follow(k *call, idx []uint16, left int) (n, m int) {
	s := &c.scratch
	hot := c.entries()
	bonds, slots, point := k.bonds, k.slots, k.point
	at := left
	for _, x := range idx {
		if slot := uint(uint32(slots[x])); slot < uint(len(bonds)) {
			d := bonds[slot]
			if hot[d%MaxFlows].check == d.check(point) {
				s.bond[n&(chunk-1)] = d
				s.who[n&(chunk-1)] = x
				n++
				continue
			}
		}
		s.rest[at&(packet.MaxBatch-1)] = x
		at++
	}
	return n, at - left
}

// lengths writes the frame and IP lengths of the n packets that follow found.
func (c *Cache) lengths(b *packet.Batch, n int) {
	s := &c.scratch
	var mem []byte
	if c.mem != nil {
		mem = c.mem.Buf
	}
	base := unsafe.Pointer(unsafe.SliceData(mem))
	odd := uint32(0)
	for i := range n {
		x := s.who[i&(chunk-1)] & (packet.MaxBatch - 1)
		d := uint64(s.bond[i&(chunk-1)] >> (bondKind + kindClass))
		size := b.Desc[x].Len
		if d&3 == uint64(Other) {
			s.length[i&(chunk-1)] = uint64(size)
			continue
		}
		l3 := uint64(b.L3[x])
		ip := size - uint32(l3)
		// The length stands at 2 in an IPv4 header, at 4 and without the 40 bytes of the
		// header in one of IPv6: at twice the class.
		if at := b.Desc[x].Addr + l3 + d&3*2; at+2 <= uint64(len(mem)) {
			said := uint32(at16(base, at))
			if said == 0 {
				odd |= 1 << (i & (chunk - 1))
			}
			ip = min(ip, said+uint32(d)&(kindHeader>>kindClass))
		}
		s.length[i&(chunk-1)] = uint64(ip)<<32 | uint64(size)
	}
	for ; odd != 0; odd &= odd - 1 {
		i := bits.TrailingZeros32(odd) & (chunk - 1)
		x := s.who[i] & (packet.MaxBatch - 1)
		n := c.ipLen(kind(s.bond[i]>>bondKind).class(), &b.Desc[x], b.L3[x])
		s.length[i] = uint64(n)<<32 | uint64(b.Desc[x].Len)
	}
}

// tally counts the n packets in their entries and as seen.
func (c *Cache) tally(n int, now int64) {
	s := &c.scratch
	hot := c.entries()
	var octets, l2 uint64
	var v4, v6 bond
	for i := range n {
		d := s.bond[i&(chunk-1)]
		length := s.length[i&(chunk-1)]
		e := &hot[d%MaxFlows]
		ip, size := length>>32, length&0xffffffff
		v4 += d & bondIPv4
		v6 += d & bondIPv6
		octets += ip
		l2 += size
		e.packets++
		e.octets += ip
		e.l2 += size
		e.sumSq += ip * ip
		e.last = now
		if low := e.minLen; uint16(ip)-low > e.maxLen-low {
			e.widen(uint16(ip))
		}
		lanes := e.lanes + laneSteps[d>>bondKind&0xff]
		e.lanes = lanes
		if lanes&lanesFull != 0 {
			c.empty(uint32(d))
		}
	}
	ipv4, ipv6 := uint64(v4/bondIPv4), uint64(v6/bondIPv6)
	c.n.own[nSeenBy+int(IPv4)] += ipv4
	c.n.own[nSeenBy+int(IPv6)] += ipv6
	c.n.own[nSeenBy+int(Other)] += uint64(n) - ipv4 - ipv6
	c.n.count(nSeen, uint64(n), octets, l2)
}

// The bits of a bond's kind that say which class it is.
const (
	bondIPv4 bond = bond(IPv4) << (bondKind + kindClass)
	bondIPv6 bond = bond(IPv6) << (bondKind + kindClass)
)

// widen widens the limits of length.
func (e *hot) widen(n uint16) {
	e.minLen = min(e.minLen, n)
	e.maxLen = max(e.maxLen, n)
}
