package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Generator sends a flow set out of a port.
type Generator struct {
	Port  *Port
	Flows *FlowSet
	Rate  float64 // packets a second; 0 is flat out
	Count uint64  // packets to send; 0 is until the context ends
	Batch int     // packets a system call, at most; default 64
	Core  int     // core to pin to, or -1
	Start uint64  // number of packets sent before, so that a run can go on from another
	Sent  []uint64
	Stamp bool // write the time into every tag: see stamped

	// Window bounds the packets that are on their way: those sent of which Arrived,
	// called from the generator's thread, does not know yet. A window smaller than
	// every ring on the way loses nothing, however late anybody is woken up. 0 is no
	// bound.
	Window  uint64
	Arrived func() uint64

	// Patience is how long a full window may wait without a single arrival before Run
	// ends with ErrStalled; it must be longer than two packets are apart. 0 is for ever:
	// one window a second is then sent into the void.
	Patience time.Duration

	total   atomic.Uint64
	written uint64    // packets on their way that were given up, as nothing arrived for stallTime
	seen    uint64    // Arrived at last
	moved   time.Time // when that changed, or packets were given up
	arrived time.Time // when that changed, or nothing was missing
}

// ErrStalled is what Run returns when it has lost its Patience.
var ErrStalled = errors.New("nothing arrived")

// windowNap is how long the generator sleeps when the window is full.
const windowNap = 50 * time.Microsecond

// stallTime is how long nothing may arrive before a full window counts as lost. If it is
// only late, the next window overruns the queues: a busy machine must not be taken for one
// that loses.
const stallTime = 3 * time.Second

// NewGenerator returns a generator that is not pinned.
func NewGenerator(p *Port, fs *FlowSet) *Generator {
	return &Generator{Port: p, Flows: fs, Batch: 64, Core: -1, Sent: make([]uint64, fs.Len())}
}

// Total returns the number of packets given to the kernel so far; any goroutine
// may ask.
func (g *Generator) Total() uint64 { return g.total.Load() }

// Run sends until the count is reached or ctx ends; either is a success. It returns
// after the kernel has taken the last packet.
func (g *Generator) Run(ctx context.Context) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if g.Core >= 0 {
		undo, err := Pin(g.Core)
		if err != nil {
			return err
		}
		defer undo()
	}
	start := time.Now()
	g.arrived = start
	var n uint64
	for g.Count == 0 || n < g.Count {
		if ctx.Err() != nil {
			break
		}
		want := uint64(max(1, g.Batch))
		if g.Count != 0 {
			want = min(want, g.Count-n)
		}
		if g.Rate > 0 {
			// Packets go out by the half millisecond: often enough for any ring, seldom
			// enough to sleep in between, so that the generator doesn't starve what it
			// measures.
			quantum := min(want, uint64(g.Rate/2000)+1)
			if wait := time.Duration(float64(n+quantum)/g.Rate*1e9) - time.Since(start); wait > 0 {
				time.Sleep(wait)
				continue
			}
			want = min(want, uint64(time.Since(start).Seconds()*g.Rate)+1-n)
		}
		if g.Window != 0 {
			if want = min(want, g.room(n)); g.stalled() {
				return errors.Join(fmt.Errorf("%w for %v, %d packets on their way", ErrStalled, g.Patience, n-min(n, g.seen)), g.drain(ctx))
			}
			if want == 0 {
				time.Sleep(windowNap)
				continue
			}
		}
		k, err := g.send(g.Start+n, int(want))
		n += uint64(k)
		g.total.Store(n)
		if err != nil {
			return err
		}
	}
	return g.drain(ctx)
}

// room returns how many packets may be sent now that n are.
func (g *Generator) room(n uint64) uint64 {
	a := g.Arrived()
	if a != g.seen || n == a {
		g.arrived = time.Now()
	}
	if a != g.seen || n == g.written+a {
		g.seen, g.moved = a, time.Now()
	} else if time.Since(g.moved) > stallTime {
		g.written, g.moved = n-a, time.Now()
	}
	onTheWay := n - min(n, g.seen+g.written)
	return g.Window - min(g.Window, onTheWay)
}

// stalled says whether to give up; room has looked just before.
func (g *Generator) stalled() bool { return g.Patience > 0 && time.Since(g.arrived) > g.Patience }

// send builds and sends up to want packets, from number n of the order on.
func (g *Generator) send(n uint64, want int) (k int, err error) {
	for k < want {
		b := g.Port.Buf()
		if b == nil {
			break
		}
		i := g.Flows.At(n + uint64(k))
		seq := g.Sent[i]
		if g.Stamp {
			seq = stamped(seq)
		}
		g.Port.Push(g.Flows.Build(b, i, seq))
		g.Sent[i]++
		k++
	}
	if k == 0 {
		return 0, again(g.Port.Kick())
	}
	return k, again(g.Port.Flush())
}

// again clears the errors that mean the kernel was out of buffers and will go on
// at the next call.
func again(err error) error {
	if errors.Is(err, unix.ENOBUFS) || errors.Is(err, unix.ENOMEM) {
		return nil
	}
	return err
}

// drain waits until the kernel has sent all.
func (g *Generator) drain(ctx context.Context) error {
	deadline := time.Now().Add(5 * time.Second)
	for g.Port.Unsent() > 0 || g.Port.InFlight() > 0 {
		if err := again(g.Port.Kick()); err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d packets were still not sent after 5 s", g.Port.InFlight())
		}
		runtime.Gosched()
	}
	return nil
}
