package wire

import (
	"encoding/binary"
	"fmt"
	"time"

	"pollux/ofp/ofperr"
)

// oxsClass is OFPXSC_OPENFLOW_BASIC; the fields are its (OpenFlow 1.5 section 7.2.4.1).
const (
	oxsClass    = 0x8002
	oxsDuration = 0
	oxsIdle     = 1
	oxsFlows    = 3
	oxsPackets  = 4
	oxsBytes    = 5
)

// oxs is the statistics of 1.5 (struct ofp_stats): what is not there is not told. Times are
// not told where they are negative.
type oxs struct {
	duration, idle time.Duration
	flows          *uint32
	packets, bytes uint64 // UnknownCount: not told
}

func (s *FlowStat) counters() oxs {
	return oxs{duration: s.Duration, idle: s.IdleAge, packets: s.Packets, bytes: s.Bytes}
}

// append appends the statistics with their padding.
func (o oxs) append(b []byte) []byte {
	at := len(b)
	b = append(b, 0, 0, 0, 0)
	field := func(number uint32, n uint32) {
		b = binary.BigEndian.AppendUint32(b, oxsClass<<16|number<<9|n)
	}
	if o.duration >= 0 {
		field(oxsDuration, 8)
		b = appendDuration(b, o.duration)
	}
	if o.idle >= 0 {
		field(oxsIdle, 8)
		b = appendDuration(b, o.idle)
	}
	if o.flows != nil {
		field(oxsFlows, 4)
		b = binary.BigEndian.AppendUint32(b, *o.flows)
	}
	if o.packets != UnknownCount {
		field(oxsPackets, 8)
		b = binary.BigEndian.AppendUint64(b, o.packets)
	}
	if o.bytes != UnknownCount {
		field(oxsBytes, 8)
		b = binary.BigEndian.AppendUint64(b, o.bytes)
	}
	binary.BigEndian.PutUint16(b[at+2:], uint16(len(b)-at))
	return zeros(b, (8-(len(b)-at)%8)%8)
}

// parseOXS reads the statistics at the start of b and returns what follows their padding.
// Fields that are not known are passed over.
func parseOXS(b []byte) (o oxs, rest []byte, err error) {
	o = oxs{duration: -1, idle: -1, packets: UnknownCount, bytes: UnknownCount}
	n := 0
	if len(b) >= 4 {
		n = int(binary.BigEndian.Uint16(b[2:]))
	}
	if n < 4 || (n+7)&^7 > len(b) {
		return o, nil, fmt.Errorf("statistics of %d bytes in %d: %w", n, len(b), ofperr.BadLen)
	}
	rest, b = b[(n+7)&^7:], b[4:n]
	for len(b) > 0 {
		if len(b) < 4 || len(b) < 4+int(b[3]) {
			return o, nil, fmt.Errorf("statistics cut short: %w", ofperr.BadLen)
		}
		h, v := binary.BigEndian.Uint32(b), b[4:4+int(b[3])]
		b = b[4+len(v):]
		switch {
		case h == oxsClass<<16|oxsDuration<<9|8:
			o.duration = parseDuration(v)
		case h == oxsClass<<16|oxsIdle<<9|8:
			o.idle = parseDuration(v)
		case h == oxsClass<<16|oxsFlows<<9|4:
			flows := binary.BigEndian.Uint32(v)
			o.flows = &flows
		case h == oxsClass<<16|oxsPackets<<9|8:
			o.packets = binary.BigEndian.Uint64(v)
		case h == oxsClass<<16|oxsBytes<<9|8:
			o.bytes = binary.BigEndian.Uint64(v)
		}
	}
	return o, rest, nil
}

// Append appends the body of the reply to a request for an aggregate.
func (a *Aggregate) Append(b []byte, v Version) []byte {
	if v >= V15 {
		return oxs{duration: -1, idle: -1, flows: &a.Flows, packets: a.Packets, bytes: a.Bytes}.append(b)
	}
	packets, bytes := a.Packets, a.Bytes
	if v == V10 {
		packets, bytes = knownCount(packets), knownCount(bytes)
	}
	b = binary.BigEndian.AppendUint64(b, packets)
	b = binary.BigEndian.AppendUint64(b, bytes)
	return append(binary.BigEndian.AppendUint32(b, a.Flows), 0, 0, 0, 0)
}

// ParseAggregate reads the body of the reply to a request for an aggregate.
func ParseAggregate(v Version, b []byte) (a Aggregate, err error) {
	if v >= V15 {
		o, rest, err := parseOXS(b)
		if err != nil {
			return a, err
		}
		a.Packets, a.Bytes = o.packets, o.bytes
		if o.flows != nil {
			a.Flows = *o.flows
		}
		return a, nothingLeft(rest)
	}
	if len(b) != 24 {
		return a, fmt.Errorf("aggregate of %d bytes, want 24: %w", len(b), ofperr.BadLen)
	}
	a.Packets, a.Bytes = binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])
	if v == V10 {
		a.Packets, a.Bytes = knownCount(a.Packets), knownCount(a.Bytes)
	}
	a.Flows = binary.BigEndian.Uint32(b[16:])
	return a, nil
}
