package cache

import (
	"runtime"
	"time"
)

// evictLook is how many entries eviction compares to find one that has been quiet long.
const evictLook = 8

// publishEvery is how often Sweep makes Stats current, in ns.
const publishEvery = int64(time.Millisecond)

// sweepPeriod returns in what time the hand goes round: often enough that no flow
// outlives its timeout by more than an eighth, or a second.
func sweepPeriod(idle, active, linger int64) int64 {
	p := min(idle, linger)
	if active > 0 {
		p = min(p, active)
	}
	return min(max(p/8, int64(time.Millisecond)), int64(time.Second))
}

// alignedPeriod is the most that the hand takes where several caches report a flow at the
// same time: half of what an exporter waits for the other parts.
const alignedPeriod = int64(time.Second / 2)

// Sweep moves the hand over up to budget entries and ends the flows that are due.
// It may be called as often as one likes: the hand goes at the speed that the
// timeouts need and no faster. It returns the number of records that left. When the
// ring is full the hand stays where it is. Once in a millisecond, and whenever a record
// left, it makes Stats current.
func (c *Cache) Sweep(now int64, budget int) (left int) {
	c.refill(now)
	n := min(budget, c.quota, int(c.high))
	full := false
	for i := range n {
		if c.hand >= c.high {
			c.hand = 0
		}
		if e := &c.hot[c.hand]; e.live() {
			if why := c.due(c.hand, now); why != EndNone {
				said := e.packets != 0
				if full = !c.end(c.hand, why); full {
					n = i
					break
				}
				if said {
					left++
				}
			}
		}
		c.hand++
	}
	c.quota -= max(n, 0)
	if left > 0 || full || now-c.published >= publishEvery || now < c.published {
		c.n.publish()
		c.published = now
	}
	runtime.KeepAlive(c)
	return left
}

// refill works out how far the hand may go by now.
func (c *Cache) refill(now int64) {
	passed := now - c.swept
	if passed >= c.period {
		c.quota, c.swept = int(c.high), now
		return
	}
	if passed <= 0 {
		return
	}
	if more := int64(c.high) * passed / c.period; more > 0 {
		c.quota = min(c.quota+int(more), int(c.high))
		c.swept = now
	}
}

// due says whether, and why, the flow of entry x is to end or to be reported. The
// coarse time says first whether the exact one need be looked at.
func (c *Cache) due(x uint32, now int64) EndReason {
	e := &c.hot[x]
	quiet := now - e.last
	switch {
	case e.flags&finished != 0 && quiet >= c.linger:
		return EndDetected
	case quiet >= c.idle:
		return EndIdle
	case c.active > 0 && e.packets != 0 && coarse(now)-e.first >= c.coarseActive && (c.align || now-c.cold[x].first >= c.active):
		return EndActive
	}
	return EndNone
}

// end lets the record of entry x go, and the entry too unless it is only reported. A
// flow that nothing has been counted of since its last record goes without one. When
// the ring is full end does nothing and says false.
func (c *Cache) end(x uint32, why EndReason) bool {
	e := &c.hot[x]
	if e.packets == 0 {
		c.n.own[nSilent]++
		c.drop(x)
		return true
	}
	r := &c.scratch.record
	c.record(r, x, why)
	if !c.records.Push(*r) {
		c.n.own[nRingFull]++
		return false
	}
	c.gone = true
	c.n.count(nRecorded, e.packets, e.octets, e.l2)
	c.n.own[nEnded+int(why)]++
	if why == EndActive {
		c.again(x)
	} else {
		c.drop(x)
	}
	return true
}

// drop frees entry x.
func (c *Cache) drop(x uint32) {
	e, k := &c.hot[x], &c.cold[x].key
	c.index.remove(k.hash(&c.secret), x)
	c.points.pool.leave(k.point())
	if t := k.tunnel(); t != noTunnel {
		c.tunnels.leave(t)
	}
	c.unbind(x)
	e.check |= nowhere
	last := len(c.free)
	c.free = c.free[:last+1]
	c.free[last] = x
	c.n.own[nFlows]--
}

// evict makes room in a full cache: of a few entries the one that has been quiet
// longest ends, or if its record cannot leave, one that has nothing to say.
func (c *Cache) evict() bool {
	best, silent, oldest := none, none, int64(1<<63-1)
	for range min(evictLook, len(c.hot)) {
		if c.victim >= uint32(len(c.hot)) {
			c.victim = 0
		}
		e := &c.hot[c.victim]
		if e.last < oldest {
			best, oldest = c.victim, e.last
		}
		if e.packets == 0 {
			silent = c.victim
		}
		c.victim++
	}
	return best != none && c.end(best, EndLack) || silent != none && c.end(silent, EndLack)
}

// FlushAll ends up to budget flows, whatever their age, and says whether none is
// left. While the ring is full it does nothing.
func (c *Cache) FlushAll(budget int) (done bool) {
	for ; budget > 0 && c.Len() > 0; budget-- {
		if c.hand >= c.high {
			c.hand = 0
		}
		if c.hot[c.hand].live() && !c.end(c.hand, EndForced) {
			break
		}
		c.hand++
	}
	c.n.publish()
	runtime.KeepAlive(c)
	return c.Len() == 0
}

// Abandon gives up all flows held and counts what no record says of them as lost by
// LossStop: for a stop that cannot wait for the exporter. It takes time in proportion to
// the cache.
func (c *Cache) Abandon() {
	for x := range c.high {
		e := &c.hot[x]
		if !e.live() {
			continue
		}
		if e.packets == 0 {
			c.n.own[nSilent]++
		} else {
			c.n.count(nLost+3*int(LossStop), e.packets, e.octets, e.l2)
			c.n.own[nLostFlows+int(LossStop)]++
		}
		c.drop(x)
	}
	c.n.publish()
	runtime.KeepAlive(c)
}
