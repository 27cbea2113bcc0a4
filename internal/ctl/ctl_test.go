package ctl

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start returns a server on a socket of its own.
func start(t *testing.T) (*Server, string) {
	t.Helper()
	s := NewServer("pollux 1.2.3", nil)
	s.Register("echo", "[--json] [WORD...]", 0, -1, func(args []string) (string, error) {
		if len(args) > 0 && args[len(args)-1] == "--json" {
			return fmt.Sprintf(`{"n":%d}`, len(args)-1), nil
		}
		return strings.Join(args, " "), nil
	})
	s.Register("fail", "WHY", 1, 1, func(args []string) (string, error) { return "", errors.New(args[0]) })
	s.Register("panic", "", 0, 0, func([]string) (string, error) { panic("boom") })
	s.Alias("ofproto/echo", "echo")
	path := filepath.Join(t.TempDir(), "run", "s.sock")
	if err := s.Listen(path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, path
}

func TestCall(t *testing.T) {
	_, sock := start(t)
	for _, tc := range []struct {
		method, args string
		want, err    string
	}{
		{"echo", "a b", "a b\n", ""},
		{"ofproto/echo", "x", "x\n", ""},
		{"echo", "", "", ""},
		{"version", "", "pollux 1.2.3\n", ""},
		{"fail", "no", "", "no"},
		{"fail", "", "", `"fail" takes at least 1 arguments, not 0: fail WHY`},
		{"fail", "a b", "", `"fail" takes at most 1 arguments, not 2: fail WHY`},
		{"nix", "", "", `"nix" is not a valid command (use list-commands to see a list of valid commands)`},
		{"panic", "", "", "panic failed inside the switch, whose log has the details: boom"},
		{"echo", "still alive", "still alive\n", ""},
		{"list-commands", "", "The available commands are:\n  echo                           [--json] [WORD...]\n  fail                           WHY\n  help\n  list-commands\n  ofproto/echo                   [--json] [WORD...]\n  panic\n  version\n", ""},
	} {
		got, err := Call(sock, tc.method, strings.Fields(tc.args)...)
		msg := ""
		if err != nil {
			msg = err.Error()
			if !errors.As(err, new(*CommandError)) {
				t.Errorf("%s %s: error is %T", tc.method, tc.args, err)
			}
		}
		if got != tc.want || msg != tc.err {
			t.Errorf("%s %s: %q, %q; want %q, %q", tc.method, tc.args, got, msg, tc.want, tc.err)
		}
	}
}

// TestOVSAppctl speaks to the server with the real client of Open vSwitch.
func TestOVSAppctl(t *testing.T) {
	appctl, err := exec.LookPath("ovs-appctl")
	if err != nil {
		t.Skip("ovs-appctl is not installed (Debian: openvswitch-common)")
	}
	_, sock := start(t)
	out, err := exec.Command(appctl, "-t", sock, "ofproto/echo", "from", "ovs").CombinedOutput()
	if string(out) != "from ovs\n" || err != nil {
		t.Errorf("%q, %v", out, err)
	}
	out, err = exec.Command(appctl, "-t", sock, "fail", "bad luck").CombinedOutput()
	if !strings.HasPrefix(string(out), "bad luck\n") || err == nil {
		t.Errorf("%q, %v", out, err)
	}
	out, err = exec.Command(appctl, "-t", sock, "list-commands").CombinedOutput()
	if !strings.Contains(string(out), "\n  fail                           WHY\n") || err != nil {
		t.Errorf("%q, %v", out, err)
	}
	out, err = exec.Command(appctl, "-t", sock, "version").CombinedOutput()
	if string(out) != "pollux 1.2.3\n" || err != nil {
		t.Errorf("%q, %v", out, err)
	}
}

// TestSession sends several requests over one connection, in pieces, and looks at
// the bytes that come back.
func TestSession(t *testing.T) {
	_, sock := start(t)
	c, err := net.Dial("unix", sock)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	in := `{"id":7,"method":"echo","params":["a"]}{"method":"echo","params":["unheard"],"id":null}` +
		`{"method":"set-options","params":["--format","json"],"id":"x"} {"method":"echo","params":["a","b"],"id":[1]}` +
		`{"method":"version","params":[],"id":2}{"method":"set-options","params":["--format","xml"],"id":3}`
	for len(in) > 0 {
		n := min(17, len(in))
		if _, err := c.Write([]byte(in[:n])); err != nil {
			t.Fatal(err)
		}
		in = in[n:]
	}
	c.(*net.UnixConn).CloseWrite()
	var got strings.Builder
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		got.Write(buf[:n])
		if err != nil {
			break
		}
	}
	want := `{"id":7,"result":"a\n","error":null}{"id":"x","result":"","error":null}{"id":[1],"result":{"n":2},"error":null}` +
		`{"id":2,"result":"pollux 1.2.3\n","error":null}{"id":3,"result":null,"error":"set-options takes --format text or --format json\n"}`
	if got.String() != want {
		t.Errorf("got  %s\nwant %s", got.String(), want)
	}
}

