package bench

import (
	"bytes"
	"context"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"pollux/internal/clock"
)

// watch notes, a thousand times a second, how long the scheduler has had a thread wait.
type watch struct {
	stat int // file descriptor of the thread's schedstat
	list []waiting
	buf  [96]byte
}

// waiting is how long the thread had waited for its core in all at a time.
type waiting struct {
	at     int64 // ns of clock.Now
	waited time.Duration
}

// read reads it now.
func (w *watch) read() (p waiting) {
	n, err := unix.Pread(w.stat, w.buf[:], 0)
	p.at = clock.Now()
	if err != nil {
		return p
	}
	if f := bytes.Fields(w.buf[:n]); len(f) > 1 {
		ns, _ := strconv.ParseInt(string(f[1]), 10, 64)
		p.waited = time.Duration(ns)
	}
	return p
}

// run notes changes until ctx ends.
func (w *watch) run(ctx context.Context) {
	own := watch{stat: w.stat}
	last := waiting{waited: -1}
	for ctx.Err() == nil {
		p := own.read()
		// What has not changed needs its first and its last moment only.
		if n := len(own.list); n > 1 && p.waited == last.waited && own.list[n-2].waited == p.waited {
			own.list[n-1].at = p.at
		} else {
			own.list = append(own.list, p)
		}
		last = p
		time.Sleep(time.Millisecond)
	}
	w.list = own.list
}

// waitedDuring returns how long the thread waited between two moments, by the nearest
// readings around them.
func waitedDuring(list []waiting, from, to int64) time.Duration {
	var a, b time.Duration
	for i, p := range list {
		if p.at <= from || i == 0 {
			a = p.waited
		}
		b = p.waited
		if p.at >= to {
			break
		}
	}
	return b - a
}
