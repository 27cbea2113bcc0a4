package ipfix

import (
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"time"

	"github.com/pion/dtls/v3"
	dtlsnet "github.com/pion/dtls/v3/pkg/net"
	"github.com/pion/logging"
)

// secured is a DTLS 1.2 session over UDP (RFC 7011 section 11). A message is a record
// and a datagram of its own. Datagrams get lost, templates among them, and a collector
// that was restarted knows nothing of the session and says nothing: a session lasts a
// template interval, and the next begins with templates.
type secured struct {
	*connection
	pace  pacer
	until time.Time
}

// dtlsOverhead is what record header, nonce, authentication and padding take of a
// datagram with any cipher suite of the library.
const dtlsOverhead = 80

// settling is left to the collector to come to the end of the handshake: data that
// arrives before may be put aside and be out of order, templates behind records.
const settling = 50 * time.Millisecond

// write sends the messages one by one; their lengths tell where each ends.
func (s *secured) write(b []byte) (n int, err error) {
	for n < len(b) {
		s.pace.wait(math.MaxInt64)
		end := n + int(b[n+2])<<8 + int(b[n+3])
		if _, err := s.Conn.Write(b[n:end]); err != nil {
			return n, err
		}
		n = end
	}
	return n, nil
}

func (s *secured) over() bool   { return !time.Now().Before(s.until) }
func (s *secured) renews() bool { return true }

// dtlsOpener begins a DTLS session; the files are read each time.
func dtlsOpener(a address, cfg *ExporterConfig) func(context.Context) (sink, error) {
	files, life, rate := cfg.TLS, cfg.TemplateInterval, cfg.MessageRate
	quiet := logging.NewDefaultLoggerFactory()
	quiet.Writer = io.Discard
	return func(ctx context.Context) (sink, error) {
		c, err := files.load(a.host())
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(ctx, dialTimeout)
		defer cancel()
		var d net.Dialer
		raw, err := d.DialContext(ctx, "udp", a.rest)
		if err != nil {
			return nil, err
		}
		opts := []dtls.ClientOption{dtls.WithServerName(c.ServerName), dtls.WithLoggerFactory(quiet)}
		if c.RootCAs != nil {
			opts = append(opts, dtls.WithRootCAs(c.RootCAs))
		}
		if c.Certificates != nil {
			opts = append(opts, dtls.WithCertificates(c.Certificates...))
		}
		conn, err := dtls.ClientWithOptions(dtlsnet.PacketConnFromConn(raw), raw.RemoteAddr(), opts...)
		if err == nil {
			if err = conn.HandshakeContext(ctx); err != nil {
				conn.Close()
			}
		}
		if err != nil {
			raw.Close()
			return nil, fmt.Errorf("dtls with %s as %q: %w", a.rest, c.ServerName, err)
		}
		select {
		case <-time.After(settling):
		case <-ctx.Done():
		}
		return &secured{newConnection(conn, raw), newPacer(rate), time.Now().Add(life)}, nil
	}
}
