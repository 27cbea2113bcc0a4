// Package cpu says what the processor can do and puts threads on its cores.
package cpu

import (
	"os"

	"github.com/klauspost/cpuid/v2"
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
