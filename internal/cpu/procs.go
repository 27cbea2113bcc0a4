package cpu

import (
	"fmt"
	"math"
	"os"
	"runtime"

	"go.uber.org/automaxprocs/maxprocs"
)

// Procs returns GOMAXPROCS for so many loops, where base is what the machine or its quota
// gives: no less than that, one for each loop and two for everything else, and a number
// of which a quarter is nearly whole.
//
// The garbage collector takes a quarter of GOMAXPROCS for marking. Where that is no whole
// number within 30 % (1, 2, 3 and 6) it makes up the rest with fractional workers, which
// take their share of every processor, the loops' too: the loop stands still for a part
// of the time that was spent marking so far, 1 to 2 ms at a time. Where it is, whole
// workers have processors to themselves, and loops keep theirs.
//
// More than there are cores is right. A loop's goroutine that was stopped needs a free
// processor to be taken up again; free ones cost nothing.
func Procs(base, loops int) int {
	n := max(base, loops+spareProcs)
	for !wholeWorkers(n) {
		n++
	}
	return n
}

// spareProcs are for everything that is no loop: one to mark garbage, one to go on.
const spareProcs = 2

// wholeWorkers says whether the collector does without fractional workers: the rule of
// gcControllerState.startCycle in the runtime.
func wholeWorkers(procs int) bool {
	goal := float64(procs) / 4
	whole := math.Floor(goal + 0.5)
	return math.Abs(whole/goal-1) <= 0.3
}

// SetProcs sets GOMAXPROCS to Procs of what the environment or the cgroup's quota gives,
// and says what that was. An explicit value also keeps the runtime from changing it under
// a running loop.
func SetProcs(loops int) (procs int, base string, err error) {
	quota := 0.0
	// It is asked for a whole number only where there is a quota.
	round := func(q float64) int { quota = q; return int(math.Floor(q)) }
	if _, err = maxprocs.Set(maxprocs.RoundQuotaFunc(round)); err != nil {
		return 0, "", fmt.Errorf("set processor count from the cgroup: %w", err)
	}
	switch v, ok := os.LookupEnv("GOMAXPROCS"); {
	case ok:
		base = fmt.Sprintf("%q in the environment", v)
	case quota > 0:
		base = fmt.Sprintf("the cgroup's quota is %.3g processors", quota)
	default:
		base = "no quota"
	}
	procs = Procs(runtime.GOMAXPROCS(0), loops)
	runtime.GOMAXPROCS(procs)
	return procs, base, nil
}
