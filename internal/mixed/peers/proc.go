package peers

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// socket is what the kernel says of a UDP port of loopback.
type socket struct {
	bound  bool // somebody has it
	inode  uint64
	queued int64 // bytes that wait in the socket
	drops  int64 // datagrams that it had no room for
}

// socketOf looks at a port.
func socketOf(t testing.TB, port int) (s socket) {
	t.Helper()
	b, err := os.ReadFile("/proc/net/udp")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) < 13 || !strings.HasSuffix(f[1], fmt.Sprintf(":%04X", port)) {
			continue
		}
		s.bound = true
		var tx, rx, drops int64
		_, err1 := fmt.Sscanf(f[4], "%x:%x", &tx, &rx)
		_, err2 := fmt.Sscan(f[9]+" "+f[12], &s.inode, &drops)
		if err1 != nil || err2 != nil {
			t.Fatalf("/proc/net/udp: %q: %v, %v", line, err1, err2)
		}
		s.queued += rx
		s.drops += drops
	}
	return s
}

// stat returns the state of a process or a thread and its group, from its stat file
// (proc_pid_stat(5)).
func stat(path string) (state string, group int, ok bool) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", 0, false
	}
	_, rest, _ := strings.Cut(string(b[strings.LastIndexByte(string(b), ')')+1:]), " ")
	f := strings.Fields(rest)
	if len(f) < 3 {
		return "", 0, false
	}
	group, err = strconv.Atoi(f[2])
	return f[0], group, err == nil
}

// pids returns the processes of the program.
func (p *process) pids() (all []int) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		if _, group, ok := stat(dir + "/stat"); ok && group == p.cmd.Process.Pid {
			all = append(all, pid)
		}
	}
	return all
}

// busy says whether a thread of the program does something or wants to: it is not
// asleep.
func (p *process) busy() bool {
	for _, pid := range p.pids() {
		threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		for _, path := range threads {
			if state, _, ok := stat(path); ok && state != "S" && state != "Z" {
				return true
			}
		}
	}
	return false
}
