package garbage

import (
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

func TestRoom(t *testing.T) {
	for _, c := range []struct{ memory, want uint64 }{
		{0, 64 << 20}, {1 << 30, 64 << 20}, {4 << 30, 256 << 20}, {16 << 30, 1 << 30}, {1 << 40, 1 << 30},
	} {
		if got := Room(c.memory); got != c.want {
			t.Errorf("Room(%d) = %d, want %d", c.memory, got, c.want)
		}
	}
}

func TestPercent(t *testing.T) {
	for _, c := range []struct {
		room, live uint64
		want       int
	}{
		{1 << 30, 0, 3200},        // nothing known yet
		{1 << 30, 40 << 20, 2560}, // a switch
		{1 << 30, 1 << 30, 100},
		{64 << 20, 2 << 30, 100}, // never rarer in use than the runtime has it
	} {
		if got := percent(c.room, c.live); got != c.want {
			t.Errorf("percent(%d, %d) = %d, want %d", c.room, c.live, got, c.want)
		}
	}
}

// held is what TestSeldomFollowsTheHeap has in use.
var held []byte

// TestSeldomFollowsTheHeap: after a collection the percentage is that of the memory in
// use then.
func TestSeldomFollowsTheHeap(t *testing.T) {
	for _, name := range []string{"GOGC", "GOMEMLIMIT"} {
		if v, ok := os.LookupEnv(name); ok {
			os.Unsetenv(name)
			defer os.Setenv(name, v)
		}
	}
	old := debug.SetGCPercent(100)
	defer debug.SetGCPercent(old)
	said, stop := Seldom()
	defer stop()
	if !strings.Contains(said, "MB") {
		t.Errorf("said %q", said)
	}
	first := now()
	held = make([]byte, 256<<20)
	runtime.GC()
	for end := time.Now().Add(time.Minute); now() >= first; runtime.GC() {
		if time.Now().After(end) {
			t.Fatalf("GOGC is %d still, with 256 MB in use", now())
		}
		time.Sleep(time.Millisecond)
	}
	held = nil
	small := now()
	for end := time.Now().Add(time.Minute); now() <= small; runtime.GC() {
		if time.Now().After(end) {
			t.Fatalf("GOGC is %d still, with little in use", now())
		}
		time.Sleep(time.Millisecond)
	}
	stop()
	runtime.GC()
	if now() != 100 {
		t.Errorf("GOGC is %d after the end", now())
	}
}

// now is GOGC.
func now() int {
	p := debug.SetGCPercent(100)
	debug.SetGCPercent(p)
	return p
}

func TestSeldomObeysTheEnvironment(t *testing.T) {
	t.Setenv("GOGC", "123")
	before := now()
	said, stop := Seldom()
	defer stop()
	if now() != before || !strings.Contains(said, "GOGC=123") {
		t.Errorf("GOGC is %d, said %q", now(), said)
	}
}

func TestCgroupLimit(t *testing.T) {
	root := t.TempDir()
	own := filepath.Join(root, "own")
	write := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(own, "1:cpu:/old\n0::/a/b\n")
	if n, ok := cgroupLimit(own, root); ok {
		t.Errorf("limit %d of none", n)
	}
	write(filepath.Join(root, "a/b/memory.max"), "max\n")
	write(filepath.Join(root, "a/memory.max"), "1073741824\n")
	write(filepath.Join(root, "memory.max"), "2147483648\n")
	if n, ok := cgroupLimit(own, root); !ok || n != 1<<30 {
		t.Errorf("limit %d, %v", n, ok)
	}
	if _, ok := cgroupLimit(filepath.Join(root, "none"), root); ok {
		t.Error("a limit of no file")
	}
}
