package bench

import (
	"context"
	"errors"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"pollux/ipfix/cache"
	"pollux/pmd"
)

// recordsAtMost is how many flows records ends.
const recordsAtMost = 100_000

// records ends flows of the cache, with the loop at rest, and sees what that costs here
// and at the exporter.
func (r *memoryRig) records(ctx context.Context) (*RecordCost, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c := r.dp.Caches(0)[0]
	c.Publish()
	was, want := c.Stats().Ended[cache.EndForced], min(c.Stats().Flows, recordsAtMost)
	if want == 0 {
		return nil, errors.New("the flow cache holds no flow")
	}
	mine, all := clockOf(unix.CLOCK_THREAD_CPUTIME_ID), clockOf(unix.CLOCK_PROCESS_CPUTIME_ID)
	var pushing int64
	for end := time.Now().Add(warmLimit); ; {
		t := clockOf(unix.CLOCK_THREAD_CPUTIME_ID)
		r.loop().Do(func(*pmd.Loop) { c.FlushAll(1024) })
		pushing += clockOf(unix.CLOCK_THREAD_CPUTIME_ID) - t
		if c.Stats().Ended[cache.EndForced]-was >= want {
			break
		}
		if err := sleep(ctx, time.Millisecond); err != nil || time.Now().After(end) {
			return nil, errors.Join(err, errors.New("the exporter does not take the flows"))
		}
	}
	for r.x.Stats().Popped.Records < ended(c) {
		if err := sleep(ctx, time.Millisecond); err != nil {
			return nil, err
		}
	}
	n := float64(c.Stats().Ended[cache.EndForced] - was)
	others := clockOf(unix.CLOCK_PROCESS_CPUTIME_ID) - all - (clockOf(unix.CLOCK_THREAD_CPUTIME_ID) - mine)
	return &RecordCost{Records: int(n), Loop: float64(pushing) / n, Exporter: float64(others) / n}, nil
}

// ended is how many records the cache has put into its ring.
func ended(c *cache.Cache) (n uint64) {
	for _, e := range c.Stats().Ended {
		n += e
	}
	return n
}
