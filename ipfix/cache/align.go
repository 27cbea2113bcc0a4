package cache

import "math/rand/v2"

// With Config.Align the active timeout of a flow runs from boundaries that are as far apart as
// the timeout. They follow from the flow's key and the clock that all caches of a switch share,
// so that every loop that has a part of a flow reports it at the same time, and a loop that has
// the other direction too, for an exporter to put together. The first record of a flow may so
// come sooner than the timeout.

// phases are the secrets that boundaries follow from: the same for all caches of a process.
var phases = [4]uint64{rand.Uint64(), rand.Uint64(), rand.Uint64(), rand.Uint64()}

// boundary returns the last boundary of the flow of key k that is not after now.
func (c *Cache) boundary(k *ckey, now int64) int64 {
	if c.active <= 0 {
		return now
	}
	return now - int64((uint64(now)+k.phase())%uint64(c.active))
}

// phase is the same for both directions of a flow, at whatever point.
func (k *ckey) phase() uint64 {
	ends, ports := k[kAddr]>>32^k[kAddr]&0xffffffff, uint64(0)
	if k.class() == IPv6 {
		ends = k[kAddr] ^ k[kDstHi] ^ (k[kSrcLo]^k[kDstLo])*3
	}
	switch k[kIP] >> 56 {
	case protoTCP, 17, 132: // of ICMP the two words are type and code
		ports = k[kL4]>>48 ^ k[kL4]>>32&0xffff
	}
	macs := k[kDst]>>16 ^ k[kSrc]>>16
	return mix(ends^phases[0], macs^phases[1]) ^ mix(ports^phases[2], k[kIP]>>56^phases[3])
}
