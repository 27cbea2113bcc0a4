package ipfix

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"maps"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/dtls/v3"

	"pollux/ipfix/cache"
	"pollux/ipfix/collector"
)

// listenDTLS is listenTLS over DTLS. Records count as received from their session.
func (a *authority) listenDTLS(t *testing.T, name string) (*collector.Collector, string) {
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
	l, err := dtls.ListenWithOptions("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)},
		dtls.WithCertificates(pair), dtls.WithClientCAs(pool), dtls.WithClientAuth(dtls.RequireAndVerifyClientCert))
	if err != nil {
		t.Fatal(err)
	}
	c := collector.New()
	var readers sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	readers.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, conn)
			mu.Unlock()
			conn.SetReadDeadline(time.Now().Add(patience))
			readers.Go(func() {
				from := conn.RemoteAddr().(*net.UDPAddr).AddrPort()
				for b := make([]byte, 65536); ; {
					n, err := conn.Read(b)
					if err != nil {
						return
					}
					c.Handle(from, b[:n])
				}
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, conn := range conns {
			conn.Close()
		}
		mu.Unlock()
		readers.Wait()
	})
	return c, l.Addr().String()
}

// TestDTLS: both sides show certificates; every record arrives, in more than one session.
// Those that follow each other by plan are no reconnects, and have each option record once.
func TestDTLS(t *testing.T) {
	a := newAuthority(t, "one")
	c, addr := a.listenDTLS(t, "collector.example")
	cert, key := a.issue(t, "exporter.example")
	var mu sync.Mutex
	options := map[string]int{} // by session, domain, template and scope
	c.OnRecord(func(r *collector.Record) {
		if r.Scope == 0 {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		k := fmt.Sprint(r.Peer, r.Domain, r.Template)
		for _, f := range r.Fields[:r.Scope] {
			k += fmt.Sprintf(" %s=%x", f.Name, f.Bytes)
		}
		options[k]++
	})
	l := newLab(cache.Config{}, 1)
	x, stop := runExporter(t, ExporterConfig{
		Targets: []string{"dtls:" + addr}, Epoch: epoch, DrainTimeout: patience, TemplateInterval: 500 * time.Millisecond, StatsInterval: time.Hour,
		FlushInterval: time.Millisecond, TLS: TLSConfig{CA: a.file, Cert: cert, Key: key, ServerName: "collector.example"},
	}, l.caches)
	for i := range uint64(2) {
		l.send(0, cache.Point{}, specs(500, 130+i))
		l.flush(t)
		waitSent(t, x, 0, l.packets)
		eventually(t, "no new session", x, func(s Stats) bool { return s.Collectors[0].Renewals > i })
	}
	mu.Lock()
	sent := maps.Clone(options) // the end of the exporter sends them once more
	mu.Unlock()
	s := stop()
	checkSum(t, s)
	c.Wait(l.packets, patience)
	compare(t, l, c)
	if got := s.Collectors[0]; got.Transport != "dtls" || got.Sums.Exported.Packets != l.packets || got.Reconnects != 0 {
		t.Errorf("%+v", got)
	}
	if len(sent) == 0 {
		t.Error("no option records")
	}
	for k, n := range sent {
		if n > 1 {
			t.Errorf("sent %d times in one session: %s", n, k)
		}
	}
}

// TestDTLSRefusal: a collector of another authority gets nothing.
func TestDTLSRefusal(t *testing.T) {
	a, other := newAuthority(t, "one"), newAuthority(t, "two")
	c, addr := a.listenDTLS(t, "collector.example")
	cert, key := a.issue(t, "exporter.example")
	l := newLab(cache.Config{}, 1)
	x, stop := runExporter(t, ExporterConfig{
		Targets: []string{"dtls:" + addr}, Epoch: epoch, DrainTimeout: 10 * time.Millisecond,
		TLS: TLSConfig{CA: other.file, Cert: cert, Key: key, ServerName: "collector.example"},
	}, l.caches)
	eventually(t, "no refusal", x, func(s Stats) bool {
		return strings.Contains(s.Collectors[0].LastError, "signed by unknown authority")
	})
	stop()
	if got := c.Totals(); got.Messages != 0 {
		t.Errorf("%+v", got)
	}
}
