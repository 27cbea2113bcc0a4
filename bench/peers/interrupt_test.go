package peers

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"pollux/internal/cpu"
)

// interruptEnv has TestInterrupted be the process that is interrupted.
const interruptEnv = "POLLUX_TEST_INTERRUPTED"

// TestInterrupted: a run that gets SIGINT in the middle restores the huge pages and leaves
// neither its note nor its folder nor processes.
func TestInterrupted(t *testing.T) {
	if testing.Short() {
		t.Skip("starts switches")
	}
	cores := cpu.Allowed()
	core, control := cores[len(cores)-1], cores[0]
	ready(t, core, control)
	if os.Getenv(interruptEnv) != "" {
		toBeInterrupted(t, core, control)
		return
	}
	was, err := os.ReadFile(hugeFile)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestInterrupted$", "-test.v")
	cmd.Env = append(os.Environ(), interruptEnv+"=1")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	begun, ended := false, false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		fmt.Fprintln(&said, lines.Text())
		if strings.HasPrefix(lines.Text(), "begun ") {
			begun = true
			if now, err := os.ReadFile(hugeFile); err != nil || pages(t, now) < hugeMB/hugePage {
				t.Errorf("%s huge pages while it runs, %v", now, err)
			}
			if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
				t.Error(err)
			}
		}
		ended = ended || lines.Text() == "interrupted"
	}
	err = cmd.Wait()
	if err == nil && !begun && strings.Contains(said.String(), "--- SKIP") {
		t.Skip(said.String())
	}
	if err != nil || !begun || !ended {
		t.Errorf("%v, begun %v, interrupted %v:\n%s", err, begun, ended, &said)
	}
	if now, err := os.ReadFile(hugeFile); err != nil || string(now) != string(was) {
		t.Errorf("%s huge pages, %v: there were %s", now, err, was)
	}
	if b, err := os.ReadFile(hugeNote); err == nil && strings.HasPrefix(string(b), strconv.Itoa(cmd.Process.Pid)+" ") {
		t.Errorf("the note is left: %s", b)
	}
	stem := fmt.Sprintf("pollux-peers-%d-", cmd.Process.Pid)
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), stem+"*")); left != nil {
		t.Errorf("left: %v", left)
	}
	all, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range all {
		if b, err := os.ReadFile(f); err == nil && strings.Contains(string(b), stem) {
			t.Errorf("%s still runs: %q", f, b)
		}
	}
}

// toBeInterrupted runs a row until SIGINT, which it asks for once a switch has forwarded.
func toBeInterrupted(t *testing.T, core, control int) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT)
	defer stop()
	one, err := Only(Cases(), "1000f-1m")
	if err != nil {
		t.Fatal(err)
	}
	// More rows than anybody waits for.
	s := Spec{Repeats: 1, Time: 30 * time.Millisecond, Settle: time.Millisecond, Warm: 10 * time.Millisecond, Core: core, Control: control}
	for range 100 {
		s.Cases = append(s.Cases, one...)
	}
	rows := 0
	s.Each = func(r Row) {
		if rows++; rows == 1 {
			fmt.Printf("begun %s %s\n", r.ID, r.Error)
		}
	}
	res, err := Run(ctx, s)
	if res == nil && busy(err) {
		t.Skip(err)
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	fmt.Println("interrupted")
}

// busy says whether another run, or a lack of memory, keeps this one from beginning.
func busy(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "measures peers already") || strings.Contains(err.Error(), "free some memory"))
}

func pages(t *testing.T, b []byte) int {
	t.Helper()
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	return n
}
