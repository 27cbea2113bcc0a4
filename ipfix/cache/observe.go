package cache

import (
	"encoding/binary"
	"math/bits"

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
}

// scratch is the memory of one Observe.
type scratch struct {
	chosen  [packet.MaxBatch]uint16
	key     [chunk]ckey
	hash    [chunk]uint32
	entry   [chunk]uint32
	samples [chunk]sample
	other   uint32 // bit i: packet i of the chunk needs prepareAny
}

// Observe accounts packets idx of batch b, whose keys are keys[idx[i]], at point pt.
// A frame's layer-2 octets are b.Desc's Len; its IP octets end where the IP header
// says, if the cache knows the memory, and with the frame otherwise. now is ns of
// the loop's monotonic clock and does not go back.
func (c *Cache) Observe(pt Point, b *packet.Batch, keys []flow.Key, idx []uint16, slots []int32, now int64) {
	c.n.own[nOffered] += uint64(len(idx))
	if c.sampling > 1 {
		idx = c.scratch.chosen[:c.sampler.choose(c.scratch.chosen[:], idx)]
	}
	c.changed = false
	for len(idx) > 0 {
		n := min(len(idx), chunk)
		c.prepare(&pt, b, keys, idx[:n])
		c.find(n)
		c.account(n, now)
		idx = idx[n:]
	}
	if c.changed {
		c.n.publish(numNumbers)
	} else {
		c.n.publish(nRecorded)
	}
}

// prepare makes compact keys, hashes and lengths of the packets. IPv4 under the
// default mask goes a way of its own, on which nothing is called and the hash is
// taken from registers; it gives what fill and hash give (tested). Keys and lengths
// are two loops because one runs out of registers.
func (c *Cache) prepare(pt *Point, b *packet.Batch, keys []flow.Key, idx []uint16) {
	s := &c.scratch
	s.other = 0
	egress := uint64(pt.Egress)
	point := uint64(pt.Domain)<<32 | uint64(pt.ID)
	ip4 := uint64(IPv4)<<classShift | uint64(pt.Dir)<<dirShift
	for i, x := range idx {
		k := &keys[x]
		w := &k.W
		dst := w[flow.WEthDst]
		if uint16(dst) != etherIPv4 || k.Map&(1<<flow.WIP) == 0 || b.L3[x&(packet.MaxBatch-1)] == packet.None || c.custom {
			s.other |= 1 << i
			continue
		}
		ck := &s.key[i&(chunk-1)]
		k0 := w[flow.WPort]<<32 | egress
		ck[kPort], ck[kDst], ck[kPoint] = k0, dst, point
		h := mix(k0^c.secret[0], dst^c.secret[1])
		vlan := w[flow.WVLAN]
		k2 := w[flow.WEthSrc]&^0xffff | vlan>>48
		k3 := ip4 | vlan>>28&1<<32 | w[flow.WIP]>>48<<48
		ck[kSrc], ck[kIP] = k2, k3
		h ^= mix(k2^c.secret[2], k3^c.secret[3])
		l4, addr := w[flow.WL4]>>32<<32, w[flow.WIPv4]
		ck[kL4], ck[kAddr] = l4, addr
		ck[kSrcLo], ck[kDstHi], ck[kDstLo] = 0, 0, 0
		h ^= mix(l4^point^c.secret[4], addr^c.secret[5])
		s.hash[i&(chunk-1)] = uint32(h ^ h>>32)
	}
	c.measure(b, keys, idx)
	for m := s.other; m != 0; m &= m - 1 {
		i := bits.TrailingZeros32(m)
		x := idx[i]
		c.prepareAny(i, pt, &keys[x], &b.Desc[x], b.L3[x])
	}
}

