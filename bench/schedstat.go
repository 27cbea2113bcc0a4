package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// CPUTime is what the scheduler has given a thread, and what it had it wait for the
// core while others ran there.
type CPUTime struct{ Ran, Waited time.Duration }

// pinnedTimes are the times, by thread, of those of a process that are pinned to one
// core and to no other: its poll loop, and where there is no other core all threads.
type pinnedTimes map[string]CPUTime

// pinnedTime returns the times of a process's threads on core.
func pinnedTime(pid, core int) (pinnedTimes, error) {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	if err != nil {
		return nil, err
	}
	all := pinnedTimes{}
	for _, dir := range tasks {
		status, err1 := os.ReadFile(dir + "/status")
		stat, err2 := os.ReadFile(dir + "/schedstat")
		if err1 != nil || err2 != nil || allowed(string(status)) != strconv.Itoa(core) {
			continue // a thread may have ended meanwhile
		}
		t, err := parseSchedstat(string(stat))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", dir, err)
		}
		all[dir] = t
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("process %d has no thread on core %d alone", pid, core)
	}
	return all, nil
}

// since returns what the thread that ran most between two readings had there.
func (p pinnedTimes) since(old pinnedTimes) (best CPUTime) {
	for thread, t := range p {
		was, ok := old[thread]
		if d := t.Since(was); ok && d.Ran > best.Ran {
			best = d
		}
	}
	return best
}

// pinnedThread returns the number and time of the thread that has run most of those of a
// process that are pinned to core.
func pinnedThread(pid, core int) (tid int, best CPUTime, err error) {
	all, err := pinnedTime(pid, core)
	for dir, t := range all {
		if tid == 0 || t.Ran > best.Ran {
			best = t
			tid, _ = strconv.Atoi(filepath.Base(dir)) // the kernel names them by number
		}
	}
	return tid, best, err
}

// PinnedTime returns the time of the busiest thread of a process that is pinned to core and
// to no other: its poll loop.
func PinnedTime(pid, core int) (CPUTime, error) {
	_, t, err := pinnedThread(pid, core)
	return t, err
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
func parseSchedstat(s string) (t CPUTime, err error) {
	var slices int64
	if _, err := fmt.Sscan(s, &t.Ran, &t.Waited, &slices); err != nil {
		// Sscan reads a Duration as the integer that it is.
		return t, fmt.Errorf("schedstat %q: %w", s, err)
	}
	return t, nil
}

// Since returns what has passed between two readings.
func (t CPUTime) Since(old CPUTime) CPUTime {
	return CPUTime{t.Ran - old.Ran, t.Waited - old.Waited}
}

// Disturbed is the share of the time that the thread would have run and others did.
func (t CPUTime) Disturbed() float64 {
	if t.Ran+t.Waited == 0 {
		return 0
	}
	return float64(t.Waited) / float64(t.Ran+t.Waited)
}
