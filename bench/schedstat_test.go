package bench

import (
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

func TestPinnedTimeSeesTheBusyThread(t *testing.T) {
	var stop atomic.Bool
	pinned := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		undo, err := Pin(0)
		pinned <- err
		if err != nil {
			return
		}
		defer undo()
		for !stop.Load() {
		}
	}()
	if err := <-pinned; err != nil {
		t.Fatal(err)
	}
	defer stop.Store(true)
	began := time.Now()
	a, err := pinnedTime(os.Getpid(), 0)
	if err != nil {
		t.Fatal(err)
	}
	var d CPUTime
	for end := began.Add(patience); d.Ran <= 0 && time.Now().Before(end); {
		time.Sleep(100 * time.Millisecond) // on a busy core its turn may come later
		b, err := pinnedTime(os.Getpid(), 0)
		if err != nil {
			t.Fatal(err)
		}
		d = b.since(a)
	}
	if d.Ran <= 0 || d.Ran > time.Since(began)+time.Second || d.Disturbed() < 0 || d.Disturbed() > 1 {
		t.Errorf("ran %v, waited %v", d.Ran, d.Waited)
	}
	if _, err := pinnedTime(os.Getpid(), 4095); err == nil {
		t.Error("a thread on a core that is not there")
	}
}

func TestParseSchedstat(t *testing.T) {
	got, err := parseSchedstat("1500000 500000 12\n")
	if err != nil || got != (CPUTime{1500 * time.Microsecond, 500 * time.Microsecond}) || got.Disturbed() != 0.25 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := parseSchedstat("x"); err == nil {
		t.Error("nonsense is read")
	}
}

// TestBusiestSinceThen: of threads on one core the one counts that ran between the
// readings, whatever the others did before or after they were there.
func TestBusiestSinceThen(t *testing.T) {
	old := pinnedTimes{"a": {9000, 9000}, "b": {100, 10}, "ended": {1e6, 1e6}}
	now := pinnedTimes{"a": {9010, 9500}, "b": {400, 110}, "new": {1000, 0}}
	if d := now.since(old); d != (CPUTime{300, 100}) {
		t.Errorf("%+v", d)
	}
}
