package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime/metrics"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"pollux/internal/clock"
)

// moment is what a thread and all around it had come to at a time.
type moment struct {
	at     int64         // ns of clock.Now
	ran    time.Duration // by the thread's own clock
	waited time.Duration // for its core, which others had
	stolen time.Duration // that the host took from the core, in steps of 10 ms
	pauses uint64        // of all threads that run Go, for collections of garbage
	cycles uint64        // collections that were over
}

// watch reads that a thousand times a second, in another thread.
type watch struct {
	clock  int32    // of the watched thread
	wait   *os.File // its schedstat
	stat   *os.File // of the machine
	core   string   // how the line of its core begins there
	gc     [2]metrics.Sample
	buf    [8192]byte
	stolen time.Duration
	looked int64 // when stolen was read
}

// stealStep is the unit of times in /proc/stat.
const stealStep = 10 * time.Millisecond

// newWatch watches a thread of this process that is pinned to core.
func newWatch(tid, core int) (w *watch, err error) {
	w = &watch{clock: threadClock(tid), core: fmt.Sprintf("cpu%d ", core)}
	w.gc = [2]metrics.Sample{{Name: "/sched/pauses/total/gc:seconds"}, {Name: "/gc/cycles/total:gc-cycles"}}
	if w.wait, err = os.Open(fmt.Sprintf("/proc/self/task/%d/schedstat", tid)); err != nil {
		return nil, err
	}
	if w.stat, err = os.Open("/proc/stat"); err != nil {
		w.wait.Close()
		return nil, err
	}
	return w, nil
}

func (w *watch) close() {
	w.wait.Close()
	w.stat.Close()
}

// threadClock is the clock of the processor time of a thread of this process, as
// pthread_getcpuclockid(3) makes it.
func threadClock(tid int) int32 {
	const perThread, scheduler = 4, 2
	return ^int32(tid)<<3 | perThread | scheduler
}

// read reads all now. What cannot be read stays 0.
func (w *watch) read() (p moment) {
	p.at = clock.Now()
	var ts unix.Timespec
	if unix.ClockGettime(w.clock, &ts) == nil {
		p.ran = time.Duration(ts.Nano())
	}
	if f := bytes.Fields(w.text(w.wait)); len(f) > 1 {
		ns, _ := strconv.ParseInt(string(f[1]), 10, 64)
		p.waited = time.Duration(ns)
	}
	if w.looked == 0 || p.at-w.looked >= int64(stealStep) {
		w.looked, w.stolen = p.at, stealOf(w.text(w.stat), w.core)
	}
	p.stolen = w.stolen
	metrics.Read(w.gc[:])
	for _, n := range w.gc[0].Value.Float64Histogram().Counts {
		p.pauses += n
	}
	p.cycles = w.gc[1].Value.Uint64()
	return p
}

// text reads the beginning of a file of /proc anew.
func (w *watch) text(f *os.File) []byte {
	n, err := unix.Pread(int(f.Fd()), w.buf[:], 0)
	if err != nil {
		return nil
	}
	return w.buf[:n]
}

// stealOf returns what the host has taken from a core, of the text of /proc/stat.
func stealOf(stat []byte, core string) time.Duration {
	for line := range bytes.Lines(stat) {
		if f := bytes.Fields(line); bytes.HasPrefix(line, []byte(core)) && len(f) > 8 {
			n, _ := strconv.ParseInt(string(f[8]), 10, 64)
			return time.Duration(n) * stealStep
		}
	}
	return 0
}

// run reads until ctx ends.
func (w *watch) run(ctx context.Context, room time.Duration) (list []moment) {
	// All at once: a list that grows would be garbage itself.
	list = make([]moment, 0, room/time.Millisecond+1000)
	for ctx.Err() == nil {
		list = append(list, w.read())
		time.Sleep(time.Millisecond)
	}
	return append(list, w.read())
}

// span is a while.
type span struct{ from, to int64 } // ns of clock.Now

// collections returns when garbage was collected, each from the reading before all threads
// stood still for the first time to the one after the last.
func collections(list []moment) (spans []span) {
	begun := -1 // the reading before the first pause of a collection that is not over
	for i := 1; i < len(list); i++ {
		was, now := &list[i-1], &list[i]
		paused := now.pauses != was.pauses
		switch {
		case now.cycles != was.cycles:
			if begun < 0 {
				begun = i - 1 // all of it between two readings
			}
			spans, begun = append(spans, span{list[begun].at, now.at}), -1
		case paused && begun < 0 && i > 1 && was.cycles != list[i-2].cycles:
			// The pause that ended it is counted just after the collection.
			spans[len(spans)-1].to = now.at
		case paused && begun < 0:
			begun = i - 1
		}
	}
	if begun >= 0 {
		spans = append(spans, span{list[begun].at, list[len(list)-1].at})
	}
	return spans
}

// during returns what changed between two moments, by the nearest readings around them.
func during(list []moment, from, to int64) (d moment) {
	if len(list) == 0 {
		return d
	}
	a, b := &list[0], &list[0]
	for i := range list {
		if list[i].at <= from {
			a = &list[i]
		}
		if b = &list[i]; b.at >= to {
			break
		}
	}
	return moment{at: b.at - a.at, ran: b.ran - a.ran, waited: b.waited - a.waited, stolen: b.stolen - a.stolen, pauses: b.pauses - a.pauses, cycles: b.cycles - a.cycles}
}