func TestSocketFile(t *testing.T) {
	s, sock := start(t)
	fi, err := os.Stat(sock)
	if err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", fi.Mode(), err)
	}
	second := NewServer("", nil)
	err = second.Listen(sock)
	if !errors.As(err, new(*InUseError)) || !strings.Contains(err.Error(), "another switch answers at "+sock) {
		t.Errorf("second server: %v", err)
	}
	if _, err := Call(sock, "version"); err != nil {
		t.Errorf("the first one is gone: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(sock); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
	_, err = Call(sock, "version")
	if !errors.As(err, new(*NoSwitchError)) || !strings.HasPrefix(err.Error(), "no switch answers at "+sock+"; start one with pollux run -c FILE") {
		t.Errorf("no switch: %v", err)
	}
}

// TestSocketFolder: the folder of a socket is made, and none above it.
func TestSocketFolder(t *testing.T) {
	dir := t.TempDir()
	s := NewServer("", nil)
	err := s.Listen(filepath.Join(dir, "no", "such", "s.sock"))
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), filepath.Join(dir, "no", "such")) {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "no")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder was made: %v", err)
	}
	for range 2 { // made, and there
		s := NewServer("", nil)
		if err := s.Listen(filepath.Join(dir, "run", "s.sock")); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestStaleSocket: a socket without a process behind it is replaced, a file is not.
func TestStaleSocket(t *testing.T) {
	sock := filepath.Join(t.TempDir(), "s")
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: sock}); err != nil {
		t.Fatal(err)
	}
	unix.Close(fd)
	if _, err := Call(sock, "version"); !errors.As(err, new(*NoSwitchError)) {
		t.Errorf("stale: %v", err)
	}
	s := NewServer("v", nil)
	if err := s.Listen(sock); err != nil {
		t.Fatal(err)
	}
	if got, err := Call(sock, "version"); got != "v\n" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(sock, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := NewServer("v", nil).Listen(sock); err == nil || !strings.Contains(err.Error(), "is not a socket") {
		t.Errorf("file: %v", err)
	}
	if b, _ := os.ReadFile(sock); string(b) != "precious" {
		t.Error("the file was touched")
	}
	for _, path := range []string{"", "/" + strings.Repeat("a", 107)} {
		if err := NewServer("v", nil).Listen(path); err == nil {
			t.Errorf("%q was taken", path)
		}
	}
}

// TestRivals: of many servers that start at the same time at one stale path, one
// gets it.
func TestRivals(t *testing.T) {
	sock := filepath.Join(t.TempDir(), "s")
	servers := make([]*Server, 8)
	errs := make([]error, len(servers))
	var wg sync.WaitGroup
	for i := range servers {
		servers[i] = NewServer(fmt.Sprint(i), nil)
		wg.Go(func() { errs[i] = servers[i].Listen(sock) })
	}
	wg.Wait()
	won := 0
	for i, err := range errs {
		if err == nil {
			won++
		} else if !errors.As(err, new(*InUseError)) {
			t.Errorf("server %d: %v", i, err)
		}
	}
	if won != 1 {
		t.Errorf("%d servers listen", won)
	}
	if _, err := Call(sock, "version"); err != nil {
		t.Error(err)
	}
	for _, s := range servers {
		s.Close()
	}
}

