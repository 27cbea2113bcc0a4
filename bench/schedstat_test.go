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
	a, err := PinnedTime(os.Getpid(), 0)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond)
	b, err := PinnedTime(os.Getpid(), 0)
	if err != nil {
		t.Fatal(err)
	}
	d := b.Since(a)
	if d.Ran <= 0 || d.Ran > 10*time.Second || d.Disturbed() < 0 || d.Disturbed() > 1 {
		t.Errorf("ran %v, waited %v", d.Ran, d.Waited)
	}
	if _, err := PinnedTime(os.Getpid(), 4095); err == nil {
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
