package session

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// outbox is what waits to be written to a peer: bytes of whole messages, in the order in
// which they were put. Any goroutine may put, one runs write.
//
// Messages are of three sorts. Answers (put) wait for room: who asks and does not read is
// not read from any more. What must not be lost (post) never waits; where there is too much
// of it the session ends. Packet-ins (offer) never wait, and are lost where there is no room.
// They don't count as what the others wait for. Changes of flows (tell) are of the second sort;
// those that the peer has not been given yet are counted, so that there need not be many.
type outbox struct {
	most      int // bytes of the first sort from which on put waits
	mostPosts int // bytes, packet-ins apart, beyond which post ends the session

	mu      sync.Mutex // guards what follows
	turn    *sync.Cond // signalled at every change of it
	buf     []byte
	packets int    // of the messages in buf, those that are packet-ins
	bytes   int    // of them
	changes int    // bytes in buf that are changes of flows
	flying  int    // such bytes that are being written
	paused  bool   // resume is to be called when there are none of them
	sever   func() // ends the connection; nil: there is none yet
	why     error  // the session was ended for
	done    bool   // nothing is put any more; what is there is written
	cut     bool   // nothing is written any more
}

func newOutbox(most, mostPosts int) *outbox {
	o := &outbox{most: most, mostPosts: mostPosts}
	o.turn = sync.NewCond(&o.mu)
	return o
}

// put adds a message, which it copies. It waits while there is no room, and is false
// when the peer is gone.
func (o *outbox) put(msg []byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.buf)-o.bytes >= o.most && !o.done && !o.cut {
		o.turn.Wait()
	}
	return o.add(msg)
}

// errBehind ends a session whose peer is not told any more what it must not miss.
var errBehind = errors.New("the peer is too far behind")

// post adds a message, which it copies, and never waits. Where there is no room the
// session ends.
func (o *outbox) post(msg []byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.postLocked(msg)
}

func (o *outbox) postLocked(msg []byte) bool {
	n := len(o.buf) - o.bytes + len(msg)
	if n <= o.mostPosts {
		return o.add(msg)
	}
	if !o.done && !o.cut {
		o.why = fmt.Errorf("%w: %d bytes wait for it", errBehind, n)
		o.stopLocked()
		if o.sever != nil {
			o.sever()
		}
	}
	return false
}

// tell is post for changes of flows.
func (o *outbox) tell(msg []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tellLocked(msg)
}

func (o *outbox) tellLocked(msg []byte) {
	if o.postLocked(msg) {
		o.changes += len(msg)
	}
}

// told is how many bytes of changes of flows wait for the peer.
func (o *outbox) told() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.changes + o.flying
}

// pause tells msg, and has write call resume when no change waits any more.
func (o *outbox) pause(msg []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tellLocked(msg)
	o.paused = true
}

// caughtUp says that what had been taken is written, and whether pause asked for the moment at
// which no change waits and this is it.
func (o *outbox) caughtUp() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.flying = 0
	if !o.paused || o.changes > 0 || o.cut {
		return false
	}
	o.paused = false
	return true
}

// offer adds a packet-in, which it copies, unless so many or too many bytes of them wait
// already. It never waits.
func (o *outbox) offer(msg []byte, most int) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.packets >= most || o.bytes+len(msg) > o.most || !o.add(msg) {
		return false
	}
	o.packets++
	o.bytes += len(msg)
	return true
}

// add appends a message. o.mu is held.
func (o *outbox) add(msg []byte) bool {
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
	for len(o.buf) == 0 && !o.done && !o.cut {
		o.turn.Wait()
	}
	b := o.buf
	o.buf, o.packets, o.bytes = spare[:0], 0, 0
	o.flying, o.changes = o.changes, 0
	o.turn.Broadcast()
	return b
}

// stop makes put fail from now on.
func (o *outbox) stop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stopLocked()
}

func (o *outbox) stopLocked() {
	o.cut, o.buf, o.packets, o.bytes = true, nil, 0, 0
	o.turn.Broadcast()
}

// behind is why post ended the session, nil if it did not.
func (o *outbox) behind() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.why
}

// step is how many bytes a peer has to take in time.
const step = 64 << 10

// write writes to conn what is put until finish has been called and nothing is left,
// or the peer does not take step bytes within timeout. It closes conn, so that the
// reader ends, too. It calls resume as pause asks for it.
func (o *outbox) write(conn net.Conn, timeout time.Duration, resume func()) (err error) {
	defer conn.Close()
	defer o.stop()
	var spare []byte
	for {
		if o.caughtUp() {
			resume()
		}
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
