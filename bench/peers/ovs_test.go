package peers

import (
	"context"
	"os"
	"testing"
	"time"

	"pollux/internal/cpu"
)

// ready skips a test where OVS-DPDK cannot be measured. Where tests must be whole (CI is true)
// all that can be installed has to be.
func ready(t *testing.T, core, control int) {
	t.Helper()
	err := Ready(core, control)
	if err == nil {
		return
	}
	if os.Getenv("CI") == "true" && len(missing()) > 0 {
		t.Fatal(err)
	}
	t.Skip(err)
}

// TestBesideOVS has both sides forward for a moment, of each source that there is. How
// fast is for people to judge.
func TestBesideOVS(t *testing.T) {
	if testing.Short() {
		t.Skip("starts switches")
	}
	cores := cpu.Allowed()
	control, core := cores[0], cores[len(cores)-1]
	ready(t, core, control)
	was, err := os.ReadFile(hugeFile)
	if err != nil {
		t.Fatal(err)
	}
	var cases []Case
	for _, c := range Cases() {
		switch c.ID {
		case "1000f-20m", "10000f-ipfix1", "attack-none", "elephants", "mice":
			cases = append(cases, c)
		}
	}
	s := Spec{Cases: cases, Repeats: 1, Time: 90 * time.Millisecond, Settle: 10 * time.Millisecond, Warm: 200 * time.Millisecond, Core: core, Control: control}
	res, err := Run(context.Background(), s)
	if err != nil {
		if res == nil {
			if busy(err) {
				t.Skip(err)
			}
			t.Fatal(err)
		}
		t.Error(err)
	}
	for _, r := range res.Rows {
		if r.Error != "" {
			t.Errorf("%s: %s", r.ID, r.Error)
			continue
		}
		p := &r.Peers[0]
		if p.Sum.Forwarded == 0 || r.Pollux.Sum.Forwarded == 0 || p.Ratio.Median <= 0 || r.Kind == KindForward && r.Pollux.Dropped != 0 {
			t.Errorf("%s: %+v\n%+v", r.ID, r.Pollux, p)
		}
		if r.Kind == KindMice && (p.Sum.SetUp+p.Sum.Refused == 0 || r.Pollux.Sum.SetUp == 0 || r.Pollux.Left == 0 || p.Left == 0) {
			t.Errorf("no flow began: %+v\n%+v", r.Pollux, p)
		}
		r.Line(t.Output())
	}
	if now, err := os.ReadFile(hugeFile); err != nil || string(now) != string(was) {
		t.Errorf("%s huge pages, %v: there were %s", now, err, was)
	}
}
