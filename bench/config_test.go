package bench

import (
	"os"
	"path/filepath"
	"testing"

	"pollux/configs"
)

// parses says whether the switch would take a configuration that this package made.
func parses(text string) error {
	_, err := configs.Parse([]byte(text), "made", configs.Options{CPUs: func() []int { return []int{0, 1} }})
	return err
}

func TestVethConfigIsRight(t *testing.T) {
	dir := t.TempDir()
	s := VethSpec{DUTCore: 1}
	if _, err := s.command(DevicePollux, dir); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "pollux.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := parses(string(text)); err != nil {
		t.Errorf("%v\n%s", err, text)
	}
}
