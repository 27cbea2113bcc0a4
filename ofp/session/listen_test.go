package session

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestListenersAreReadAsOpenVSwitchWritesThem(t *testing.T) {
	for text, want := range map[string]string{
		"punix:/run/x/br0.mgmt":             "unix /run/x/br0.mgmt",
		"punix:odd:name":                    "unix odd:name",
		"ptcp:6633":                         "tcp4 0.0.0.0:6633",
		"ptcp:":                             "tcp4 0.0.0.0:6653",
		"ptcp::127.0.0.1":                   "tcp4 127.0.0.1:6653",
		"ptcp:6633:10.0.0.1":                "tcp4 10.0.0.1:6633",
		"ptcp:6633:[::1]":                   "tcp6 [::1]:6633",
		"ptcp:6633:::1":                     "tcp6 [::1]:6633",
		"ptcp:6633:[fe80::1%eth0]":          "tcp6 [fe80::1%eth0]:6633",
		"ptcp:65536":                        "65535",
		"ptcp:-1":                           "65535",
		"ptcp:http":                         "65535",
		"ptcp:1:[::1":                       "closing bracket",
		"ptcp:1:localhost":                  "not an IP address",
		"ptcp:1:":                           "not an IP address",
		"punix:":                            "1 to 107",
		"punix:" + strings.Repeat("x", 108): "1 to 107",
		"tcp:1.2.3.4":                       "want punix:PATH, ptcp:",
		"pssl:6653":                         "tcp4 0.0.0.0:6653 by TLS",
		"pssl::[::1]":                       "tcp6 [::1]:6653 by TLS",
		"pssl:x":                            "65535",
		"":                                  "want punix:PATH, ptcp:",
	} {
		m, err := parseMethod(text)
		got := m.network + " " + m.addr
		if m.secure {
			got += " by TLS"
		}
		if err != nil {
			got = err.Error()
		}
		if got != want && (err == nil || !strings.Contains(got, want)) {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func TestTCPListeners(t *testing.T) {
	s := New(Config{Switch: box()})
	defer s.Close()
	for _, m := range []string{"ptcp:0:127.0.0.1", "ptcp:0:[::1]", "ptcp:0"} {
		a, err := s.Listen(m)
		if err != nil {
			t.Fatal(m, err)
		}
		_, port, err := net.SplitHostPort(a.String())
		if err != nil {
			t.Fatal(err)
		}
		target := "tcp:127.0.0.1:" + port
		if strings.Contains(m, "::1") {
			target = "tcp:[::1]:" + port
		}
		if got := ofctl(t, "-O", "OpenFlow13", "dump-ipfix-bridge", target); !strings.Contains(got, "flows=9, ") {
			t.Errorf("%s: %s", m, got)
		}
	}
}

// The socket is its owner's alone, replaces that of a dead switch, and is gone at the end.
func TestUnixSocketFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "folder", "br0.mgmt")
	s := New(Config{Switch: box()})
	defer s.Close()
	if _, err := s.Listen("punix:" + filepath.Join(dir, "no", "such", "br0.mgmt")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("in a folder of a folder that is not there: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "no")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder was made all the same: %v", err)
	}
	if _, err := s.Listen("punix:" + path); err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Stat(path); err != nil || fi.Mode() != os.ModeSocket|0o700 {
		t.Errorf("mode %v, %v", fi.Mode(), err)
	}

	// A living one is not taken over.
	other := New(Config{Switch: box()})
	defer other.Close()
	if _, err := other.Listen("punix:" + path); !errors.Is(err, errInUse) {
		t.Errorf("a second switch at the same path: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after Close: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("a second Close: %v", err)
	}

	// What a dead one left is replaced.
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	third := New(Config{Switch: box()})
	defer third.Close()
	if _, err := third.Listen("punix:" + path); err != nil {
		t.Fatal(err)
	}
	// A name that somebody else has taken meanwhile is left alone.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := third.Close(); err != nil {
		t.Error(err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "mine" {
		t.Errorf("%q, %v", b, err)
	}
	// And what is no socket is not removed.
	if _, err := other.Listen("punix:" + path); err == nil || !strings.Contains(err.Error(), "not a socket") {
		t.Error(err)
	}
}

func TestListenAfterClose(t *testing.T) {
	s := New(Config{Switch: box()})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "s")
	if _, err := s.Listen("punix:" + path); err == nil {
		t.Error("a closed server listens")
	}
	if _, err := os.Lstat(path); err == nil {
		t.Error("a closed server leaves a socket")
	}
}
