package collector

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

var errNoCertificate = errors.New("collector: TLS without a certificate: a listener needs one")

const (
	readBuffer   = 8 << 20 // bytes of a UDP socket
	maxConns     = maxSessions
	handshakeMax = 10 * time.Second
)

// listeners are the sockets of a collector.
type listeners struct {
	mu    sync.Mutex
	open  map[io.Closer]bool // true: a connection
	conns int                // of open
	addrs []string
	shut  bool
	wait  sync.WaitGroup
}

// Listen receives on a UDP address (host:port; port 0 for any) until Close.
func Listen(addr string) (*Collector, error) { return listening((*Collector).ListenUDP, addr) }

// ListenTCP accepts connections on an address until Close, each a session.
func ListenTCP(addr string) (*Collector, error) { return listening((*Collector).ListenTCP, addr) }

// ListenTLS is ListenTCP with TLS (RFC 7011 section 11); the configuration holds a
// certificate, and with ClientAuth it asks exporters for theirs.
func ListenTLS(addr string, cfg *tls.Config) (*Collector, error) {
	return listening(func(c *Collector, addr string) error { return c.ListenTLS(addr, cfg) }, addr)
}

func listening(listen func(*Collector, string) error, addr string) (*Collector, error) {
	c := New()
	if err := listen(c, addr); err != nil {
		return nil, err
	}
	return c, nil
}

// ListenUDP has the collector receive on one more address, a UDP one.
func (c *Collector) ListenUDP(addr string) error {
	a, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return fmt.Errorf("collector: %w", err)
	}
	conn, err := net.ListenUDP("udp", a)
	if err != nil {
		return fmt.Errorf("collector: %w", err)
	}
	growBuffer(conn)
	return c.serve(conn, conn.LocalAddr(), func() { c.readUDP(conn) })
}

// ListenTCP has the collector accept connections on one more address.
func (c *Collector) ListenTCP(addr string) error { return c.listenStream("tcp", addr, nil) }

// ListenTLS has the collector accept TLS connections on one more address.
func (c *Collector) ListenTLS(addr string, cfg *tls.Config) error {
	if cfg == nil || len(cfg.Certificates) == 0 && cfg.GetCertificate == nil && cfg.GetConfigForClient == nil {
		return errNoCertificate
	}
	return c.listenStream("tls", addr, func(ctx context.Context, conn net.Conn) (net.Conn, error) {
		t := tls.Server(conn, cfg)
		return t, t.HandshakeContext(ctx)
	})
}

func (c *Collector) listenStream(transport, addr string, secure handshake) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("collector: %w", err)
	}
	return c.serve(l, l.Addr(), func() { c.accept(l, transport, secure) })
}

// serve runs a reader of a socket until Close.
func (c *Collector) serve(s io.Closer, a net.Addr, read func()) error {
	if !c.listeners.add(s, false) {
		return errors.Join(errors.New("collector: closed"), s.Close())
	}
	c.listeners.mu.Lock()
	c.listeners.addrs = append(c.listeners.addrs, a.String())
	c.listeners.mu.Unlock()
	c.listeners.wait.Go(read)
	return nil
}

// add keeps a socket to be closed by Close; false when there is no room or no use.
func (l *listeners) add(s io.Closer, conn bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.shut || conn && l.conns == maxConns {
		return false
	}
	if l.open == nil {
		l.open = make(map[io.Closer]bool)
	}
	l.open[s] = conn
	if conn {
		l.conns++
	}
	return true
}

// ended reports whether Close was called.
func (l *listeners) ended() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.shut
}

// drop closes a connection and forgets it.
func (l *listeners) drop(s io.Closer) {
	l.mu.Lock()
	if _, ok := l.open[s]; ok {
		delete(l.open, s)
		l.conns--
	}
	l.mu.Unlock()
	s.Close()
}

// handshake makes a connection a secure one.
type handshake func(context.Context, net.Conn) (net.Conn, error)

// growBuffer asks for a large socket buffer, past the system's limit where this
// process may. Without it a burst of messages is lost to a busy machine.
func growBuffer(conn *net.UDPConn) {
	conn.SetReadBuffer(readBuffer)
	raw, err := conn.SyscallConn()
	if err != nil {
		return
	}
	raw.Control(func(fd uintptr) {
		unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, readBuffer)
	})
}

// Addr returns the address of the first listener, "" if there is none.
func (c *Collector) Addr() string {
	if a := c.Addrs(); len(a) > 0 {
		return a[0]
	}
	return ""
}

// Addrs returns the addresses that the collector listens on.
func (c *Collector) Addrs() []string {
	c.listeners.mu.Lock()
	defer c.listeners.mu.Unlock()
	return append([]string(nil), c.listeners.addrs...)
}

// Close ends listening and connections, and returns when nothing more is taken.
// What was received can still be read.
func (c *Collector) Close() error {
	l := &c.listeners
	l.mu.Lock()
	l.shut = true
	var errs []error
	for s, conn := range l.open {
		if err := s.Close(); err != nil && !conn { // a connection may have broken off
			errs = append(errs, err)
		}
	}
	l.open = nil
	l.mu.Unlock()
	l.wait.Wait()
	return errors.Join(errs...)
}

func (c *Collector) readUDP(conn *net.UDPConn) {
	buf := make([]byte, 65536)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			c.note(err)
			continue
		}
		c.Handle(from, buf[:n])
	}
}

// note counts an error.
func (c *Collector) note(err error) {
	c.mu.Lock()
	c.fail(err)
	c.mu.Unlock()
}