// measure takes the lengths of packets as if all were IPv4.
func (c *Cache) measure(b *packet.Batch, keys []flow.Key, idx []uint16) {
	s := &c.scratch
	var mem []byte
	if c.mem != nil {
		mem = c.mem.Buf
	}
	for i, x := range idx {
		w := &keys[x].W
		d := &b.Desc[x&(packet.MaxBatch-1)]
		l3 := uint32(b.L3[x&(packet.MaxBatch-1)])
		ip, l4 := w[flow.WIP], w[flow.WL4]
		p := &s.samples[i&(chunk-1)]
		p.len = d.Len
		room := d.Len - l3
		if at := d.Addr + uint64(l3) + 2; at+2 <= uint64(len(mem)) {
			room = min(room, uint32(binary.BigEndian.Uint16(mem[at:])))
		}
		p.ipLen = uint16(min(room, 0xffff))
		p.ttl = uint8(ip >> 40)
		flags := uint16(l4>>16) & 0xfff
		if ip>>56 != 6 {
			flags = 0
		}
		p.flags = flags
	}
}

// prepareAny does the work of prepare for packet i of the chunk, whatever it is.
func (c *Cache) prepareAny(i int, pt *Point, k *flow.Key, d *packet.Desc, l3 uint16) {
	s := &c.scratch
	class := classOf(k, l3)
	ck := &s.key[i&(chunk-1)]
	ck.fill(pt, k, class)
	if c.custom {
		ck.and(&c.mask[class])
	}
	s.hash[i&(chunk-1)] = ck.hash(&c.secret)
	p := sample{len: d.Len}
	if class != Other {
		p.ttl = uint8(k.W[flow.WIP] >> 40)
		p.ipLen = c.ipLen(class, d, l3)
		if k.NwProto() == 6 {
			p.flags = uint16(k.W[flow.WL4]>>16) & 0xfff
		}
	}
	s.samples[i&(chunk-1)] = p
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

// find looks the packets' flows up in the index. Nothing depends on the packet
// before, so the processor works on several look-ups at once; the entries' lines
// are on their way when account wants them.
func (c *Cache) find(n int) {
	s := &c.scratch
	slots, mask, entries := c.index.slots, c.index.mask, c.entries
	probes := uint64(0)
	touched := uint64(0)
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
				touched += entries[found].key[0] + entries[found].packets
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

// account adds the packets to their flows. What find said is a hint: a packet of
// the same chunk may have begun the flow since, or taken its entry.
func (c *Cache) account(n int, now int64) {
	s := &c.scratch
	var packets, octets, l2 uint64
	entries := c.entries
	for i := range n {
		k, p := &s.key[i&(chunk-1)], &s.samples[i&(chunk-1)]
		packets++
		octets += uint64(p.ipLen)
		l2 += uint64(p.len)
		if x := s.entry[i&(chunk-1)]; x < uint32(len(entries)) {
			// What entry.is does, by hand: it is too long for the compiler to inline.
			e := &entries[x]
			d := (e.key[0] ^ k[0]) | (e.key[1] ^ k[1]) | (e.key[2] ^ k[2]) | (e.key[3] ^ k[3]) |
				(e.key[4] ^ k[4]) | (e.key[5] ^ k[5]) | (e.key[6] ^ k[6]) |
				(e.key[7] ^ k[7]) | (e.key[8] ^ k[8]) | (e.key[9] ^ k[9])
			if d == 0 && e.packets != 0 {
				e.count(p, now)
				if !e.within(p) {
					e.stretch(p)
				}
				continue
			}
		}
		c.slow(k, s.hash[i&(chunk-1)], p, now)
	}
	c.n.count(nSeen, packets, octets, l2)
}

// slow accounts a packet whose flow find did not know.
func (c *Cache) slow(k *ckey, h uint32, p *sample, now int64) {
	c.changed = true
	x := c.index
	for at := h & x.mask; x.slots[at] != 0; at = (at + 1) & x.mask {
		if v := x.slots[at]; uint32(v>>32) == h {
			if e := &c.entries[uint32(v)-1]; e.is(k) {
				e.count(p, now)
				e.stretch(p)
				return
			}
		}
	}
	if len(c.free) == 0 && !c.evict() {
		c.n.count(nLost+3*int(LossNoRoom), 1, uint64(p.ipLen), uint64(p.len))
		c.n.own[nLostFlows+int(LossNoRoom)]++
		return
	}
	last := len(c.free) - 1
	e := c.free[last]
	c.free = c.free[:last]
	c.high = max(c.high, e+1)
	c.entries[e].begin(k, p, now)
	c.index.insert(h, e)
	c.n.own[nInserted]++
	c.n.own[nFlows]++
}
