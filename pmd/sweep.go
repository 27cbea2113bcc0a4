package pmd

import "pollux/classifier"

const (
	sweepEvery = 500e6 // ns between two rounds over the megaflows
	sweepSlice = 8     // megaflows an iteration while a round is on
	evictLook  = 16    // megaflows looked at for the one that is given up
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
	l.progs.drop(mf.Group)
	l.mega.Remove(mf)
	mf.Dead = true
}

// evict makes room for one decision: of the next few megaflows under a hand of its own,
// the one unused for longest goes.
func (l *Loop) evict() {
	var oldest *classifier.Megaflow
	l.mega.Sweep(&l.victim, evictLook, func(mf *classifier.Megaflow) {
		if oldest == nil || mf.Used < oldest.Used {
			oldest = mf
		}
	})
	// One used in this very batch (hold) is still pointed to by a packet of it.
	if oldest != nil && oldest.Used != l.now {
		l.stats.Evicted++
		l.remove(oldest)
	}
}

// settle ends a batch: decisions that found no room hand over what they counted.
func (l *Loop) settle() {
	for k, mf := range l.oneShot {
		l.push(mf)
		l.progs.drop(mf.Group)
		l.oneShot[k] = nil
	}
	l.oneShot = l.oneShot[:0]
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
