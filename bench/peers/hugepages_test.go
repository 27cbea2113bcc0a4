package peers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// hugeFiles are files that stand in for the kernel's and for the note.
func hugeFiles(t *testing.T, number string) (file, note string) {
	dir := t.TempDir()
	file, note = filepath.Join(dir, "nr"), filepath.Join(dir, "note")
	if err := os.WriteFile(file, []byte(number+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, note
}

func wantText(t *testing.T, file, want string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if got := strings.TrimSpace(string(b)); err != nil || got != want {
		t.Errorf("%s: %q, %v: want %q", filepath.Base(file), got, err, want)
	}
}

func TestHugePagesAreRestored(t *testing.T) {
	for _, c := range []struct{ was, during string }{{"3", "1024"}, {"0", "1024"}, {"5000", "5000"}} {
		file, note := hugeFiles(t, c.was)
		h, err := takeHugePages(file, note, 2048)
		if err != nil {
			t.Fatal(err)
		}
		wantText(t, file, c.during)
		wantText(t, note, fmt.Sprintf("%d %s", os.Getpid(), c.was))
		for range 2 { // the second does nothing
			if err := h.restore(); err != nil {
				t.Fatal(err)
			}
			wantText(t, file, c.was)
		}
		if exists(note) {
			t.Error("the note is left")
		}
	}
}

// TestHugePagesAfterKill: the run after one that was killed restores what was before it.
func TestHugePagesAfterKill(t *testing.T) {
	gone := exec.Command("true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	file, note := hugeFiles(t, "1024")
	if err := os.WriteFile(note, fmt.Appendf(nil, "%d 17\n", gone.Process.Pid), 0o600); err != nil {
		t.Fatal(err)
	}
	h, err := takeHugePages(file, note, 2048)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.restore(); err != nil {
		t.Fatal(err)
	}
	wantText(t, file, "17")
}

func TestHugePagesErrors(t *testing.T) {
	for _, c := range []struct{ number, note, want string }{
		{"1", fmt.Sprintf("%d 0", os.Getppid()), "measures peers already"},
		{"1", "what", "remove the file"},
		{"many", "", "invalid syntax"},
	} {
		file, note := hugeFiles(t, c.number)
		if c.note != "" {
			if err := os.WriteFile(note, []byte(c.note), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := takeHugePages(file, note, 2048); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c, err)
		}
		wantText(t, file, c.number)
	}
}
