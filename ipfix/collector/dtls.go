package collector

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"

	"github.com/pion/dtls/v3"
	"github.com/pion/logging"
)

// ListenDTLS is Listen with DTLS 1.2 (RFC 7011 section 11). clients are the authorities
// that exporters' certificates are checked with; nil: they need none.
func ListenDTLS(addr string, cert tls.Certificate, clients *x509.CertPool) (*Collector, error) {
	return listening(func(c *Collector, addr string) error { return c.ListenDTLS(addr, cert, clients) }, addr)
}

// ListenDTLS has the collector accept DTLS sessions on one more address, a UDP one.
func (c *Collector) ListenDTLS(addr string, cert tls.Certificate, clients *x509.CertPool) error {
	if len(cert.Certificate) == 0 {
		return errNoCertificate
	}
	a, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return fmt.Errorf("collector: %w", err)
	}
	quiet := logging.NewDefaultLoggerFactory()
	quiet.Writer = io.Discard
	opts := []dtls.ServerOption{dtls.WithCertificates(cert), dtls.WithLoggerFactory(quiet)}
	if clients != nil {
		opts = append(opts, dtls.WithClientCAs(clients), dtls.WithClientAuth(dtls.RequireAndVerifyClientCert))
	}
	network := "udp"
	if a.IP.To4() != nil {
		network = "udp4"
	}
	l, err := dtls.ListenWithOptions(network, a, opts...)
	if err != nil {
		return fmt.Errorf("collector: %w", err)
	}
	return c.serve(l, l.Addr(), func() {
		c.accept(l, "dtls", func(ctx context.Context, conn net.Conn) (net.Conn, error) {
			return conn, conn.(*dtls.Conn).HandshakeContext(ctx)
		})
	})
}
