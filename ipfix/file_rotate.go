package ipfix

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// rotated is the form of the time in names, UTC; names sort by it.
const rotated = "20060102T150405Z"

// rotate gives the file at path, if it holds anything, a name with the time when it was
// last written to before the extension: flows.ipfix becomes
// flows-20261122T233410Z.ipfix, or …Z-1.ipfix when there is one. Nothing is
// overwritten. Then it removes the oldest of those so named, beyond keep.
func rotate(path string, keep int) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("flow file: %w", err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("flow file %s: it is a %s: want a file or nothing", path, info.Mode().Type())
	case info.Size() == 0:
		return os.Remove(path)
	}
	stem, ext := stem(path)
	name := stem + info.ModTime().UTC().Format(rotated)
	for n := 0; ; n++ {
		to := name + ext
		if n > 0 {
			to = fmt.Sprintf("%s-%d%s", name, n, ext)
		}
		err := moveTo(path, to)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("flow file %s: rotate to %s: %w", path, to, err)
		}
	}
	return prune(path, keep)
}

// moveTo renames without overwriting.
func moveTo(from, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOSYS) {
		return err
	}
	// A file system that cannot tell: look first.
	if _, err := os.Lstat(to); err == nil {
		return fs.ErrExist
	}
	return os.Rename(from, to)
}

// stem splits a path before the extension, and adds what separates the time.
func stem(path string) (string, string) {
	ext := filepath.Ext(path)
	return strings.TrimSuffix(path, ext) + "-", ext
}

// prune removes the oldest rotated files of path, beyond keep.
func prune(path string, keep int) error {
	list, err := rotatedFiles(path)
	if err != nil {
		return err
	}
	var errs []error
	for len(list) > keep {
		errs = append(errs, os.Remove(list[0]))
		list = list[1:]
	}
	return errors.Join(errs...)
}

// rotatedFiles lists the rotated files of path, the oldest first.
func rotatedFiles(path string) ([]string, error) {
	stem, ext := stem(path)
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("flow files: %w", err)
	}
	type file struct {
		name string
		time string
		n    int
	}
	var files []file
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), filepath.Base(stem))
		rest, isExt := strings.CutSuffix(rest, ext)
		if !ok || !isExt || len(rest) < len(rotated) || !isStamp(rest[:len(rotated)]) {
			continue
		}
		f := file{name: filepath.Join(filepath.Dir(path), e.Name()), time: rest[:len(rotated)]}
		if rest = rest[len(rotated):]; rest != "" {
			if _, err := fmt.Sscanf(rest, "-%d", &f.n); err != nil || rest != fmt.Sprintf("-%d", f.n) {
				continue
			}
		}
		files = append(files, f)
	}
	slices.SortFunc(files, func(a, b file) int {
		if c := strings.Compare(a.time, b.time); c != 0 {
			return c
		}
		return a.n - b.n
	})
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = f.name
	}
	return names, nil
}

// isStamp says whether s has the form of rotated.
func isStamp(s string) bool {
	for i := range s {
		switch want := rotated[i]; {
		case want == 'T' || want == 'Z':
			if s[i] != want {
				return false
			}
		case s[i] < '0' || s[i] > '9':
			return false
		}
	}
	return true
}
