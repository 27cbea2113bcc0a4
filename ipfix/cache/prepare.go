package cache

import (
	"encoding/binary"
	"math/bits"
	"unsafe"

	"pollux/flow"
	"pollux/internal/packet"
)

// prepare makes compact keys, hashes and lengths of the packets. IPv4 under the
// default mask goes a way of its own, on which nothing is called and the hash is
// taken from registers; it gives what fill and hash give (tested). Keys and lengths
// are two loops because one runs out of registers.
func (c *Cache) prepare(k *call, idx []uint16) {
	s := &c.scratch
	s.other, s.tunnels, s.outside = 0, 0, 0
	k.keys.Fill(idx)
	keys := k.keys.Whole
	place := uint64(k.point)<<pointShift | noTunnel
	for i, x := range idx {
		key := &keys[x]
		w := &key.W
		dst := w[flow.WEthDst]
		if uint16(dst) != etherIPv4 || key.Map&(1<<flow.WIP|tunWords) != 1<<flow.WIP ||
			k.b.L3[x&(packet.MaxBatch-1)] == packet.None || c.custom {
			s.other |= 1 << (i & (chunk - 1))
			continue
		}
		// The words that only IPv6 has are left as they are: nobody looks at them.
		ck := &s.key[i&(chunk-1)]
		k0 := w[flow.WPort]<<32 | place
		ck[kPort], ck[kDst] = k0, dst
		h := mix(k0^c.secret[0], dst^c.secret[1])
		vlan := w[flow.WVLAN]
		k2 := w[flow.WEthSrc]&^0xffff | vlan>>48
		k3 := uint64(IPv4)<<classShift | vlan>>28&1<<32 | w[flow.WIP]>>48<<48
		ck[kSrc], ck[kIP] = k2, k3
		h ^= mix(k2^c.secret[2], k3^c.secret[3])
		l4, addr := w[flow.WL4]>>32<<32, w[flow.WIPv4]
		ck[kL4], ck[kAddr] = l4, addr
		h ^= mix(l4^c.secret[4], addr^c.secret[5])
		s.hash[i&(chunk-1)] = uint32(h ^ h>>32)
	}
	c.measure(k.b, keys, idx)
	for m := s.other; m != 0; m &= m - 1 {
		i := bits.TrailingZeros32(m)
		x := idx[i]
		c.prepareAny(i, k.point, &keys[x], &k.b.Desc[x], k.b.L3[x])
	}
}

// measure takes the lengths and kinds of packets as if all were IPv4.
func (c *Cache) measure(b *packet.Batch, keys []flow.Key, idx []uint16) {
	s := &c.scratch
	var mem unsafe.Pointer
	var end uint64 // a length may stand before it
	if c.mem != nil && len(c.mem.Buf) > 0 {
		mem, end = unsafe.Pointer(&c.mem.Buf[0]), uint64(len(c.mem.Buf)-1)
	}
	for i, x := range idx {
		w := &keys[x].W
		d := &b.Desc[x&(packet.MaxBatch-1)]
		l3 := uint64(b.L3[x&(packet.MaxBatch-1)])
		ip := d.Len - uint32(l3)
		if at := d.Addr + l3 + 2; at < end {
			ip = min(ip, uint32(at16(mem, at)))
		}
		p := &s.samples[i&(chunk-1)]
		p.len = d.Len
		p.ipLen = uint16(min(ip, 0xffff))
		p.ttl = uint8(w[flow.WIP] >> 40)
		dst := w[flow.WEthDst]
		cast := kind(dst>>56&1) << kindCast
		if dst>>16 == 1<<48-1 {
			cast = 2 << kindCast
		}
		flags, what := uint16(0), cast|isIPv4
		if w[flow.WIP]>>56 == protoTCP {
			flags = uint16(w[flow.WL4]>>16) & tcpBits
			what |= kindTCP | kind(flags&0x3f)
		}
		p.flags, p.kind = flags, what
	}
}

// prepareAny does the work of prepare for packet i of the chunk, whatever it is.
func (c *Cache) prepareAny(i int, point uint32, k *flow.Key, d *packet.Desc, l3 uint16) {
	s := &c.scratch
	class := classOf(k, l3)
	tunnel := uint32(noTunnel)
	if t := tunnelOf(k, &c.outer); t.On {
		n, ok := c.tunnels.enter(&t, t.hash(&c.secret))
		tunnel = n
		if ok {
			s.tunnels |= 1 << i
		} else {
			s.outside |= 1 << i
		}
	}
	ck := &s.key[i&(chunk-1)]
	ck.fill(point<<pointShift|tunnel, k, class)
	if c.custom {
		ck.and(&c.mask[class])
	}
	s.hash[i&(chunk-1)] = ck.hash(&c.secret)
	p := sample{len: d.Len, kind: kindOf(k, class)}
	if class != Other {
		p.ttl = uint8(k.W[flow.WIP] >> 40)
		p.ipLen = c.ipLen(class, d, l3)
		if p.kind&kindTCP != 0 {
			p.flags = uint16(k.W[flow.WL4]>>16) & tcpBits
		}
	}
	s.samples[i&(chunk-1)] = p
}

// leaveTunnels gives back the numbers that prepareAny took: entries hold their own.
func (c *Cache) leaveTunnels() {
	s := &c.scratch
	for m := s.tunnels; m != 0; m &= m - 1 {
		c.tunnels.leave(s.key[bits.TrailingZeros32(m)&(chunk-1)].tunnel())
	}
}

// ipLen returns the length of the IP packet at l3: what its header says, but no more
// than the frame holds.
func (c *Cache) ipLen(class Class, d *packet.Desc, l3 uint16) uint16 {
	room := min(int64(d.Len)-int64(l3), 0xffff)
	if room <= 0 {
		return 0
	}
	if c.mem == nil {
		return uint16(room)
	}
	at := d.Addr + uint64(l3)
	if class == IPv4 {
		if room < 4 {
			return uint16(room)
		}
		return uint16(min(room, int64(binary.BigEndian.Uint16(c.mem.Buf[at+2:]))))
	}
	if room < 6 {
		return uint16(room)
	}
	n := int64(binary.BigEndian.Uint16(c.mem.Buf[at+4:]))
	if n == 0 { // a jumbogram (RFC 2675), or no payload
		if room > 40 && c.mem.Buf[at+6] != 0 {
			return 40
		}
		return uint16(room)
	}
	return uint16(min(room, n+40))
}
