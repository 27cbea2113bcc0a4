package wire

import (
	"encoding/binary"
	"fmt"
	"time"

	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
)

// ParseFlowStat reads the record at the start of b, of the form that m is of, and returns
// what follows it.
func ParseFlowStat(v Version, m Multipart, b []byte) (s FlowStat, rest []byte, err error) {
	head, read := flowStat13Len, (*FlowStat).read13
	switch {
	case m.nx():
		read = (*FlowStat).readNX
	case v == V10:
		head, read = flowStat10Len, (*FlowStat).read10
	case v >= V15 && m.Part == PartFlowStats:
		head, read = flowStat15Len, (*FlowStat).read15
	case v >= V15:
		head, read = flowDesc15Len, (*FlowStat).readDesc
	}
	n := 0
	if len(b) >= head {
		n = int(binary.BigEndian.Uint16(b))
	}
	if n < head || n > len(b) {
		return s, nil, fmt.Errorf("flow of %d bytes in %d, want %d or more: %w", n, len(b), head, ofperr.BadLen)
	}
	s.IdleAge, s.HardAge = -time.Second, -time.Second
	do, err := read(&s, v, b[:n:n])
	if err == nil {
		s.Flow.Do, err = ParseInstructions(v, do, &s.Flow.Match)
	}
	return s, b[n:], err
}

// timeoutsAt reads what timeouts wrote.
func (s *FlowStat) timeoutsAt(b []byte) {
	s.Flow.Priority, s.Flow.IdleTimeout = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	s.Flow.HardTimeout = binary.BigEndian.Uint16(b[4:])
}

// countsAt reads what counts wrote.
func (s *FlowStat) countsAt(b []byte) {
	s.Flow.Cookie = binary.BigEndian.Uint64(b)
	s.Packets, s.Bytes = binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint64(b[16:])
}

// matchAt reads the match at the start of b and returns what follows.
func (s *FlowStat) matchAt(v Version, b []byte) (rest []byte, err error) {
	m, n, err := ParseMatch(v, b)
	s.Flow.Match = m
	return b[n:], err
}

func (s *FlowStat) read10(v Version, b []byte) (do []byte, err error) {
	s.Flow.Table = b[2]
	s.Flow.Match, _ = parseMatch10(b[4:])
	b = b[4+match10Len:]
	s.Duration = parseDuration(b)
	s.timeoutsAt(b[8:])
	s.countsAt(b[20:])
	// 1.0 has no way to say that nothing is counted.
	s.Packets, s.Bytes = knownCount(s.Packets), knownCount(s.Bytes)
	return b[44:], nil
}

func (s *FlowStat) readNX(v Version, b []byte) (do []byte, err error) {
	s.Flow.Table, s.Duration = b[2], parseDuration(b[4:])
	s.timeoutsAt(b[12:])
	s.IdleAge, s.HardAge = parseAge(binary.BigEndian.Uint16(b[20:])), parseAge(binary.BigEndian.Uint16(b[22:]))
	s.countsAt(b[24:])
	m, do, err := nxMatchAt(b[flowStat13Len:], int(binary.BigEndian.Uint16(b[18:])))
	s.Flow.Match = m.Match
	return do, err
}

func (s *FlowStat) read13(v Version, b []byte) (do []byte, err error) {
	s.Flow.Table, s.Duration = b[2], parseDuration(b[4:])
	s.timeoutsAt(b[12:])
	s.Flow.Flags = pipeline.FlowFlags(binary.BigEndian.Uint16(b[18:]))
	if v >= V14 {
		s.Flow.Importance = binary.BigEndian.Uint16(b[20:])
	}
	s.countsAt(b[24:])
	return s.matchAt(v, b[flowStat13Len:])
}

func (s *FlowStat) readDesc(v Version, b []byte) (do []byte, err error) {
	s.Flow.Table = b[4]
	s.timeoutsAt(b[6:])
	s.Flow.Flags, s.Flow.Importance = pipeline.FlowFlags(binary.BigEndian.Uint16(b[12:])), binary.BigEndian.Uint16(b[14:])
	s.Flow.Cookie = binary.BigEndian.Uint64(b[16:])
	if b, err = s.matchAt(v, b[flowDesc15Len:]); err != nil {
		return nil, err
	}
	return s.oxsAt(b)
}

func (s *FlowStat) read15(v Version, b []byte) (do []byte, err error) {
	s.Flow.Table, s.Reason, s.Flow.Priority = b[4], b[5], binary.BigEndian.Uint16(b[6:])
	if b, err = s.matchAt(v, b[flowStat15Len:]); err != nil {
		return nil, err
	}
	if b, err = s.oxsAt(b); err == nil && len(b) > 0 {
		err = fmt.Errorf("flow statistics with %d bytes at their end: %w", len(b), ofperr.BadLen)
	}
	return nil, err
}

// oxsAt reads the statistics at the start of b and returns what follows.
func (s *FlowStat) oxsAt(b []byte) (rest []byte, err error) {
	o, rest, err := parseOXS(b)
	s.Duration, s.IdleAge, s.Packets, s.Bytes = o.duration, o.idle, o.packets, o.bytes
	return rest, err
}
