package peers

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// hugeMB is how much memory in huge pages a run has: half of it is for DPDK's buffers.
const hugeMB = 2048

// hugePages sets the machine's number of huge pages for the time of a run.
type hugePages struct {
	number string // the file of the kernel
	note   string // a file of ours, with who changed the number and what it was
	was    int
	taken  bool
}

// The kernel's file is of pages of the default size, which is 2 MB where this runs.
const (
	hugeFile = "/proc/sys/vm/nr_hugepages"
	hugeNote = "/run/pollux-bench-peers"
	hugePage = 2 // MB
)

// takeHugePages raises the number where it is lower than mb takes. A run that was killed
// has left a note of what the number was before it, which is what this one restores.
func takeHugePages(number, note string, mb int) (h *hugePages, err error) {
	h = &hugePages{number: number, note: note}
	if h.was, err = h.read(); err != nil {
		return nil, err
	}
	if b, err := os.ReadFile(note); err == nil {
		var pid, was int
		if _, err := fmt.Sscan(string(b), &pid, &was); err != nil {
			return nil, fmt.Errorf("%s: %w: want a process's number and that of huge pages; remove the file", note, err)
		}
		if !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			return nil, fmt.Errorf("%s: process %d measures peers already: wait for its end", note, pid)
		}
		h.was = was
	}
	if err := os.WriteFile(note, fmt.Appendf(nil, "%d %d\n", os.Getpid(), h.was), 0o600); err != nil {
		return nil, err
	}
	h.taken = true
	want := mb / hugePage
	if have, err := h.read(); err == nil && have < want {
		err = os.WriteFile(number, []byte(strconv.Itoa(want)), 0o644)
		if have, e := h.read(); err == nil && have < want {
			err = errors.Join(e, fmt.Errorf("%s: the kernel found %d huge pages of the %d that OVS-DPDK needs: free some memory", number, have, want))
		}
		if err != nil {
			return nil, errors.Join(err, h.restore())
		}
	}
	return h, nil
}

// restore puts the number back.
func (h *hugePages) restore() error {
	if !h.taken {
		return nil
	}
	h.taken = false
	if err := os.WriteFile(h.number, []byte(strconv.Itoa(h.was)), 0o644); err != nil {
		return fmt.Errorf("restore %d huge pages: %w", h.was, err)
	}
	return os.Remove(h.note)
}

func (h *hugePages) read() (int, error) {
	b, err := os.ReadFile(h.number)
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", h.number, err)
	}
	return n, nil
}
