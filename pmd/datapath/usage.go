package datapath

import (
	"cmp"
	"math/bits"
	"slices"
	"time"

	"pollux/internal/clock"
	"pollux/internal/packet"
	"pollux/pmd"
)

// Usage is what of loops' time goes into what, as shares of a window up to now, and who
// polls which queue. It is read for people, and by what rebalances.
type Usage struct {
	Seconds float64     `json:"seconds"` // the window: as asked for, or less where less has been seen
	Loops   []LoopUsage `json:"loops"`
}

// LoopUsage is one loop.
type LoopUsage struct {
	Loop     int          `json:"loop"`
	Core     int          `json:"core"`
	Isolated bool         `json:"isolated"` // has pinned queues, and gets no others
	Busy     float64      `json:"busy"`     // share of the window in iterations that found work, 0 to 1
	Overhead float64      `json:"overhead"` // of Busy, what went into none of its queues
	Room     int          `json:"room"`     // frames of its memory that queues may take
	Queues   []QueueUsage `json:"queues"`
}

// QueueUsage is one receive queue. What sending costs is shared out by packets.
type QueueUsage struct {
	Slot    int     `json:"slot"`
	Port    string  `json:"port"`
	Queue   int     `json:"queue"`
	Pinned  bool    `json:"pinned"`
	Frames  int     `json:"frames"` // of its loop's memory that it takes
	Packets uint64  `json:"packets"`
	Usage   float64 `json:"usage"` // share of one core, 0 to 1
}

// UsageWindow is how far back usage can be told; UsageSamples how often it is looked at
// meanwhile. Both are those of Open vSwitch.
const (
	UsageWindow  = time.Minute
	UsageSamples = 12
)

// usage is the last looks at what loops have done, the oldest first.
type usage struct {
	taken []look
}

// look is what all loops had done by a moment, and each queue had cost whichever loops
// had it.
type look struct {
	loops  []pmd.Load
	queues map[queueID]pmd.RxStats
}

type queueID struct{ slot, queue int }

// of returns what there was of queue r, nothing where it has begun anew since.
func (s *look) of(r *pmd.RxStats) pmd.RxStats {
	if was := s.queues[queueID{r.Slot, r.Queue}]; was.Packets <= r.Packets && was.Ticks <= r.Ticks {
		return was
	}
	return pmd.RxStats{}
}

func (d *Datapath) look() look {
	s := look{queues: map[queueID]pmd.RxStats{}}
	for _, l := range d.loops {
		w := l.Load()
		s.loops = append(s.loops, w)
		for _, r := range w.Rx {
			s.queues[queueID{r.Slot, r.Queue}] = r
		}
	}
	return s
}

// SampleUsage is to be called UsageSamples times in the longest window that is asked for.
func (d *Datapath) SampleUsage() {
	d.mu.Lock()
	defer d.mu.Unlock()
	u := &d.usage
	if len(u.taken) == UsageSamples+1 {
		u.taken = append(u.taken[:0], u.taken[1:]...)
	}
	u.taken = append(u.taken, d.look())
}

// Usage tells the usage of the last window, or of all the time seen if that is less.
func (d *Datapath) Usage(window time.Duration) Usage {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.usageOf(window)
}

func (d *Datapath) usageOf(window time.Duration) Usage {
	now := d.look()
	// The youngest look that is old enough, or else the oldest. Without any, since start.
	then := look{loops: make([]pmd.Load, len(d.loops))}
	for i := range then.loops {
		then.loops[i].At = d.began
	}
	least := window.Seconds() * clock.Hz()
	for k, s := range d.usage.taken {
		if k == 0 || float64(now.loops[0].At-s.loops[0].At) >= least*0.99 {
			then = s
		}
	}
	u := Usage{Seconds: float64(now.loops[0].At-then.loops[0].At) / clock.Hz()}
	for i := range now.loops {
		u.Loops = append(u.Loops, d.loopUsage(i, &now, &then))
	}
	return u
}

// loopUsage is the usage of loop i from one look to another.
func (d *Datapath) loopUsage(i int, now, then *look) LoopUsage {
	a, b := &then.loops[i], &now.loops[i]
	span := max(1, b.At-a.At)
	u := LoopUsage{
		Loop: i, Core: d.cores[i], Busy: share(b.Busy-a.Busy, span),
		Room: d.room(), Queues: []QueueUsage{},
	}
	// The packets that the loop sent for are those of the queues it has now, as nearly as
	// may be told: one that came or went meanwhile did so once.
	var all uint64
	for _, r := range b.Rx {
		all += r.Packets - then.of(&r).Packets
	}
	all = max(1, all+b.TookOver-a.TookOver)
	rest := u.Busy
	for _, r := range b.Rx {
		p, was := d.ports[r.Slot], then.of(&r)
		packets := r.Packets - was.Packets
		hi, lo := bits.Mul64(b.Transmit-a.Transmit, packets)
		sending, _ := bits.Div64(hi%all, lo, all)
		q := QueueUsage{
			Slot: r.Slot, Port: p.Name, Queue: r.Queue, Pinned: p.pinned(r.Queue), Frames: p.Frames,
			Packets: packets, Usage: share(r.Ticks-was.Ticks+sending, span),
		}
		u.Isolated = u.Isolated || q.Pinned && d.isolate
		rest -= q.Usage
		u.Queues = append(u.Queues, q)
	}
	u.Overhead = max(0, rest)
	slices.SortFunc(u.Queues, byPlace)
	return u
}

func byPlace(a, b QueueUsage) int {
	return cmp.Or(cmp.Compare(a.Slot, b.Slot), cmp.Compare(a.Queue, b.Queue))
}

// room is how many frames of a loop's memory its receive queues may take, so that
// transmit queues and what is on its way are left theirs.
func (d *Datapath) room() int {
	n := int(d.mem.PerHome) - 4*packet.MaxBatch
	for _, p := range d.ports {
		n -= p.TxFrames
	}
	return n
}

func share(a, b uint64) float64 { return min(1, float64(a)/float64(b)) }
