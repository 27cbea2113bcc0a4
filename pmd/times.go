package pmd

import (
	"math/bits"

	"pollux/internal/clock"
)

const (
	// timesFine is how many buckets there are to a power of two, as a power of two:
	// a bucket is at most a sixteenth of its value wide.
	timesFine = 4
	timesTop  = 40 // times of 1<<timesTop ticks or more, minutes, are counted in the last bucket

	// TimesBuckets is how many buckets there are.
	TimesBuckets = (timesTop-timesFine-1)<<timesFine + 2<<timesFine

	longRoom = 256 // of the latest long iterations
)

// Times is how long iterations of a loop took, in ticks: buckets as in HDR histograms, an
// equal number to each power of two. Two iterations follow each other without a gap, but
// for naps, so that whatever kept the loop from its queues is in one of them. The loop
// alone writes it, once an iteration.
type Times struct {
	Count [TimesBuckets]uint64
	Max   uint64

	watch uint64 // ticks from which on iterations are long; 0: none are
	long  [longRoom]Long
	longN uint64 // so far
}

// Long is an iteration that took long.
type Long struct {
	End   int64  // ns of clock.Now
	Ticks uint64 // it took
}

// add counts an iteration.
func (t *Times) add(ticks uint64) {
	t.Count[timesBucket(ticks)]++
	if ticks > t.Max {
		t.Max = ticks
	}
	if t.watch != 0 && ticks >= t.watch {
		t.long[t.longN%longRoom] = Long{clock.Now(), ticks}
		t.longN++
	}
}

// timesBucket returns the bucket of a time.
func timesBucket(ticks uint64) int {
	e := max(bits.Len64(ticks)-timesFine-1, 0)
	return min(e<<timesFine+int(ticks>>e), TimesBuckets-1)
}

// TimesRange returns the least and the greatest time of a bucket.
func TimesRange(bucket int) (lo, hi uint64) {
	if bucket < 2<<timesFine {
		return uint64(bucket), uint64(bucket)
	}
	e := bucket>>timesFine - 1
	lo = uint64(bucket-e<<timesFine) << e
	return lo, lo + 1<<e - 1
}

// Since takes what an earlier reading had off the counts. The greatest time stays that of
// all, and Long what it was.
func (t *Times) Since(old *Times) {
	for i := range t.Count {
		t.Count[i] -= old.Count[i]
	}
}

// Long returns the latest long iterations, the oldest first, and how many there were.
func (t *Times) Long() (list []Long, n uint64) {
	for i := t.longN - min(t.longN, longRoom); i < t.longN; i++ {
		list = append(list, t.long[i%longRoom])
	}
	return list, t.longN
}

// Times returns a copy of the times of the loop's iterations.
func (l *Loop) Times() (t Times) {
	l.Do(func(l *Loop) { t = l.times })
	return t
}

// WatchLong begins the times anew, and has the loop note iterations of so many ticks or
// more; 0 is none.
func (l *Loop) WatchLong(ticks uint64) {
	l.Do(func(l *Loop) { l.times = Times{watch: ticks} })
}
