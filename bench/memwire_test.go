package bench

import (
	"context"
	"testing"
	"time"

	"pollux/internal/packet"
	"pollux/pmd/port"
	"pollux/pmd/xsk"
)

// relay moves frames from in to out until stop is closed, but for every nth, which it
// loses when n is not 0.
func relay(in, out *port.Memory, mem *packet.Memory, lose int, stop chan struct{}) {
	rx, _ := in.Queues()
	_, tx := out.Queues()
	free := packet.NewFreeList(mem, 0)
	var b packet.Batch
	var chunks [packet.MaxBatch]uint64
	seen := 0
	for {
		select {
		case <-stop:
			return
		default:
		}
		n := rx[0].Rx(&b, 64, free)
		kept := 0
		for _, d := range b.Desc[:n] {
			if seen++; lose != 0 && seen%lose == 0 {
				free.Put(mem.Chunk(d.Addr))
				continue
			}
			b.Desc[kept] = d
			kept++
		}
		for _, d := range b.Desc[tx[0].Tx(b.Desc[:kept]):kept] {
			free.Put(mem.Chunk(d.Addr))
		}
		for _, c := range chunks[:tx[0].Reclaim(chunks[:])] {
			free.Put(c)
		}
		if n == 0 {
			time.Sleep(10 * time.Microsecond)
		}
	}
}

func TestMemoryTraffic(t *testing.T) {
	for _, tc := range []struct {
		name       string
		lose       int
		sent, lost uint64
		quiet      time.Duration // that ends it when some are lost
	}{{"all come back", 0, 5000, 0, patience}, {"one in ten is lost", 10, 200, 20, 2 * time.Second}} {
		t.Run(tc.name, func(t *testing.T) {
			mem, err := xsk.NewMemory(xsk.MemoryConfig{Homes: 1, PerHome: 1024})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := xsk.FreeMemory(mem); err != nil {
					t.Error(err)
				}
			})
			in, err := port.OpenMemory(port.MemoryConfig{}, mem)
			if err != nil {
				t.Fatal(err)
			}
			out, err := port.OpenMemory(port.MemoryConfig{Capture: 512}, mem)
			if err != nil {
				t.Fatal(err)
			}
			fs, err := NewFlowSet(FlowSpec{Flows: 50, Shapes: mixed, Skew: 1})
			if err != nil {
				t.Fatal(err)
			}
			stop, stopped := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(stopped)
				relay(in, out, mem, tc.lose, stop)
			}()
			r, err := MemoryTraffic(context.Background(), in, out, fs, tc.sent, 256, tc.quiet)
			close(stop)
			<-stopped
			if err != nil {
				t.Fatal(err)
			}
			if r.Sent != tc.sent || r.Lost != tc.lost || r.Received != tc.sent-tc.lost || r.Duplicate+r.Reordered+r.Foreign+r.NoRoom != 0 {
				t.Errorf("%v, foreign %d, no room %d", r, r.Foreign, r.NoRoom)
			}
		})
	}
}
