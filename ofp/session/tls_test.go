package session

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pollux/ofp/wire"
)

// authority signs certificates.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, dir: t.TempDir(), key: newKey(t)}
	der := a.certificate(&x509.Certificate{
		Subject: pkix.Name{CommonName: "an authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, &a.key.PublicKey)
	var err error
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (a *authority) certificate(c *x509.Certificate, key *ecdsa.PublicKey) []byte {
	a.t.Helper()
	c.SerialNumber, c.NotBefore = big.NewInt(1), time.Now().Add(-time.Hour)
	if c.NotAfter.IsZero() {
		c.NotAfter = time.Now().Add(time.Hour)
	}
	parent := a.cert
	if parent == nil {
		parent = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return der
}

// files writes a certificate that the authority signs, its key, and the authority's own
// certificate. The name in it is no host's, as Open vSwitch's PKI has it.
func (a *authority) files(name string, c *x509.Certificate) TLSFiles {
	a.t.Helper()
	key := newKey(a.t)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	c.Subject = pkix.Name{CommonName: name}
	f := TLSFiles{filepath.Join(a.dir, name+".key"), filepath.Join(a.dir, name+".cert"), filepath.Join(a.dir, "ca")}
	for path, block := range map[string]*pem.Block{
		f.Key:         {Type: "PRIVATE KEY", Bytes: der},
		f.Certificate: {Type: "CERTIFICATE", Bytes: a.certificate(c, &key.PublicKey)},
		f.CA:          {Type: "CERTIFICATE", Bytes: a.cert.Raw},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
	return f
}

// secureServer listens at pssl: with these files.
func secureServer(t *testing.T, f TLSFiles) (s *Server, addr string) {
	t.Helper()
	s = New(Config{Switch: box()})
	t.Cleanup(func() { s.Close() })
	if err := s.SetControllers(Controllers{TLS: f}); err != nil {
		t.Fatal(err)
	}
	a, err := s.Listen("pssl:0:127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	return s, a.String()
}

// enter connects to a listener by TLS and says what comes of it.
func enter(t *testing.T, addr string, c *tls.Config) error {
	conn, err := tls.Dial("tcp", addr, c)
	if err != nil {
		return err
	}
	defer conn.Close()
	b := make([]byte, 8)
	_, err = conn.Read(b) // with TLS 1.3 a refusal comes after the handshake
	return err
}

func TestListeningByTLS(t *testing.T) {
	ours, other := newAuthority(t), newAuthority(t)
	f := ours.files("switch", &x509.Certificate{})
	s, addr := secureServer(t, f)
	good, err := ours.files("controller", &x509.Certificate{}).load()
	if err != nil {
		t.Fatal(err)
	}
	if err := enter(t, addr, good); err != nil {
		t.Errorf("with a certificate of the authority: %v", err)
	}
	client, err := ours.files("client", &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}).load()
	if err != nil {
		t.Fatal(err)
	}
	if err := enter(t, addr, client); err != nil {
		t.Errorf("with a certificate that is for servers: %v", err)
	}
	stranger, err := other.files("controller", &x509.Certificate{}).load()
	if err != nil {
		t.Fatal(err)
	}
	stranger.VerifyConnection = nil
	old, err := ours.files("old", &x509.Certificate{NotAfter: time.Now().Add(-time.Minute)}).load()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]*tls.Config{
		"without a certificate":              {InsecureSkipVerify: true},
		"with another authority's":           stranger,
		"with one that is not good any more": old,
		"with TLS 1.1":                       {InsecureSkipVerify: true, Certificates: good.Certificates, MinVersion: tls.VersionTLS11, MaxVersion: tls.VersionTLS11},
	} {
		if err := enter(t, addr, c); err == nil {
			t.Errorf("%s: a session", name)
		}
	}
	// The other authority is taken as soon as the file says so, without a word to the switch.
	ca, err := os.ReadFile(filepath.Join(other.dir, "ca"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(f.CA, ca, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := enter(t, addr, stranger); err != nil {
		t.Errorf("with a certificate of the new authority: %v", err)
	}
	// Who connects and says nothing is in nobody's way, nor in that of the end.
	silent, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	if err := enter(t, addr, stranger); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestOVSByTLS(t *testing.T) {
	a := newAuthority(t)
	_, addr := secureServer(t, a.files("switch", &x509.Certificate{}))
	f := a.files("ofctl", &x509.Certificate{})
	got := ofctl(t, "-O", "OpenFlow13", "-p", f.Key, "-c", f.Certificate, "-C", f.CA, "dump-desc", "ssl:"+addr)
	if !strings.Contains(got, "Manufacturer: Pollux\n") {
		t.Error(got)
	}
}

func TestConnectingByTLS(t *testing.T) {
	ours, other := newAuthority(t), newAuthority(t)
	files := ours.files("switch", &x509.Certificate{})
	controller := ours.files("controller", &x509.Certificate{})
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := New(Config{Switch: box()})
	defer s.Close()
	if err := s.SetControllers(Controllers{List: []Controller{{Target: "ssl:" + l.Addr().String(), MaxBackoff: time.Second}}, TLS: files}); err != nil {
		t.Fatal(err)
	}
	accept := func(f TLSFiles) (net.Conn, error) {
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		return f.server(ctx, conn)
	}
	conn, err := accept(controller)
	if err != nil {
		t.Fatal(err)
	}
	p := newPeer(t, conn)
	p.greet(wire.V15)
	p.alive(wire.V15)
	conn.Close()
	// One of another authority's is not talked to.
	strange := other.files("controller", &x509.Certificate{})
	strange.CA = controller.CA
	if conn, err := accept(strange); err == nil {
		if n, _ := conn.Read(make([]byte, 8)); n > 0 {
			t.Error("a controller with a certificate of another authority's is talked to")
		}
		conn.Close()
	}
	// The switch's own files are read again, too.
	if err := os.Remove(files.Key); err != nil {
		t.Fatal(err)
	}
	if _, err := accept(controller); err == nil {
		t.Fatal("connected without a key")
	}
	for end := time.Now().Add(time.Minute); !strings.Contains(s.Peers()[0].LastError, "switch.key: no such file"); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("last error %q", s.Peers()[0].LastError)
		}
	}
}
