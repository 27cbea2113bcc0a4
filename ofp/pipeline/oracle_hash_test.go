package pipeline

import "math"

// hashValues is the hash of values, after the words of its definition.
func hashValues(basis uint16, vals []uint64) uint32 {
	h := uint64(basis) + 0x9e3779b97f4a7c15
	for _, v := range vals {
		h = mix64(h ^ mix64(v+0x9e3779b97f4a7c15))
	}
	return uint32(mix64(h) >> 32)
}

func mix64(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// weight is how much a hash wants the nth of some places.
func weight(hash, n uint32) uint32 { return uint32(mix64(uint64(hash)<<32|uint64(n)) >> 32) }

// linkOf chooses one of the links of a multipath action by a hash.
func linkOf(m *Multipath, hash uint32) uint32 {
	links, alg, modulo := uint32(m.MaxLink)+1, multipathAlgorithms[m.Algorithm], m.Arg
	switch {
	case alg == "modulo_n":
		return hash % links
	case alg == "hash_threshold":
		if links == 1 {
			return 0
		}
		return hash / (math.MaxUint32/links + 1)
	case alg == "hrw" && links <= 64:
		best := uint32(0)
		for i := range links {
			if weight(hash, i) > weight(hash, best) {
				best = i
			}
		}
		return best
	case alg == "hrw":
		modulo = 0
	}
	if modulo < links || modulo > 2*links+1 {
		for modulo = 1; modulo < links; modulo *= 2 {
		}
	}
	for i := range uint32(1024) {
		if l := weight(hash, i) % modulo; l < links {
			return l
		}
	}
	return hash % links
}
