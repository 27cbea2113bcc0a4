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

func TestProcs(t *testing.T) {
	for _, c := range []struct{ base, loops, want int }{
		{1, 0, 4}, {1, 1, 4}, {2, 1, 4}, {3, 1, 4}, {4, 1, 4}, {5, 1, 5}, {6, 1, 7}, {8, 1, 8},
		{2, 2, 4}, {2, 3, 5}, {2, 4, 7}, {2, 5, 7}, {2, 6, 8}, {64, 62, 64}, {64, 63, 65}, {64, 64, 66},
	} {
		if got := Procs(c.base, c.loops); got != c.want {
			t.Errorf("Procs(%d, %d) = %d, want %d", c.base, c.loops, got, c.want)
		}
	}
	for n := 1; n <= 128; n++ {
		if got, want := wholeWorkers(n), n > 3 && n != 6; got != want {
			t.Errorf("%d processors: whole workers %v, want %v", n, got, want)
		}
	}
}

// TestShortSlices: threads keep their policy and nice value; a kernel that knows slices
// of threads has them.
func TestShortSlices(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, err := unix.SchedGetAttr(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := ShortSlices(); err != nil {
		t.Fatal(err)
	}
	after, err := unix.SchedGetAttr(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if after.Policy != before.Policy || after.Nice != before.Nice || (after.Runtime != before.Runtime && after.Runtime != uint64(slice)) {
		t.Errorf("%+v, then %+v", before, after)
	}
	defer unix.SchedSetAttr(0, before, 0)
}

func TestSetProcsLeavesRoomForTheLoops(t *testing.T) {
	if os.Getenv("GOMAXPROCS") != "" {
		t.Setenv("GOMAXPROCS", "")
	}
	old := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(old)
	n, base, err := SetProcs(3)
	if err != nil {
		t.Fatal(err)
	}
	if n < 5 || runtime.GOMAXPROCS(0) != n || base == "" {
		t.Errorf("3 loops got %d processors, GOMAXPROCS is %d, said %q", n, runtime.GOMAXPROCS(0), base)
	}
}
