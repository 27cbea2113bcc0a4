package flow

import "math/bits"

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
