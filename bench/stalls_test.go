package bench

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

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

// TestCauses: a long iteration is put down to the largest of the times that it is made of.
func TestCauses(t *testing.T) {
	ms := time.Millisecond
	at := clock.Now()
	// Each tells what became of the 10 ms before; a collection takes 30.
	var list []moment
	now := moment{at: at}
	step := func(ran, waited, stolen time.Duration, pauses, cycles uint64) {
		now.at += int64(10 * ms)
		now.ran, now.waited, now.stolen = now.ran+ran, now.waited+waited, now.stolen+stolen
		now.pauses, now.cycles = now.pauses+pauses, now.cycles+cycles
		list = append(list, now)
	}
	quiet := func() {
		for range 10 {
			step(10*ms, 0, 0, 0, 0)
		}
	}
	var long []pmd.Long
	whole := func() { long = append(long, pmd.Long{End: now.at, Ticks: uint64(10 * clock.Hz() / 1e3)}) }
	quiet()
	step(10*ms, 0, 0, 0, 0)
	whole() // it ran
	quiet()
	step(2*ms, 8*ms, 0, 0, 0)
	whole() // others ran
	quiet()
	step(4*ms, 0, 0, 1, 0)
	whole() // stopped when a collection began
	step(1*ms, 2*ms, 0, 0, 0)
	whole() // held while it marks
	step(9*ms, 0, 0, 1, 1)
	quiet()
	step(4*ms, 0, 0, 0, 0)
	whole() // held without one
	quiet()
	step(4*ms, 0, 10*ms, 0, 0)
	whole() // stolen, by a kernel that takes that off the thread's time
	quiet()
	step(10*ms, 0, 10*ms, 0, 0)
	whole() // stolen, by one that does not
	quiet()

	var r StallsResult
	r.judge(long, list)
	for i, want := range []string{CauseOwn, CauseOthers, CauseGC, CauseGC, CauseRuntime, CauseHost, CauseHost} {
		s := r.Long[i]
		if s.Cause != want || s.Ran+s.Waited+s.Held != s.Ns {
			t.Errorf("%d: %+v, want %s", i, s, want)
		}
	}
	total := 0
	for _, c := range r.Causes {
		total += c.Count
	}
	if total != len(long) || r.Causes[0] != (Cause{CauseGC, 2, r.Long[2].Ns}) && r.Causes[0] != (Cause{CauseGC, 2, r.Long[3].Ns}) {
		t.Errorf("%+v", r.Causes)
	}
	if r.Waited != 0.010 || r.Stolen != 0.020 {
		t.Errorf("waited %v s, stolen %v s", r.Waited, r.Stolen)
	}
}

func TestCollections(t *testing.T) {
	type m struct{ pauses, cycles uint64 }
	for _, c := range []struct {
		name string
		list []m
		want []span
	}{
		{"none", []m{{4, 2}, {4, 2}}, nil},
		{"over three readings", []m{{4, 2}, {5, 2}, {5, 2}, {6, 3}, {6, 3}}, []span{{0, 3}}},
		{"between two readings", []m{{4, 2}, {4, 2}, {6, 3}, {6, 3}}, []span{{1, 2}}},
		{"its end is counted late", []m{{4, 2}, {5, 2}, {5, 3}, {6, 3}, {6, 3}}, []span{{0, 3}}},
		{"stopped three times", []m{{4, 2}, {5, 2}, {6, 2}, {7, 3}, {7, 3}}, []span{{0, 3}}},
		{"two", []m{{4, 2}, {5, 2}, {6, 3}, {6, 3}, {7, 3}, {8, 4}}, []span{{0, 2}, {3, 5}}},
		{"not over", []m{{4, 2}, {4, 2}, {5, 2}, {5, 2}}, []span{{1, 3}}},
	} {
		var list []moment
		for i, p := range c.list {
			list = append(list, moment{at: int64(i), pauses: p.pauses, cycles: p.cycles})
		}
		if got := collections(list); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestStealOf(t *testing.T) {
	stat := []byte("cpu  1 2 3 4 5 6 7 80 0 0\ncpu1 1 2 3 4 5 6 7 8 0 0\ncpu10 1 2 3 4 5 6 7 9 0 0\nintr 5\n")
	for core, want := range map[string]time.Duration{"cpu1 ": 80 * time.Millisecond, "cpu10 ": 90 * time.Millisecond, "cpu2 ": 0} {
		if got := stealOf(stat, core); got != want {
			t.Errorf("%s: %v, want %v", core, got, want)
		}
	}
}

// TestWatchReads: all that is watched of a thread that runs can be read.
func TestWatchReads(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	w, err := newWatch(unix.Gettid(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	before := w.read()
	runtime.GC()
	for end := clock.Now() + int64(5*time.Millisecond); clock.Now() < end; {
	}
	after := w.read()
	if after.ran <= before.ran || after.at <= before.at || after.pauses < before.pauses+2 || after.cycles <= before.cycles {
		t.Errorf("%+v, then %+v", before, after)
	}
}

func TestIterations(t *testing.T) {
	var times pmd.Times
	times.Count[20], times.Count[100], times.Count[300] = 900, 99, 1
	times.Max, _ = pmd.TimesRange(300)
	it := newIterations(&times)
	if it.Count != 1000 || it.P50 >= it.P99 || it.P99 >= it.P99999 || len(it.Buckets) != 3 || it.P99999 != it.Max {
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
