package bench

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// callCounter counts the system calls of one thread, by the kernel's own event for
// them. While it is on, each of them costs the thread a little more.
type callCounter struct{ fd int }

// newCallCounter needs the kernel's trace points; where they are not, nobody knows.
func newCallCounter(tid int) (*callCounter, error) {
	id, err := traceID("raw_syscalls/sys_enter")
	if err != nil {
		return nil, err
	}
	fd, err := unix.PerfEventOpen(&unix.PerfEventAttr{Type: unix.PERF_TYPE_TRACEPOINT, Size: unix.PERF_ATTR_SIZE_VER0, Config: id}, tid, -1, -1, unix.PERF_FLAG_FD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("count system calls of thread %d: %w", tid, err)
	}
	return &callCounter{fd}, nil
}

// count returns the calls since the counter was made.
func (c *callCounter) count() (uint64, error) {
	var b [8]byte
	if n, err := unix.Read(c.fd, b[:]); err != nil || n != len(b) {
		return 0, fmt.Errorf("count system calls: read %d bytes: %w", n, err)
	}
	return binary.NativeEndian.Uint64(b[:]), nil
}

func (c *callCounter) close() error { return unix.Close(c.fd) }

// traceID reads the number of a trace point, from a mount of our own if there is none.
func traceID(event string) (id uint64, err error) {
	read := func(root string) error {
		text, err := os.ReadFile(filepath.Join(root, "events", event, "id"))
		if err == nil {
			id, err = strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
		}
		return err
	}
	if err = read("/sys/kernel/tracing"); err == nil {
		return id, nil
	}
	dir, err := os.MkdirTemp("", "pollux-tracing-")
	if err != nil {
		return 0, err
	}
	defer os.Remove(dir)
	if err := unix.Mount("tracefs", dir, "tracefs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return 0, fmt.Errorf("trace point %s: mount tracefs: %w", event, err)
	}
	err = read(dir)
	return id, errors.Join(err, unix.Unmount(dir, unix.MNT_DETACH))
}

// switches returns how often a thread has gone to sleep of its own will, which is how
// often it was woken up.
func switches(pid, tid int) (uint64, error) {
	file := fmt.Sprintf("/proc/%d/task/%d/status", pid, tid)
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if v, ok := strings.CutPrefix(line, "voluntary_ctxt_switches:"); ok {
			return strconv.ParseUint(strings.TrimSpace(v), 10, 64)
		}
	}
	return 0, fmt.Errorf("%s has no count of switches", file)
}
