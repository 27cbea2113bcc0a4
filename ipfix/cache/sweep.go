package cache

import "time"

// evictLook is how many entries eviction compares to find one that has been quiet long.
const evictLook = 8

// sweepPeriod returns in what time the hand goes round: often enough that no flow
// outlives its timeout by more than an eighth, or a second.
func sweepPeriod(idle, active, linger int64) int64 {
	p := min(idle, linger)
	if active > 0 {
		p = min(p, active)
	}
	return min(max(p/8, int64(time.Millisecond)), int64(time.Second))
}

// Sweep moves the hand over up to budget entries and ends the flows that are due.
// It may be called as often as one likes: the hand goes at the speed that the
// timeouts need and no faster. It returns the number of flows ended. When the
// ring is full the hand stays where it is.
func (c *Cache) Sweep(now int64, budget int) (ended int) {
	c.refill(now)
	n := min(budget, c.quota, int(c.high))
	if n <= 0 {
		return 0
	}
	tell := false // something changed that other threads are to know
	for i := range n {
		if c.hand >= c.high {
			c.hand, tell = 0, true
		}
		if e := &c.entries[c.hand]; e.packets != 0 {
			if why := c.due(e, now); why != EndNone {
				tell = true
				if !c.end(c.hand, why) {
					n = i
					break
				}
				ended++
			}
		}
		c.hand++
	}
	c.quota -= n
	if tell {
		c.n.publish(numNumbers)
	}
	return ended
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

// due says whether, and why, a flow is to end.
func (c *Cache) due(e *entry, now int64) EndReason {
	quiet := now - e.last
	const finRst = 0x01 | 0x04
	switch {
	case e.flags&finRst != 0 && quiet >= c.linger:
		return EndDetected
	case quiet >= c.idle:
		return EndIdle
	case c.active > 0 && now-e.first >= c.active:
		return EndActive
	}
	return EndNone
}

// end lets the record of entry x go and frees the entry. When the ring is full it
// does nothing and says false.
func (c *Cache) end(x uint32, why EndReason) bool {
	e := &c.entries[x]
	var r Record
	e.record(&r, why)
	if !c.records.Push(r) {
		c.n.own[nRingFull]++
		return false
	}
	c.n.count(nRecorded, e.packets, e.octets, e.l2)
	c.n.own[nEnded+int(why)]++
	c.drop(x)
	return true
}

// drop frees entry x.
func (c *Cache) drop(x uint32) {
	e := &c.entries[x]
	c.index.remove(e.key.hash(&c.secret), x)
	e.packets = 0
	last := len(c.free)
	c.free = c.free[:last+1]
	c.free[last] = x
	c.n.own[nFlows]--
}

// evict makes room in a full cache: of a few entries the one that has been quiet
// longest ends.
func (c *Cache) evict() bool {
	best, oldest := uint32(0), int64(1<<63-1)
	for range min(evictLook, len(c.entries)) {
		if c.victim >= uint32(len(c.entries)) {
			c.victim = 0
		}
		if e := &c.entries[c.victim]; e.last < oldest {
			best, oldest = c.victim, e.last
		}
		c.victim++
	}
	return c.end(best, EndLack)
}

// FlushAll ends up to budget flows, whatever their age, and says whether none is
// left. While the ring is full it does nothing.
func (c *Cache) FlushAll(budget int) (done bool) {
	for ; budget > 0 && c.Len() > 0; budget-- {
		if c.hand >= c.high {
			c.hand = 0
		}
		if c.entries[c.hand].packets != 0 && !c.end(c.hand, EndForced) {
			break
		}
		c.hand++
	}
	c.n.publish(numNumbers)
	return c.Len() == 0
}

// Abandon gives up all flows held and counts them as lost by LossStop: for a stop
// that cannot wait for the exporter. It takes time in proportion to the cache.
func (c *Cache) Abandon() {
	for x := range c.high {
		e := &c.entries[x]
		if e.packets == 0 {
			continue
		}
		c.n.count(nLost+3*int(LossStop), e.packets, e.octets, e.l2)
		c.n.own[nLostFlows+int(LossStop)]++
		c.drop(x)
	}
	c.n.publish(numNumbers)
}
