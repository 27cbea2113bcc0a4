package bench

import (
	"os"
	"strconv"
	"strings"

	"fmt"

	"golang.org/x/sys/unix"
)

// Favour gives the thread of a process that is pinned to core a nice value, -20 for
// nearly all of the core whoever else wants it.
func Favour(pid, core, nice int) error {
	tid, _, err := pinnedThread(pid, core)
	if err == nil && nice != 0 {
		err = setNice(tid, nice)
	}
	return err
}

func setNice(tid, nice int) error {
	if err := unix.Setpriority(unix.PRIO_PROCESS, tid, nice); err != nil {
		return fmt.Errorf("nice %d for thread %d: %w", nice, tid, err)
	}
	return nil
}

// favoured gives the calling thread, which must be locked to its goroutine, a nice value
// and returns what undoes that.
func favoured(nice int) (undo func(), err error) {
	if nice == 0 {
		return func() {}, nil
	}
	tid := unix.Gettid()
	if err := setNice(tid, nice); err != nil {
		return nil, err
	}
	return func() { _ = unix.Setpriority(unix.PRIO_PROCESS, tid, 0) }, nil
}

// FavourSession gives this process's session a nice value where the kernel shares the
// processor out by session first (sched_autogroup), so that nice values of threads count
// against other sessions, and returns what undoes that.
func FavourSession(nice int) (undo func()) {
	const file = "/proc/self/autogroup"
	old, err := os.ReadFile(file)
	if nice == 0 || err != nil {
		return func() {}
	}
	was := "0"
	if _, v, ok := strings.Cut(string(old), " nice "); ok {
		was = strings.TrimSpace(v)
	}
	// A kernel that refuses leaves things as they were; disturbance is measured anyway.
	_ = os.WriteFile(file, []byte(strconv.Itoa(nice)), 0o644)
	return func() { _ = os.WriteFile(file, []byte(was), 0o644) }
}
