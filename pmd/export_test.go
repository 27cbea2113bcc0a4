package pmd

import "pollux/internal/clock"

// Iterate goes once round a loop that does not run, in the caller's thread.
func (l *Loop) Iterate() int { return l.iterate(clock.Ticks()) }

// Took tells the judge of the exact cache that a batch of n packets took ticks each, and
// returns whether the next passes it by.
func (l *Loop) Took(n int, ticks float64) (off bool) {
	l.passBy.batch = n
	l.spent(uint64(ticks * float64(n)))
	return l.passBy.off
}

// QuestionLists returns how many lists of questions decisions of the loop use.
func (l *Loop) QuestionLists() int { return len(l.lists.by) }
