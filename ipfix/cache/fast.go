package cache

import (
	"encoding/binary"

	"pollux/internal/packet"
)

// By class: what is added to the length that the IP header has, where the header has
// it, and which bits of the length count.
var (
	lengthAdd  = [4]uint32{IPv6: 40}
	lengthAt   = [4]uint64{IPv4: 2, IPv6: 4}
	lengthMask = [4]uint32{IPv4: 0xffff, IPv6: 0xffff}
)

// fast counts the packets whose slots are bound to entries, and returns those whose are
// not. It looks at no key: the slot has been found by the whole of it. Of each chunk the
// lines of the entries are asked for first and written after, so that the accesses are
// under way together.
func (c *Cache) fast(point uint32, bonds []bond, b *packet.Batch, idx []uint16, slots []int32, now int64) []uint16 {
	s := &c.scratch
	hot := c.hot
	var mem []byte
	if c.mem != nil {
		mem = c.mem.Buf
	}
	rest, counted := 0, len(idx)
	var octets, l2, classes uint64
	for len(idx) > 0 {
		part := idx[:min(len(idx), chunk)]
		idx = idx[len(part):]
		n := 0
		for _, x := range part {
			if slot := slots[x]; uint(slot) < uint(len(bonds)) {
				d := bonds[slot]
				if uint32(d) < uint32(len(hot)) && hot[uint32(d)].check == uint32(d>>32)&^nowhere|point {
					s.bond[n&(chunk-1)] = d
					s.who[n&(chunk-1)] = x
					n++
					continue
				}
			}
			s.rest[rest&(packet.MaxBatch-1)] = x
			rest++
		}
		for i := range n {
			d := s.bond[i&(chunk-1)]
			x := s.who[i&(chunk-1)] & (packet.MaxBatch - 1)
			desc := &b.Desc[x]
			class := d >> (bondKind + kindClass) & 3
			size, l3 := desc.Len, uint64(b.L3[x])
			ip := size - uint32(l3)
			if at := desc.Addr + l3 + lengthAt[class]; at+2 <= uint64(len(mem)) {
				said := uint32(binary.BigEndian.Uint16(mem[at:])) + lengthAdd[class]
				if said == 40 && class == bond(IPv6) {
					said = uint32(c.ipLen(IPv6, desc, uint16(l3)))
				}
				ip = min(ip, said)
			}
			ip = min(ip, 0xffff) & lengthMask[class]
			octets += uint64(ip)
			l2 += uint64(size)
			classes += 1 << (class * 16)

			e := &hot[uint32(d)]
			e.packets++
			e.octets += uint64(ip)
			e.l2 += uint64(size)
			e.sumSq += uint64(ip) * uint64(ip)
			e.last = now
			full := e.lanes + laneSteps[d>>bondKind&0xff]
			e.lanes = full
			if full&lanesFull != 0 {
				c.empty(uint32(d))
			}
			if low := e.minLen; uint16(ip)-low > e.maxLen-low {
				e.minLen = min(low, uint16(ip))
				e.maxLen = max(e.maxLen, uint16(ip))
			}
		}
	}
	c.n.count(nSeen, uint64(counted-rest), octets, l2)
	for i := range NumClasses {
		c.n.own[nSeenBy+int(i)] += classes >> (16 * i) & 0xffff
	}
	return s.rest[:rest]
}
