package bench

import (
	"os"
	"os/exec"
	"strconv"
	"testing"
)

func TestWorkDirSweepsTheDead(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	cmd := exec.Command("/bin/true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	dead := os.TempDir() + "/pollux-x-" + strconv.Itoa(cmd.Process.Pid) + "-1"
	other := os.TempDir() + "/pollux-y-" + strconv.Itoa(cmd.Process.Pid) + "-1"
	for _, d := range []string{dead, other} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	a, err := WorkDir("x")
	if err != nil {
		t.Fatal(err)
	}
	b, err := WorkDir("x")
	if err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]bool{dead: false, other: true, a: true, b: true} {
		if _, err := os.Stat(dir); (err == nil) != want {
			t.Errorf("%s is there: %v, want %v", dir, err == nil, want)
		}
	}
}
