package bench

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"pollux/internal/lab"
)

// Child is a process that ends when this one does, however this one ends.
type Child struct {
	cmd   *exec.Cmd
	lines *lineLog
	done  chan struct{}
	err   error // of Wait; read after done
	told  bool  // WaitReady has returned what went wrong
}

// StartChild starts a command in a namespace, or in this process's when ns is nil.
// Each line that it writes also goes to echo, if there is one.
func StartChild(ns *lab.Namespace, echo io.Writer, path string, args ...string) (*Child, error) {
	c := &Child{cmd: exec.Command(path, args...), done: make(chan struct{})}
	c.lines = &lineLog{echo: echo, ready: make(chan struct{})}
	c.cmd.Stdout, c.cmd.Stderr = c.lines, c.lines
	// Its own process group: ^C on the terminal is for us to pass on, in order.
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	c.cmd.WaitDelay = time.Second
	started := make(chan error, 1)
	go func() {
		// The kernel sends Pdeathsig when the thread that started the child ends, so
		// that thread is kept until the child has ended.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		var err error
		if ns != nil {
			err = ns.Start(c.cmd)
		} else {
			err = c.cmd.Start()
		}
		started <- err
		if err == nil {
			c.err = c.cmd.Wait()
		}
		close(c.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	return c, nil
}

// WaitReady waits until the child has written a line "ready", or one of a switch that lacks
// ports, "ready, 1 of 2 ports open".
func (c *Child) WaitReady(timeout time.Duration) error {
	select {
	case <-c.lines.ready:
		return nil
	case <-c.done:
		c.told = true
		return c.failed("ended before it was ready")
	case <-time.After(timeout):
		return c.failed(fmt.Sprintf("was not ready after %v", timeout))
	}
}

func (c *Child) failed(what string) error {
	return fmt.Errorf("%s %s: %w\n%s", strings.Join(c.cmd.Args, " "), what, errors.Join(c.exit(), errChild), c.Output())
}

var errChild = errors.New("its last words follow")

func (c *Child) exit() error {
	select {
	case <-c.done:
		return c.err
	default:
		return nil
	}
}

// Pid returns the process's number.
func (c *Child) Pid() int { return c.cmd.Process.Pid }

// Signal sends the child a signal, if it still runs.
func (c *Child) Signal(s syscall.Signal) error { return c.cmd.Process.Signal(s) }

// Done is closed when the child has ended.
func (c *Child) Done() <-chan struct{} { return c.done }

// Output returns the last lines that the child has written.
func (c *Child) Output() string { return c.lines.String() }

// Stop asks the child to end, and makes it end after the timeout. It returns an
// error when the child did not end well by itself.
func (c *Child) Stop(timeout time.Duration) error {
	select {
	case <-c.done:
		if c.err != nil && !c.told {
			return c.failed("ended early")
		}
		return nil
	default:
	}
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.done:
		if c.err != nil {
			return c.failed("did not end well")
		}
		return nil
	case <-time.After(timeout):
		_ = c.cmd.Process.Kill()
		<-c.done
		return c.failed(fmt.Sprintf("did not end within %v of SIGTERM and was killed", timeout))
	}
}

// lineLog keeps the end of what was written, and notices the line "ready".
type lineLog struct {
	mu    sync.Mutex
	echo  io.Writer
	tail  []byte
	line  []byte
	ready chan struct{}
	isSet bool
}

const lineLogSize = 8 << 10

func (l *lineLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.echo != nil {
		_, _ = l.echo.Write(b)
	}
	l.tail = append(l.tail, b...)
	if n := len(l.tail) - lineLogSize; n > 0 {
		l.tail = append(l.tail[:0], l.tail[n:]...)
	}
	l.line = append(l.line, b...)
	for {
		i := bytes.IndexByte(l.line, '\n')
		if i < 0 {
			break
		}
		if first, _, _ := bytes.Cut(l.line[:i], []byte(",")); !l.isSet && string(bytes.TrimSpace(first)) == "ready" {
			l.isSet = true
			close(l.ready)
		}
		l.line = l.line[i+1:]
	}
	return len(b), nil
}

func (l *lineLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.tail)
}
