package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"pollux/pmd"
)

// loop is the first loop, which is the only one but where a scenario has more.
func (r *memoryRig) loop() *pmd.Loop { return r.dp.Loops()[0] }

// memoryTurn is what one turn came to, or a reading of the counters that it is the
// difference of. Times in ns; counts are of all loops together.
type memoryTurn struct {
	packets, exact, mega uint64
	wall, loop, other    int64 // other: processor time of all threads but the loops'
	slow                 slowPath
	work                 stageTicks
}

// ns is the processor time of a loop by its packets.
func (t *memoryTurn) ns() float64 { return float64(t.loop) / float64(t.packets) }

func (t *memoryTurn) add(o memoryTurn) {
	t.packets += o.packets
	t.exact += o.exact
	t.mega += o.mega
	t.wall += o.wall
	t.loop += o.loop
	t.other += o.other
	t.slow.add(o.slow)
	t.work.add(o.work)
}

// since returns what was done between two readings.
func (t memoryTurn) since(o memoryTurn) memoryTurn {
	return memoryTurn{
		t.packets - o.packets, t.exact - o.exact, t.mega - o.mega,
		t.wall - o.wall, t.loop - o.loop, t.other - o.other,
		t.slow.since(o.slow), t.work.since(o.work),
	}
}

// read asks the running loops for their counters and their threads' time.
func (r *memoryRig) read() (t memoryTurn) {
	for i, l := range r.dp.Loops() {
		// In one step: the loop goes on before the next.
		l.Do(func(l *pmd.Loop) {
			s := l.Counts()
			t.add(memoryTurn{packets: s.Packets, exact: s.ExactHits, mega: s.MegaHits + s.SimpleHits, slow: slowPathOf(&s), work: stageTicksOf(&s)})
			if i == 0 {
				t.wall = clockOf(unix.CLOCK_MONOTONIC)
			}
			mine := clockOf(unix.CLOCK_THREAD_CPUTIME_ID)
			t.loop += mine
			t.other -= mine
			if i == 0 {
				t.other += clockOf(unix.CLOCK_PROCESS_CPUTIME_ID)
			}
		})
	}
	return t
}

// clockOf reads a clock of the system, ns.
func clockOf(id int32) int64 {
	var ts unix.Timespec
	// It fails for clocks that do not exist only.
	_ = unix.ClockGettime(id, &ts)
	return ts.Nano()
}

// turn lets the loops run for some time and returns what they did in the last part of it.
func (r *memoryRig) turn(ctx context.Context, settle, d time.Duration) (t memoryTurn, err error) {
	if err := r.dp.Start(); err != nil {
		return t, err
	}
	defer r.dp.StopLoops()
	if err := sleep(ctx, settle); err != nil {
		return t, err
	}
	a := r.read()
	if err := sleep(ctx, d); err != nil {
		return t, err
	}
	t = r.read().since(a)
	if t.packets == 0 {
		return t, errors.New("no packets were forwarded")
	}
	sums := r.dp.Stats().Sums
	if d := sums.DroppedTotal(); d.Packets > 0 && !r.spec.drops {
		return t, fmt.Errorf("the switch dropped %d packets", d.Packets)
	}
	return t, nil
}

// warmLimit bounds the time until every flow was seen. A machine may need a while to
// find memory for a million of them, and has others to serve.
const warmLimit = 5 * time.Minute

// warm runs the loops until caches hold what they will hold.
func (r *memoryRig) warm(ctx context.Context) error {
	for end := time.Now().Add(warmLimit); ; {
		if _, err := r.turn(ctx, 0, 20*time.Millisecond); err != nil {
			return err
		}
		seen := uint64(0)
		for _, l := range r.dp.Stats().Loops {
			seen += l.Packets
		}
		if seen >= r.spec.warm {
			runtime.GC() // what setting up has left is not to be found in a turn
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("only %d packets of %d after %v", seen, r.spec.warm, warmLimit)
		}
	}
}
