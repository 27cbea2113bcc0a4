package ipfix

import (
	"context"
	"net"
	"net/netip"
	"time"

	"pollux/internal/clock"
)

const (
	redialAfter = int64(time.Second)     // from the end of an attempt that failed to the next, ns
	dialTimeout = 5 * time.Second        // of an attempt: what resolvers need when a server is away
	startWait   = 500 * time.Millisecond // how long sending waits for names at start
)

// dialer opens a target's UDP socket. An address in numbers is opened on the spot,
// which takes no longer than the system call. A name has to be looked up, which
// may take seconds: a goroutine does it, at most one at a time, and keeps the
// outcome until it is asked for. All methods belong to Run's goroutine.
type dialer struct {
	net.Dialer
	addr    string
	numeric bool
	limit   time.Duration   // of an attempt
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

func newDialer(addr string) dialer {
	_, err := netip.ParseAddrPort(addr)
	d := dialer{addr: addr, numeric: err == nil, limit: dialTimeout}
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
	d.next = clock.Now() + redialAfter
	return r.conn, r.err
}
