package pmd

import (
	"sync"
	"time"

	"pollux/internal/ring"
)

// job is something the control plane wants done in a loop's thread. step is called
// once an iteration until it returns true, so that long work goes in slices.
type job struct {
	step func(*Loop) (done bool)
	done chan struct{}
}

// mailbox is the loop's door: a bounded single-consumer ring that the loop looks
// into once per iteration, which costs it one atomic load.
type mailbox struct {
	mu   sync.Mutex // among senders only; the loop never takes it
	ring *ring.SPSC[*job]
	cur  *job // the loop's: the job in hand
}

func newMailbox() mailbox { return mailbox{ring: ring.New[*job](64)} }

// serve does one slice of work; it says whether there was any.
func (m *mailbox) serve(l *Loop) bool {
	if m.cur == nil {
		j, ok := m.ring.Pop()
		if !ok {
			return false
		}
		m.cur = j
	}
	if m.cur.step(l) {
		close(m.cur.done)
		m.cur = nil
	}
	return true
}

// Ask has step called in the loop's thread until it returns true, and waits for
// that. While the loop does not run, step runs at once in the caller's. It is for
// the control plane: never call it from a loop.
func (l *Loop) Ask(step func(*Loop) (done bool)) {
	l.mail.mu.Lock()
	if !l.running {
		defer l.mail.mu.Unlock()
		for !step(l) {
		}
		return
	}
	j := &job{step: step, done: make(chan struct{})}
	for !l.mail.ring.Push(j) {
		// Full: the loop is at work on 64 others.
		l.mail.mu.Unlock()
		time.Sleep(50 * time.Microsecond)
		l.mail.mu.Lock()
		if !l.running {
			defer l.mail.mu.Unlock()
			for !step(l) {
			}
			return
		}
	}
	l.mail.mu.Unlock()
	<-j.done
}

// Do is Ask for work of one step.
func (l *Loop) Do(f func(*Loop)) {
	l.Ask(func(l *Loop) bool { f(l); return true })
}

// leave does all that is still asked for and closes the door: from then on Ask
// works in its caller's thread. The loop's thread calls it last.
func (m *mailbox) leave(l *Loop) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for m.serve(l) {
	}
	l.publishCaches()
	l.running = false
}
