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
	for _, more := range [][2]string{{"", ""}, {"burst: 64, sleep_max: 50us", "tx_budget: 32, busy_poll: 20us"}} {
		dir := t.TempDir()
		d := NewPollux(DevicePollux, "", more[0], more[1]).(*childDevice)
		if _, err := d.args(Place{In: "dut0", Out: "dut1", Core: 1, Dir: dir}); err != nil {
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
}
