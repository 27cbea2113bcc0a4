package wire

import (
	"fmt"
	"time"

	"pollux/ofp/ofperr"
)

// AllQueues stands for all queues of a port in requests (OFPQ_ALL).
const AllQueues uint32 = 0xffffffff

// QueueFilter is which queues a request is for.
type QueueFilter struct {
	Port  PortNumber // PortAny: all
	Queue uint32     // AllQueues: all
}

// ParseQueueRequest reads the body of a request for PartQueue or PartQueueDesc.
func ParseQueueRequest(v Version, body []byte) (QueueFilter, error) {
	if len(body) != 8 {
		return QueueFilter{}, fmt.Errorf("request for queues of %d bytes, want 8: %w", len(body), ofperr.BadLen)
	}
	f := QueueFilter{PortNumber(be.Uint32(body)), be.Uint32(body[4:])}
	if v == V10 {
		// There OFPP_ALL stands for all ports, too.
		if f.Port = from10(be.Uint16(body)); f.Port == portAll {
			f.Port = PortAny
		}
	}
	return f, nil
}

// portAll is OFPP_ALL.
const portAll PortNumber = 0xfffffffc

// ParseQueueConfigRequest reads the body of a QUEUE_GET_CONFIG_REQUEST (1.0 and 1.3): the
// port whose queues are wanted; PortAny for all in 1.3.
func ParseQueueConfigRequest(v Version, body []byte) (PortNumber, error) {
	want := 8
	if v == V10 {
		want = 4
	}
	if len(body) != want {
		return 0, fmt.Errorf("request for a port's queues of %d bytes, want %d: %w", len(body), want, ofperr.BadLen)
	}
	if v == V10 {
		return from10(be.Uint16(body)), nil
	}
	return PortNumber(be.Uint32(body)), nil
}

// QueueStats are the counters of a queue: the record of replies to PartQueue.
type QueueStats struct {
	Port     PortNumber
	Queue    uint32
	Bytes    uint64 // sent
	Packets  uint64 // sent
	Errors   uint64 // packets that were dropped
	Duration time.Duration
}

// Append appends the record. In 1.0 one of a port whose number it can't say is left out.
func (s *QueueStats) Append(b []byte, v Version) []byte {
	if v == V10 {
		n, ok := s.Port.port10()
		if !ok {
			return b
		}
		b = zeros(be.AppendUint16(b, n), 2)
	} else {
		if v >= V14 {
			b = zeros(be.AppendUint16(b, queueStats14Len), 6)
		}
		b = be.AppendUint32(b, uint32(s.Port))
	}
	b = be.AppendUint32(b, s.Queue)
	b = be.AppendUint64(be.AppendUint64(be.AppendUint64(b, s.Bytes), s.Packets), s.Errors)
	if v == V10 {
		return b
	}
	return appendDuration(b, s.Duration)
}

// Lengths of a queue's statistics.
const (
	queueStats10Len = 32
	queueStats13Len = 40
	queueStats14Len = 48 // without properties
)

// ParseQueueStats reads the record that b begins with and returns the rest of b. Properties
// are skipped: there are none of the specification.
func ParseQueueStats(v Version, b []byte) (s *QueueStats, rest []byte, err error) {
	n := queueStats14Len
	switch v {
	case V10:
		n = queueStats10Len
	case V13:
		n = queueStats13Len
	}
	if len(b) < n {
		return nil, nil, fmt.Errorf("statistics of a queue of %d bytes, want %d or more: %w", len(b), n, ofperr.BadLen)
	}
	d := b[:n]
	if v >= V14 {
		if n = int(be.Uint16(b)); n < queueStats14Len || n > len(b) {
			return nil, nil, fmt.Errorf("statistics of a queue that say they have %d bytes of %d: %w", n, len(b), ofperr.BadLen)
		}
		d = d[8:]
	}
	s = &QueueStats{
		Port: PortNumber(be.Uint32(d)), Queue: be.Uint32(d[4:]), Bytes: be.Uint64(d[8:]), Packets: be.Uint64(d[16:]), Errors: be.Uint64(d[24:]),
	}
	if v == V10 {
		s.Port = from10(be.Uint16(d))
	} else {
		s.Duration = parseDuration(d[32:])
	}
	return s, b[n:], nil
}
