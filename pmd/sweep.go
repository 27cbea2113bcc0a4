package pmd

import "pollux/classifier"

const (
	sweepEvery = 500e6 // ns between two rounds over the megaflows
	sweepSlice = 8     // megaflows an iteration while a round is on
	evictLook  = 32    // megaflows looked at for those that are given up
	coldMasks  = 4     // masks that go after a round, where there are too many
	evictMany  = 8     // of which so many go at once: the look costs a memory access each
)

// sweep moves the hands of the clocks one slice on: flow caches age, megaflows hand
// over what they counted, those unused for long go.
func (l *Loop) sweep() {
	// With nothing else to do the hands go faster: an idle loop may have few iterations,
	// with a nap in each.
	leisure := 1
	if l.idle > 0 {
		leisure = 64
	}
	l.sweepCaches()
	if l.now < l.nextS {
		return
	}
	l.mega.Sweep(&l.hand, sweepSlice*leisure, l.age)
	if l.hand == 0 {
		l.nextS = l.now + sweepEvery
		l.mega.Rank()
		l.mega.EachCold(coldMasks, l.remove)
	}
}

// age is what the sweep does to one megaflow.
func (l *Loop) age(mf *classifier.Megaflow) {
	l.push(mf)
	if l.now-mf.Used > int64(l.cfg.MegaflowIdle) {
		l.stats.Aged++
		l.remove(mf)
	}
}

// push hands what mf counted since the last time to the rules that made it.
func (l *Loop) push(mf *classifier.Megaflow) {
	if d := mf.Packets - mf.PushedPackets; d != 0 && mf.Credit != nil {
		mf.Credit.Credit(d, mf.Bytes-mf.PushedBytes, mf.Used)
	}
	mf.PushedPackets, mf.PushedBytes = mf.Packets, mf.Bytes
}

// remove forgets a decision; what it counted is handed over first.
func (l *Loop) remove(mf *classifier.Megaflow) {
	l.push(mf)
	l.lists.drop(askedOf(&mf.Key))
	l.letGo(mf.Program, mf.Group)
	l.mega.Remove(mf)
	mf.Dead = true
}

// evict makes room for some decisions: of the next few megaflows under a hand of its own,
// those unused for longest go.
func (l *Loop) evict() {
	var look [evictLook]*classifier.Megaflow
	var used [evictLook]int64 // when
	n := 0
	l.mega.Sweep(&l.victim, evictLook, func(mf *classifier.Megaflow) {
		// One used in this very batch (hold) is still pointed to by a packet of it.
		if u := mf.Used; u != l.now {
			look[n], used[n] = mf, u
			n++
		}
	})
	many := min(evictMany, n)
	for k := range many {
		oldest := k
		for j := k + 1; j < n; j++ {
			if used[j] < used[oldest] {
				oldest = j
			}
		}
		look[k], look[oldest] = look[oldest], look[k]
		used[k], used[oldest] = used[oldest], used[k]
	}
	l.mega.Warm(look[:many])
	for _, mf := range look[:many] {
		l.stats.Evicted++
		l.remove(mf)
	}
}

// settle ends a batch: decisions that found no room hand over what they counted, and those
// that were removed are used again.
func (l *Loop) settle() {
	for k, mf := range l.oneShot {
		l.push(mf)
		l.letGo(mf.Program, mf.Group)
		l.oneShot[k] = nil
	}
	l.oneShot = l.oneShot[:0]
	l.asking.forget()
	l.mega.Recycle()
}

// PushAll hands over everything that all megaflows counted so far, a slice a call:
// for Ask, before somebody reads the rules' counters.
func (l *Loop) PushAll() func(*Loop) bool {
	cursor := 0
	return func(l *Loop) bool {
		l.mega.Sweep(&cursor, 256, l.push)
		return cursor == 0
	}
}
