package ipfix

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pollux/ipfix/cache"
	"pollux/ipfix/collector"
)

// TestFilesRotate: many files, each read by a collector of its own that knows nothing of
// the others, add up to what was sent; none is longer than a write beyond the limit.
func TestFilesRotate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "flows.ipfix")
	if err := os.WriteFile(path, []byte("of an earlier run"), 0o600); err != nil {
		t.Fatal(err)
	}
	l := newLab(cache.Config{MaxFlows: 8192}, 1)
	x, stop := runExporter(t, ExporterConfig{
		Targets: []string{"file:" + path}, Epoch: epoch, DrainTimeout: patience, FlushInterval: time.Millisecond,
		File: FileConfig{MaxBytes: 1 << 16, Keep: 100},
	}, l.caches)
	for i := range 8 {
		l.send(0, cache.Point{Domain: uint32(i % 2)}, specs(500, uint64(70+i)))
		l.flush(t)
		waitSent(t, x, 0, l.packets)
	}
	s := stop()
	checkSum(t, s)
	files, err := rotatedFiles(path)
	if err != nil {
		t.Fatal(err)
	}
	if uint64(len(files)) != s.Collectors[0].Reconnects+1 || len(files) < 4 {
		t.Fatalf("%d rotated files, %d rotations", len(files), s.Collectors[0].Reconnects)
	}
	if b, err := os.ReadFile(files[0]); string(b) != "of an earlier run" {
		t.Errorf("the earlier run's file is %q, %v", b, err)
	}
	all := collector.New()
	var packets uint64
	for _, name := range append(files[1:], path) {
		c, err := collector.ReadFile(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if n := c.Totals(); n.Errors+n.Missing != 0 || n.Options == 0 || n.Templates == 0 {
			t.Errorf("%s by itself: %+v", name, n)
		}
		packets += c.Totals().Packets
		if err := all.ReadFile(name); err != nil {
			t.Error(err)
		}
		if info, err := os.Stat(name); err != nil || info.Size() > 1<<16+chunkSize {
			t.Errorf("%s: %d bytes, %v", name, info.Size(), err)
		}
	}
	compare(t, l, all)
	if packets != l.packets {
		t.Errorf("files have %d packets, want %d", packets, l.packets)
	}
}

// TestNamesOfFiles: the time goes before the extension, nothing is overwritten, and the
// oldest go.
func TestNamesOfFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.b.ipfix")
	when := time.Date(2026, 11, 22, 23, 34, 10, 0, time.UTC)
	others := []string{"a.b-note.ipfix", "a.b-20261122T233410Z-x.ipfix", "a.b-20261122T233410Z.ipfix.gz", "c-20261122T233410Z.ipfix"}
	for _, name := range others {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 12 {
		if err := os.WriteFile(path, []byte{byte(i), 1}, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, when, when); err != nil {
			t.Fatal(err)
		}
		if err := rotate(path, 100); err != nil {
			t.Fatal(err)
		}
	}
	if err := rotate(path, 100); err != nil {
		t.Errorf("nothing to rotate: %v", err)
	}
	files, err := rotatedFiles(path)
	if err != nil || len(files) != 12 || filepath.Base(files[0]) != "a.b-20261122T233410Z.ipfix" ||
		filepath.Base(files[2]) != "a.b-20261122T233410Z-2.ipfix" || filepath.Base(files[11]) != "a.b-20261122T233410Z-11.ipfix" {
		t.Fatalf("%v, %v", files, err)
	}
	for i, name := range files {
		if b, err := os.ReadFile(name); err != nil || b[0] != byte(i) {
			t.Errorf("%s has %v, %v", name, b, err)
		}
	}
	if err := prune(path, 3); err != nil {
		t.Fatal(err)
	}
	left, err := rotatedFiles(path)
	if err != nil || !slices.Equal(left, files[9:]) {
		t.Errorf("kept %v, %v", left, err)
	}
	for _, name := range others {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Errorf("a file of somebody else is gone: %v", err)
		}
	}
}

// TestDiskFull: a file system of 256 KiB takes what it can; the rest is held, then not
// sent, and the file has whole messages. When there is room again, it goes on.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("none", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	defer unix.Unmount(dir, 0)
	blocker := filepath.Join(dir, "blocker")
	if err := os.WriteFile(blocker, make([]byte, 200<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "flows.ipfix")
	l := newLab(cache.Config{MaxFlows: 1 << 13, RecordRing: 1 << 13}, 1)
	x, stop := runExporter(t, ExporterConfig{
		Targets: []string{"file:" + path}, Epoch: epoch, FlushInterval: time.Millisecond, Buffer: 1 << 16,
		File: FileConfig{Keep: 1}, DrainTimeout: patience,
	}, l.caches)
	l.send(0, cache.Point{}, specs(3000, 80))
	l.flush(t)
	s := eventually(t, "the disk is not full", x, func(s Stats) bool {
		return s.Collectors[0].NotSent.Packets > 0 && s.Collectors[0].LastError != "" // the queue may be full first
	})
	if got := s.Collectors[0]; !strings.Contains(got.LastError, "no space left") {
		t.Errorf("%+v", got)
	}
	if err := os.Remove(blocker); err != nil {
		t.Fatal(err)
	}
	s = stop()
	checkSum(t, s)
	got := s.Collectors[0]
	c, err := collector.ReadFile(path)
	if err != nil {
		t.Error(err)
	}
	if n := c.Totals(); n.Packets != got.Sent.Packets || n.Octets != got.Sent.Octets || n.Missing+n.Errors != 0 {
		t.Errorf("the file has %+v, sent %+v", n, got)
	}
	if got.Sums.Seen != plus(got.Sums.Exported, got.Sums.NotSent) || got.Sums.Seen.Packets != l.packets {
		t.Errorf("%+v", got.Sums)
	}
}

// TestFileTakenAway: a file that somebody moves is let go, and a new one begun.
func TestFileTakenAway(t *testing.T) {
	path := filepath.Join(t.TempDir(), "flows.ipfix")
	l := newLab(cache.Config{}, 1)
	x, stop := runExporter(t, ExporterConfig{Targets: []string{"file:" + path}, Epoch: epoch, FlushInterval: time.Millisecond, Domains: []uint32{0}}, l.caches)
	l.send(0, cache.Point{}, specs(20, 81))
	l.flush(t)
	waitSent(t, x, 0, l.packets)
	first := l.packets
	if err := os.Rename(path, path+".taken"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "no new file", x, func(s Stats) bool { return s.Collectors[0].Reconnects == 1 })
	l.send(0, cache.Point{}, specs(20, 82))
	l.flush(t)
	stop()
	a, errA := collector.ReadFile(path + ".taken")
	b, errB := collector.ReadFile(path)
	if errA != nil || errB != nil || a.Totals().Packets != first || b.Totals().Packets != l.packets-first {
		t.Errorf("%v, %v: %+v, %+v of %d", errA, errB, a.Totals(), b.Totals(), l.packets)
	}
}
