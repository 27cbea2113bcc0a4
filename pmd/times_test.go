package pmd

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestTimesBuckets(t *testing.T) {
	next := uint64(0)
	for i := range TimesBuckets {
		lo, hi := TimesRange(i)
		if lo != next || hi < lo || timesBucket(lo) != i || timesBucket(hi) != i {
			t.Fatalf("bucket %d is %d to %d, the one before ends before %d", i, lo, hi, next)
		}
		if hi-lo > lo/16 {
			t.Errorf("bucket %d, %d to %d, is wide", i, lo, hi)
		}
		next = hi + 1
	}
	if next != 1<<timesTop {
		t.Errorf("buckets end at %d", next)
	}
	if timesBucket(math.MaxUint64) != TimesBuckets-1 {
		t.Errorf("the longest time is in bucket %d", timesBucket(math.MaxUint64))
	}
}

func TestTimes(t *testing.T) {
	old := Times{watch: 1000}
	for v := range uint64(1000) {
		old.add(v)
	}
	now := old
	for range longRoom + 10 {
		now.add(1000 + rand.Uint64N(1000))
	}
	now.add(1 << 50)
	list, n := now.Long()
	if n != longRoom+11 || len(list) != longRoom || list[longRoom-1].Ticks != 1<<50 || now.Max != 1<<50 {
		t.Errorf("%d long, %d kept, the longest %d", n, len(list), now.Max)
	}
	now.Since(&old)
	sum := uint64(0)
	for _, c := range now.Count {
		sum += c
	}
	if sum != longRoom+11 {
		t.Errorf("%d iterations since", sum)
	}
	if a := testing.AllocsPerRun(100, func() { now.add(1 << 20) }); a != 0 {
		t.Errorf("%v allocations", a)
	}
}
