package bench

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Pin puts the calling thread, which must be locked to its goroutine, on a core
// and returns what undoes that.
func Pin(core int) (undo func(), err error) {
	var old, set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &old); err != nil {
		return nil, fmt.Errorf("core %d: %w", core, err)
	}
	set.Set(core)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("core %d: %w", core, err)
	}
	return func() { _ = unix.SchedSetaffinity(0, &old) }, nil
}
