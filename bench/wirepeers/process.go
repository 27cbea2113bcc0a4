package wirepeers

import (
	"errors"
	"os/exec"
	"syscall"
	"time"

	"pollux/bench"
)

// process is a peer that is one child.
type process struct{ *bench.Child }

func (p *process) Stop() error { return end(p.Child) }

// end asks a child to end. That it dies of the signal with which it is asked is well.
func end(c *bench.Child) error {
	err := c.Stop(10 * time.Second)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if s, ok := exit.Sys().(syscall.WaitStatus); ok && s.Signaled() && s.Signal() == syscall.SIGTERM {
			return nil
		}
	}
	return err
}
