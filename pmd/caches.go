package pmd

import "pollux/ipfix/cache"

const (
	cacheEvery   = 20_000 // ns between two looks at the flow caches
	cacheSlice   = 128    // entries of each flow cache a look
	leisureSlice = 1024   // the same where there is nothing else to do
)

// SetCache puts c, which may be nil, in the place of the flow cache of an exporter,
// between two batches. The cache that was there is retired: the loop ends its flows
// (flowEndReason 4) a slice an iteration, as its ring takes them, and then lets go of
// it. It returns that cache, nil for none. c must not be in use elsewhere.
func (l *Loop) SetCache(exporter int, c *cache.Cache) (old *cache.Cache) {
	if c != nil {
		c.UseSlots(l.Slots())
	}
	l.Do(func(l *Loop) {
		for len(l.caches) <= exporter {
			l.caches = append(l.caches, nil)
		}
		if old = l.caches[exporter]; old != nil {
			old.Publish()
			l.retiring = append(l.retiring, old)
		}
		l.caches[exporter] = c
		l.exec.Caches = l.caches
	})
	return old
}

// Tune calls f, in the loop's thread, on the flow cache of an exporter, if it has one.
func (l *Loop) Tune(exporter int, f func(*cache.Cache)) {
	l.Do(func(l *Loop) {
		if c := l.cacheOf(exporter); c != nil {
			f(c)
		}
	})
}

// cacheOf returns the flow cache of an exporter, nil for none.
func (l *Loop) cacheOf(exporter int) *cache.Cache {
	if uint(exporter) >= uint(len(l.caches)) {
		return nil
	}
	return l.caches[exporter]
}

// flowSlice is how many entries EachFlow looks at in one go: 128 records are written in
// some 15 µs.
const flowSlice = 128

// flowBatch is how many records EachFlow takes over at a time: waking the caller and
// asking again costs as much as many slices.
const flowBatch = 32 * flowSlice

// EachFlow calls fn with every flow that the flow cache of an exporter holds. The
// records are copied by the loop, a slice an iteration; fn is called in the caller's
// thread, between batches of slices, and may keep them. A flow that begins or ends
// meanwhile may be shown or not, and if its place is used again, both may.
func (l *Loop) EachFlow(exporter int, fn func(*cache.Record)) {
	buf := make([]cache.Record, 0, flowBatch)
	var of *cache.Cache
	for cursor, first := 0, true; first || cursor != 0; {
		buf = buf[:0]
		l.Ask(func(l *Loop) bool {
			c := l.cacheOf(exporter)
			if first {
				of, first = c, false
			}
			if c == nil || c != of {
				cursor = 0 // it has been replaced
				return true
			}
			c.Each(&cursor, flowSlice, func(r *cache.Record) { buf = append(buf, *r) })
			return cursor == 0 || len(buf) > flowBatch-flowSlice
		})
		for i := range buf {
			fn(&buf[i])
		}
	}
}

// sweepCaches lets flow caches age, and retired ones empty.
func (l *Loop) sweepCaches() {
	if l.now < l.nextC {
		return
	}
	l.nextC = l.now + cacheEvery
	n := cacheSlice
	if l.idle > 0 {
		n = leisureSlice
	}
	for _, c := range l.caches {
		if c != nil {
			c.Sweep(l.now, n)
		}
	}
	if len(l.retiring) > 0 {
		l.retire(n)
	}
}

// retire ends up to n flows of each retired cache and lets go of those without any.
func (l *Loop) retire(n int) {
	keep := l.retiring[:0]
	for _, c := range l.retiring {
		if !c.FlushAll(n) {
			keep = append(keep, c)
		}
	}
	clear(l.retiring[len(keep):])
	l.retiring = keep
}

// publishCaches makes the numbers of all flow caches current.
func (l *Loop) publishCaches() {
	for _, c := range l.caches {
		if c != nil {
			c.Publish()
		}
	}
}

// FlushCaches ends every flow of the loop's flow caches (flowEndReason 4), for Ask.
func (l *Loop) FlushCaches() func(*Loop) bool {
	return func(l *Loop) bool {
		done := true
		for _, c := range l.caches {
			if c != nil && !c.FlushAll(256) {
				done = false
			}
		}
		l.retire(256)
		return done && len(l.retiring) == 0
	}
}

// Abandon gives up every flow of the loop's flow caches, retired ones among them, and
// counts them as lost (cache.LossStop): for an end that cannot wait for an exporter.
func (l *Loop) Abandon() {
	l.Do(func(l *Loop) {
		for _, c := range append(l.retiring, l.caches...) {
			if c != nil {
				c.Abandon()
			}
		}
		clear(l.retiring)
		l.retiring = l.retiring[:0]
	})
}

// Slots returns the size of the loop's exact-match cache, in slots. Any thread may call it.
func (l *Loop) Slots() int { return l.exactSlots }
