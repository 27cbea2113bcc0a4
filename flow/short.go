package flow

import (
	"math/bits"
	"runtime"

	"pollux/internal/packet"
)

// Short is all that the key of a common packet follows from, in five words as they lie in
// the frame: Ethernet, at most one 802.1Q tag, an IPv4 header without options that is no
// fragment, a whole UDP or TCP header, nothing odd about the lengths. Two such packets have
// equal Shorts exactly where they have equal keys.
//
// A cache of whole keys compares Shorts, which fill a cache line with what belongs to them;
// keys are made of them where somebody wants to see fields. A batch's keys are 98 KB, more
// than the first-level cache has; its Shorts are 10.
//
// In each word the byte that comes first in the frame is the lowest:
//
//	0  eth_dst:48 eth_src:16
//	1  eth_src:32 type or TPID:16 what follows it:16 (version and TOS, or TCI)
//	2  TTL:8 protocol:8 0:16 in_port:32
//	3  nw_src:32 nw_dst:32
//	4  tp_src:16 tp_dst:16 tcp_flags:16 (an integer) version:8 TOS:8
type Short [5]uint64

// Secrets are what Shorts are hashed with. Packets choose what is hashed, so whoever must
// not find collisions must not know them.
type Secrets [6]uint64

// NewSecrets returns secrets that follow from a seed.
func NewSecrets(seed uint64) (s Secrets) {
	for i := range s {
		seed += hashA
		z := (seed ^ seed>>30) * 0xbf58476d1ce4e5b9 // SplitMix64
		z = (z ^ z>>27) * 0x94d049bb133111eb
		s[i] = z ^ z>>31
	}
	return s
}

// Hash hashes a Short. Hashes of Shorts and of Keys have nothing to do with each other.
func (s *Short) Hash(k *Secrets) uint64 {
	x := fold(s[0]^k[0], s[1]^k[1])
	y := fold(s[2]^k[2], s[3]^k[3])
	return fold(x^s[4]^k[4], y^k[5])
}

// Shorts are a batch's Shorts, and which of its packets have one.
type Shorts struct {
	Of  [packet.MaxBatch]Short
	has packetSet // packets that have one
	due packetSet // of these, those whose whole key nobody has made yet
}

// packetSet is a set of packets of a batch.
type packetSet [packet.MaxBatch / 64]uint64

func (s *packetSet) add(i int)      { s[i>>6&3] |= 1 << (i & 63) }
func (s *packetSet) remove(i int)   { s[i>>6&3] &^= 1 << (i & 63) }
func (s *packetSet) has(i int) bool { return s[i>>6&3]>>(i&63)&1 != 0 }

// first makes s the set of the first n packets without those of odd.
func (s *packetSet) first(n int, odd *packetSet) {
	for w := range s {
		switch k := n - w*64; {
		case k >= 64:
			s[w] = ^odd[w]
		case k > 0:
			s[w] = (1<<k - 1) &^ odd[w]
		default:
			s[w] = 0
		}
	}
}

// Has says whether packet i has a Short.
func (s *Shorts) Has(i int) bool { return s.has.has(i) }

// All says whether all of the first n packets have one.
func (s *Shorts) All(n int) bool {
	have := 0
	for _, w := range s.has {
		have += bits.OnesCount64(w)
	}
	return have == n
}

// Keys are the keys of a batch. Those of packets that have a Short are made when somebody
// asks for them: Whole[i] is packet i's key after At or Fill.
type Keys struct {
	Whole  []Key
	Shorts *Shorts // nil: all are whole
}

// At returns packet i's key.
func (k Keys) At(i int) *Key {
	key := &k.Whole[i]
	if s := k.Shorts; s != nil && s.due.has(i) {
		s.due.remove(i)
		s.Of[i].expand(key)
	}
	return key
}

// Fill makes the keys of packets idx.
func (k Keys) Fill(idx []uint16) {
	s := k.Shorts
	if s == nil {
		return
	}
	for _, i := range idx {
		if s.due.has(int(i)) {
			s.due.remove(int(i))
			s.Of[i&(packet.MaxBatch-1)].expand(&k.Whole[i])
		}
	}
}

// The bitmaps of keys that have a Short.
const (
	mapIPv4L4  = 1<<WPort | 1<<WEthDst | 1<<WEthSrc | 1<<WIPv4 | 1<<WIP | 1<<WL4
	mapVlanIP4 = mapIPv4L4 | 1<<WVLAN
)

// expand makes the key that s stands for of k, which is a key.
func (s *Short) expand(k *Key) {
	w0, w1 := bits.ReverseBytes64(s[0]), bits.ReverseBytes64(s[1])
	present := uint64(mapIPv4L4)
	typ := w1 >> 16 & 0xffff
	if typ == etherVLAN {
		present = mapVlanIP4
		k.W[WVLAN] = (w1&0xffff|VlanCFI)<<48 | etherVLAN<<32
		typ = etherIPv4
	}
	for stale := k.Map &^ present; stale != 0; stale &= stale - 1 {
		k.W[bits.TrailingZeros64(stale)] = 0
	}
	k.Map = present
	k.W[WPort] = s[2] >> 32
	k.W[WEthDst] = w0&^0xffff | typ
	k.W[WEthSrc] = w0<<48 | w1>>32<<16
	k.W[WIPv4] = bits.ReverseBytes64(s[3])
	k.W[WIP] = s[2]>>8&0xff<<56 | s[4]>>56<<48 | s[2]&0xff<<40
	k.W[WL4] = bits.ReverseBytes64(s[4]<<32)<<32 | s[4]>>32&0xffff<<16
}

// ShortenBatch takes a batch apart: packets that can have a Short get it, with its hash, and
// the others a whole key, with the hash that Key.Hash gives it with seed; all get the offsets
// L25, L3 and L4 and IPLen. k.Shorts must not be nil and len(k.Whole) at least b.N; whole
// keys are as an earlier call left them, or zero.
func (k Keys) ShortenBatch(mem *packet.Memory, b *packet.Batch, secrets *Secrets, seed uint64, hashes *[packet.MaxBatch]uint64) {
	s := k.Shorts
	a := shorteningOf(mem.Buf, b, s, secrets, hashes)
	shorten(&a, b.N)
	runtime.KeepAlive(mem)
	s.has.first(b.N, &a.odd)
	s.due = s.has
	for w, rest := range a.odd {
		for ; rest != 0; rest &= rest - 1 {
			i := (w*64 + bits.TrailingZeros64(rest)) & (packet.MaxBatch - 1)
			key := &k.Whole[i]
			extract(mem, b, i, key)
			hashes[i] = key.Hash(key.Map, seed)
		}
	}
}
