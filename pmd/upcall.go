package pmd

import (
	"pollux/actions"
	"pollux/classifier"
	"pollux/internal/clock"
)

// upcall translates packet i of the batch, which no cache knew, and installs what
// was decided. Open vSwitch queues such a packet for another thread; here it goes
// on at once.
func (l *Loop) upcall(i int) *classifier.Megaflow {
	// An earlier packet of this batch may have installed the decision meanwhile.
	if mf := l.mega.Find(l.keys.At(i)); mf != nil {
		l.stats.MegaHits++
		return mf
	}
	start := clock.Ticks()
	l.translate(i)
	mf := l.install(i, true)
	l.stats.Upcalls++
	l.stats.UpcallTicks += clock.Ticks() - start
	return mf
}

// translate asks the tables about packet i; the answer is in l.up.
func (l *Loop) translate(i int) {
	l.up.Key, l.up.Thread, l.up.Now, l.up.Commit = l.keys.At(i), l.cfg.ID, l.now, true
	l.snap.tables.Translate(&l.up)
	l.unsettled = l.unsettled || l.up.Unsettled
}

// settleTables has the tables changed as packets of the batch want it, before they leave.
func (l *Loop) settleTables() {
	if l.unsettled {
		l.unsettled = false
		l.snap.tables.Settle()
	}
}

// install makes a megaflow of the answer in l.up to packet i's question; fresh says that
// none has its key. Where the cache has no room even after ageing, the decision serves this
// batch only.
func (l *Loop) install(i int, fresh bool) *classifier.Megaflow {
	mf, err := l.insert(i, fresh)
	if err != nil {
		l.evict()
		mf, err = l.insert(i, fresh)
	}
	if err != nil {
		l.stats.NoRoom++
		mf = &classifier.Megaflow{Mask: &l.up.Mask, Dead: true}
		l.oneShot = append(l.oneShot, mf)
	}
	l.adopt(mf)
	mf.Used = l.now
	return mf
}

// insert adds the decision about packet i; fresh says that no megaflow has its key.
func (l *Loop) insert(i int, fresh bool) (*classifier.Megaflow, error) {
	if fresh {
		return l.mega.Add(l.keys.At(i), &l.up.Mask)
	}
	return l.mega.Insert(l.keys.At(i), &l.up.Mask)
}

// adopt gives mf the decision in l.up.
func (l *Loop) adopt(mf *classifier.Megaflow) {
	if mf.Program != nil {
		l.push(mf)
		l.progs.drop(mf.Group)
	} else {
		mf.Created = l.now
	}
	mf.Program, mf.Group = l.progs.intern(l.up.Program, &l.groups)
	mf.Credit, mf.Path, mf.FDB = l.up.Credit, l.up.Path, l.up.FDB
	mf.Gen = l.snap.gen[b2i(l.up.FDB)]
}

// revalidate brings a decision of an older snapshot up to date before packet i is
// treated by it: if no change since can have touched it, it stands, else a fresh
// translation either agrees, or takes its place.
func (l *Loop) revalidate(mf *classifier.Megaflow, i int) *classifier.Megaflow {
	fdb := b2i(mf.FDB)
	if !mf.Dead && !l.snap.changes.Touched(mf.Gen, fdb, l.keys.At(i), mf.Mask, mf.Path, mf.Credit) {
		mf.Gen = l.snap.gen[fdb]
		l.stats.Renewed++
		if l.cfg.Verify != 0 {
			l.check(mf, i)
		}
		return mf
	}
	start := clock.Ticks()
	l.push(mf)
	l.translate(i)
	l.stats.Revalidated++
	switch {
	case mf.Dead:
		// Removed by an earlier packet of this batch; its place may be taken already.
		if now := l.mega.Find(l.keys.At(i)); now != nil && now.Gen == l.snap.gen[b2i(now.FDB)] {
			mf = now
		} else {
			mf = l.install(i, false)
		}
	case l.up.Mask == *mf.Mask, mf.Exact && mf.Mask.Covers(&l.up.Mask):
		if !actions.Equal(mf.Program, l.up.Program) {
			l.stats.Changed++
		}
		l.adopt(mf)
	default:
		l.stats.Changed++
		l.remove(mf)
		mf = l.install(i, false)
	}
	l.stats.UpcallTicks += clock.Ticks() - start
	return mf
}

// check is design law 1 in a running switch: one hit in cfg.Verify is translated
// afresh without side effects, and a difference is counted.
func (l *Loop) check(mf *classifier.Megaflow, i int) *classifier.Megaflow {
	if l.verify--; l.verify != 0 {
		return mf
	}
	l.verify = l.cfg.Verify
	l.up.Key, l.up.Thread, l.up.Now, l.up.Commit = l.keys.At(i), l.cfg.ID, l.now, false
	l.snap.tables.Translate(&l.up)
	l.stats.Verified++
	if !actions.Equal(mf.Program, l.up.Program) {
		l.stats.Differed++
	}
	return mf
}
