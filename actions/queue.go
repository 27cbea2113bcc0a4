package actions

import "pollux/internal/packet"

// Queue is a queue of a port: a rate for what is sent by it, which all loops share as they
// share that of a meter. It keeps no packets: what is beyond the rate is not sent, as by the
// policers of Open vSwitch with DPDK.
type Queue struct {
	*QueueCounts
	band *meterBand // nil: no limit
}

// QueueCounts are the counters of a queue; loops add, anybody reads. They may outlive the
// queue: one of another rate can go on with them.
type QueueCounts struct {
	Sent   MeterCount // packets that the rate let through
	Beyond MeterCount // packets that it did not
}

// NewQueue returns a queue of rate bits a second, 0 for as much as comes, and with room for
// burst bits at once, 0 for what 50 ms bring, that is full at now (ns, the loops' clock).
// Frames count from the Ethernet header on, without FCS. The counters are counts, or new ones
// where that is nil.
func NewQueue(rate, burst uint64, now int64, counts *QueueCounts) *Queue {
	if counts == nil {
		counts = new(QueueCounts)
	}
	q := &Queue{QueueCounts: counts}
	if rate > 0 {
		q.band = &NewMeter(false, []MeterBand{{Rate: rate, Burst: burst}}, now).bands[0]
	}
	return q
}

// police asks q about the packets idx, of each of which most bytes are to be sent, and returns
// those that can be sent and those that are beyond the rate. Both are valid until the next
// meter or queue is asked.
func (e *Exec) police(q *Queue, b *packet.Batch, idx []uint16, most uint32) (sent, beyond []uint16) {
	over := false
	if q.band != nil {
		for j := range idx {
			e.metered.hit[j] = -1
		}
		over = q.band.take(false, e.Now, b, idx, most, &e.metered.hit, 0)
	}
	var bytes, lost uint64
	if !over {
		for _, i := range idx {
			bytes += uint64(min(b.Desc[i].Len, most))
		}
		q.Sent.add(len(idx), bytes)
		return idx, nil
	}
	n, m := 0, 0
	for j, i := range idx {
		size := uint64(min(b.Desc[i].Len, most))
		if e.metered.hit[j] < 0 {
			e.metered.pass[n] = i
			n++
			bytes += size
		} else {
			e.metered.apply[m] = i
			m++
			lost += size
		}
	}
	q.Sent.add(n, bytes)
	q.Beyond.add(m, lost)
	return e.metered.pass[:n], e.metered.apply[:m]
}

// queued returns the packets idx that the queue of an output has room for; the others are
// dropped.
func (e *Exec) queued(q *Queue, op *Op, b *packet.Batch, idx []uint16, s *Staging) []uint16 {
	sent, beyond := e.police(q, b, idx, wholeFrame)
	if len(beyond) > 0 {
		if e.witness.on {
			e.tellEgress(DropQueue, op.B, b, beyond)
		}
		e.dropOf(DropQueue, b, beyond, e.lostAt(s))
	}
	return sent
}

// queuedCopies returns the packets idx, copies of which, of most bytes, the queue of an output
// has room for. The copies of the others are dropped.
func (e *Exec) queuedCopies(q *Queue, op *Op, b *packet.Batch, idx []uint16, most uint32, s *Staging) []uint16 {
	sent, beyond := e.police(q, b, idx, most)
	for _, i := range beyond {
		e.refused(DropQueue, 1, uint64(min(b.Desc[i].Len, most)), s)
		e.fail(DropQueue, op, b, i)
	}
	return sent
}

// wholeFrame as the most bytes to send sends all of them.
const wholeFrame = ^uint32(0)
