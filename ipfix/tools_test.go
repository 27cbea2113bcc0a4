package ipfix

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// need returns the path of a program that a test is about. Where tests must be
// whole (CI is true) its absence is a failure; on a developer's machine the test
// is skipped and says which package is missing.
func need(t testing.TB, program, debian string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not installed (Debian package %s)", program, debian)
	}
	t.Skipf("%s is not installed (Debian package %s)", program, debian)
	return ""
}

// freePort returns a UDP port of loopback that nobody has.
func freePort(t testing.TB) int {
	t.Helper()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).Port
}

// waitBound returns when somebody listens on the UDP port.
func waitBound(t testing.TB, port int) {
	t.Helper()
	want := fmt.Sprintf(":%04X ", port)
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		b, err := os.ReadFile("/proc/net/udp")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), want) {
			return
		}
	}
	t.Fatalf("nobody listens on port %d", port)
}
