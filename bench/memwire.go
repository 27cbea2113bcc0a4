package bench

import (
	"context"
	"fmt"
	"time"

	"pollux/pmd/port"
)

// MemoryTraffic sends count packets of a flow set into the switch by the memory port
// in, and counts those that come out of the memory port out, which must have been
// opened with Capture of window or more. At most window packets are on their way. It
// returns when all have come back, or none has for quiet.
func MemoryTraffic(ctx context.Context, in, out *port.Memory, fs *FlowSet, count, window uint64, quiet time.Duration) (*Report, error) {
	if window == 0 {
		return nil, fmt.Errorf("a window of 0 packets: must be 1 or more")
	}
	sent, tally := make([]uint64, fs.Len()), NewTally(fs.Len())
	buf := make([]byte, MaxFrame)
	start := time.Now()
	moved := start
	var n, came, noRoom uint64
	for came < count {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		busy := false
		for n < count && n-min(n, came) < window {
			i := fs.At(n)
			clear(buf)
			if in.Inject(buf[:fs.Build(buf, i, sent[i])]) == 0 {
				break
			}
			sent[i]++
			n++
			busy = true
		}
		frames, lost := out.Captured()
		noRoom = lost
		for _, f := range frames {
			tally.Add(f)
			busy = true
		}
		came = tally.Total() + lost
		if busy {
			moved = time.Now()
		} else if time.Since(moved) > quiet {
			break
		} else {
			time.Sleep(20 * time.Microsecond)
		}
	}
	r := NewReport(sent, tally, time.Since(start))
	r.NoRoom = noRoom
	return r, nil
}
