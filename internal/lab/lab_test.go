package lab

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// needRoot skips where namespaces cannot be made.
func needRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
}

func pair(t *testing.T) (*Lab, *Namespace, *Namespace, *Veth) {
	t.Helper()
	needRoot(t)
	l, err := New("labtest")
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
	v, err := l.Veth(
		End{NS: a, Device: "eth0", MAC: "02:00:00:00:00:0a", Addrs: []string{"10.77.0.1/24", "fd77::1/64"}, Queues: 2},
		End{NS: b, Device: "eth0", MAC: "02:00:00:00:00:0b", Addrs: []string{"10.77.0.2/24", "fd77::2/64"}, MTU: 1600},
	)
	if err != nil {
		t.Fatal(err)
	}
	return l, a, b, v
}

func TestPingBothFamilies(t *testing.T) {
	_, a, _, _ := pair(t)
	for _, addr := range []string{"10.77.0.2", "fd77::2"} {
		if out, err := a.Run("ping", "-c1", "-w30", addr); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
}

func TestEndsAreAsAsked(t *testing.T) {
	_, a, b, _ := pair(t)
	link, err := a.Netlink().LinkByName("eth0")
	if err != nil {
		t.Fatal(err)
	}
	if at := link.Attrs(); at.HardwareAddr.String() != "02:00:00:00:00:0a" || at.NumRxQueues != 2 || at.MTU != 1600 {
		t.Errorf("end a: mac %v, queues %d, mtu %d", at.HardwareAddr, at.NumRxQueues, at.MTU)
	}
	if link, err = b.Netlink().LinkByName("eth0"); err != nil {
		t.Fatal(err)
	}
	if at := link.Attrs(); at.HardwareAddr.String() != "02:00:00:00:00:0b" || at.NumRxQueues != 1 || at.MTU != 1600 {
		t.Errorf("end b: mac %v, queues %d, mtu %d", at.HardwareAddr, at.NumRxQueues, at.MTU)
	}
	out, err := b.Run("ethtool", "-k", "eth0")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		for _, f := range []string{"tx-checksumming: on", "generic-segmentation-offload: on", "tcp-segmentation-offload: on", "generic-receive-offload: on"} {
			if strings.HasPrefix(line, f) {
				t.Errorf("still on: %s", line)
			}
		}
	}
}

func TestDoRestoresTheThread(t *testing.T) {
	_, a, _, _ := pair(t)
	before, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	var inside string
	failed := errors.New("failed")
	err = a.Do(func() (err error) {
		inside, err = os.Readlink("/proc/thread-self/ns/net")
		return errors.Join(err, failed)
	})
	if !errors.Is(err, failed) {
		t.Errorf("error is lost: %v", err)
	}
	after, _ := os.Readlink("/proc/thread-self/ns/net")
	if inside == before || after != before {
		t.Errorf("before %s, inside %s, after %s", before, inside, after)
	}
}

func TestDownUpAndDelete(t *testing.T) {
	_, a, b, v := pair(t)
	if err := b.SetUp("eth0", false); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Run("ping", "-c1", "-W1", "10.77.0.2"); err == nil {
		t.Error("ping works over a downed link")
	}
	if err := b.SetUp("eth0", true); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(a.WaitUp("eth0"), b.WaitUp("eth0")); err != nil {
		t.Fatal(err)
	}
	if err := v.Delete(); err != nil {
		t.Fatal(err)
	}
	if err := b.WaitUp("eth0"); err == nil {
		t.Error("the peer outlives the pair")
	}
	if err := v.Delete(); err != nil {
		t.Errorf("second delete: %v", err)
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	l, a, b, _ := pair(t)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, n := range []*Namespace{a, b} {
		if _, err := os.Stat(filepath.Join(runDir, n.Name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there: %v", n.Name, err)
		}
	}
	if err := l.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
}

// TestSweep makes a lab in a child process, kills the child, and sweeps.
func TestSweep(t *testing.T) {
	needRoot(t)
	if os.Getenv("LAB_CHILD") != "" {
		l, err := New("labswept")
		if err != nil {
			t.Fatal(err)
		}
		n, err := l.Namespace("x")
		if err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString("made " + n.Name + "\n")
		time.Sleep(time.Minute)
	}
	child := exec.Command(os.Args[0], "-test.run=^TestSweep$")
	child.Env = append(os.Environ(), "LAB_CHILD=1")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 200)
	n, _ := out.Read(buf)
	name, ok := strings.CutPrefix(strings.TrimSpace(string(buf[:n])), "made ")
	if !ok {
		t.Fatalf("child said %q", buf[:n])
	}
	path := filepath.Join(runDir, name)
	if _, err := Sweep("labswept"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("swept a living process's namespace: %v", err)
	}
	child.Process.Kill()
	child.Wait()
	swept, err := Sweep("labswept")
	if err != nil || swept != 1 {
		t.Errorf("swept %d, %v", swept, err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", path, err)
	}
}

func TestOwnerOf(t *testing.T) {
	for _, c := range []struct {
		name string
		pid  int
		ok   bool
	}{
		{"p-12-1-a", 12, true},
		{"p-12", 0, false},
		{"p-x-1-a", 0, false},
		{"q-12-1-a", 0, false},
		{"p--1-a", 0, false},
		{"pp-12-1-a", 0, false},
	} {
		if pid, ok := ownerOf(c.name, "p"); ok != c.ok || ok && pid != c.pid {
			t.Errorf("%s: %d, %t", c.name, pid, ok)
		}
	}
}

func TestNewRefusesSeparators(t *testing.T) {
	for _, prefix := range []string{"", "a-b", "a/b", "a b"} {
		if _, err := New(prefix); err == nil {
			t.Errorf("prefix %q is taken", prefix)
		}
	}
}
