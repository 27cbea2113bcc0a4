package ipfix

import (
	"context"
	"math/rand/v2"
	"net"
	"time"

	"pollux/internal/clock"
)

const (
	firstBackoff = 200 * time.Millisecond // from an attempt that failed to the next
	lastBackoff  = 30 * time.Second       // the most that it doubles to
	settled      = 5 * time.Second        // a session that lasted this long makes the next wait short again

	dialTimeout = 5 * time.Second        // of an attempt: what resolvers need when a server is away
	startWait   = 500 * time.Millisecond // how long sending waits for names at start
)

// backoff says how long to wait between attempts: twice as long each time, up to a
// limit, give or take a quarter so that many exporters do not come at once.
type backoff struct{ failures int }

func (b *backoff) next() time.Duration {
	d := lastBackoff
	if b.failures < 8 {
		d = min(firstBackoff<<b.failures, lastBackoff)
	}
	b.failures++
	return d*3/4 + rand.N(d/2)
}

func (b *backoff) reset() { b.failures = 0 }

// dialer opens a target's UDP socket. An address in numbers is opened on the spot,
// which takes no longer than the system call. A name has to be looked up, which
// may take seconds: a goroutine does it, at most one at a time, and keeps the
// outcome until it is asked for. All methods belong to Run's goroutine.
type dialer struct {
	net.Dialer
	addr    string
	numeric bool
	limit   time.Duration // of an attempt
	backoff backoff
	next    int64           // when the next attempt may begin, of clock.Now
	pending chan dialed     // the outcome of the attempt under way; nil: none
	life    context.Context // ends with close
	close   context.CancelFunc
}

// dialed is what an attempt came to.
type dialed struct {
	conn net.Conn
	err  error
}

func newDialer(a address) dialer {
	d := dialer{addr: a.rest, numeric: a.numeric(), limit: dialTimeout}
	d.life, d.close = context.WithCancel(context.Background())
	return d
}

// try returns a socket or an error if an attempt ended with one, and neither if
// there is nothing to tell. It begins an attempt when one is due, unless stopping.
// It does not wait.
func (d *dialer) try(stopping bool) (net.Conn, error) {
	if d.pending == nil {
		switch {
		case stopping || clock.Now() < d.next:
			return nil, nil
		case d.numeric:
			return d.ended(d.attempt())
		}
		d.begin()
	}
	select {
	case r := <-d.pending:
		return d.ended(r)
	default:
		return nil, nil
	}
}

// wait is try that waits for the attempt under way until ctx is done.
func (d *dialer) wait(ctx context.Context) (net.Conn, error) {
	select {
	case r := <-d.pending:
		return d.ended(r)
	case <-ctx.Done():
		return nil, nil
	}
}

// begin starts an attempt. Nobody asks for its outcome after close: the socket is
// closed then.
func (d *dialer) begin() {
	out := make(chan dialed)
	d.pending = out
	go func() {
		r := d.attempt()
		select {
		case out <- r:
		case <-d.life.Done():
			if r.conn != nil {
				r.conn.Close()
			}
		}
	}()
}

// attempt may run in a goroutine of its own: it reads only what newDialer set.
func (d *dialer) attempt() dialed {
	ctx, cancel := context.WithTimeout(d.life, d.limit)
	defer cancel()
	conn, err := d.DialContext(ctx, "udp", d.addr)
	return dialed{conn, err}
}

// ended notes the end of an attempt. The time to the next counts from here: a slow
// failure is not followed by another at once.
func (d *dialer) ended(r dialed) (net.Conn, error) {
	d.pending = nil
	if r.err == nil {
		d.backoff.reset()
		return r.conn, nil
	}
	d.next = clock.Now() + int64(d.backoff.next())
	return nil, r.err
}
