package session

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// calmly is how many lines a second sessions may log, and of refused requests in a minute. What is
// connected to a network is as loud as its loudest peer.
const calmly = 10

// calm is a log that leaves out what is more than calmly, and says how much that was.
type calm struct {
	slog.Handler
	*rate
}

// rate counts the lines of one interval.
type rate struct {
	every   time.Duration
	mu      sync.Mutex
	began   time.Time
	lines   int
	skipped int
}

func newCalm(l *slog.Logger, every time.Duration) *slog.Logger {
	return slog.New(calm{l.Handler(), &rate{every: every}})
}

// Handle logs r unless there were enough in the interval that it is of.
func (c calm) Handle(ctx context.Context, r slog.Record) error {
	c.mu.Lock()
	if r.Time.Sub(c.began) >= c.every {
		c.began, c.lines = r.Time, 0
	}
	c.lines++
	if c.lines > calmly {
		c.skipped++
		c.mu.Unlock()
		return nil
	}
	if c.skipped > 0 {
		r.AddAttrs(slog.Int("left_out", c.skipped))
		c.skipped = 0
	}
	c.mu.Unlock()
	return c.Handler.Handle(ctx, r)
}

// WithAttrs and WithGroup keep what they return calm, too.
func (c calm) WithAttrs(a []slog.Attr) slog.Handler { return calm{c.Handler.WithAttrs(a), c.rate} }

// WithGroup is as slog.Handler has it.
func (c calm) WithGroup(name string) slog.Handler { return calm{c.Handler.WithGroup(name), c.rate} }
