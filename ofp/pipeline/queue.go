package pipeline

import (
	"cmp"
	"fmt"
	"slices"

	"pollux/actions"
	"pollux/ofp/ofperr"
)

// Queue describes a queue of a port.
type Queue struct {
	ID      uint32
	MaxRate uint64 // bits a second, frames from the Ethernet header on; 0: no limit
	Burst   uint64 // bits that may be sent at once; 0: what 50 ms bring
}

// AllQueues stands for every queue of a port (OFPQ_ALL).
const AllQueues uint32 = 0xffffffff

// Queues is the queues of a port, by their number; nil is none. It is not changed once it is
// made.
type Queues struct {
	list []queueEntry
}

// queueEntry is a queue of a port of a snapshot.
type queueEntry struct {
	Queue
	run     *actions.Queue
	created int64 // ns, monotonic
}

// NewQueues returns a port's queues. Their numbers must differ, and be less than AllQueues.
func NewQueues(list []Queue) *Queues {
	if len(list) == 0 {
		return nil
	}
	q := &Queues{}
	for _, x := range list {
		q.list = append(q.list, queueEntry{Queue: x})
	}
	slices.SortFunc(q.list, func(a, b queueEntry) int { return cmp.Compare(a.ID, b.ID) })
	return q
}

// check refuses what no port's queues can be.
func (q *Queues) check() error {
	if q == nil {
		return nil
	}
	for i := range q.list {
		switch id := q.list[i].ID; {
		case id == AllQueues:
			return fmt.Errorf("queue %#x: that stands for all queues", id)
		case i > 0 && q.list[i-1].ID == id:
			return fmt.Errorf("two queues %d; each needs its own number", id)
		}
	}
	return nil
}

// find returns the queue of that number, or nil.
func (q *Queues) find(id uint32) *queueEntry {
	if q == nil {
		return nil
	}
	i, ok := slices.BinarySearchFunc(q.list, id, func(e queueEntry, id uint32) int { return cmp.Compare(e.ID, id) })
	if !ok {
		return nil
	}
	return &q.list[i]
}

// of returns the queue by which packets that are set to queue id are sent: as in Open
// vSwitch that is queue 0 where there is no queue id. It is nil where that is not there either.
func (q *Queues) of(id uint32) *queueEntry {
	if e := q.find(id); e != nil {
		return e
	}
	return q.find(0)
}

// same says whether both describe the same queues.
func (q *Queues) same(r *Queues) bool {
	if q == nil || r == nil {
		return q == r
	}
	return slices.EqualFunc(q.list, r.list, func(a, b queueEntry) bool { return a.Queue == b.Queue })
}

// keepQueues makes the queues of ports ready to be used. Those of ports that were there
// before, under the same number and name, go on: the same queue as it was, one that has
// another rate with its counters.
func (s *portSet) keepQueues(old *portSet, now int64) {
	for i := range s.all {
		p := &s.all[i]
		var was *Queues
		if o := old.get(p.OFPort); o != nil && o.Name == p.Name {
			was = o.Queues
		}
		switch {
		case p.Queues == nil || p.Queues == was:
		case p.Queues.same(was):
			p.Queues = was
		default:
			p.Queues = p.Queues.ready(was, now)
		}
	}
}

// ready returns q with what loops ask, of which was had some.
func (q *Queues) ready(was *Queues, now int64) *Queues {
	next := &Queues{list: slices.Clone(q.list)}
	for i := range next.list {
		e := &next.list[i]
		o := was.find(e.ID)
		switch {
		case o != nil && o.Queue == e.Queue:
			*e = *o
		case o != nil:
			e.run, e.created = actions.NewQueue(e.MaxRate, e.Burst, now, o.run.QueueCounts), o.created
		default:
			e.run, e.created = actions.NewQueue(e.MaxRate, e.Burst, now, nil), now
		}
	}
	return next
}

// QueueStats is a queue of a port with its counters.
type QueueStats struct {
	Port     uint32
	Queue    Queue
	Packets  uint64 // that the rate let through to the port
	Bytes    uint64
	Errors   uint64 // packets beyond the rate, which were dropped
	Duration int64  // ns that the queue is there
}

// QueueStats returns a queue of a port, or all of them by number for AllQueues, with counters
// as of now; of all ports for AnyPort. The error is QueueBadPort, or QueueUnknown when a queue
// is named that no such port has.
func (s *State) QueueStats(port, queue uint32) ([]QueueStats, error) {
	snap, now := s.snap.Load(), s.now()
	if port != AnyPort && snap.ports.get(port) == nil {
		return nil, fmt.Errorf("there is no port %d: %w", port, ofperr.QueueBadPort)
	}
	var out []QueueStats
	for i := range snap.ports.all {
		p := &snap.ports.all[i]
		if p.Queues == nil || port != AnyPort && p.OFPort != port {
			continue
		}
		for k := range p.Queues.list {
			e := &p.Queues.list[k]
			if queue != AllQueues && e.ID != queue {
				continue
			}
			out = append(out, QueueStats{
				Port: p.OFPort, Queue: e.Queue, Duration: max(now-e.created, 0),
				Packets: e.run.Sent.Packets.Load(), Bytes: e.run.Sent.Bytes.Load(), Errors: e.run.Beyond.Packets.Load(),
			})
		}
	}
	if len(out) == 0 && queue != AllQueues {
		return nil, fmt.Errorf("there is no queue %d: %w", queue, ofperr.QueueUnknown)
	}
	return out, nil
}

// enqueue outputs to a port by a queue, as enqueue of OpenFlow 1.0 does; the queue that was
// set before is set after it.
func (x *xlate) enqueue(port, queue uint32) {
	was := x.queue
	x.queue = queue
	x.output(port)
	x.queue = was
}

// byQueue has an output to p go by the queue that the packet is set to.
func (x *xlate) byQueue(p *Port, op *actions.Op) {
	e := p.Queues.of(x.queue)
	if e == nil {
		return
	}
	at := slices.Index(x.queues, e.run)
	if at < 0 {
		at = len(x.queues)
		x.queues = append(x.queues, e.run)
	}
	op.V.Hi, op.M.Lo = uint64(at)+1, uint64(e.ID)
	if x.tr != nil {
		x.tr.detail("by queue %d of port %d", e.ID, p.OFPort)
	}
}
