package port

import (
	"errors"
	"fmt"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// readiness tells a poll loop by a flag whether a descriptor may have something
// to read, so that an idle one costs a load and not a system call. A goroutine
// waits for edges of readability (epoll_wait) and sets the flag; the reader takes
// it back before it reads. An edge that comes in between sets it again: none is
// lost, at worst one read finds nothing.
type readiness struct {
	flag  atomic.Bool
	epoll int
	wake  int // eventfd that ends the goroutine
	ended chan struct{}
}

// newReadiness watches fd.
func newReadiness(fd int) (*readiness, error) {
	r := &readiness{epoll: -1, wake: -1, ended: make(chan struct{})}
	r.flag.Store(true) // for what is there already
	if err := r.open(fd); err != nil {
		return nil, errors.Join(fmt.Errorf("watch for frames: %w", err), r.release())
	}
	go r.watch()
	return r, nil
}

// open makes the descriptors.
func (r *readiness) open(fd int) (err error) {
	if r.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return err
	}
	if r.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return err
	}
	const edge = unix.EPOLLIN | 1<<31 // EPOLLET, which x/sys has as a negative number
	return errors.Join(
		unix.EpollCtl(r.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: edge, Fd: int32(fd)}),
		unix.EpollCtl(r.epoll, unix.EPOLL_CTL_ADD, r.wake, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(r.wake)}))
}

// watch sets the flag at each edge until it is woken to end.
func (r *readiness) watch() {
	defer close(r.ended)
	var events [2]unix.EpollEvent
	for {
		n, err := unix.EpollWait(r.epoll, events[:], -1)
		if err != nil && err != unix.EINTR {
			return
		}
		for _, e := range events[:max(n, 0)] {
			if e.Fd == int32(r.wake) {
				return
			}
			r.flag.Store(true)
		}
	}
}

// close ends the goroutine and closes what open made.
func (r *readiness) close() error {
	if _, err := unix.Write(r.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0}); err != nil {
		return errors.Join(fmt.Errorf("wake watcher: %w", err), r.release())
	}
	<-r.ended
	return r.release()
}

// release closes the descriptors.
func (r *readiness) release() error {
	var errs []error
	for _, fd := range []int{r.epoll, r.wake} {
		if fd >= 0 {
			errs = append(errs, unix.Close(fd))
		}
	}
	r.epoll, r.wake = -1, -1
	return errors.Join(errs...)
}
