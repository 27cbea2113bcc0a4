package actions

import (
	"pollux/flow"
	"pollux/internal/clock"
	"pollux/internal/packet"
)

// sample accounts the packets idx in the flow cache of s.Exporter, if it is on.
func (e *Exec) sample(s *Sample, b *packet.Batch, keys flow.Keys, idx []uint16) {
	if !e.Timed {
		e.account(s, b, keys, idx)
		return
	}
	start := clock.Ticks()
	e.account(s, b, keys, idx)
	e.SampleTicks += clock.Ticks() - start
}

func (e *Exec) account(s *Sample, b *packet.Batch, keys flow.Keys, idx []uint16) {
	if uint(s.Exporter) >= uint(len(e.Caches)) || e.Caches[s.Exporter] == nil {
		return
	}
	drawn := s.Probability != 0 && s.Probability != 65535
	if drawn {
		if idx = e.draw(s.Probability, idx); len(idx) == 0 {
			return
		}
	}
	slots := e.Slots
	if s.Rewritten {
		slots = nil
		for _, i := range idx {
			flow.ExtractOne(e.Mem.Frame(b.Desc[i]), b.InPort, &e.keys[i])
		}
		keys = flow.Keys{Whole: e.keys[:]}
	}
	e.witness.watch(s, idx, drawn)
	e.Caches[s.Exporter].Observe(s.Point, b, keys, idx, slots, e.Now)
}

// draw chooses each packet of idx with probability p/65535, independently of all
// others: one step of a generator and one multiplication a packet (SplitMix64; the
// product maps 32 random bits to 0…65534 with a bias below 2^-16 of a count).
func (e *Exec) draw(p uint16, idx []uint16) []uint16 {
	n := 0
	for _, i := range idx {
		e.dice += 0x9e3779b97f4a7c15
		z := (e.dice ^ e.dice>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		if uint16((z>>32)*65535>>32) < p {
			e.drawn[n] = i
			n++
		}
	}
	return e.drawn[:n]
}
