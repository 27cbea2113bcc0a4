package bench

import (
	"context"
	"strings"
	"testing"
	"time"

	"pollux/internal/clock"
	"pollux/pmd"
)

// TestStallsRun: the run has what it says, and its sums close. How long iterations take is
// for people to judge.
func TestStallsRun(t *testing.T) {
	res, err := RunStalls(context.Background(), StallsSpec{Time: 600 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if res.Unaccounted != 0 || res.Packets == 0 || res.FlowMods == 0 || res.Statistics == 0 || res.Iterations.Count == 0 {
		t.Errorf("%+v", res)
	}
	total := 0
	for _, c := range res.Causes {
		total += c.Count
	}
	if total != len(res.Long) || uint64(total) > res.LongCount {
		t.Errorf("%d long iterations by cause, %d told of, %d in all", total, len(res.Long), res.LongCount)
	}
	if text := res.String(); !strings.Contains(text, "flow-mods a second") || !strings.Contains(text, "█") {
		t.Errorf("%s", text)
	}
}

func TestCauses(t *testing.T) {
	now := clock.Now()
	ms := int64(time.Millisecond)
	tick := clock.Hz() / 1e3
	waits := []waiting{{now - 200*ms, 0}, {now - 30*ms, 0}, {now - 20*ms, time.Duration(9 * ms)}, {now, time.Duration(9 * ms)}}
	gcs := []collection{{clock.Wall(now - 45*ms), time.Millisecond}}
	var r StallsResult
	r.judge([]pmd.Long{
		{End: now - 98*ms, Ticks: uint64(2 * tick)},  // long before anything
		{End: now - 50*ms, Ticks: uint64(2 * tick)},  // while garbage is collected
		{End: now - 20*ms, Ticks: uint64(10 * tick)}, // for the core
	}, waits, gcs)
	for i, want := range []string{CauseNeither, CauseGC, CauseOthers} {
		if r.Long[i].Cause != want {
			t.Errorf("%d: %+v, want %s", i, r.Long[i], want)
		}
	}
	if r.Causes[0].Count != 1 || r.Causes[0].Longest < 9*ms {
		t.Errorf("%+v", r.Causes)
	}
}

func TestIterations(t *testing.T) {
	var times pmd.Times
	times.Count[20], times.Count[100], times.Count[300] = 900, 99, 1
	it := newIterations(&times)
	if it.Count != 1000 || it.P50 >= it.P99 || it.P99 >= it.P99999 || len(it.Buckets) != 3 {
		t.Errorf("%+v", it)
	}
	sum := uint64(0)
	for _, o := range it.Octaves() {
		sum += o.Count
	}
	if sum != 1000 {
		t.Errorf("octaves hold %d", sum)
	}
}
