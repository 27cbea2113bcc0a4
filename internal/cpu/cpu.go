// Package cpu says what the processor can do and puts threads on its cores.
package cpu

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"github.com/klauspost/cpuid/v2"
	"go.uber.org/automaxprocs/maxprocs"
	"golang.org/x/sys/unix"
)

// Info is what the switch runs on, and what it chose its sizes by.
type Info struct {
	Name         string   `json:"name"`
	Cores        []int    `json:"cores"`         // that this process may run on
	L1D          int      `json:"l1d"`           // bytes, -1 unknown
	L2           int      `json:"l2"`            // bytes, -1 unknown
	L3           int      `json:"l3"`            // bytes, -1 unknown
	Features     []string `json:"features"`      // vector sets and others that matter to speed, for people
	ExactEntries int      `json:"exact_entries"` // default size of an exact-match cache
}

// Detect reads the processor.
func Detect() Info {
	c := cpuid.CPU
	i := Info{Name: c.BrandName, Cores: Allowed(), L1D: c.Cache.L1D, L2: c.Cache.L2, L3: c.Cache.L3}
	for _, f := range []cpuid.FeatureID{cpuid.SSE42, cpuid.AVX2, cpuid.AVX512F, cpuid.AVX512BW, cpuid.BMI2, cpuid.RDTSCP} {
		if c.Supports(f) {
			i.Features = append(i.Features, f.String())
		}
	}
	i.ExactEntries = ExactEntries(i.L2, i.L3)
	return i
}

// ExactEntries sizes an exact-match cache, whose entries take 128 bytes each, by the
// processor's caches in bytes: a power of two that fills half of the last level, which
// loops share, or the second level where that is more. A packet of IPv4 touches half of
// its entry, so that is a quarter. Forgetting a flow costs more than missing a cache:
// with 100,000 flows 65,536 entries measured 69 ns a packet with one mask and 78 with
// 20, 131,072 entries 42 and 42, 262,144 entries 45 and 45, and none of them differed
// with 1,000 flows or a million. So it is never fewer than 65,536, and where the last
// level is not known (-1, as in many virtual machines) it is 131,072.
func ExactEntries(l2, l3 int) int {
	const entry, least, most = 128, 1 << 16, 1 << 17
	if l3 <= 0 {
		return most
	}
	n := least
	for n < most && 2*n*entry <= max(l2, l3/2) {
		n *= 2
	}
	return n
}

// Allowed returns the numbers of the cores that this process may run on.
func Allowed() []int {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(os.Getpid(), &set); err != nil {
		return nil
	}
	var out []int
	for n := 0; n < 8192 && len(out) < set.Count(); n++ {
		if set.IsSet(n) {
			out = append(out, n)
		}
	}
	return out
}

// Pin puts the calling thread on one core. The caller holds runtime.LockOSThread.
func Pin(core int) error {
	var set unix.CPUSet
	set.Set(core)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("pin thread to core %d: %w (cores this process may use: %v)", core, err, Allowed())
	}
	return nil
}

// Reserve moves every thread the process has now off the given cores, where others
// are left to go to; threads started later inherit that.
func Reserve(cores []int) error {
	taken := map[int]bool{}
	for _, c := range cores {
		taken[c] = true
	}
	var set unix.CPUSet
	n := 0
	for _, c := range Allowed() {
		if !taken[c] {
			set.Set(c)
			n++
		}
	}
	if n == 0 {
		return nil
	}
	dir, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("list threads: %w", err)
	}
	for _, d := range dir {
		tid, err := strconv.Atoi(d.Name())
		if err != nil {
			continue
		}
		// A thread may have ended since the listing.
		if err := unix.SchedSetaffinity(tid, &set); err != nil && err != unix.ESRCH {
			return fmt.Errorf("move thread %d off the loops' cores: %w", tid, err)
		}
	}
	return nil
}

// SetProcs sets GOMAXPROCS: what the cgroup's quota gives, but never less than one
// for each loop and two for everything else. An explicit value also keeps the
// runtime from changing it under a running loop. It returns what was said on the way.
func SetProcs(loops int) (procs int, note string, err error) {
	var said []string
	logf := func(format string, a ...any) { said = append(said, fmt.Sprintf(format, a...)) }
	if _, err = maxprocs.Set(maxprocs.Logger(logf), maxprocs.Min(loops+2)); err != nil {
		return 0, "", fmt.Errorf("set processor count from the cgroup: %w", err)
	}
	procs = max(runtime.GOMAXPROCS(0), loops+2)
	runtime.GOMAXPROCS(procs)
	return procs, strings.Join(said, "; "), nil
}
