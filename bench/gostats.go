package bench

import (
	"runtime/metrics"
)

// GoCost is what Go's runtime did in a while, in the whole process.
type GoCost struct {
	Objects  uint64  `json:"objects"` // allocated
	Bytes    uint64  `json:"bytes"`
	GCs      uint64  `json:"gc_cycles"`
	Pauses   uint64  `json:"gc_pauses"`    // for which all threads that run Go were stopped
	PauseMax float64 `json:"gc_pause_max"` // seconds, rounded up by the runtime's histogram
}

// goReading is the runtime's counters at a moment.
type goReading [4]metrics.Sample

func readGo() *goReading {
	r := goReading{
		{Name: "/gc/heap/allocs:objects"}, {Name: "/gc/heap/allocs:bytes"},
		{Name: "/gc/cycles/total:gc-cycles"}, {Name: "/sched/pauses/total/gc:seconds"},
	}
	metrics.Read(r[:])
	return &r
}

// since returns what was done between two readings.
func (r *goReading) since(old *goReading) (c GoCost) {
	n := func(i int) uint64 { return r[i].Value.Uint64() - old[i].Value.Uint64() }
	c.Objects, c.Bytes, c.GCs = n(0), n(1), n(2)
	now, was := r[3].Value.Float64Histogram(), old[3].Value.Float64Histogram()
	for i, count := range now.Counts {
		if d := count - was.Counts[i]; d > 0 {
			c.Pauses += d
			c.PauseMax = now.Buckets[i+1]
		}
	}
	return c
}
