package session

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
)

// TLSFiles names the files, PEM, that connections by TLS are made with. They are read for
// each connection, so that new ones need no word to the switch.
type TLSFiles struct {
	Key, Certificate string // the switch's own
	CA               string // authorities that must have signed the other side's
}

// load reads the files. Both sides ask for a certificate of the CA's and do not care for
// the name in it, as Open vSwitch: certificates of its PKI are for a role (controller or
// switch), not for hosts.
func (f TLSFiles) load() (*tls.Config, error) {
	if f == (TLSFiles{}) {
		return nil, errors.New("tls: no key, certificate and authority are configured")
	}
	cert, err := tls.LoadX509KeyPair(f.Certificate, f.Key)
	if err != nil {
		return nil, fmt.Errorf("tls: %s, %s: %w", f.Certificate, f.Key, err)
	}
	pem, err := os.ReadFile(f.CA)
	if err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("tls: %s has no certificate in PEM", f.CA)
	}
	return &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{cert},
		// What Go would verify is chain and name; verifyChain verifies the chain.
		InsecureSkipVerify: true,
		ClientAuth:         tls.RequireAnyClientCert,
		VerifyConnection:   func(s tls.ConnectionState) error { return verifyChain(s, roots) },
		// A resumed session would outlive the files that it was made with.
		SessionTicketsDisabled: true,
	}, nil
}

// verifyChain checks that the other side's certificate is signed by one of roots.
func verifyChain(s tls.ConnectionState, roots *x509.CertPool) error {
	if len(s.PeerCertificates) == 0 {
		return errors.New("the other side shows no certificate")
	}
	o := x509.VerifyOptions{
		Roots: roots, Intermediates: x509.NewCertPool(),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}, // controllers and switches are client or server as it comes
	}
	for _, c := range s.PeerCertificates[1:] {
		o.Intermediates.AddCert(c)
	}
	_, err := s.PeerCertificates[0].Verify(o)
	return err
}

// client has TLS on conn as the side that connected, within ctx. It owns conn.
func (f TLSFiles) client(ctx context.Context, conn net.Conn) (net.Conn, error) {
	return f.shake(ctx, conn, tls.Client)
}

// server is client for the side that listened.
func (f TLSFiles) server(ctx context.Context, conn net.Conn) (net.Conn, error) {
	return f.shake(ctx, conn, tls.Server)
}

func (f TLSFiles) shake(ctx context.Context, conn net.Conn, side func(net.Conn, *tls.Config) *tls.Conn) (net.Conn, error) {
	c, err := f.load()
	if err != nil {
		conn.Close()
		return nil, err
	}
	t := side(conn, c)
	if err := t.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, fmt.Errorf("tls: %w", err)
	}
	return t, nil
}

// cut ends a connection at once. Close of TLS says good-bye first, and waits for a peer
// that does not listen.
func cut(conn net.Conn) {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	conn.Close()
}
