package wire

import (
	"encoding/binary"
	"math"
	"time"
)

// Append appends the record of a reply of the form that m is of.
func (s *FlowStat) Append(b []byte, v Version, m Multipart) []byte {
	at := len(b)
	switch {
	case m.nx():
		b = s.appendNX(b)
	case v == V10:
		b = s.append10(b)
	case v >= V15 && m.Part == PartFlowStats:
		b = append(append(b, 0, 0, 0, 0), s.Flow.Table, s.Reason)
		b = AppendMatch(binary.BigEndian.AppendUint16(b, s.Flow.Priority), v, &s.Flow.Match)
		b = s.counters().append(b)
	case v >= V15:
		b = s.appendDesc(b, v)
	default:
		b = s.append13(b, v)
	}
	if v != V15 || m.Part != PartFlowStats {
		b = AppendInstructions(b, v, &s.Flow.Do, &s.Flow.Match)
	}
	binary.BigEndian.PutUint16(b[at:], uint16(len(b)-at))
	return b
}

// knownCount is n as 1.0 has it, where there is no count that is not known.
func knownCount(n uint64) uint64 {
	if n == UnknownCount {
		return 0
	}
	return n
}

func (s *FlowStat) timeouts(b []byte) []byte {
	for _, n := range []uint16{s.Flow.Priority, s.Flow.IdleTimeout, s.Flow.HardTimeout} {
		b = binary.BigEndian.AppendUint16(b, n)
	}
	return b
}

func (s *FlowStat) counts(b []byte, zeroUnknown bool) []byte {
	packets, bytes := s.Packets, s.Bytes
	if zeroUnknown {
		packets, bytes = knownCount(packets), knownCount(bytes)
	}
	b = binary.BigEndian.AppendUint64(b, s.Flow.Cookie)
	b = binary.BigEndian.AppendUint64(b, packets)
	return binary.BigEndian.AppendUint64(b, bytes)
}

func (s *FlowStat) append10(b []byte) []byte {
	b = appendMatch10(append(b, 0, 0, s.Flow.Table, 0), &s.Flow.Match)
	b = zeros(s.timeouts(appendDuration(b, s.Duration)), 6)
	return s.counts(b, true)
}

// age is d as Nicira's form has it: whole seconds and one more, 0 for what is not told.
func age(d time.Duration) uint16 {
	if d < 0 {
		return 0
	}
	return uint16(min(d/time.Second+1, math.MaxUint16))
}

func parseAge(n uint16) time.Duration { return time.Duration(n)*time.Second - time.Second }

func (s *FlowStat) appendNX(b []byte) []byte {
	at := len(b)
	b = s.timeouts(appendDuration(append(b, 0, 0, s.Flow.Table, 0), s.Duration))
	b = append(append(zeros(b, 2), be16(age(s.IdleAge))...), be16(age(s.HardAge))...)
	b = s.counts(b, false)
	match := len(b)
	b = AppendNXMatch(b, &NXMatch{Match: s.Flow.Match})
	binary.BigEndian.PutUint16(b[at+18:], uint16(len(b)-match))
	return zeros(b, (8-(len(b)-match)%8)%8)
}

func (s *FlowStat) append13(b []byte, v Version) []byte {
	b = s.timeouts(appendDuration(append(b, 0, 0, s.Flow.Table, 0), s.Duration))
	importance := s.Flow.Importance
	if v < V14 {
		importance = 0
	}
	b = append(append(b, be16(uint16(s.Flow.Flags))...), be16(importance)...)
	return AppendMatch(s.counts(zeros(b, 2), false), v, &s.Flow.Match)
}

func (s *FlowStat) appendDesc(b []byte, v Version) []byte {
	b = s.timeouts(append(b, 0, 0, 0, 0, s.Flow.Table, 0))
	b = append(append(b, be16(uint16(s.Flow.Flags))...), be16(s.Flow.Importance)...)
	b = AppendMatch(binary.BigEndian.AppendUint64(b, s.Flow.Cookie), v, &s.Flow.Match)
	return s.counters().append(b)
}
