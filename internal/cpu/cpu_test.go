package cpu

import (
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

func TestPinMovesTheThread(t *testing.T) {
	cores := Allowed()
	if len(cores) == 0 {
		t.Fatal("no core allowed")
	}
	done := make(chan error, 1)
	go func() {
		// The thread keeps its pin, so it ends with the goroutine.
		runtime.LockOSThread()
		want := cores[len(cores)-1]
		if err := Pin(want); err != nil {
			done <- err
			return
		}
		var set unix.CPUSet
		if err := unix.SchedGetaffinity(0, &set); err != nil {
			done <- err
			return
		}
		if set.Count() != 1 || !set.IsSet(want) {
			t.Errorf("pinned to %d, thread may run on %d cores", want, set.Count())
		}
		done <- nil
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := Pin(1023); err == nil {
		t.Error("pinning to core 1023 went well")
	}
}

func TestExactEntriesGrowWithTheCaches(t *testing.T) {
	for _, c := range []struct{ l2, l3, want int }{
		{1 << 20, -1, 1 << 17},
		{1 << 20, 8 << 20, 1 << 16},
		{1 << 20, 24 << 20, 1 << 16},
		{1 << 20, 32 << 20, 1 << 17},
		{2 << 20, 512 << 20, 1 << 17},
	} {
		if got := ExactEntries(c.l2, c.l3); got != c.want {
			t.Errorf("ExactEntries(%d, %d) = %d, want %d", c.l2, c.l3, got, c.want)
		}
	}
}

func TestSetProcsLeavesRoomForTheLoops(t *testing.T) {
	if os.Getenv("GOMAXPROCS") != "" {
		t.Setenv("GOMAXPROCS", "")
	}
	old := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(old)
	n, _, err := SetProcs(3)
	if err != nil {
		t.Fatal(err)
	}
	if n < 5 || runtime.GOMAXPROCS(0) != n {
		t.Errorf("3 loops got %d processors, GOMAXPROCS is %d", n, runtime.GOMAXPROCS(0))
	}
}
