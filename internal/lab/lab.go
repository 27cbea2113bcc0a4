package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/vishvananda/netns"
)

// runDir is where iproute2 keeps named namespaces.
const runDir = "/run/netns"

// made numbers the labs of this process, so that two labs of one prefix differ.
var made atomic.Int64

// Lab owns namespaces and the devices in them.
type Lab struct {
	stem  string // PREFIX-PID-N
	nss   []*Namespace
	veths []*Veth
}

// New starts an empty lab. prefix names what the lab is for (a few letters,
// digits and underscores; '-' is the separator and refused). It needs root.
func New(prefix string) (*Lab, error) {
	if prefix == "" || strings.ContainsAny(prefix, "-/ ") {
		return nil, fmt.Errorf("lab: prefix %q: want letters, digits or underscores", prefix)
	}
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("lab: namespaces need root, this is uid %d: %w", os.Geteuid(), os.ErrPermission)
	}
	return &Lab{stem: fmt.Sprintf("%s-%d-%d", prefix, os.Getpid(), made.Add(1))}, nil
}

// Close removes the veths and namespaces of the lab. It can be called again.
func (l *Lab) Close() error {
	var errs []error
	for _, v := range l.veths {
		errs = append(errs, v.Delete())
	}
	for _, n := range l.nss {
		errs = append(errs, n.remove())
	}
	l.veths, l.nss = nil, nil
	return errors.Join(errs...)
}

// Sweep removes the namespaces that labs of prefix left behind when their
// process was killed, and returns how many. Those of living processes stay.
func Sweep(prefix string) (int, error) {
	names, err := filepath.Glob(filepath.Join(runDir, prefix+"-*"))
	if err != nil {
		return 0, fmt.Errorf("lab: prefix %q: %w", prefix, err)
	}
	var errs []error
	swept := 0
	for _, path := range names {
		pid, ok := ownerOf(filepath.Base(path), prefix)
		if !ok || alive(pid) {
			continue
		}
		if err := removeNamed(filepath.Base(path)); err != nil {
			errs = append(errs, err)
			continue
		}
		swept++
	}
	return swept, errors.Join(errs...)
}

// ownerOf reads the process number out of PREFIX-PID-N-NAME.
func ownerOf(name, prefix string) (pid int, ok bool) {
	rest, ok := strings.CutPrefix(name, prefix+"-")
	if !ok {
		return 0, false
	}
	number, _, ok := strings.Cut(rest, "-")
	if !ok {
		return 0, false
	}
	pid, err := strconv.Atoi(number)
	return pid, err == nil && pid > 0
}

// alive reports whether a process of that number exists, whoever owns it.
func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

// removeNamed unmounts and removes /run/netns/name.
func removeNamed(name string) error {
	if err := netns.DeleteNamed(name); err != nil {
		// A name without a mount: its maker died between the two steps.
		if rm := os.Remove(filepath.Join(runDir, name)); rm != nil && !errors.Is(rm, os.ErrNotExist) {
			return fmt.Errorf("lab: remove namespace %s: %w", name, errors.Join(err, rm))
		}
	}
	return nil
}
