package collector

import (
	"crypto/tls"
	"net"
	"strings"
	"testing"

	"github.com/pion/dtls/v3"
)

// TestDTLS: each message is a datagram of a session; who shows no certificate where one
// is wanted gets none. A template may be replaced, as over UDP.
func TestDTLS(t *testing.T) {
	if _, err := ListenDTLS("127.0.0.1:0", tls.Certificate{}, nil); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a listener without a certificate: %v", err)
	}
	cert, pool := certificate(t)
	c, err := ListenDTLS("127.0.0.1:0", cert, pool)
	if err != nil {
		t.Fatal(err)
	}
	addr, err := net.ResolveUDPAddr("udp", c.Addr())
	if err != nil {
		t.Fatal(err)
	}
	dial := func(opts ...dtls.ClientOption) (*dtls.Conn, error) {
		conn, err := dtls.DialWithOptions("udp4", addr, append(opts, dtls.WithRootCAs(pool), dtls.WithServerName("127.0.0.1"))...)
		if err == nil {
			err = conn.HandshakeContext(t.Context())
		}
		return conn, err
	}
	if conn, err := dial(); err == nil {
		conn.Close()
	}
	until(t, "an error", func() bool { return c.Totals().Errors == 1 })
	conn, err := dial(dtls.WithCertificates(cert))
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range [][]byte{message(1, 0, udp, flow(1, 3)), message(1, 1, flow(2, 4)), message(1, 2, template(300, 0, spec{0, 2, 1}), setOf(300, 9))} {
		if _, err := conn.Write(m); err != nil {
			t.Fatal(err)
		}
		until(t, "a message", func() bool { return c.Totals().Messages == uint64(i+1) })
	}
	if got := c.Totals(); got.Packets != 16 || got.Errors != 1 || got.Missing != 0 {
		t.Errorf("totals %+v", got)
	}
	if s := c.Sessions(); len(s) != 1 || s[0].Transport != "dtls" {
		t.Errorf("sessions %+v", s)
	}
	conn.Close()
	until(t, "the end of the session", func() bool { return c.Sessions()[0].Closed })
	conn, err = dial(dtls.WithCertificates(cert))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil { // with a session open
		t.Error(err)
	}
	if got := c.Totals(); got.Errors != 1 {
		t.Errorf("totals %+v", got)
	}
	conn.Close()
}
