package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"pollux/configs"
	"pollux/internal/lab"
)

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("namespaces need root")
	}
}

// binary builds the command, as the demo runs itself as a child.
func buildBinary(t *testing.T) string {
	t.Helper()
	exe := filepath.Join(t.TempDir(), "pollux")
	if out, err := exec.Command("go", "build", "-o", exe, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return exe
}

// leftovers returns the names of the demo's namespaces that are there.
func leftovers(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob("/run/netns/" + demoPrefix + "-*")
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func demoArgs(t *testing.T, packets int) []string {
	return []string{"demo", "--packets", strconv.Itoa(packets), "--flows", "200", "--socket", filepath.Join(t.TempDir(), "demo.sock")}
}

var demoOK = regexp.MustCompile(`^demo ok: sent=(\d+) delivered=(\d+) recorded=(\d+) unaccounted=0$`)

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}

func TestDemoAgrees(t *testing.T) {
	needRoot(t)
	exe := buildBinary(t)
	for range 2 { // twice in a row
		out, err := exec.Command(exe, demoArgs(t, 30_000)...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		m := demoOK.FindStringSubmatch(lastLine(out))
		if m == nil || m[1] != "30000" || m[3] != "30000" {
			t.Fatalf("last line %q\n%s", lastLine(out), out)
		}
	}
}

// TestDemoAfterKill kills a demo in the middle of its traffic, and runs another: the
// killed one's switch is gone, and its namespaces are swept.
func TestDemoAfterKill(t *testing.T) {
	needRoot(t)
	exe := buildBinary(t)
	var out safeBuffer
	cmd := exec.Command(exe, demoArgs(t, 1_000_000_000)...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	children := waitFor(t, &out, "packets of 200 flows", pid)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed: an error as expected
	for _, c := range children {
		if !gone(c) {
			t.Errorf("process %d outlived the demo that started it", c)
		}
	}
	b, err := exec.Command(exe, demoArgs(t, 10_000)...).CombinedOutput()
	if err != nil || !demoOK.MatchString(lastLine(b)) {
		t.Fatalf("after a killed demo: %v\n%s", err, b)
	}
	for _, name := range leftovers(t) {
		if strings.Contains(name, "-"+strconv.Itoa(pid)+"-") {
			t.Errorf("%s is still there", name)
		}
	}
}

func TestDemoStopsOnSignal(t *testing.T) {
	needRoot(t)
	exe := buildBinary(t)
	var out safeBuffer
	cmd := exec.Command(exe, demoArgs(t, 1_000_000_000)...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, &out, "packets of 200 flows", cmd.Process.Pid)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("exit status %v, want 1", cmd.ProcessState)
	}
	if l := lastLine([]byte(out.String())); l != "demo FAILED" {
		t.Errorf("last line %q\n%s", l, out.String())
	}
	wantNothingLeft(t, cmd.Process.Pid)
}

// wantNothingLeft looks for the namespaces and files of that process's demo.
func wantNothingLeft(t *testing.T, pid int) {
	t.Helper()
	mine := "-" + strconv.Itoa(pid) + "-"
	names, err := filepath.Glob(filepath.Join(os.TempDir(), "pollux-demo"+mine+"*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(names, leftovers(t)...) {
		if strings.Contains(name, mine) {
			t.Errorf("%s is still there", name)
		}
	}
}

// safeBuffer is a bytes.Buffer for a writer and a reader.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// waitFor waits until the demo of that process has written text, and some more, and
// returns the processes it has started.
func waitFor(t *testing.T, out *safeBuffer, text string, pid int) (children []int) {
	t.Helper()
	for end := time.Now().Add(patience); !strings.Contains(out.String(), text); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) || ended(pid) {
			t.Fatalf("no %q:\n%s", text, out.String())
		}
	}
	time.Sleep(300 * time.Millisecond)
	tasks, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range tasks {
		b, err := os.ReadFile(f)
		if err != nil {
			continue // a thread that has ended
		}
		for _, s := range strings.Fields(string(b)) {
			if n, err := strconv.Atoi(s); err == nil {
				children = append(children, n)
			}
		}
	}
	if len(children) == 0 {
		t.Fatalf("the demo runs no switch:\n%s", out.String())
	}
	return children
}

// gone says whether a process ends.
func gone(pid int) bool {
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if ended(pid) {
			return true
		}
		time.Sleep(20 * time.Millisecond)
	}
	return false
}

// ended says whether a process has ended.
func ended(pid int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return true
	}
	if i := bytes.LastIndexByte(b, ')'); i > 0 && i+2 < len(b) && (b[i+2] == 'Z' || b[i+2] == 'X') {
		return true
	}
	return syscall.Kill(pid, 0) != nil
}

