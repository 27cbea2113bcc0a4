package session

import (
	"net"
	"sync"
	"time"
)

// outbox is what waits to be written to a peer: bytes of whole messages. Any goroutine
// may put, one runs write.
type outbox struct {
	most int // bytes from which on put waits

	mu   sync.Mutex // guards what follows
	turn *sync.Cond // signalled at every change of it
	buf  []byte
	done bool // nothing is put any more; what is there is written
	cut  bool // nothing is written any more
}

func newOutbox(most int) *outbox {
	o := &outbox{most: most}
	o.turn = sync.NewCond(&o.mu)
	return o
}

// put adds a message, which it copies. It waits while there is no room, and is false
// when the peer is gone.
func (o *outbox) put(msg []byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.buf) >= o.most && !o.done && !o.cut {
		o.turn.Wait()
	}
	if o.done || o.cut {
		return false
	}
	o.buf = append(o.buf, msg...)
	o.turn.Broadcast()
	return true
}

// finish lets write end when everything is written.
func (o *outbox) finish() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.done = true
	o.turn.Broadcast()
}

// take waits for bytes and returns them, nil when there will be none. spare is memory
// for those to come.
func (o *outbox) take(spare []byte) []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.buf) == 0 && !o.done {
		o.turn.Wait()
	}
	b := o.buf
	o.buf = spare[:0]
	o.turn.Broadcast()
	return b
}

// stop makes put fail from now on.
func (o *outbox) stop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.cut, o.buf = true, nil
	o.turn.Broadcast()
}

// step is how many bytes a peer has to take in time.
const step = 64 << 10

// write writes to conn what is put until finish has been called and nothing is left,
// or the peer does not take step bytes within timeout. It closes conn, so that the
// reader ends, too.
func (o *outbox) write(conn net.Conn, timeout time.Duration) (err error) {
	defer conn.Close()
	defer o.stop()
	var spare []byte
	for {
		all := o.take(spare)
		if len(all) == 0 {
			return nil
		}
		for b := all; len(b) > 0; {
			// It fails only on a closed connection, which Write says too.
			_ = conn.SetWriteDeadline(time.Now().Add(timeout))
			n := min(len(b), step)
			if _, err := conn.Write(b[:n]); err != nil {
				return err
			}
			b = b[n:]
		}
		if spare = all; cap(spare) > 2*step {
			spare = nil // a long reply's memory is not kept for short ones
		}
	}
}
