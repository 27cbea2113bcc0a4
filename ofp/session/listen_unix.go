package session

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// unixListener is a listening socket that removes its name when it closes, unless
// another has taken the name since.
type unixListener struct {
	net.Listener
	path     string
	dev, ino uint64
}

// listenUnix makes a socket that nobody but its owner may ever connect to, and the
// folder that it is in if need be.
func listenUnix(path string) (net.Listener, error) {
	dir := filepath.Dir(path)
	// Not those that it is in: a slip in the path would be a tree of folders that nobody looks for.
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("folder: %w; no more than the last folder of a path is made", err)
	}
	// Of two switches that start at the same time the second sees the first.
	d, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("folder: %w", err)
	}
	defer d.Close()
	if err := unix.Flock(int(d.Fd()), unix.LOCK_EX); err != nil {
		return nil, fmt.Errorf("lock of folder %s: %w", dir, err)
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		return nil, fmt.Errorf("bind: %w", err)
	}
	// The mode comes before listen: until then every connect is refused.
	l := &unixListener{path: path}
	if err = unix.Chmod(path, 0o700); err == nil {
		if err = unix.Listen(fd, maxSessions); err == nil {
			l.dev, l.ino, err = inode(path)
		}
	}
	if err == nil {
		l.Listener, err = net.FileListener(f)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen: %w", err), os.Remove(path))
	}
	return l, nil
}

// removeStale removes the socket that a dead switch left at path.
func removeStale(path string) error {
	fi, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case fi.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%s is there and is not a socket; remove it, or give another path", path)
	}
	c, err := net.DialTimeout("unix", path, 2*time.Second)
	switch {
	case err == nil:
		c.Close()
		return errInUse
	case errors.Is(err, unix.ECONNREFUSED):
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("left by a dead switch: %w", err)
		}
		return nil
	case errors.Is(err, unix.EAGAIN) || os.IsTimeout(err):
		return errInUse // it lives, its queue of clients is full
	}
	return err
}

// Close stops listening and removes the name.
func (l *unixListener) Close() error {
	err := l.Listener.Close()
	if dev, ino, serr := inode(l.path); serr == nil && dev == l.dev && ino == l.ino {
		err = errors.Join(err, os.Remove(l.path))
	}
	return err
}

func inode(path string) (dev, ino uint64, err error) {
	var st unix.Stat_t
	err = unix.Lstat(path, &st)
	return st.Dev, st.Ino, err
}
