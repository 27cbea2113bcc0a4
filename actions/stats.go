package actions

import (
	"math/bits"
	"sync/atomic"

	"pollux/internal/packet"
)

// Count is a number of packets and their bytes.
type Count struct {
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`
}

func (c *Count) add(packets int, bytes uint64) {
	c.Packets += uint64(packets)
	c.Bytes += bytes
}

// Stats says where the frames of one Exec went; it only grows. In packets,
// In + Clones + Late = Staged + the sum of Drops[:].
type Stats struct {
	In     Count // frames given to Run
	Clones Count // copies that outputs asked for, whether or not a frame was free for them
	Staged Count // frames laid in staging areas
	Late   Count // frames given to Drop, after they were staged or without a program
	Drops  [NumReasons]Count
}

// Dropped returns the sum of Drops.
func (s *Stats) Dropped() (c Count) {
	for i := range s.Drops {
		c.Packets += s.Drops[i].Packets
		c.Bytes += s.Drops[i].Bytes
	}
	return c
}

// published is the copy of a Stats that other threads read. Its words are stored
// by the loop's thread alone, between two steps of seq, which is odd meanwhile, so
// that a reader can tell a whole copy from a mixed one.
type published struct {
	seq    atomic.Uint64
	in     [2]atomic.Uint64
	clones [2]atomic.Uint64
	staged [2]atomic.Uint64
	late   [2]atomic.Uint64
	drops  [NumReasons][2]atomic.Uint64
}

func put(a *[2]atomic.Uint64, c Count) {
	// A store is a locked exchange on amd64; a load and a branch are cheaper.
	if a[0].Load() != c.Packets || a[1].Load() != c.Bytes {
		a[0].Store(c.Packets)
		a[1].Store(c.Bytes)
	}
}

func get(a *[2]atomic.Uint64) Count { return Count{a[0].Load(), a[1].Load()} }

// Publish makes the counts so far visible to Load. The loop's thread calls it once
// a batch or less often; it costs about eight atomic stores.
func (e *Exec) Publish() {
	p := &e.pub
	p.seq.Add(1)
	put(&p.in, e.In)
	put(&p.clones, e.Clones)
	put(&p.staged, e.Staged)
	put(&p.late, e.Late)
	for m := e.dirty; m != 0; m &= m - 1 {
		r := bits.TrailingZeros64(m)
		put(&p.drops[r], e.Drops[r])
	}
	e.dirty = 0
	p.seq.Add(1)
}

// Load returns the counts as last published, all of one moment. Any thread may
// call it.
func (e *Exec) Load() (s Stats) {
	p := &e.pub
	for {
		seq := p.seq.Load()
		s.In, s.Clones, s.Staged = get(&p.in), get(&p.clones), get(&p.staged)
		s.Late = get(&p.late)
		for r := range s.Drops {
			s.Drops[r] = get(&p.drops[r])
		}
		if seq&1 == 0 && p.seq.Load() == seq {
			return s
		}
	}
}

// Drop counts frames that the loop itself gives up and releases their chunks: frames
// that a transmit ring had no room for, or that no program was found for. Flush may
// call it.
func (e *Exec) Drop(r Reason, d []packet.Desc) {
	var bytes uint64
	for i := range d {
		bytes += uint64(d[i].Len)
		e.kill(d[i].Addr)
	}
	e.Late.add(len(d), bytes)
	e.dropped(r, len(d), bytes)
	e.release()
}

// dropped counts n frames under r.
func (e *Exec) dropped(r Reason, n int, bytes uint64) {
	e.Drops[r].add(n, bytes)
	e.dirty |= 1 << r
}
