package peers

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
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

// patience is how long is waited for what is to come. It costs nothing when it comes, so
// it is much longer than that takes on the slowest machine.
const patience = time.Minute

// until waits for ok.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
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
	until(t, path+" does not listen", func() bool { return socketOf(t, port).bound })
	p.growBuffer()
	return p
}

// growBuffer gives the program's socket a large buffer, past the system's limit, which
// the program's own wish ends at. Without it a burst of messages is lost to a busy
// machine. Where that is not allowed, the buffer that there is has to do.
func (p *process) growBuffer() {
	socket := fmt.Sprintf("socket:[%d]", socketOf(p.t, p.port).inode)
	for _, pid := range p.pids() {
		dir := fmt.Sprintf("/proc/%d/fd/", pid)
		fds, _ := os.ReadDir(dir)
		for _, fd := range fds {
			if name, err := os.Readlink(dir + fd.Name()); err != nil || name != socket {
				continue
			}
			n, err := strconv.Atoi(fd.Name())
			if err != nil {
				continue
			}
			if own, err := dupOf(pid, n); err == nil {
				_ = unix.SetsockoptInt(own, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20)
				_ = unix.Close(own)
				return
			}
		}
	}
}

// dupOf makes a descriptor of another process one of this process, too.
func dupOf(pid, fd int) (int, error) {
	p, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return -1, err
	}
	defer unix.Close(p)
	return unix.PidfdGetfd(p, fd, 0)
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

// stop waits until the program has taken in what came to its socket, and ends it by sig.
func (p *process) stop(sig syscall.Signal) {
	p.t.Helper()
	// A program that has something to do runs, or waits for a core to run on. Between a
	// read and the next its processes may all sleep for a moment, so it has to be so at
	// some looks in a row.
	looks := 0
	until(p.t, "the collector does not read its socket", func() bool {
		if looks++; socketOf(p.t, p.port).queued > 0 || p.busy() {
			looks = 0
		}
		return looks == 20
	})
	if n := socketOf(p.t, p.port).drops; n > 0 {
		p.t.Errorf("%s: its socket had no room for %d datagrams", p.cmd.Path, n)
	}
	_ = p.cmd.Process.Signal(sig)
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Errorf("%s does not end by %v", p.cmd.Path, sig)
		p.done <- nil
		p.Kill()
	}
	p.cmd = nil
}
