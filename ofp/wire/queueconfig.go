package wire

import (
	"fmt"

	"pollux/ofp/ofperr"
)

// QueueConfig describes a queue: a part of QUEUE_GET_CONFIG_REPLY (1.0 and 1.3), or the record
// of replies to PartQueueDesc (1.4 and up).
type QueueConfig struct {
	Port  PortNumber // in 1.0 the message has it
	Queue uint32
	// MaxRate in tenths of a percent of the port's speed; NoQueueRate where there is no limit, or
	// it can't be said. 1.0 has no such property.
	MaxRate uint16
}

// NoQueueRate as a rate says that there is none to tell.
const NoQueueRate uint16 = 0xffff

const (
	queueMaxRate = 2 // OFPQT_MAX_RATE, OFPQDPT_MAX_RATE

	queue10Len     = 8  // struct ofp_packet_queue of 1.0 without properties
	queueLen       = 16 // of 1.3, and struct ofp_queue_desc of 1.4
	queueProp13Len = 16
	queueProp14Len = 8
)

// Append appends the description as version v has it.
func (q *QueueConfig) Append(b []byte, v Version) []byte {
	at, length := len(b), 8
	switch v {
	case V10:
		b, length = zeros(be.AppendUint32(b, q.Queue), 4), 4
	case V13:
		b = zeros(be.AppendUint32(be.AppendUint32(b, q.Queue), uint32(q.Port)), 8)
	default:
		b = zeros(be.AppendUint32(be.AppendUint32(b, uint32(q.Port)), q.Queue), 8)
	}
	switch {
	case v == V10 || q.MaxRate > 1000:
	case v == V13:
		b = zeros(be.AppendUint16(be.AppendUint16(b, queueMaxRate), queueProp13Len), 4)
		b = zeros(be.AppendUint16(b, q.MaxRate), 6)
	default:
		b = be.AppendUint16(be.AppendUint16(b, queueMaxRate), queueProp14Len)
		b = zeros(be.AppendUint16(b, q.MaxRate), 2)
	}
	be.PutUint16(b[at+length:], uint16(len(b)-at))
	return b
}

// ParseQueueConfig reads the description that b begins with and returns the rest of b. Other
// properties than the highest rate are skipped. In 1.0 Port is 0.
func ParseQueueConfig(v Version, b []byte) (q *QueueConfig, rest []byte, err error) {
	head, length, prop := queueLen, 8, 4
	if v == V10 {
		head, length = queue10Len, 4
	}
	if len(b) < head {
		return nil, nil, fmt.Errorf("queue of %d bytes, want %d or more: %w", len(b), head, ofperr.BadLen)
	}
	n := int(be.Uint16(b[length:]))
	if n < head || n > len(b) {
		return nil, nil, fmt.Errorf("queue that says it has %d bytes of %d: %w", n, len(b), ofperr.BadLen)
	}
	q = &QueueConfig{MaxRate: NoQueueRate}
	switch v {
	case V10:
		q.Queue = be.Uint32(b)
	case V13:
		q.Queue, q.Port = be.Uint32(b), PortNumber(be.Uint32(b[4:]))
	default:
		q.Port, q.Queue = PortNumber(be.Uint32(b)), be.Uint32(b[4:])
	}
	if v <= V13 {
		prop = 8
	}
	for d := b[head:n]; len(d) > 0; {
		if len(d) < prop {
			return nil, nil, fmt.Errorf("property of a queue of %d bytes, want %d or more: %w", len(d), prop, ofperr.BadLen)
		}
		size := int(be.Uint16(d[2:]))
		if size < prop || size > len(d) {
			return nil, nil, fmt.Errorf("property of a queue that says it has %d bytes of %d: %w", size, len(d), ofperr.BadLen)
		}
		if be.Uint16(d) == queueMaxRate && v != V10 {
			at := 4
			if v == V13 {
				at = 8
			}
			if size < at+2 {
				return nil, nil, fmt.Errorf("rate of a queue of %d bytes: %w", size, ofperr.BadLen)
			}
			if q.MaxRate = be.Uint16(d[at:]); q.MaxRate > 1000 {
				q.MaxRate = NoQueueRate
			}
		}
		d = d[min((size+7)/8*8, len(d)):] // with what fills it up to 8 bytes
	}
	return q, b[n:], nil
}

// QueueConfigs is the body of a QUEUE_GET_CONFIG_REPLY (1.0 and 1.3).
type QueueConfigs struct {
	Port   PortNumber // that was asked about; PortAny for all of them in 1.3
	Queues []QueueConfig
}

// Append appends the message, with as many queues as it has room for. In 1.0 a port that it
// has no number for is PortAny.
func (c *QueueConfigs) Append(b []byte, v Version, xid uint32) []byte {
	at := len(b)
	b = begin(b, v, QueueGetConfigReply, xid)
	if v != V10 {
		b = zeros(be.AppendUint32(b, uint32(c.Port)), 4)
	} else {
		n, ok := c.Port.port10()
		if !ok {
			n = uint16(PortAny & 0xffff)
		}
		b = zeros(be.AppendUint16(b, n), 6)
	}
	for i := range c.Queues {
		n := len(b)
		if b = c.Queues[i].Append(b, v); len(b)-at > MaxLen {
			b = b[:n]
			break
		}
	}
	return end(b, at)
}

// ParseQueueConfigs reads the body of a QUEUE_GET_CONFIG_REPLY.
func ParseQueueConfigs(v Version, body []byte) (*QueueConfigs, error) {
	if len(body) < 8 {
		return nil, fmt.Errorf("reply about queues of %d bytes, want 8 or more: %w", len(body), ofperr.BadLen)
	}
	c := &QueueConfigs{Port: PortNumber(be.Uint32(body))}
	if v == V10 {
		c.Port = from10(be.Uint16(body))
	}
	for b := body[8:]; len(b) > 0; {
		q, rest, err := ParseQueueConfig(v, b)
		if err != nil {
			return nil, err
		}
		if v == V10 {
			q.Port = c.Port
		}
		c.Queues, b = append(c.Queues, *q), rest
	}
	return c, nil
}
