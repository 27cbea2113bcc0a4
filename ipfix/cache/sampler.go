package cache

import "math"

// sampler selects one packet in n on average, each with probability 1/n whatever
// happened to the others (RFC 5475 section 5.2.2.2, uniform probabilistic
// sampling). It draws not once a packet but once a selected packet: how many to
// skip until the next, which is distributed geometrically.
type sampler struct {
	state uint64
	scale float64 // 1 / ln(1 - 1/n)
	skip  uint64  // packets to let pass before the next is selected
}

func newSampler(n uint32, seed uint64) sampler {
	s := sampler{state: seed, scale: 1 / math.Log1p(-1/float64(n))}
	s.skip = s.draw()
	return s
}

// next is splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number
// generators", 2014).
func (s *sampler) next() uint64 {
	s.state += 0x9e3779b97f4a7c15
	z := s.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// draw returns k with probability (1-1/n)^k / n, by inversion.
func (s *sampler) draw() uint64 {
	u := float64(s.next()>>11+1) / (1 << 53) // in (0, 1]
	return uint64(math.Log(u) * s.scale)
}

// choose writes to dst those of idx that are selected, and returns how many.
func (s *sampler) choose(dst, idx []uint16) int {
	n, at := 0, uint64(0)
	for s.skip < uint64(len(idx))-at {
		at += s.skip
		dst[n] = idx[at]
		n++
		at++
		s.skip = s.draw()
	}
	s.skip -= uint64(len(idx)) - at
	return n
}