func TestPing(t *testing.T) {
	needRoot(t)
	l, err := lab.New("pxping")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	a, err := l.Namespace("a")
	if err != nil {
		t.Fatal(err)
	}
	b, err := l.Namespace("b")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Veth(lab.End{NS: a, Device: "e", Addrs: []string{"10.78.0.1/24"}}, lab.End{NS: b, Device: "e", Addrs: []string{"10.78.0.2/24"}}); err != nil {
		t.Fatal(err)
	}
	r, err := ping(t.Context(), a, "10.78.0.2", 3, 30, time.Second)
	if err != nil || r.Sent < 3 || r.Received != 3 || r.Best <= 0 {
		t.Errorf("a neighbour: %+v %v", r, err)
	}
	r, err = ping(t.Context(), a, "10.78.0.3", 1, 2, 100*time.Millisecond)
	if err != nil || r.Sent != 2 || r.Received != 0 {
		t.Errorf("nobody: %+v %v", r, err)
	}
	// A neighbour that comes late costs requests, no more. The kernel holds what it has
	// no address for yet: several replies may come together, so there can be more of
	// them than were waited for.
	if err := b.SetUp("e", false); err != nil {
		t.Fatal(err)
	}
	up := make(chan error, 1)
	time.AfterFunc(300*time.Millisecond, func() { up <- b.SetUp("e", true) })
	r, err = ping(t.Context(), a, "10.78.0.2", 3, 300, 100*time.Millisecond)
	if err := errors.Join(err, <-up); err != nil || r.Received < 3 || r.Received > r.Sent {
		t.Errorf("a neighbour that comes late: %+v %v", r, err)
	}
	answerLate(t, b)
	r, err = ping(t.Context(), a, "10.78.0.2", 3, 300, 100*time.Millisecond)
	if err != nil || r.Received < 3 || r.Sent < 4 || r.Best < 100*time.Millisecond {
		t.Errorf("answers that come late: %+v %v", r, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r, err := ping(ctx, a, "10.78.0.3", 1, 1000, time.Minute); err != nil || r.Sent != 0 {
		t.Errorf("after a signal: %+v %v", r, err)
	}
}

// answerLate has a namespace answer each echo request when the next has come.
func answerLate(t *testing.T, ns *lab.Namespace) {
	t.Helper()
	var c *net.IPConn
	err := ns.Do(func() (err error) {
		if err := os.WriteFile("/proc/sys/net/ipv4/icmp_echo_ignore_all", []byte("1"), 0o644); err != nil {
			return err
		}
		c, err = net.ListenIP("ip4:icmp", nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { c.Close(); <-done })
	go func() {
		defer close(done)
		var last []byte
		for buf := make([]byte, 1500); ; {
			n, from, err := c.ReadFromIP(buf)
			if err != nil {
				return
			}
			if n < 8 || buf[0] != 8 {
				continue
			}
			if last != nil {
				_, _ = c.WriteTo(last, from)
			}
			last = bytes.Clone(buf[:n])
			last[0] = 0 // the checksum of the kernel's ICMP sockets is not looked at
		}
	}()
}

// TestDemoFailsWhenHostsDoNotAnswer: with no switch between them nobody answers, and the
// demo says who should have.
func TestDemoFailsWhenHostsDoNotAnswer(t *testing.T) {
	needRoot(t)
	var out bytes.Buffer
	d := &demo{out: &out}
	t.Cleanup(func() {
		if err := d.close(); err != nil {
			t.Error(err)
		}
	})
	var err error
	if d.net, err = newDemoNet(); err != nil {
		t.Fatal(err)
	}
	err = d.pingHosts(t.Context(), 2)
	if want := "ping h1 → h2: 0 of 2 answered\nping h2 → h1: 0 of 2 answered"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s\n%s", err, want, out.String())
	}
}

// TestDemoConfig holds the demo to what it takes for granted in configs/demo.yaml.
func TestDemoConfig(t *testing.T) {
	d := &demo{dir: t.TempDir(), demoOptions: demoOptions{socket: filepath.Join(t.TempDir(), "x.sock")}}
	file, err := d.config()
	if err != nil {
		t.Fatal(err)
	}
	c, err := configs.Load(file, configs.Options{CPUs: func() []int { return []int{0, 1} }})
	if err != nil {
		t.Fatal(err)
	}
	if c.Control.Socket != d.socket {
		t.Errorf("socket %s, want %s", c.Control.Socket, d.socket)
	}
	devices := map[string]configs.OFPort{}
	for _, p := range c.Ports {
		devices[p.Device] = p.OFPort
	}
	for _, want := range []string{"pxh1", "pxh2", "pxh3", "pxg0", "pxg1"} {
		if devices[want] == 0 {
			t.Errorf("no port has device %s", want)
		}
	}
	if devices["pxg0"] != genOFPort {
		t.Errorf("pxg0 is port %v, want %d", devices["pxg0"], genOFPort)
	}
	if e := c.IPFIX.Bridge; len(e.Targets) != 1 || e.Targets[0] != demoCollector || e.Sampling != 1 || !e.EnableInputSampling {
		t.Errorf("exporter %+v", e)
	}
}

func TestDemoFailsWithoutSwitch(t *testing.T) {
	needRoot(t)
	var out bytes.Buffer
	err := runDemo(context.Background(), &out, demoOptions{flows: 1, packets: 1, rate: 1000, exe: "/bin/false", socket: filepath.Join(t.TempDir(), "s")})
	if err == nil || lastLine(out.Bytes()) != "demo FAILED" {
		t.Errorf("%v\n%s", err, out.String())
	}
	for _, name := range leftovers(t) {
		if strings.Contains(name, demoPrefix+"-"+strconv.Itoa(os.Getpid())+"-") {
			t.Errorf("%s is still there", name)
		}
	}
}
