package ipfix

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// connection is a TCP or TLS session. Collectors send nothing: what is read is
// thrown away, and the end of it is the end of the session.
type connection struct {
	net.Conn
	raw  net.Conn // the TCP connection below
	end  chan struct{}
	err  error // why, once end is closed
	done chan struct{}
}

func newConnection(conn, raw net.Conn) *connection {
	c := &connection{Conn: conn, raw: raw, end: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(c.done)
		_, err := io.Copy(io.Discard, conn)
		if err == nil {
			err = io.EOF
		}
		c.err = fmt.Errorf("collector ended the session: %w", err)
		close(c.end)
		raw.Close() // a write under way ends
	}()
	return c
}

func (c *connection) write(b []byte) (int, error) { return c.Conn.Write(b) }
func (c *connection) gone() <-chan struct{}       { return c.end }
func (c *connection) why() error                  { return c.err }
func (c *connection) resumes() bool               { return false }
func (c *connection) renews() bool                { return false } // old ones are withdrawn
func (c *connection) over() bool                  { return false }

// abort closes the TCP connection, so that neither a write nor the farewell of TLS
// waits for a collector that reads nothing.
func (c *connection) abort() { c.raw.Close() }

// farewell is how long the end of a TLS session may wait for room in the socket.
const farewell = 100 * time.Millisecond

// close ends the session in order. What the socket still holds goes out after it.
func (c *connection) close() error {
	select {
	case <-c.end:
		c.raw.Close()
		<-c.done
		return nil
	default:
	}
	late := time.AfterFunc(farewell, func() { c.raw.Close() })
	defer late.Stop()
	c.Conn.Close()
	<-c.done
	return nil
}

// tcpOpener connects to a collector.
func tcpOpener(a address) func(context.Context) (sink, error) {
	return func(ctx context.Context) (sink, error) {
		conn, err := dialTCP(ctx, a)
		if err != nil {
			return nil, err
		}
		return newConnection(conn, conn), nil
	}
}

// deaf is how long the kernel waits for a collector that has to acknowledge
// something, or to make room, before it gives the session up. Of its own accord it
// would wait for a quarter of an hour, or forever.
const deaf = 2 * time.Minute

func dialTCP(ctx context.Context, a address) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTimeout, Control: func(_, _ string, raw syscall.RawConn) error {
		return raw.Control(func(fd uintptr) {
			// Without it the session is found out later: no reason not to have one.
			unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(deaf.Milliseconds()))
		})
	}}
	return d.DialContext(ctx, "tcp", a.rest)
}

// tlsOpener connects with TLS 1.2 or later, and reads the files each time: a
// certificate that was renewed is used from the next session on.
func tlsOpener(a address, c TLSConfig) func(context.Context) (sink, error) {
	return func(ctx context.Context) (sink, error) {
		cfg, err := c.load(a.host())
		if err != nil {
			return nil, err
		}
		raw, err := dialTCP(ctx, a)
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(ctx, dialTimeout)
		defer cancel()
		conn := tls.Client(raw, cfg)
		if err := conn.HandshakeContext(ctx); err != nil {
			raw.Close()
			return nil, fmt.Errorf("tls with %s as %q: %w", a.rest, cfg.ServerName, err)
		}
		return newConnection(conn, raw), nil
	}
}

// load reads the files. The collector's certificate must have the name of host unless
// another is configured.
func (c *TLSConfig) load(host string) (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	if c.ServerName != "" {
		cfg.ServerName = c.ServerName
	}
	if c.CA != "" {
		pem, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, fmt.Errorf("tls authorities: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("tls authorities: no certificate in %s: want PEM", c.CA)
		}
	}
	if c.Cert != "" {
		pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
		if err != nil {
			return nil, fmt.Errorf("tls certificate %s with key %s: %w", c.Cert, c.Key, err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}
