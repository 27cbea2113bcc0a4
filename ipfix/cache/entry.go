package cache

// entry is one flow: two cache lines, of which the first holds the whole key of
// a flow that is not IPv6. Its size is tested.
type entry struct {
	key     ckey   // 80 bytes
	packets uint64 // 0: the entry is free
	octets  uint64
	l2      uint64
	first   int64 // ns
	last    int64
	minLen  uint16
	maxLen  uint16
	flags   uint16
	minTTL  uint8
	maxTTL  uint8
}

// is says whether the entry holds the flow of k. All words are compared with no
// branch between them: nearly always all of them are equal.
func (e *entry) is(k *ckey) bool {
	d := (e.key[0] ^ k[0]) | (e.key[1] ^ k[1]) | (e.key[2] ^ k[2]) | (e.key[3] ^ k[3]) |
		(e.key[4] ^ k[4]) | (e.key[5] ^ k[5]) | (e.key[6] ^ k[6])
	if k.class() == IPv6 {
		d |= (e.key[7] ^ k[7]) | (e.key[8] ^ k[8]) | (e.key[9] ^ k[9])
	}
	return d == 0 && e.packets != 0
}

// count counts one packet, its limits and flags apart.
func (e *entry) count(p *sample, now int64) {
	e.packets++
	e.octets += uint64(p.ipLen)
	e.l2 += uint64(p.len)
	e.last = now
}

// within says that the packet is within the limits and has no new flag. Most are: a
// branch that is nearly always guessed right is less than four minima and five
// stores.
func (e *entry) within(p *sample) bool {
	return p.ipLen-e.minLen <= e.maxLen-e.minLen && p.ttl-e.minTTL <= e.maxTTL-e.minTTL && p.flags&^e.flags == 0
}

// stretch widens the entry's limits to the packet.
func (e *entry) stretch(p *sample) {
	e.minLen = min(e.minLen, p.ipLen)
	e.maxLen = max(e.maxLen, p.ipLen)
	e.minTTL = min(e.minTTL, p.ttl)
	e.maxTTL = max(e.maxTTL, p.ttl)
	e.flags |= p.flags
}

// begin makes the entry that of a new flow, whose first packet is p.
func (e *entry) begin(k *ckey, p *sample, now int64) {
	*e = entry{
		key: *k, packets: 1, octets: uint64(p.ipLen), l2: uint64(p.len), first: now, last: now,
		minLen: p.ipLen, maxLen: p.ipLen, minTTL: p.ttl, maxTTL: p.ttl, flags: p.flags,
	}
}
