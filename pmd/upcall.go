package pmd

import (
	"pollux/actions"
	"pollux/classifier"
	"pollux/flow"
	"pollux/internal/clock"
)

// upcall translates packet i of the batch, which no cache knew, and installs what
// was decided. Open vSwitch queues such a packet for another thread; here it goes
// on at once.
func (l *Loop) upcall(i int) *classifier.Megaflow {
	// An earlier packet of this batch may have installed the decision meanwhile.
	s := l.subject(i)
	if mf := l.mega.Find(s.key); mf != nil {
		l.stats.MegaHits++
		return mf
	}
	l.translate(&s)
	l.stats.Upcalls++
	return l.install(&s, true)
}

// subject is a packet that is to be decided about. It is passed by its address: its words are
// written one by one, and a copy of two at once waits for all that was written before.
type subject struct {
	own *flow.Key // the packet's
	key *flow.Key // by which caches know it: with answers, and the number of what was asked
	// What was asked already, and the answers; nil for none.
	asked   []actions.Question
	answers *flow.Key
}

// subject returns packet i, of whom nothing has been asked.
func (l *Loop) subject(i int) subject {
	k := l.keys.At(i)
	return subject{own: k, key: k}
}

// pose makes l.up a question to the tables about s.
func (l *Loop) pose(s *subject, commit bool) {
	l.up.Key, l.up.Asked, l.up.Answers = s.own, s.asked, s.answers
	l.up.Thread, l.up.Now, l.up.Commit = l.cfg.ID, l.now, commit
}

// translate asks the tables about s; the answer is in l.up.
func (l *Loop) translate(s *subject) {
	l.pose(s, true)
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

// install makes a megaflow of what l.up says of s; fresh says that
// none has its key. Where the cache has no room even after ageing, the decision serves this
// batch only.
func (l *Loop) install(s *subject, fresh bool) *classifier.Megaflow {
	mf, err := l.insert(s, fresh)
	if err != nil {
		l.evict()
		mf, err = l.insert(s, fresh)
	}
	if err != nil {
		l.stats.NoRoom++
		mf = &classifier.Megaflow{Mask: &l.up.Mask, Dead: true}
		l.oneShot = append(l.oneShot, mf)
	}
	l.adopt(mf, askedOf(s.key))
	mf.Used = l.now
	return mf
}

// insert adds the decision about s; fresh says that no megaflow has its key.
func (l *Loop) insert(s *subject, fresh bool) (mf *classifier.Megaflow, err error) {
	if fresh {
		mf, err = l.mega.Add(s.key, &l.up.Mask)
	} else {
		mf, err = l.mega.Insert(s.key, &l.up.Mask)
	}
	if err == nil && mf.Program == nil {
		l.lists.hold(askedOf(s.key))
	}
	return mf, err
}

// adopt gives mf the decision in l.up, about a packet that was asked list number asked.
func (l *Loop) adopt(mf *classifier.Megaflow, asked int32) {
	was, group := mf.Program, mf.Group
	mf.Gen = l.snap.gen[b2i(l.up.FDB)]
	if q := l.up.Program.Asks; q != nil {
		mf.Program, mf.Group = l.up.Program, l.lists.next(asked, *q)
		mf.Gen |= Asks
	} else {
		mf.Program, mf.Group = l.progs.intern(l.up.Program, &l.groups)
	}
	if was != nil {
		l.push(mf)
		l.letGo(was, group)
	} else {
		mf.Created = l.now
	}
	mf.Credit, mf.Path, mf.FDB = l.up.Credit, l.up.Path, l.up.FDB
}

// letGo takes a megaflow off the users of its program, or of the list of questions that it
// leads to.
func (l *Loop) letGo(p *actions.Program, group int32) {
	if p.Asks != nil {
		l.lists.drop(group)
		return
	}
	l.progs.drop(group)
}

// revalidate brings a decision of an older snapshot up to date before s is
// treated by it: if no change since can have touched it, it stands, else a fresh
// translation either agrees, or takes its place.
func (l *Loop) revalidate(mf *classifier.Megaflow, s *subject) *classifier.Megaflow {
	fdb := b2i(mf.FDB)
	if !mf.Dead && !l.snap.changes.Touched(mf.Gen&^Asks, fdb, s.key, mf.Mask, mf.Path, mf.Credit) {
		mf.Gen = l.snap.gen[fdb] | mf.Gen&Asks
		l.stats.Renewed++
		if l.cfg.Verify != 0 {
			l.check(mf, s)
		}
		return mf
	}
	start := clock.Ticks()
	l.push(mf)
	l.translate(s)
	l.stats.Revalidated++
	switch {
	case mf.Dead:
		// Removed by an earlier packet of this batch; its place may be taken already.
		if now := l.mega.Find(s.key); now != nil && now.Gen&^Asks == l.snap.gen[b2i(now.FDB)] {
			mf = now
		} else {
			mf = l.install(s, false)
		}
	case l.up.Mask.Equal(mf.Mask), mf.Exact && mf.Mask.Covers(&l.up.Mask):
		if !actions.Equal(mf.Program, l.up.Program) {
			l.stats.Changed++
		}
		l.adopt(mf, askedOf(s.key))
	default:
		l.stats.Changed++
		l.remove(mf)
		mf = l.install(s, false)
	}
	l.stats.UpcallTicks += clock.Ticks() - start
	return mf
}

// check is design law 1 in a running switch: one hit in cfg.Verify is translated
// afresh without side effects, and a difference is counted.
func (l *Loop) check(mf *classifier.Megaflow, s *subject) *classifier.Megaflow {
	if l.verify--; l.verify != 0 {
		return mf
	}
	l.verify = l.cfg.Verify
	l.pose(s, false)
	l.snap.tables.Translate(&l.up)
	l.stats.Verified++
	if !actions.Equal(mf.Program, l.up.Program) {
		l.stats.Differed++
	}
	return mf
}
