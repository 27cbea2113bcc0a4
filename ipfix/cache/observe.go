package cache

import (
	"encoding/binary"

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
}

// Observe accounts packets idx of batch b, whose keys are keys[idx[i]], at point pt.
// A frame's layer-2 octets are b.Desc's Len; its IP octets end where the IP header
// says, if the cache knows the memory, and with the frame otherwise. now is ns of
// the loop's monotonic clock and does not go back.
func (c *Cache) Observe(pt Point, b *packet.Batch, keys []flow.Key, idx []uint16, now int64) {
	if c.sampling > 1 {
		c.n.own[nOffered] += uint64(len(idx))
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
// taken from registers; it gives what fill and hash give (tested).
func (c *Cache) prepare(pt *Point, b *packet.Batch, keys []flow.Key, idx []uint16) {
	s := &c.scratch
	egress := uint64(pt.Egress)
	point := uint64(pt.Domain)<<32 | uint64(pt.ID)
	ip4 := uint64(IPv4)<<classShift | uint64(pt.Dir)<<dirShift
	secret := &c.secret
	var mem []byte
	if c.mem != nil {
		mem = c.mem.Buf
	}
	for i, x := range idx {
		k := &keys[x]
		w := &k.W
		d := &b.Desc[x&(packet.MaxBatch-1)]
		l3 := b.L3[x&(packet.MaxBatch-1)]
		ck := &s.key[i&(chunk-1)]
		p := &s.samples[i&(chunk-1)]
		dst := w[flow.WEthDst]
		if uint16(dst) != etherIPv4 || k.Map&(1<<flow.WIP) == 0 || l3 == packet.None || c.custom {
			c.prepareAny(i, pt, k, d, l3)
			continue
		}
		vlan, ip, l4, addr := w[flow.WVLAN], w[flow.WIP], w[flow.WL4], w[flow.WIPv4]
		k0 := w[flow.WPort]<<32 | egress
		k2 := w[flow.WEthSrc]&^0xffff | vlan>>48
		k3 := ip4 | vlan>>28&1<<32 | ip&(0xffff<<48)
		k5 := l4 & (0xffffffff << 32)
		ck[kPort], ck[kDst], ck[kSrc], ck[kIP] = k0, dst, k2, k3
		ck[kPoint], ck[kL4], ck[kAddr] = point, k5, addr
		ck[kSrcLo], ck[kDstHi], ck[kDstLo] = 0, 0, 0

		h := mix(k0^secret[0], dst^secret[1]) ^ mix(k2^secret[2], k3^secret[3]) ^
			mix(k5^point^secret[4], addr^secret[5])
		s.hash[i&(chunk-1)] = uint32(h ^ h>>32)

		p.len = d.Len
		p.ttl = uint8(ip >> 40)
		room := uint32(d.Len) - uint32(l3)
		if at := d.Addr + uint64(l3); room >= 4 && at+4 <= uint64(len(mem)) {
			room = min(room, uint32(mem[at+2])<<8|uint32(mem[at+3]))
		}
		p.ipLen = uint16(min(room, 0xffff))
		p.flags = 0
		if ip>>56 == 6 {
			p.flags = uint16(l4>>16) & 0xfff
		}
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
