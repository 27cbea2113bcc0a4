package cache

import (
	"encoding/binary"

	"pollux/internal/packet"
)

// tcpState follows the sequence numbers of one TCP flow. Bytes before next have gone by,
// but for those of the holes.
type tcpState struct {
	QoS
	next  uint32
	first uint32 // sequence number of the last SYN
	valid bool   // next is known
	syn   bool   // first is known
	holes [2]hole
}

// hole is sequence numbers [lo, hi) that have not gone by although later ones have;
// empty when equal.
type hole struct{ lo, hi uint32 }

// told forgets what a record has said.
func (t *tcpState) told() { t.QoS = QoS{} }

// inOrder accounts packets in the order in which they came, which matters for sequence
// numbers.
func (c *Cache) inOrder(k *call, idx []uint16) {
	for len(idx) > 0 {
		part := idx[:min(len(idx), chunk)]
		idx = idx[len(part):]
		for len(part) > 0 {
			// As many as are bound go together, then as many as are not: either may change
			// what the slots of those after them say.
			n := 0
			for n < len(part) && !c.isBound(k, part[n]) {
				n++
			}
			c.slow(k, part[:n])
			part = part[n:]
			for n = 0; n < len(part) && c.isBound(k, part[n]); n++ {
			}
			c.fastInOrder(k, part[:n])
			part = part[n:]
		}
	}
}

func (c *Cache) isBound(k *call, x uint16) bool {
	if len(k.bonds) == 0 {
		return false
	}
	d, ok := c.bound(k.bonds, k.slots[x], k.point)
	return ok && k.counts(d, x)
}

// fastInOrder does the work of fast for at most a chunk of packets, all of which are bound.
func (c *Cache) fastInOrder(k *call, idx []uint16) {
	c.tally(k, idx, 0)
	for _, x := range idx {
		if d, ok := c.bound(k.bonds, k.slots[x], k.point); ok && d.kind()&kindTCP != 0 {
			c.segment(d.entry(), k, x, uint32(k.b.IPLen[x]))
		}
	}
}

// segment looks at the TCP header of packet x, which counts in entry e with an IP length.
func (c *Cache) segment(e uint32, k *call, x uint16, ipLen uint32) {
	d, l3, l4 := &k.b.Desc[x], k.b.L3[x], k.b.L4[x]
	if c.mem == nil || l4 == packet.None || l3 == packet.None || l4 < l3 {
		return
	}
	end := uint32(l3) + ipLen
	if uint32(l4)+20 > min(end, d.Len) {
		return
	}
	h := c.mem.Buf[d.Addr+uint64(l4):][:20]
	data := uint32(h[12]>>4) * 4
	if data < 20 || uint32(l4)+data > end {
		return
	}
	c.qos[e].segment(binary.BigEndian.Uint32(h[4:]), end-uint32(l4)-data, h[13], k.now)
}

// segment follows a segment of n bytes of data.
func (t *tcpState) segment(seq, n uint32, flags uint8, now int64) {
	const fin, syn, ack = 1 << FIN, 1 << SYN, 1 << ACK
	if flags&syn != 0 {
		if flags&ack == 0 {
			t.SYN = now
		} else if t.SYNACK == 0 {
			t.SYNACK = now
		}
		n++
		if !t.syn || t.first != seq {
			*t = tcpState{QoS: t.QoS, first: seq, syn: true, valid: true, next: seq + n}
			return
		}
	}
	if flags&fin != 0 {
		n++
	}
	if n == 0 {
		return // an acknowledgment
	}
	end := seq + n
	switch gap := int32(seq - t.next); {
	case !t.valid:
		t.valid, t.next = true, end
	case gap == 0:
		t.next = end
	case gap > 0:
		t.OutOfOrder++
		t.dig(hole{t.next, seq})
		t.next = end
	default:
		if !t.fill(hole{seq, end}) {
			t.Retransmit++
		}
		if int32(end-t.next) > 0 {
			t.next = end
		}
	}
}

// dig remembers a hole; of three the oldest is forgotten, and what comes late for it
// counts as retransmitted.
func (t *tcpState) dig(h hole) {
	for i := range t.holes {
		if t.holes[i].lo == t.holes[i].hi {
			t.holes[i] = h
			return
		}
	}
	copy(t.holes[:], t.holes[1:])
	t.holes[len(t.holes)-1] = h
}

// fill takes s out of the hole that it lies in, if there is one.
func (t *tcpState) fill(s hole) bool {
	for i := range t.holes {
		h := &t.holes[i]
		if h.lo == h.hi || int32(s.lo-h.lo) < 0 || int32(h.hi-s.hi) < 0 {
			continue
		}
		before, after := hole{h.lo, s.lo}, hole{s.hi, h.hi}
		switch {
		case before.lo == before.hi:
			*h = after
		case after.lo == after.hi:
			*h = before
		default:
			*h = before
			t.dig(after)
		}
		return true
	}
	return false
}
