package vswitch

import (
	"slices"

	"pollux/configs"
)

// pollers returns the loop of each queue of a port that is configured by p and polled as
// now says: those of the file for pinned queues, and for the others where they are, unless
// that loop is for pinned ones alone.
func pollers(p *configs.Port, now []int, isolated []bool) []int {
	loops := slices.Clone(p.Loops)
	for q := range loops {
		if q < len(now) && !p.Pinned[q] && !isolated[now[q]] {
			loops[q] = now[q]
		}
	}
	return loops
}

// isolatedLoops says which loops have pinned queues and are kept for those.
func isolatedLoops(c *configs.Config) []bool {
	isolated := make([]bool, len(c.Datapath.Loops))
	for i := range c.Ports {
		for q, l := range c.Ports[i].Loops {
			if c.Ports[i].Pinned[q] && c.Datapath.RxqIsolate {
				isolated[l] = true
			}
		}
	}
	if !slices.Contains(isolated, false) { // the others must be polled by somebody
		clear(isolated)
	}
	return isolated
}
