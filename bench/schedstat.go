package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// cpuTime is what the scheduler has given a thread, and what it had it wait for the
// core while others ran there.
type cpuTime struct{ ran, waited time.Duration }

// pinnedTime returns the time of the busiest thread of a process that is pinned to
// core and to no other: its poll loop.
func pinnedTime(pid, core int) (best cpuTime, err error) {
	_, best, err = pinnedThread(pid, core)
	return best, err
}

// Stolen returns how long the thread that pinnedTime finds has waited for its core.
func Stolen(pid, core int) (time.Duration, error) {
	t, err := pinnedTime(pid, core)
	return t.waited, err
}

// pinnedThread is pinnedTime with the thread's number.
func pinnedThread(pid, core int) (tid int, best cpuTime, err error) {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	if err != nil {
		return 0, best, err
	}
	found := false
	for _, dir := range tasks {
		status, err1 := os.ReadFile(dir + "/status")
		stat, err2 := os.ReadFile(dir + "/schedstat")
		if err1 != nil || err2 != nil || allowed(string(status)) != strconv.Itoa(core) {
			continue // it has ended, or is another
		}
		t, err := parseSchedstat(string(stat))
		if err != nil {
			return 0, best, fmt.Errorf("%s: %w", dir, err)
		}
		if found = true; t.ran >= best.ran {
			best = t
			tid, _ = strconv.Atoi(filepath.Base(dir)) // the kernel names them by number
		}
	}
	if !found {
		return 0, best, fmt.Errorf("process %d has no thread on core %d alone", pid, core)
	}
	return tid, best, nil
}

// allowed returns the value of Cpus_allowed_list.
func allowed(status string) string {
	for line := range strings.Lines(status) {
		if v, ok := strings.CutPrefix(line, "Cpus_allowed_list:"); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// parseSchedstat reads nanoseconds run, nanoseconds waited, and a number of slices.
func parseSchedstat(s string) (t cpuTime, err error) {
	var slices int64
	if _, err := fmt.Sscan(s, &t.ran, &t.waited, &slices); err != nil {
		// Sscan reads a Duration as the integer that it is.
		return t, fmt.Errorf("schedstat %q: %w", s, err)
	}
	return t, nil
}

// since returns what has passed between two readings.
func (t cpuTime) since(old cpuTime) cpuTime {
	return cpuTime{t.ran - old.ran, t.waited - old.waited}
}

// disturbed is the share of the time that the thread would have run and others did.
func (t cpuTime) disturbed() float64 {
	if t.ran+t.waited == 0 {
		return 0
	}
	return float64(t.waited) / float64(t.ran+t.waited)
}
