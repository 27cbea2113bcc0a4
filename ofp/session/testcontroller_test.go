package session

import (
	"bytes"
	"crypto/x509"
	"net"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// lockedBuffer is a buffer for two goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// testcontroller runs ovs-testcontroller, listening at method, until the test ends.
func testcontroller(t *testing.T, method string, args ...string) *exec.Cmd {
	t.Helper()
	if _, err := exec.LookPath("ovs-testcontroller"); err != nil {
		t.Skip("ovs-testcontroller is not installed")
	}
	out := new(lockedBuffer)
	cmd := exec.Command("ovs-testcontroller", append(args, "--unixctl="+filepath.Join(t.TempDir(), "ctl"), "-vconsole:info", "-vsyslog:off", method)...)
	cmd.Stderr, cmd.Stdout = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("ovs-testcontroller %s says:\n%s", method, out)
		}
	})
	return cmd
}

// until waits for what may take a while on a busy machine.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for: %s", what)
		}
	}
}

// Open vSwitch's own controller is connected to in every version that it speaks, over every
// kind of connection.
func TestOVSTestcontroller(t *testing.T) {
	dir := t.TempDir()
	l, err := net.Listen("tcp4", "127.0.0.1:0") // a port that is free
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_, port, _ := net.SplitHostPort(addr)
	l.Close()
	a := newAuthority(t)
	f := a.files("controller", &x509.Certificate{})
	ours := a.files("switch", &x509.Certificate{})
	for _, c := range []struct {
		version, method, target string
		args                    []string
	}{
		{"OpenFlow10", "punix:" + filepath.Join(dir, "c10"), "unix:" + filepath.Join(dir, "c10"), nil},
		{"OpenFlow13", "punix:" + filepath.Join(dir, "c13"), "unix:" + filepath.Join(dir, "c13"), nil},
		{"OpenFlow14", "ptcp:" + port + ":127.0.0.1", "tcp:" + addr, nil},
		{"OpenFlow15", "pssl:" + port + ":127.0.0.1", "ssl:" + addr, []string{"-p", f.Key, "-c", f.Certificate, "-C", f.CA}},
	} {
		t.Run(c.version, func(t *testing.T) {
			cmd := testcontroller(t, c.method, append(c.args, "-O", c.version)...)
			s := New(Config{Switch: box()})
			defer s.Close()
			if err := s.SetControllers(Controllers{List: []Controller{{Target: c.target, MaxBackoff: time.Second}}, TLS: ours}); err != nil {
				t.Fatal(err)
			}
			var p Peer
			until(t, "a session that the controller takes", func() bool {
				p = s.Peers()[0]
				// In 1.0 it says nothing more before it is asked about a packet.
				return p.Admitted || c.version == "OpenFlow10" && p.Connected
			})
			if p.Version != c.version || p.Role != "other" {
				t.Errorf("%+v", p)
			}
			_ = cmd.Process.Kill()
			until(t, "the end of the session", func() bool { return !s.Peers()[0].Connected })
		})
	}
}
