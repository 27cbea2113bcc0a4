package rfc2544

import (
	"fmt"
	"strconv"

	"pollux/bench"
)

// Standard are the frame sizes of the RFC for Ethernet, and the simple Internet mix.
var Standard = []string{"64", "128", "256", "512", "1024", "1280", "1518", "imix"}

// ParseMixes reads frame lengths with FCS, 64 to 1518, and imix.
func ParseMixes(names []string) (mixes []Mix, err error) {
	if len(names) == 0 {
		return nil, fmt.Errorf("no frame sizes: want lengths from 64 to 1518 bytes, or imix")
	}
	for _, n := range names {
		if n == "imix" {
			mixes = append(mixes, Mix{n, bench.IMIX})
			continue
		}
		size, err := strconv.Atoi(n)
		if err != nil || size < 64 || size > 1518 {
			return nil, fmt.Errorf("frame size %q: want 64 to 1518 bytes, FCS included, or imix", n)
		}
		mixes = append(mixes, Mix{n, []int{size - fcs}})
	}
	return mixes, nil
}

// ParseTests reads names of tests and puts them in order.
func ParseTests(names []string) (tests []Test, err error) {
	asked := map[Test]bool{}
	for _, n := range names {
		known := false
		for _, t := range Tests {
			known = known || string(t) == n
		}
		if !known {
			return nil, fmt.Errorf("test %q: want %s, %s, %s or %s", n, Throughput, LatencyTest, LossTest, BurstTest)
		}
		asked[Test(n)] = true
	}
	for _, t := range Tests {
		if asked[t] {
			tests = append(tests, t)
		}
	}
	if len(tests) == 0 {
		return nil, fmt.Errorf("no test: want some of %s, %s, %s, %s", Throughput, LatencyTest, LossTest, BurstTest)
	}
	return tests, nil
}
