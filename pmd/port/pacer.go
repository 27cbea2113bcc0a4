package port

import (
	"pollux/internal/clock"
	"pollux/internal/packet"
)

// pacer lets a number of packets a second pass.
type pacer struct {
	perNS  float64 // packets; 0 is no limit
	last   int64
	tokens float64

	burst int // packets that pass at once; 0: as they come
	left  int // of the burst that passes now
}

// paceDepth is the most packets that a pause saves up.
const paceDepth = 4 * packet.MaxBatch

// take lowers n to how many packets may pass now and returns it.
func (p *pacer) take(n *int) int {
	if p.left > 0 {
		*n = min(*n, p.left)
		p.left -= *n
		return *n
	}
	now := clock.Now()
	if p.last != 0 {
		p.tokens = min(p.tokens+float64(now-p.last)*p.perNS, float64(max(paceDepth, 2*p.burst)))
	}
	p.last = now
	if p.burst > 0 {
		if p.tokens < float64(p.burst) {
			*n = 0
			return 0
		}
		p.tokens -= float64(p.burst)
		*n = min(*n, p.burst)
		p.left = p.burst - *n
		return *n
	}
	*n = min(*n, int(p.tokens))
	p.tokens -= float64(*n)
	return *n
}
