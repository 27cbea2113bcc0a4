package bench

import (
	"encoding/binary"
	"sync/atomic"

	"pollux/flow"
	"pollux/internal/packet"
	"pollux/ofp/pipeline"
	"pollux/ofp/wire"
	"pollux/pmd"
	"pollux/pmd/port"
)

// stormVersions is the versions of a storm, and what the ports find of them in packets.
type stormVersions struct {
	next atomic.Uint64 // the last that was asked for
	done atomic.Uint64 // the last whose barrier was answered

	seen, stale uint64 // of the loop's thread
}

// stampAt is where in a frame the stamp lies: in the payload, at which no flow looks.
const stampAt = 48

// stamped is a source whose packets say which version was done when they came in.
func (s *stormVersions) stamped(in func(*packet.Memory) (pmd.Port, error)) func(*packet.Memory) (pmd.Port, error) {
	return func(mem *packet.Memory) (pmd.Port, error) {
		p, err := in(mem)
		return &stormPort{p, mem, s}, err
	}
}

// checked is a sink that holds packets' versions against their stamps.
func (s *stormVersions) checked(mem *packet.Memory) (pmd.Port, error) {
	p, err := port.OpenMemory(port.MemoryConfig{}, mem)
	return &stormPort{p, mem, s}, err
}

// stormPort is a port whose queues stamp and check.
type stormPort struct {
	pmd.Port
	mem *packet.Memory
	v   *stormVersions
}

// Queues implements pmd.Port.
func (p *stormPort) Queues() (rx []pmd.RxQueue, tx []pmd.TxQueue) {
	rx, tx = p.Port.Queues()
	for i := range rx {
		rx[i] = &stormRx{rx[i], p.mem, p.v}
	}
	for i := range tx {
		tx[i] = &stormTx{tx[i], p.mem, p.v}
	}
	return rx, tx
}

type stormRx struct {
	pmd.RxQueue
	mem *packet.Memory
	v   *stormVersions
}

// Rx implements pmd.RxQueue.
func (q *stormRx) Rx(b *packet.Batch, limit int, free *packet.FreeList) int {
	// Before they come in: what is done now binds them all.
	done := q.v.done.Load()
	n := q.RxQueue.Rx(b, limit, free)
	for _, d := range b.Desc[:n] {
		binary.BigEndian.PutUint64(q.mem.Buf[d.Addr+stampAt:], done)
	}
	return n
}

type stormTx struct {
	pmd.TxQueue
	mem *packet.Memory
	v   *stormVersions
}

// Tx implements pmd.TxQueue.
func (q *stormTx) Tx(d []packet.Desc) int {
	n := q.TxQueue.Tx(d)
	next := q.v.next.Load()
	for _, d := range d[:n] {
		f := q.mem.Buf[d.Addr : d.Addr+stampAt+8]
		version := binary.BigEndian.Uint64(f) >> 16 // which the flow has written into the destination
		if version < binary.BigEndian.Uint64(f[stampAt:]) || version > next {
			q.v.stale++
		}
	}
	q.v.seen += uint64(n)
	return n
}

// stormSwitch is what a session asks of the switch: a storm asks for flows only.
type stormSwitch struct{ r *memoryRig }

func (s stormSwitch) Features() wire.Features { return wire.Features{DatapathID: 1, Tables: 254} }
func (stormSwitch) Desc() wire.Desc           { return wire.Desc{Manufacturer: "Pollux", Datapath: "bench"} }
func (stormSwitch) PortStats() []wire.PortStats {
	return nil
}
func (s stormSwitch) PushCounts()           { s.r.dp.PushCounts() }
func (stormSwitch) CheckFrame([]byte) error { return nil }
func (s stormSwitch) PacketOut(o *pipeline.Out) error {
	return s.r.dp.PacketOut(pmd.PacketOut{Frame: o.Frame, InPort: o.In.InPort(), Fields: &o.In, Translate: o.Translate})
}
func (s stormSwitch) Resume(frame []byte, in *flow.Key, f *pipeline.Frozen) error {
	return s.r.dp.PacketOut(pmd.PacketOut{Frame: frame, InPort: in.InPort(), Fields: in, Translate: pipeline.Resume(f)})
}
func (stormSwitch) IPFIXBridge() (wire.IPFIXStats, bool) { return wire.IPFIXStats{}, false }
func (stormSwitch) IPFIXSets() []wire.IPFIXStats         { return nil }
