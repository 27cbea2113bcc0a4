package bench

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// WorkDir makes a folder for the files of one run, pollux-NAME-PID-… among the
// temporary files, and removes those that killed runs of that name have left.
func WorkDir(name string) (string, error) {
	stem := filepath.Join(os.TempDir(), "pollux-"+name+"-")
	old, err := filepath.Glob(stem + "*")
	if err != nil {
		return "", fmt.Errorf("work folder %s: %w", name, err)
	}
	for _, dir := range old {
		pid, _, _ := strings.Cut(strings.TrimPrefix(dir, stem), "-")
		if n, err := strconv.Atoi(pid); err == nil && n > 0 && errors.Is(syscall.Kill(n, 0), syscall.ESRCH) {
			_ = os.RemoveAll(dir) // not ours to fail on: somebody else may be at it
		}
	}
	return os.MkdirTemp("", fmt.Sprintf("pollux-%s-%d-", name, os.Getpid()))
}
