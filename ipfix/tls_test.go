package ipfix

import (
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

	"pollux/ipfix/cache"
	"pollux/ipfix/collector"
)

// authority is a CA of a test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	dir  string
	file string // PEM of the certificate
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir()}
	a.cert = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	a.key = newKey(t)
	a.file = a.sign(t, name, a.cert, &a.key.PublicKey)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// sign writes a certificate to a file and returns its name.
func (a *authority) sign(t *testing.T, name string, c *x509.Certificate, pub *ecdsa.PublicKey) string {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, c, a.cert, pub, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return writePEM(t, filepath.Join(a.dir, name+".crt"), "CERTIFICATE", der)
}

func writePEM(t *testing.T, path, kind string, der []byte) string {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// issue makes a certificate with key for a name and 127.0.0.1.
func (a *authority) issue(t *testing.T, name string) (cert, key string) {
	t.Helper()
	k := newKey(t)
	cert = a.sign(t, name, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, &k.PublicKey)
	der, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return cert, writePEM(t, filepath.Join(a.dir, name+".key"), "EC PRIVATE KEY", der)
}

// listenTLS listens with a certificate of the authority and wants one of its from
// exporters.
func (a *authority) listenTLS(t *testing.T, name string) *collector.Collector {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(a.issue(t, name))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	raw, err := os.ReadFile(a.file)
	if err != nil || !pool.AppendCertsFromPEM(raw) {
		t.Fatal("no authority: ", err)
	}
	c, err := collector.ListenTLS("127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// TestTLS: both sides show certificates; every record arrives.
func TestTLS(t *testing.T) {
	a := newAuthority(t, "one")
	c := a.listenTLS(t, "collector.example")
	cert, key := a.issue(t, "exporter.example")
	l := newLab(cache.Config{}, 1)
	_, stop := runExporter(t, ExporterConfig{
		Targets: []string{"tls:" + c.Addr()}, Epoch: epoch, DrainTimeout: patience,
		TLS: TLSConfig{CA: a.file, Cert: cert, Key: key, ServerName: "collector.example"},
	}, l.caches)
	l.send(0, cache.Point{}, specs(1000, 60))
	l.flush(t)
	s := stop()
	checkSum(t, s)
	c.Wait(l.packets, patience)
	compare(t, l, c)
	if got := s.Collectors[0]; got.Errors != 0 || got.Sums.Exported.Packets != l.packets {
		t.Errorf("%+v", got)
	}
}

// TestTLSRefusals: who is refused, and by whom, is told in words; records wait.
func TestTLSRefusals(t *testing.T) {
	a, other := newAuthority(t, "one"), newAuthority(t, "two")
	c := a.listenTLS(t, "collector.example")
	cert, key := a.issue(t, "exporter.example")
	wrongCert, wrongKey := other.issue(t, "exporter.example")
	for name, row := range map[string]struct {
		cfg  TLSConfig
		want string
	}{
		"collector of another authority": {TLSConfig{CA: other.file, Cert: cert, Key: key}, "certificate signed by unknown authority"},
		"collector of another name":      {TLSConfig{CA: a.file, Cert: cert, Key: key, ServerName: "elsewhere.example"}, "not elsewhere.example"},
		"exporter of another authority":  {TLSConfig{CA: a.file, Cert: wrongCert, Key: wrongKey}, "remote error: tls: "},
		"exporter without certificate":   {TLSConfig{CA: a.file}, "remote error: tls: certificate required"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(cache.Config{}, 1)
			x, stop := runExporter(t, ExporterConfig{
				Targets: []string{"tls:" + c.Addr()}, Epoch: epoch, TLS: row.cfg, DrainTimeout: 10 * time.Millisecond, FlushInterval: time.Millisecond,
			}, l.caches)
			eventually(t, "no error "+row.want, x, func(s Stats) bool { return strings.Contains(s.Collectors[0].LastError, row.want) })
			l.send(0, cache.Point{}, specs(10, 61))
			l.flush(t)
			stop()
		})
	}
	if got := c.Totals(); got.Records != 0 {
		t.Errorf("records reached the collector: %+v", got)
	}
}

func TestTLSFilesAreChecked(t *testing.T) {
	a := newAuthority(t, "one")
	cert, key := a.issue(t, "exporter.example")
	junk := filepath.Join(t.TempDir(), "junk.pem")
	if err := os.WriteFile(junk, []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		cfg  TLSConfig
		want string
	}{
		{TLSConfig{CA: a.file + ".not"}, "no such file"},
		{TLSConfig{CA: junk}, "no certificate in"},
		{TLSConfig{Cert: cert, Key: junk}, "tls certificate"},
		{TLSConfig{Cert: cert}, "want both or none"},
		{TLSConfig{Key: key}, "want both or none"},
	} {
		_, err := New(ExporterConfig{Targets: []string{"tls:127.0.0.1:4740"}, TLS: row.cfg}, nil)
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%+v: %v, want %q", row.cfg, err, row.want)
		}
	}
}
