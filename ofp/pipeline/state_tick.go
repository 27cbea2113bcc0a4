package pipeline

import (
	"context"
	"time"
)

// Run calls Tick every interval until ctx ends. The interval bounds how long a
// learned address takes to be known, and how often snapshots are published for it:
// a few milliseconds.
func (s *State) Run(ctx context.Context, interval time.Duration) {
	t := time.NewTicker(interval)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			s.Tick()
		}
	}
}

// sweepEvery is how often timeouts are looked at.
const sweepEvery = int64(time.Second)

// Tick takes in what the loops learned, and once a second lets rules and addresses
// expire. It publishes at most two snapshots.
// Then it tells of the flows that are gone, and of thresholds that were passed.
func (s *State) Tick() {
	now := s.now()
	s.mu.Lock()
	sweep := now >= s.nextAgeAt
	if sweep {
		s.nextAgeAt = now + sweepEvery
	}
	s.unlock()
	if sweep {
		s.bringUpToDate(now)
	}
	s.mu.Lock()
	s.learn(now, sweep)
	s.takeFlowNotes(now)
	s.unlock()
	s.TellChanges()
	if sweep {
		s.expire(now)
	}
	s.TellRemoved()
	s.lookAtTriggers(now)
}

// OnIdle has fn called before rules or addresses are removed for want of traffic,
// when some seem to have had none: fn makes the loops hand over the credits that
// they still hold. It must not call State's methods that change anything.
func (s *State) OnIdle(fn func()) {
	s.mu.Lock()
	defer s.unlock()
	s.settle = fn
}

// bringUpToDate calls OnIdle's function if something would otherwise expire at now
// by idleness.
func (s *State) bringUpToDate(now int64) {
	s.mu.Lock()
	fn, ageing, snap, due := s.settle, s.ageing, s.snap.Load(), s.someDue(now)
	s.unlock()
	if fn != nil && (due || snap.fdb.hasOlder(now-ageing)) {
		fn()
	}
}
