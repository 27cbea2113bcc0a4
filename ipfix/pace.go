package ipfix

import "time"

// burst is how many messages may go at once: fewer than what a socket with the
// usual 208 KiB of receive buffer holds.
const burst = 32

// pacer is a token bucket of messages.
type pacer struct {
	gap    time.Duration // between messages in the long run
	credit time.Duration // time saved up, at most burst gaps
	last   time.Time
}

func newPacer(rate int) pacer {
	gap := time.Second / time.Duration(rate)
	return pacer{gap: gap, credit: burst * gap, last: time.Now()}
}

// allow says whether a message may go now, and counts it if so.
func (p *pacer) allow(now time.Time) bool {
	p.credit = min(p.credit+now.Sub(p.last), burst*p.gap)
	p.last = now
	if p.credit < p.gap {
		return false
	}
	p.credit -= p.gap
	return true
}

// wait sleeps until the next message may go, or as long as the limit.
func (p *pacer) wait(limit time.Duration) {
	now := time.Now()
	p.credit = min(p.credit+now.Sub(p.last), burst*p.gap)
	p.last = now
	if p.credit -= p.gap; p.credit < 0 {
		time.Sleep(min(-p.credit, limit))
	}
}
