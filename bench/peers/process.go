package peers

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"pollux/bench"
)

// process is a program that polls, and is sent to rest and back.
type process struct {
	*bench.Child
	name string
}

// rest stops it where it is.
func (p process) rest() error {
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		return p.gone(err)
	}
	return nil
}

// resume lets it go on.
func (p process) resume() error {
	if err := p.Signal(syscall.SIGCONT); err != nil {
		return p.gone(err)
	}
	return nil
}

func (p process) gone(err error) error {
	return fmt.Errorf("%s: %w; its last words:\n%s", p.name, err, p.Output())
}

// await calls ready until it says so, the process ends, or the time is over.
func (p process) await(ctx context.Context, what string, ready func() bool) error {
	const limit = 60 * time.Second
	for end := time.Now().Add(limit); !ready(); {
		select {
		case <-p.Done():
			return fmt.Errorf("%s ended before %s; its last words:\n%s", p.name, what, p.Output())
		default:
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s: no %s after %v; its last words:\n%s", p.name, what, limit, p.Output())
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// end has the process end, at rest or not, and waits for it. How a program takes
// SIGTERM is its own affair: some end by it, which is no error.
func (p process) end() {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		// It fails when the process has ended.
		_ = p.Signal(s)
		_ = p.Signal(syscall.SIGCONT)
		select {
		case <-p.Done():
			return
		case <-time.After(5 * time.Second):
		}
	}
	<-p.Done()
}

// turn lets it run for settle and then d, and returns the difference of two readings.
func (p process) turn(ctx context.Context, settle, d time.Duration, read func(context.Context) (Turn, error)) (t Turn, err error) {
	if err := p.resume(); err != nil {
		return t, err
	}
	defer func() {
		if e := p.rest(); err == nil {
			err = e
		}
	}()
	if err := sleep(ctx, settle); err != nil {
		return t, err
	}
	a, err := read(ctx)
	if err != nil {
		return t, err
	}
	if err := sleep(ctx, d); err != nil {
		return t, err
	}
	b, err := read(ctx)
	if err != nil {
		return t, err
	}
	return b.minus(a), nil
}
