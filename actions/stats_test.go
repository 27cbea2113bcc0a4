package actions

import (
	"sync"
	"testing"

	"pollux/flow"
	"pollux/internal/packet"
)

// TestPublish reads the counts from another thread while the loop works: every copy
// is of one moment, so its sum closes.
func TestPublish(t *testing.T) {
	r := newRig(64, 2)
	for range 8 {
		r.receive(udp(), 256)
	}
	flow.Extract(r.Mem, &r.batch, r.keys)
	desc := r.batch.Desc
	p := build(out(1), out(2))
	r.Out[1].State = Down
	stop := make(chan struct{})
	var wg sync.WaitGroup
	reads := 0
	wg.Go(func() {
		for {
			s := r.Load()
			if s.In.Packets+s.Clones.Packets+s.Late.Packets != s.Staged.Packets+s.Dropped().Packets {
				t.Errorf("a copy whose sum is open: %+v", s)
				return
			}
			reads++
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	const rounds = 2000
	r.Release = func([]uint64) {} // the frames are used again as they are
	r.Flush = func(slot int) {
		for _, d := range r.Out[slot].Take() {
			r.Free.Put(r.Mem.Chunk(d.Addr))
		}
	}
	for range rounds {
		r.batch.Desc = desc
		r.Run(p, &r.batch, r.keys, r.idx)
		r.Drop(DropTxFull, r.Out[0].Desc[:1])
		r.Flush(0)
		r.Publish()
	}
	close(stop)
	wg.Wait()
	s := r.Load()
	if s != r.Stats || s.In.Packets != 8*rounds || s.Late.Packets != rounds || s.Drops[DropPortDown].Packets != 8*rounds {
		t.Errorf("published %+v of %+v", s, r.Stats)
	}
	if reads == 0 {
		t.Error("nothing was read")
	}
}

func TestDrop(t *testing.T) {
	r := newRig(300, 1)
	var d []packet.Desc
	for range 300 {
		c, _ := r.Free.Get()
		d = append(d, packet.Desc{Addr: c + 300, Len: 10})
	}
	r.Exec.Drop(DropHandoff, d)
	if r.Free.Len() != 300 || r.Drops[DropHandoff] != (Count{300, 3000}) || r.Late != (Count{300, 3000}) {
		t.Errorf("%d free, %+v", r.Free.Len(), r.Stats)
	}
}
