package session

import (
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pollux/ofp/wire"
)

// hooked is a connection that calls before, once, when a deadline for reading is about to be set.
type hooked struct {
	net.Conn
	mu     sync.Mutex // guards before
	before func()
}

func (c *hooked) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	fn := c.before
	c.before = nil
	c.mu.Unlock()
	if fn != nil {
		fn()
	}
	return c.Conn.SetReadDeadline(t)
}

// Terms that change between the look at the old ones and the deadline that follows from them are
// the session's all the same: a peer that was never to be asked whether it lives is asked.
func TestTermsThatChangeJustThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		conn := &hooked{Conn: near}
		ses := newSession(New(Config{Switch: box()}), conn, "pipe", &terms{}, nil)
		ended := make(chan error, 1)
		go func() { ended <- ses.run() }()
		p := newPeer(t, far)
		p.greet(wire.V13)
		p.alive(wire.V13)
		synctest.Wait()

		tuned := make(chan struct{})
		conn.mu.Lock()
		conn.before = func() {
			go func() {
				ses.retune(&terms{probe: time.Second})
				close(tuned)
			}()
			// It sets its own deadline now, if nothing keeps it from doing so.
			for range 10_000 {
				select {
				case <-tuned:
					return
				default:
					runtime.Gosched()
				}
			}
		}
		conn.mu.Unlock()
		p.alive(wire.V13) // and the session waits for the next message
		<-tuned
		start := time.Now()
		if err := far.SetReadDeadline(start.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		head, err := p.in.Peek(wire.HeaderLen)
		if err != nil || wire.KindOf(wire.V13, head[1]) != wire.EchoRequest {
			t.Errorf("after %v: %x, %v; want an echo request", time.Since(start), head, err)
		}
		far.Close()
		<-ended
	})
}

// What goes wrong in the switch while a peer is told what it missed ends the session, and no more.
func TestAPanicOfTheWriterEndsTheSessionAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		srv := New(Config{Switch: box()})
		ses := newSession(srv, near, "pipe", &terms{}, nil)
		broken := *ses.cfg
		broken.Tables = nil
		ses.cfg = &broken
		ses.out.pause(wire.AppendMessage(nil, wire.V13, wire.EchoRequest, 1, nil)) // then it calls resume
		ended := make(chan error, 1)
		go func() { ended <- ses.run() }()
		p := newPeer(t, far)
		for p.read() != nil {
		}
		if err := <-ended; err == nil || !strings.Contains(err.Error(), "failed inside the switch") {
			t.Errorf("it ended because of %v", err)
		}
		if ses.out.put([]byte{1}) {
			t.Error("something is put for a peer that is gone")
		}
	})
}
