package flow

import (
	"math/bits"

	"pollux/internal/packet"
)

// Odd constants with about as many ones as zeros; any such would do.
const (
	hashA = 0x9e3779b97f4a7c15
	hashB = 0xd6e8feb86659fd93
	hashC = 0xa0761d6478bd642f
)

// fold multiplies to 128 bits and folds the halves together: one multiplication
// spreads every bit of a and b over all 64 of the result.
func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// hashInit starts a hash. Which words are hashed goes in, so that the same value
// in another word gives another hash; side is a second secret from the seed, so
// that no packet can make a factor zero on purpose.
func hashInit(words, seed uint64) (h, side uint64) {
	return seed ^ words*hashA, seed*hashB ^ hashC
}

// hashPair adds two words. Both chains of a batch's neighbouring keys overlap
// in the processor, so a chain of dependent steps costs its throughput only.
func hashPair(h, side, a, b uint64) uint64 { return fold(h^a, side^b) }

// hashEnd finishes: without it the last pair's bits would not all reach the
// low bits that index a table.
func hashEnd(h, side uint64) uint64 { return fold(h^hashC, side^hashA) }

// Hash hashes the words of the bitmap words. Equal seeds, bitmaps and words give
// equal hashes, in this process only: nothing may be stored or sent by it.
func (k *Key) Hash(words uint64, seed uint64) uint64 {
	h, side := hashInit(words, seed)
	for m := words; m != 0; {
		a := k.W[bits.TrailingZeros64(m)]
		m &= m - 1
		if m == 0 {
			h = hashPair(h, side, a, 0)
			break
		}
		h = hashPair(h, side, a, k.W[bits.TrailingZeros64(m)])
		m &= m - 1
	}
	return hashEnd(h, side)
}

// HashMasked hashes k as m sees it: it equals Hash(m.Map, seed) of the masked key.
func HashMasked(k *Key, m *Mask, seed uint64) uint64 {
	h, side := hashInit(m.Map, seed)
	for b := m.Map; b != 0; {
		i := bits.TrailingZeros64(b)
		a := k.W[i] & m.W[i]
		b &= b - 1
		if b == 0 {
			h = hashPair(h, side, a, 0)
			break
		}
		j := bits.TrailingZeros64(b)
		h = hashPair(h, side, a, k.W[j]&m.W[j])
		b &= b - 1
	}
	return hashEnd(h, side)
}

// The bitmaps of the commonest packets, for which HashBatch has straight code.
const (
	mapEther   = 1<<WPort | 1<<WEthDst | 1<<WEthSrc
	mapIPv4L4  = mapEther | 1<<WIPv4 | 1<<WIP | 1<<WL4
	mapVlanIP4 = mapIPv4L4 | 1<<WVLAN
)

// HashBatch writes keys[i].Hash(keys[i].Map, seed) to out[i] for i < n: the hash
// that the exact cache uses.
func HashBatch(keys []Key, n int, seed uint64, out *[packet.MaxBatch]uint64) {
	keys = keys[:n]
	for i := range keys {
		if i >= len(out) {
			return
		}
		k := &keys[i]
		h, side := hashInit(k.Map, seed)
		switch k.Map {
		case mapIPv4L4:
			h = hashPair(h, side, k.W[WPort], k.W[WEthDst])
			h = hashPair(h, side, k.W[WEthSrc], k.W[WIPv4])
			h = hashPair(h, side, k.W[WIP], k.W[WL4])
			out[i] = hashEnd(h, side)
		case mapVlanIP4:
			h = hashPair(h, side, k.W[WPort], k.W[WEthDst])
			h = hashPair(h, side, k.W[WEthSrc], k.W[WVLAN])
			h = hashPair(h, side, k.W[WIPv4], k.W[WIP])
			h = hashPair(h, side, k.W[WL4], 0)
			out[i] = hashEnd(h, side)
		default:
			out[i] = k.Hash(k.Map, seed)
		}
	}
}