// TestHandlersRunOneAtATime: many clients, no handler beside another.
func TestHandlersRunOneAtATime(t *testing.T) {
	s := NewServer("", nil)
	n := 0 // the race detector watches it
	s.Register("count", "", 0, 0, func([]string) (string, error) { n++; return fmt.Sprint(n), nil })
	sock := filepath.Join(t.TempDir(), "s")
	if err := s.Listen(sock); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if _, err := Call(sock, "count"); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	s.Close()
	if n != 400 {
		t.Errorf("%d calls", n)
	}
}

// TestRudeClients: those who send nothing, half a request, too much, garbage, or
// who never read, don't keep others from being served, nor the server from closing.
func TestRudeClients(t *testing.T) {
	s, sock := start(t)
	dial := func(send string) net.Conn {
		c, err := net.Dial("unix", sock)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		_ = c.SetDeadline(time.Now().Add(time.Minute))
		c.Write([]byte(send)) // the server may hang up in the middle; that is the point
		return c
	}
	dial("")
	dial(`{"method":"ec`)
	deaf := dial("")
	go func() { // asks for more than the socket's buffers hold and reads nothing
		q := `{"method":"echo","params":["` + strings.Repeat("x", 100000) + `"],"id":1}`
		for range 100 {
			if _, err := deaf.Write([]byte(q)); err != nil {
				return
			}
		}
	}()
	for _, bad := range []string{
		`{"method":"echo","params":["` + strings.Repeat("x", 2*maxRequest), strings.Repeat("[", 20000), "GET / HTTP/1.1\r\n\r\n",
		`{"method":1,"params":[],"id":1}`, `{"params":[],"id":1}`, `{"method":"echo","id":1}`, `{"method":"echo","params":[1],"id":1}`,
		`{"method":"echo","params":{},"id":1}`, `[]`, "\x00\xff",
	} {
		c := dial(bad)
		buf := make([]byte, 100)
		if n, err := c.Read(buf); n != 0 || err == nil || os.IsTimeout(err) {
			t.Errorf("%.30q: answered %q, %v", bad, buf[:n], err)
		}
	}
	if got, err := Call(sock, "echo", "fine"); got != "fine\n" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	s.Close() // comes back
}

func TestTooManyClients(t *testing.T) {
	_, sock := start(t)
	var held []net.Conn
	for range maxConns {
		c, err := net.Dial("unix", sock)
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, c)
		// Wait for its turn, so that it is counted.
		c.Write([]byte(`{"method":"echo","params":[],"id":1}`))
		if _, err := c.Read(make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Call(sock, "version"); err == nil {
		t.Error("one client too many was served")
	}
	for _, c := range held {
		c.Close()
	}
	for range 1500 {
		if _, err := Call(sock, "version"); err == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Error("nobody is served after they left")
}

func TestCallEndsWithContext(t *testing.T) {
	sock := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", sock) // accepts, never answers
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	_, err = CallContext(ctx, sock, "version")
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "gave no answer to version") {
		t.Errorf("got %v", err)
	}
}

// TestCloseWaitsForHandler: after Close no handler runs.
func TestCloseWaitsForHandler(t *testing.T) {
	s := NewServer("", nil)
	in, out := make(chan bool), make(chan bool)
	done := false
	s.Register("slow", "", 0, 0, func([]string) (string, error) { in <- true; <-out; done = true; return "", nil })
	sock := filepath.Join(t.TempDir(), "s")
	if err := s.Listen(sock); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { Call(sock, "slow") })
	<-in
	wg.Go(func() { time.Sleep(20 * time.Millisecond); out <- true })
	s.Close()
	if !done {
		t.Error("Close returned while the handler ran")
	}
	wg.Wait()
}
