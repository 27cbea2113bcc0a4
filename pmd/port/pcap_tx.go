package port

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"pollux/internal/packet"
)

const (
	recordHeader = 16    // bytes before each frame of a pcap file
	pcapSnapLen  = 65535 // longest frame that the file's header announces
)

// pcapFlush is how often the buffer goes to disk.
const pcapFlush = 10 * time.Millisecond

// pcapTx writes frames to a file. The sending thread fills a buffer; a goroutine
// swaps it for an empty one and writes it out. The lock between them is held by
// the goroutine for the swap alone, and the sending thread only tries it.
type pcapTx struct {
	mem      *packet.Memory
	finished finished
	refused  atomic.Uint64 // calls of Tx that could not take all

	mu     sync.Mutex
	buffer []byte // filled by Tx, capacity never grows

	file  *os.File
	spare []byte // the goroutine's
	err   error  // of writing; the goroutine's until it has ended
	stop  chan struct{}
	ended chan struct{}
	dead  atomic.Bool // the file takes no more
}

// newPcapTx creates the file and starts the goroutine.
func newPcapTx(path string, size int, mem *packet.Memory) (*pcapTx, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := pcapgo.NewWriterNanos(file).WriteFileHeader(pcapSnapLen, layers.LinkTypeEthernet); err != nil {
		return nil, errors.Join(fmt.Errorf("write %s: %w", path, err), file.Close())
	}
	q := &pcapTx{
		mem:    mem,
		file:   file,
		buffer: make([]byte, 0, size),
		spare:  make([]byte, 0, size),
		stop:   make(chan struct{}),
		ended:  make(chan struct{}),
	}
	go q.flush()
	return q, nil
}

// Tx implements pmd.TxQueue. It takes less than all when the buffer is full (the
// disk is too slow), and nothing after a write has failed. It makes no system
// call but reads the clock once.
func (q *pcapTx) Tx(d []packet.Desc) int {
	d = d[:min(len(d), q.finished.room())]
	if len(d) == 0 {
		return 0
	}
	if q.dead.Load() || !q.mu.TryLock() {
		q.refused.Store(q.refused.Load() + 1)
		return 0
	}
	now := time.Now()
	sec, nsec := uint32(now.Unix()), uint32(now.Nanosecond())
	n := 0
	for ; n < len(d); n++ {
		frame := q.mem.Frame(d[n])
		at := len(q.buffer)
		if at+recordHeader+len(frame) > cap(q.buffer) {
			q.refused.Store(q.refused.Load() + 1)
			break
		}
		q.buffer = q.buffer[:at+recordHeader]
		head := q.buffer[at:]
		binary.LittleEndian.PutUint32(head, sec)
		binary.LittleEndian.PutUint32(head[4:], nsec)
		binary.LittleEndian.PutUint32(head[8:], uint32(len(frame)))
		binary.LittleEndian.PutUint32(head[12:], uint32(len(frame)))
		q.buffer = append(q.buffer, frame...)
	}
	q.mu.Unlock()
	q.finished.add(d[:n], q.mem)
	return n
}

// Reclaim implements pmd.TxQueue.
func (q *pcapTx) Reclaim(dst []uint64) int { return q.finished.reclaim(dst) }

// Inflight implements pmd.TxQueue.
func (q *pcapTx) Inflight() int { return q.finished.n }

// flush writes what has gathered, every now and then and at the end.
func (q *pcapTx) flush() {
	defer close(q.ended)
	tick := time.NewTicker(pcapFlush)
	defer tick.Stop()
	for {
		stopped := false
		select {
		case <-tick.C:
		case <-q.stop:
			stopped = true
		}
		q.mu.Lock()
		q.buffer, q.spare = q.spare[:0], q.buffer
		q.mu.Unlock()
		if q.err == nil && len(q.spare) > 0 {
			if _, q.err = q.file.Write(q.spare); q.err != nil {
				q.dead.Store(true)
			}
		}
		if stopped {
			return
		}
	}
}

// close ends the goroutine after a last write, and closes the file. A second
// close does nothing.
func (q *pcapTx) close() error {
	if q.stop == nil {
		return nil
	}
	q.dead.Store(true)
	close(q.stop)
	<-q.ended
	q.stop = nil
	return errors.Join(q.err, q.file.Close())
}
