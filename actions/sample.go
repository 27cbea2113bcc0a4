package actions

import (
	"pollux/flow"
	"pollux/internal/packet"
)

// sample accounts the packets idx in the flow cache of s.Exporter, if it is on.
func (e *Exec) sample(s *Sample, b *packet.Batch, keys []flow.Key, idx []uint16) {
	if uint(s.Exporter) >= uint(len(e.Caches)) || e.Caches[s.Exporter] == nil {
		return
	}
	if s.Rewritten {
		for _, i := range idx {
			flow.ExtractOne(e.Mem.Frame(b.Desc[i]), b.InPort, &e.keys[i])
		}
		keys = e.keys[:]
	}
	e.Caches[s.Exporter].Observe(s.Point, b, keys, idx, e.Now)
}
