package collector

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// accept takes connections until the listener is closed.
func (c *Collector) accept(l net.Listener, transport string, secure handshake) {
	for {
		conn, err := l.Accept()
		switch {
		case c.listeners.ended():
			if err == nil {
				conn.Close()
			}
			return
		case err != nil: // too many files, say: it may pass
			c.note(err)
			time.Sleep(10 * time.Millisecond)
			continue
		case !c.listeners.add(conn, true):
			c.note(fmt.Errorf("connection from %v: want at most %d", conn.RemoteAddr(), maxConns))
			conn.Close()
			continue
		}
		c.listeners.wait.Go(func() { c.connection(conn, transport, secure) })
	}
}

// connection reads one connection to its end.
func (c *Collector) connection(conn net.Conn, transport string, secure handshake) {
	defer c.listeners.drop(conn)
	s := newSession(transport, conn.RemoteAddr().String())
	defer c.end(s)
	read := c.stream
	if !s.stream() {
		read = c.datagrams
	}
	in, err := conn, error(nil)
	if secure != nil {
		ctx, cancel := context.WithTimeout(context.Background(), handshakeMax)
		in, err = secure(ctx, conn)
		cancel()
	}
	if err == nil {
		err = read(s, in)
	}
	if err != nil && !errors.Is(err, net.ErrClosed) && !c.listeners.ended() {
		c.note(fmt.Errorf("%s: %w", s.peer, err))
	}
}

// datagrams takes messages each of which is a datagram of its own.
func (c *Collector) datagrams(s *session, r io.Reader) error {
	buf := make([]byte, 65536)
	for {
		n, err := r.Read(buf)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := c.streamMessage(s, buf[:n]); err != nil {
			return err
		}
	}
}
