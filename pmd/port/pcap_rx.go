package port

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"pollux/internal/packet"
)

// maxPcap bounds what of a capture file is held in memory, in bytes of frames.
const maxPcap = 1 << 30

// pcapngMagic is the type of the block that a pcapng file begins with.
const pcapngMagic = 0x0a0d0d0a

// frameList is frames one after the other.
type frameList struct {
	data []byte
	ends []int // frame i is data[ends[i-1]:ends[i]]
}

func (l *frameList) len() int { return len(l.ends) }

// frame returns frame i.
func (l *frameList) frame(i int) []byte {
	start := 0
	if i > 0 {
		start = l.ends[i-1]
	}
	return l.data[start:l.ends[i]]
}

// pcapRx plays a list of frames.
type pcapRx struct {
	mem   *packet.Memory
	list  *frameList
	next  int   // frame to play
	turns int   // plays left, this one included; negative is for ever
	pace  pacer // perNS 0: no limit

	done    atomic.Bool   // nothing more will come; this thread stores
	tooLong atomic.Uint64 // frames that do not fit a chunk; this thread stores
}

func newPcapRx(list *frameList, loop int, pps float64, mem *packet.Memory) *pcapRx {
	q := &pcapRx{mem: mem, list: list, turns: loop, pace: pacer{perNS: pps / 1e9}}
	if loop == 0 {
		q.turns = 1
	}
	if list.len() == 0 {
		q.stop()
	}
	return q
}

// stop makes the queue give nothing more.
func (q *pcapRx) stop() {
	q.turns = 0
	q.done.Store(true)
}

// Rx implements pmd.RxQueue. A frame costs a copy, a batch a look at the clock if
// there is a rate.
func (q *pcapRx) Rx(b *packet.Batch, limit int, free *packet.FreeList) (n int) {
	limit = min(limit, packet.MaxBatch, free.Len())
	if limit <= 0 || q.turns == 0 {
		return 0
	}
	if q.pace.perNS > 0 {
		q.pace.take(&limit)
	}
	room := int(q.mem.ChunkSize - q.mem.Headroom)
	for left := limit; left > 0 && q.turns != 0; left-- {
		frame := q.list.frame(q.next)
		if q.next++; q.next == q.list.len() {
			q.nextTurn()
		}
		if len(frame) > room {
			q.tooLong.Store(q.tooLong.Load() + 1)
			continue
		}
		chunk, _ := free.Get()
		addr := chunk + uint64(q.mem.Headroom)
		copy(q.mem.Buf[addr:addr+uint64(room)], frame)
		b.Desc[n] = packet.Desc{Addr: addr, Len: uint32(len(frame))}
		n++
	}
	return n
}

// nextTurn goes back to the first frame, if the list is to be played again.
func (q *pcapRx) nextTurn() {
	q.next = 0
	if q.turns > 0 {
		if q.turns--; q.turns == 0 {
			q.done.Store(true)
		}
	}
}

// loadPcap reads a capture file's frames.
func loadPcap(path string) (*frameList, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	list, err := readPcap(bufio.NewReaderSize(f, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return list, nil
}

// readPcap reads the frames of a pcap or pcapng stream of Ethernet frames. Frames
// of no bytes are left out. A file that ends within a frame, as one does that is
// still being written, ends before it.
func readPcap(r *bufio.Reader) (*frameList, error) {
	magic, err := r.Peek(4)
	if err != nil {
		return nil, fmt.Errorf("magic number: %w", err)
	}
	var source gopacket.ZeroCopyPacketDataSource
	var linkType layers.LinkType
	if binary.BigEndian.Uint32(magic) == pcapngMagic {
		ng, err := pcapgo.NewNgReader(r, pcapgo.DefaultNgReaderOptions)
		if err != nil {
			return nil, fmt.Errorf("pcapng header: %w", err)
		}
		source, linkType = ng, ng.LinkType()
	} else {
		plain, err := pcapgo.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("pcap header: %w", err)
		}
		source, linkType = plain, plain.LinkType()
	}
	if linkType != layers.LinkTypeEthernet {
		return nil, fmt.Errorf("link type %d (%v): want %d, Ethernet", linkType, linkType, layers.LinkTypeEthernet)
	}
	list := &frameList{}
	for {
		data, _, err := source.ZeroCopyReadPacketData()
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return list, nil
		case err != nil:
			return nil, fmt.Errorf("frame %d: %w", list.len()+1, err)
		case len(data) == 0:
			continue
		case len(list.data)+len(data) > maxPcap:
			return nil, fmt.Errorf("frame %d: more than %d MB of frames", list.len()+1, maxPcap>>20)
		}
		list.data = append(list.data, data...)
		list.ends = append(list.ends, len(list.data))
	}
}
