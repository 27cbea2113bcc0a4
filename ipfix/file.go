package ipfix

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// recordFile is a file of messages (RFC 5655), the one being written. Each file can be
// read by itself: templates and options come first, and sequence numbers begin with 0.
type recordFile struct {
	path   string
	f      *os.File
	info   os.FileInfo
	cfg    FileConfig
	size   int64
	opened time.Time
	looked time.Time // when the name was last looked at
}

// fileOpener opens a file under the target's name, after what has that name was
// rotated.
func fileOpener(path string, cfg FileConfig, wall func() time.Time) func(context.Context) (sink, error) {
	return func(context.Context) (sink, error) {
		if err := rotate(path, cfg.Keep); err != nil {
			return nil, err
		}
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return nil, fmt.Errorf("flow file: %w", err)
		}
		info, err := f.Stat()
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("flow file: %w", err)
		}
		now := time.Now()
		return &recordFile{path: path, f: f, info: info, cfg: cfg, opened: now, looked: now}, nil
	}
}

// write appends whole messages. When not all fit, the file is cut back to what it was: it
// holds no part of a message.
func (r *recordFile) write(b []byte) (int, error) {
	n, err := r.f.WriteAt(b, r.size)
	if err != nil {
		if n > 0 {
			err = errors.Join(err, r.f.Truncate(r.size))
		}
		return 0, fmt.Errorf("flow file: %w", err)
	}
	r.size += int64(n)
	return n, nil
}

func (r *recordFile) gone() <-chan struct{} { return nil }
func (r *recordFile) why() error            { return nil }
func (r *recordFile) resumes() bool         { return true }
func (r *recordFile) abort()                {}
func (r *recordFile) renews() bool          { return true } // a file has one set of templates

// over says that the file is full or old, or that somebody took it away.
func (r *recordFile) over() bool {
	if r.size >= r.cfg.MaxBytes {
		return true
	}
	now := time.Now()
	if now.Sub(r.looked) < time.Second && now.Sub(r.opened) < r.cfg.MaxAge {
		return false
	}
	r.looked = now
	there, err := os.Stat(r.path)
	if err != nil || !os.SameFile(r.info, there) {
		return true
	}
	return r.size > 0 && now.Sub(r.opened) >= r.cfg.MaxAge
}

// close makes sure that the file is on the disk.
func (r *recordFile) close() error {
	if err := errors.Join(r.f.Sync(), r.f.Close()); err != nil {
		return fmt.Errorf("flow file: %w", err)
	}
	return nil
}
