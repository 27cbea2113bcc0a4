package classifier

import (
	"pollux/flow"
	"pollux/internal/packet"
)

// hashBatch writes hash(&keys[i], h) for every i of idx to out, in the order of idx.
// For masks of up to four words, which most are, the mask stays in registers: half
// the cost of a call a key.
func (p *packedMask) hashBatch(keys []flow.Key, idx []uint16, h uint64, out *[packet.MaxBatch]uint64) {
	o := out[:len(idx)]
	switch len(p.word) {
	case 1:
		p.hash1(keys, idx, h, o)
	case 2:
		p.hash2(keys, idx, h, o)
	case 3:
		p.hash3(keys, idx, h, o)
	case 4:
		p.hash4(keys, idx, h, o)
	default:
		for j, i := range idx {
			o[j] = p.hash(&keys[i], h)
		}
	}
}

// at returns word j and its mask and salt; a word out of the key's bounds cannot be,
// and saying so spares the loops below the check.
func (p *packedMask) at(j int) (w flow.Word, mask, salt uint64) {
	w = p.word[j]
	if w >= flow.NumWords {
		panic("classifier: mask word out of bounds")
	}
	return w, p.bits[j], p.salt[j]
}

func (p *packedMask) hash1(keys []flow.Key, idx []uint16, h uint64, out []uint64) {
	w0, m0, s0 := p.at(0)
	e0, e1 := p.salt[1], p.salt[2]
	for j, i := range idx {
		k := &keys[i]
		v := h + fold(k.W[w0]&m0^s0, e0)
		out[j] = fold(v^e0, e1)
	}
}

func (p *packedMask) hash2(keys []flow.Key, idx []uint16, h uint64, out []uint64) {
	w0, m0, s0 := p.at(0)
	w1, m1, s1 := p.at(1)
	e0, e1 := p.salt[2], p.salt[3]
	for j, i := range idx {
		k := &keys[i]
		v := h + fold(k.W[w0]&m0^s0, k.W[w1]&m1^s1)
		out[j] = fold(v^e0, e1)
	}
}

func (p *packedMask) hash3(keys []flow.Key, idx []uint16, h uint64, out []uint64) {
	w0, m0, s0 := p.at(0)
	w1, m1, s1 := p.at(1)
	w2, m2, s2 := p.at(2)
	e0, e1 := p.salt[3], p.salt[4]
	for j, i := range idx {
		k := &keys[i]
		v := h + fold(k.W[w0]&m0^s0, k.W[w1]&m1^s1) + fold(k.W[w2]&m2^s2, e0)
		out[j] = fold(v^e0, e1)
	}
}

func (p *packedMask) hash4(keys []flow.Key, idx []uint16, h uint64, out []uint64) {
	w0, m0, s0 := p.at(0)
	w1, m1, s1 := p.at(1)
	w2, m2, s2 := p.at(2)
	w3, m3, s3 := p.at(3)
	e0, e1 := p.salt[4], p.salt[5]
	for j, i := range idx {
		k := &keys[i]
		v := h + fold(k.W[w0]&m0^s0, k.W[w1]&m1^s1) + fold(k.W[w2]&m2^s2, k.W[w3]&m3^s3)
		out[j] = fold(v^e0, e1)
	}
}
