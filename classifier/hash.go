package classifier

import (
	"math/bits"
	"math/rand/v2"

	"pollux/flow"
)

// salts are the constants that hashing of one structure folds in, one a word and
// one to finish. Those of what packets fill are random, so that nobody outside
// can choose packets that collide.
type salts [flow.NumWords + 1]uint64

// randomSalts returns salts that differ from call to call.
func randomSalts() *salts {
	var s salts
	for i := range s {
		s[i] = rand.Uint64() | 1
	}
	return &s
}

// fixedSalts are for tables of rules: their order of iteration stays the same
// from run to run.
var fixedSalts = func() *salts {
	var s salts
	r := rand.NewPCG(0x706f6c6c7578, 1)
	for i := range s {
		s[i] = r.Uint64() | 1
	}
	return &s
}()

// fold multiplies to 128 bits and adds the halves modulo 2.
func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// packedMask is a mask as the list of its words: what hashing and comparing walk.
type packedMask struct {
	word []flow.Word
	bits []uint64 // same length: the mask of each word
	salt []uint64 // len(word)+2 constants of hashing
}

// pack returns the words of m in [from, to).
func pack(m *flow.Mask, from, to flow.Word, s *salts) packedMask {
	var p packedMask
	for w := from; w < to; w++ {
		if m.W[w] != 0 {
			p.word = append(p.word, w)
			p.bits = append(p.bits, m.W[w])
			p.salt = append(p.salt, s[w])
		}
	}
	p.salt = append(p.salt, s[to-1]^s[flow.NumWords], s[flow.NumWords])
	return p
}

// hash folds the masked words of k onto h. Two words share one multiplication and
// no multiplication but the last waits for another.
func (p *packedMask) hash(k *flow.Key, h uint64) uint64 {
	word := p.word
	mask := p.bits[:len(word)]
	salt := p.salt[:len(word)+2]
	j := 0
	for ; j+1 < len(word); j += 2 {
		a := k.W[word[j]] & mask[j]
		b := k.W[word[j+1]] & mask[j+1]
		h += fold(a^salt[j], b^salt[j+1])
	}
	if j < len(word) {
		h += fold(k.W[word[j]]&mask[j]^salt[j], salt[len(word)])
	}
	return fold(h^salt[len(word)], salt[len(word)+1])
}

// equal says whether the masked words of k are those of v, in order.
func (p *packedMask) equal(k *flow.Key, v []uint64) bool {
	word := p.word
	mask := p.bits[:len(word)]
	v = v[:len(word)]
	var d uint64
	for j, w := range word {
		d |= k.W[w]&mask[j] ^ v[j]
	}
	return d == 0
}

// put writes the masked words of k to v.
func (p *packedMask) put(k *flow.Key, v []uint64) {
	for j, w := range p.word {
		v[j] = k.W[w] & p.bits[j]
	}
}
