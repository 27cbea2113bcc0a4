package collector

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// certificate makes a pair of a key and its own certificate for 127.0.0.1.
func certificate(t testing.TB) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, tpl, tpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// patience is how long tests wait for what is to come. It costs nothing when it comes, so
// it is much longer than that takes on the slowest machine.
const patience = 30 * time.Second

// until waits for something to become true.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: waited in vain", what)
		}
	}
}

// closed waits until the peer has closed a connection.
func closed(t testing.TB, conn net.Conn) {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(patience))
	if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection is not closed: %v", err)
	}
}

// TestConnections: over TCP and TLS each connection is a session of its own, whose
// numbers begin at 0 and whose templates are its own; messages may come in pieces.
func TestConnections(t *testing.T) {
	cert, pool := certificate(t)
	for _, transport := range []string{"tcp", "tls"} {
		t.Run(transport, func(t *testing.T) {
			c, err := ListenTCP("127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			dial := func() (net.Conn, error) { return net.Dial("tcp", c.Addr()) }
			if transport == "tls" {
				if err := c.Close(); err != nil {
					t.Fatal(err)
				}
				c, err = ListenTLS("127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
				dial = func() (net.Conn, error) { return tls.Dial("tcp", c.Addr(), &tls.Config{RootCAs: pool}) }
			}
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			a, err := dial()
			if err != nil {
				t.Fatal(err)
			}
			b, err := dial()
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			all := append(message(1, 0, udp, flow(1, 3)), message(1, 1, flow(2, 4), flow(1, 1))...)
			for _, piece := range [][]byte{all[:1], all[1:17], all[17:60], all[60:]} {
				if _, err := a.Write(piece); err != nil {
					t.Fatal(err)
				}
				time.Sleep(2 * time.Millisecond)
			}
			until(t, "three records", func() bool { return c.Totals().Records == 3 })
			b.Write(message(1, 0, flow(9, 9))) // has no template in this session
			until(t, "the other's message", func() bool { return c.Totals().Messages == 3 })
			b.Write(message(1, 5, udp, flow(9, 9)))
			until(t, "the other's record", func() bool { return c.Totals().Records == 4 })
			a.Close()
			until(t, "the end of a connection", func() bool { return c.Sessions()[0].Closed })
			got := c.Totals()
			if got.Packets != 17 || got.Flows != 3 || got.Errors != 1 || got.Gaps != 1 || got.Missing != 5 || got.Sessions != 2 {
				t.Errorf("totals %+v", got)
			}
			s := c.Sessions()
			if len(s) != 2 || s[0].Transport != transport || s[1].Closed || s[0].Peer != a.LocalAddr().String() {
				t.Errorf("sessions %+v", s)
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
			closed(t, b)
		})
	}
}

// TestStreamBegins: over a connection the first number has to be 0; of a file, which
// may be one of many, the beginning may be missing.
func TestStreamBegins(t *testing.T) {
	for transport, missing := range map[string]uint64{"tcp": 7, "tls": 7, "file": 0} {
		c, err := stream(transport, message(1, 7, udp, flow(1, 1)), message(1, 8, flow(1, 1)))
		if got := c.Totals(); err != nil || got.Missing != missing || got.Records != 2 {
			t.Errorf("%s: %v, totals %+v, want %d missing", transport, err, got, missing)
		}
	}
}

// TestBadFraming: what cannot be the start of a message ends the connection with an
// error that is counted; what was before it counts.
func TestBadFraming(t *testing.T) {
	short := message(1, 1)
	binary.BigEndian.PutUint16(short[2:], 15)
	tests := map[string]struct{ bytes, want string }{
		"another version":       {"GET / HTTP/1.1\r\n\r\n", "version 18245: want 10"},
		"shorter than a header": {string(short), "message of length 15"},
		"template redefined":    {string(message(1, 1, template(300, 0, spec{0, 2, 8}))), "without a withdrawal"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, err := ListenTCP("127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			conn, err := net.Dial("tcp", c.Addr())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.Write(append(message(1, 0, udp, flow(1, 3)), tt.bytes...))
			closed(t, conn)
			until(t, "the error", func() bool { return c.Totals().Errors > 0 })
			got := c.Totals()
			if got.Errors != 1 || got.Packets != 3 || !strings.Contains(got.LastError, tt.want) || !strings.Contains(got.LastError, conn.LocalAddr().String()) {
				t.Errorf("totals %+v, want an error of %q", got, tt.want)
			}
		})
	}
}

// TestBadSetsGoOn: a message whose lengths do not add up is left out, the next begins
// where it ends.
func TestBadSetsGoOn(t *testing.T) {
	c, err := stream("tcp", message(1, 0, udp), message(1, 0, []byte{1, 44, 0, 99}), message(1, 0, []byte{1, 44, 0, 3}),
		message(1, 0, []byte{1, 2}), message(1, 0, setOf(9, 1), setOf(1), flow(1, 3)))
	if got := c.Totals(); err != nil || got.Errors != 5 || got.Packets != 3 || got.Messages != 5 {
		t.Errorf("%v, totals %+v", err, got)
	}
}

// TestTLSRefuses: an exporter that trusts nobody, or that has no certificate where one
// is asked for, gets no session.
func TestTLSRefuses(t *testing.T) {
	if _, err := ListenTLS("127.0.0.1:0", &tls.Config{}); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a listener without a certificate: %v", err)
	}
	cert, pool := certificate(t)
	c, err := ListenTLS("127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := tls.Dial("tcp", c.Addr(), &tls.Config{}); err == nil {
		t.Error("an unknown authority is trusted")
	}
	until(t, "an error", func() bool { return c.Totals().Errors == 1 })
	conn, err := tls.Dial("tcp", c.Addr(), &tls.Config{RootCAs: pool})
	if err == nil { // with TLS 1.3 the refusal comes with the first read
		conn.Write(message(1, 0, udp, flow(1, 1)))
		closed(t, conn)
		conn.Close()
	}
	until(t, "an error", func() bool { return c.Totals().Errors == 2 })
	conn, err = tls.Dial("tcp", c.Addr(), &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.Write(message(1, 0, udp, flow(1, 1)))
	until(t, "a record", func() bool { return c.Totals().Records == 1 })
}

// TestCloseEndsAll: Close returns although exporters say nothing, do no handshake, or
// stop in the middle.
func TestCloseEndsAll(t *testing.T) {
	cert, _ := certificate(t)
	c := New()
	err := errors.Join(c.ListenUDP("127.0.0.1:0"), c.ListenTCP("127.0.0.1:0"), c.ListenTLS("127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}}))
	if err != nil {
		t.Fatal(err)
	}
	addrs := c.Addrs()
	if len(addrs) != 3 || c.Addr() != addrs[0] {
		t.Fatalf("addresses %v", addrs)
	}
	for _, a := range addrs[1:] {
		conn, err := net.Dial("tcp", a)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.Write([]byte{0, 10, 0})
	}
	until(t, "connections", func() bool {
		c.listeners.mu.Lock()
		defer c.listeners.mu.Unlock()
		return c.listeners.conns == 2
	})
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := c.ListenTCP("127.0.0.1:0"); err == nil {
		t.Error("a closed collector listens")
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// TestConnectionsAreBounded: connections beyond the bound are closed and counted; when
// others end there is room again.
func TestConnectionsAreBounded(t *testing.T) {
	c, err := ListenTCP("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	conns := make([]net.Conn, maxConns+3)
	for i := range conns {
		if conns[i], err = net.Dial("tcp", c.Addr()); err != nil {
			t.Fatal(err)
		}
		defer conns[i].Close()
	}
	until(t, "three errors", func() bool { return c.Totals().Errors == 3 })
	for _, conn := range conns[:10] {
		conn.Close()
	}
	until(t, "room", func() bool {
		c.listeners.mu.Lock()
		defer c.listeners.mu.Unlock()
		return c.listeners.conns == maxConns-10
	})
	conn, err := net.Dial("tcp", c.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.Write(message(1, 0, udp, flow(1, 1)))
	until(t, "a record", func() bool { return c.Totals().Records == 1 })
}

// TestReadFile: a file cut anywhere gives what is whole, and says where it ends.
func TestReadFile(t *testing.T) {
	msgs := [][]byte{message(1, 0, udp, flow(1, 3)), message(1, 1, flow(2, 4)), message(1, 2, flow(1, 5))}
	all := bytes.Join(msgs, nil)
	ends := map[int]uint64{} // bytes → records
	n := 0
	for i, m := range msgs {
		n += len(m)
		ends[n] = uint64(i + 1)
	}
	ends[0] = 0
	dir := t.TempDir()
	var whole uint64
	start := 0
	for n := 0; n <= len(all); n++ {
		if r, ok := ends[n]; ok {
			whole, start = r, n
		}
		name := filepath.Join(dir, "f.ipfix")
		if err := os.WriteFile(name, all[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := ReadFile(name)
		var cut *TruncatedError
		switch isCut := errors.As(err, &cut); {
		case n == start && err != nil:
			t.Errorf("%d bytes: %v", n, err)
		case n != start && (!isCut || cut.Offset != int64(start) || cut.Have != n-start || !strings.Contains(err.Error(), name)):
			t.Errorf("%d bytes: %v, want one that is truncated at %d", n, err, start)
		}
		if got := c.Totals(); got.Records != whole || got.Missing != 0 {
			t.Errorf("%d bytes: %d records, want %d", n, got.Records, whole)
		}
	}
	if c, err := ReadFile(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) || c == nil {
		t.Errorf("a file that is not there: %v", err)
	}
	boom := errors.New("boom")
	if _, err := ReadStream(io.MultiReader(bytes.NewReader(all), failing{boom})); !errors.Is(err, boom) {
		t.Errorf("a reader that fails: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
