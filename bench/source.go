package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"pollux/internal/cpu"
	"pollux/internal/packet"
	"pollux/pmd"
	"pollux/pmd/port"
	"pollux/pmd/xsk"
)

// Source is a rig without a switch: what the memory source makes goes to the memory
// sink unread. Its cost is in every figure of a Rig.
type Source struct {
	core, burst int
	mem         *packet.Memory
	ports       []*port.Memory
	rx          pmd.RxQueue
	tx          pmd.TxQueue
	free        *packet.FreeList
}

// OpenSource makes a source of flows and masks, and a sink. On error nothing is left.
func OpenSource(flows, masks, core, burst int) (s *Source, err error) {
	s = &Source{core: core, burst: burst}
	if burst < 1 || burst > packet.MaxBatch {
		return nil, fmt.Errorf("burst %d: must be 1 to %d", burst, packet.MaxBatch)
	}
	if s.mem, err = xsk.NewMemory(xsk.MemoryConfig{Homes: 1, PerHome: 4096}); err != nil {
		return nil, err
	}
	for _, c := range []port.MemoryConfig{{Flows: flows, Masks: masks}, {}} {
		p, err := port.OpenMemory(c, s.mem)
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		s.ports = append(s.ports, p)
	}
	rx, _ := s.ports[0].Queues()
	_, tx := s.ports[1].Queues()
	s.rx, s.tx, s.free = rx[0], tx[0], packet.NewFreeList(s.mem, 0)
	return s, nil
}

// Turn runs it for settle and then d and returns what it did in d: Packets and times.
func (s *Source) Turn(ctx context.Context, settle, d time.Duration) (t RigTurn, err error) {
	done := make(chan error, 1)
	go func() {
		// Never unlocked: the thread, pinned as it is, ends with the goroutine.
		runtime.LockOSThread()
		if err := cpu.Pin(s.core); err != nil {
			done <- err
			return
		}
		if _, err := s.run(ctx, settle); err != nil {
			done <- err
			return
		}
		t, err = s.run(ctx, d)
		done <- err
	}()
	return t, <-done
}

// sourceRounds is how many batches pass between two looks at the clock.
const sourceRounds = 256

func (s *Source) run(ctx context.Context, d time.Duration) (t RigTurn, err error) {
	var b packet.Batch
	chunks := make([]uint64, packet.MaxBatch)
	wall, mine := clockOf(unix.CLOCK_MONOTONIC), clockOf(unix.CLOCK_THREAD_CPUTIME_ID)
	for t.Wall < d {
		if err := ctx.Err(); err != nil {
			return t, err
		}
		for range sourceRounds {
			n := s.rx.Rx(&b, s.burst, s.free)
			if sent := s.tx.Tx(b.Desc[:n]); n == 0 || sent != n {
				return t, fmt.Errorf("the sink took %d of %d packets", sent, n)
			}
			for _, c := range chunks[:s.tx.Reclaim(chunks)] {
				s.free.Put(c)
			}
			t.Packets += uint64(n)
		}
		t.Wall = time.Duration(clockOf(unix.CLOCK_MONOTONIC) - wall)
	}
	t.Loop = time.Duration(clockOf(unix.CLOCK_THREAD_CPUTIME_ID) - mine)
	return t, nil
}

// Close gives the memory back.
func (s *Source) Close() (err error) {
	for _, p := range s.ports {
		_, e := p.Close()
		err = errors.Join(err, e)
	}
	return errors.Join(err, xsk.FreeMemory(s.mem))
}
