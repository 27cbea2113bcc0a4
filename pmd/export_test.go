package pmd

import "pollux/internal/clock"

// Iterate goes once round a loop that does not run, in the caller's thread.
func (l *Loop) Iterate() int { return l.iterate(clock.Ticks()) }
