package peers

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Need returns the path of a program that a test is about. Where tests must be whole
// (CI is true) its absence is a failure; on a developer's machine the test is skipped
// and says which package is missing.
func Need(t testing.TB, program, debian string) string {
	t.Helper()
	for _, name := range []string{program, "/usr/sbin/" + program} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not installed (Debian package %s)", program, debian)
	}
	t.Skipf("%s is not installed (Debian package %s)", program, debian)
	return ""
}

// FreePort returns a UDP port of loopback that nobody has.
func FreePort(t testing.TB) int {
	t.Helper()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).Port
}

// queued says whether somebody has the UDP port of loopback, and how many bytes wait in
// the socket, as the kernel counts them.
func queued(t testing.TB, port int) (bound bool, n int64) {
	t.Helper()
	b, err := os.ReadFile("/proc/net/udp")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) > 4 && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", port)) {
			bound = true
			var tx, rx int64
			if _, err := fmt.Sscanf(f[4], "%x:%x", &tx, &rx); err != nil {
				t.Fatalf("/proc/net/udp: %q: %v", line, err)
			}
			n += rx
		}
	}
	return bound, n
}

// until waits up to ten seconds for ok.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// process is a collector that listens on a UDP port of loopback.
type process struct {
	t    testing.TB
	port int
	cmd  *exec.Cmd
	done chan error
	out  strings.Builder
}

// start runs the program until it listens.
func start(t testing.TB, port int, path string, args ...string) *process {
	t.Helper()
	p := &process{t: t, port: port, cmd: exec.Command(path, args...), done: make(chan error, 1)}
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	p.cmd.WaitDelay = time.Second
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.done <- p.cmd.Wait() }()
	t.Cleanup(p.Kill)
	until(t, path+" does not listen", func() bool { bound, _ := queued(t, port); return bound })
	return p
}

// Addr returns where the collector listens.
func (p *process) Addr() string { return fmt.Sprintf("127.0.0.1:%d", p.port) }

// Kill ends the program at once, with what it has not written.
func (p *process) Kill() {
	if p.cmd == nil {
		return
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.done
	p.cmd = nil
}

// stop waits until the program has read what waits in its socket, and ends it by sig.
func (p *process) stop(sig syscall.Signal) {
	p.t.Helper()
	until(p.t, "the collector does not read its socket", func() bool { _, n := queued(p.t, p.port); return n == 0 })
	time.Sleep(100 * time.Millisecond) // what it has read it is still to take in
	_ = p.cmd.Process.Signal(sig)
	select {
	case <-p.done:
	case <-time.After(20 * time.Second):
		p.t.Errorf("%s does not end by %v", p.cmd.Path, sig)
		p.done <- nil
		p.Kill()
	}
	p.cmd = nil
}
