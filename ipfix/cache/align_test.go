package cache

import (
	"testing"

	"pollux/flow"
)

// reports lets a flow go on in caches from the times that are given, each with a packet now and
// then, and returns when each cache reported it as active, in ms.
func reports(t *testing.T, cfg Config, keys []flow.Key, from []int64, until int64) [][]int64 {
	t.Helper()
	b, _, idx := packetsOf(1, 1)
	times := make([][]int64, len(keys))
	caches := make([]*Cache, len(keys))
	for i := range caches {
		cfg.Seed = uint64(i)
		caches[i] = New(cfg)
		defer caches[i].Close()
	}
	for now := int64(0); now < until; now += 10 * ms {
		for i, c := range caches {
			// Loops are not in step.
			at := now + int64(i)*3*ms
			if at >= from[i] && (now/(10*ms)+int64(i))%7 == 0 {
				c.Observe(Point{Dir: Direction(i & 1)}, b, flow.Keys{Whole: keys[i : i+1]}, idx[:1], nil, at)
			}
			c.Sweep(at, 100)
			for r, ok := c.Records().Pop(); ok; r, ok = c.Records().Pop() {
				if r.End == EndActive {
					times[i] = append(times[i], at/ms)
				}
			}
		}
	}
	return times
}

// TestPartsAreReportedTogether: a flow that loops began to see seconds apart is reported by all
// of them within half a second, each time, as far apart as the active timeout.
func TestPartsAreReportedTogether(t *testing.T) {
	for f := range uint64(20) {
		k := udpKey(f * 977)
		back := k
		back.W[flow.WEthDst] = k.W[flow.WEthSrc] | 0x0800
		back.W[flow.WEthSrc] = k.W[flow.WEthDst] &^ 0xffff
		back.W[flow.WIPv4] = k.W[flow.WIPv4]<<32 | k.W[flow.WIPv4]>>32
		back.W[flow.WL4] = k.W[flow.WL4]<<16&(0xffff<<48) | k.W[flow.WL4]>>48<<32
		const active = 10_000
		got := reports(t, Config{MaxFlows: 8, IdleTimeout: 1e12, ActiveTimeout: active * ms, Align: true},
			[]flow.Key{k, k, back}, []int64{0, 3300 * ms, 4700 * ms}, 61_000*ms)
		first := got[0]
		if n := len(first); n < 5 || n > 7 {
			t.Fatalf("flow %d: reported at %v", f, first)
		}
		for i, times := range got {
			// A part that was not there yet at the first boundary misses that one only.
			all := first[max(0, len(first)-len(times)):]
			if len(times) < len(first)-1 || len(times) > len(first) {
				t.Fatalf("flow %d: part %d at %v, part 0 at %v", f, i, times, first)
			}
			for j := range times {
				if d := times[j] - all[j]; d < -500 || d > 500 {
					t.Errorf("flow %d: part %d at %v, part 0 at %v", f, i, times, first)
					break
				}
			}
		}
		for j := 1; j < len(first); j++ {
			if d := first[j] - first[j-1]; d < active-600 || d > active+600 {
				t.Errorf("flow %d: reported at %v, %d ms apart", f, first, d)
			}
		}
	}
}

// TestReportsAreSpread: flows that began at once are not all reported at once.
func TestReportsAreSpread(t *testing.T) {
	seen := map[int64]bool{}
	for f := range uint64(30) {
		got := reports(t, Config{MaxFlows: 8, IdleTimeout: 1e12, ActiveTimeout: 10_000 * ms, Align: true}, []flow.Key{udpKey(f)}, []int64{0}, 10_500*ms)
		if len(got[0]) > 0 {
			seen[got[0][0]/1000] = true
		}
	}
	if len(seen) < 5 {
		t.Errorf("30 flows were reported in %d of ten seconds", len(seen))
	}
}
