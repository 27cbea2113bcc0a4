package peers

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"pollux/bench"
)

// testpmd is DPDK's forwarder that reads nothing, between the same two devices as
// Open vSwitch has: what is left of a figure when the switch is taken away.
type testpmd struct{ at *place }

func (t testpmd) Name() string     { return "testpmd" }
func (t testpmd) Does(c Case) bool { return c.Kind == KindSource }

func (t testpmd) Open(ctx context.Context, c Case) (Device, error) {
	count := filepath.Join(t.at.dir, "made")
	if err := os.WriteFile(count, make([]byte, 8), 0o600); err != nil {
		return nil, err
	}
	// It is linked with every driver, so that it wants all of them where they are.
	env := []string{"LD_PRELOAD=" + t.at.plugin(), "FLOWGEN_FLOWS=" + strconv.Itoa(c.Flows), "FLOWGEN_MASKS=" + strconv.Itoa(c.Masks), "FLOWGEN_COUNT=" + count}
	core, control := strconv.Itoa(t.at.core), strconv.Itoa(t.at.control)
	child, err := t.at.start(env, "dpdk-testpmd",
		"-l", control+","+core, "--main-lcore", control, "--in-memory", "--no-pci", "--no-telemetry",
		"--vdev=net_null0,size=60", "--vdev=net_null1,size=60,no-rx=1", "--",
		// With a period of statistics it goes on without a terminal.
		"--nb-cores=1", "--forward-mode=io", "--total-num-mbufs=32768", "--no-mlockall", "--stats-period=3600")
	if err != nil {
		return nil, err
	}
	d := &testpmdDevice{process: process{child, "testpmd"}, core: t.at.core, count: count}
	begun := func() bool { n, err := d.made(); return err == nil && n > 1_000_000 }
	if err := d.await(ctx, "packets", begun); err != nil {
		d.end()
		return nil, err
	}
	return d, d.rest()
}

type testpmdDevice struct {
	process
	core  int
	count string
}

// made is how many packets the plug-in has made. All are sent: the null device takes
// what it is given.
func (d *testpmdDevice) made() (uint64, error) {
	b, err := os.ReadFile(d.count)
	if err != nil {
		return 0, fmt.Errorf("packets that testpmd made: %w", err)
	}
	if len(b) < 8 {
		return 0, fmt.Errorf("packets that testpmd made: %s: %d bytes, want 8", d.count, len(b))
	}
	return binary.NativeEndian.Uint64(b), nil
}

func (d *testpmdDevice) Turn(ctx context.Context, settle, dur time.Duration) (Turn, error) {
	return d.turn(ctx, settle, dur, func(context.Context) (t Turn, err error) {
		if t.Received, err = d.made(); err != nil {
			return t, err
		}
		t.Forwarded = t.Received
		used, err := bench.PinnedTime(d.Pid(), d.core)
		t.Ran, t.Waited = used.Ran, used.Waited
		return t, err
	})
}

func (d *testpmdDevice) Close() error {
	d.end()
	return nil
}
