package cpu

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Pin puts the calling thread on one core. The caller holds runtime.LockOSThread.
func Pin(core int) error {
	var set unix.CPUSet
	set.Set(core)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("pin thread to core %d: %w (cores this process may use: %v)", core, err, Allowed())
	}
	return nil
}

// Reserve moves every thread the process has now off the given cores, where others
// are left to go to; threads started later inherit that.
func Reserve(cores []int) error {
	taken := map[int]bool{}
	for _, c := range cores {
		taken[c] = true
	}
	var set unix.CPUSet
	n := 0
	for _, c := range Allowed() {
		if !taken[c] {
			set.Set(c)
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return eachThread(func(tid int) error {
		if err := unix.SchedSetaffinity(tid, &set); err != nil {
			return fmt.Errorf("move thread %d off the loops' cores: %w", tid, err)
		}
		return nil
	})
}

// eachThread calls do for every thread that the process has. One that has ended since the
// listing is none.
func eachThread(do func(tid int) error) error {
	dir, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("list threads: %w", err)
	}
	for _, d := range dir {
		tid, err := strconv.Atoi(d.Name())
		if err != nil {
			continue
		}
		if err := do(tid); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
	}
	return nil
}

// slice is for how long the scheduler lets a thread run before another of the same core
// may have its turn: the least there is.
const slice = 100 * time.Microsecond

// ShortSlices has the scheduler let threads of the process that wake up have their turn
// at once, where others of it are running; threads started later inherit that.
//
// The runtime stops a loop's thread when it collects garbage, and every 10 ms as it does
// with every goroutine that runs for so long. Then another of its threads, on another
// core, has to wake the loop's. With usual slices, of a millisecond or more, that one
// waits its turn behind a thread that marks objects, and the loop with it. Kernels before
// 6.12 know no slices of single threads, and nothing changes there.
func ShortSlices() error {
	return eachThread(func(tid int) error {
		a, err := unix.SchedGetAttr(tid, 0)
		if err == nil && a.Policy == unix.SCHED_NORMAL {
			a.Runtime = uint64(slice)
			err = unix.SchedSetAttr(tid, a, 0)
		}
		if err != nil {
			return fmt.Errorf("slice of %v for thread %d: %w", slice, tid, err)
		}
		return nil
	})
}
