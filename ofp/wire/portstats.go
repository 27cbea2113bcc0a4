package wire

import (
	"fmt"
	"time"

	"pollux/ofp/ofperr"
)

// NotCounted is a counter that is not counted: ovs-ofctl prints "?".
const NotCounted uint64 = 0xffffffffffffffff

// PortStats are the counters of a port: the record of replies to PartPort.
type PortStats struct {
	Port                 PortNumber
	RxPackets, TxPackets uint64
	RxBytes, TxBytes     uint64
	RxDropped, TxDropped uint64
	RxErrors, TxErrors   uint64
	RxFrame              uint64 // frames that were not aligned ("frame")
	RxOver               uint64 // overruns ("over")
	RxCRC                uint64
	Collisions           uint64
	Duration             time.Duration // since the port is there, to the nanosecond; at most 2³² s. 1.3 and up
	Custom               []Counter     // 1.4 and up: Open vSwitch's custom statistics
}

// Counter is a counter with a name of its own.
type Counter struct {
	Name  string // at most 255 bytes are sent
	Value uint64
}

// Open vSwitch's custom statistics: a property of Intel's.
const (
	intel           uint32 = 0x0000aa01
	intelPortCustom uint32 = 2
)

// Lengths of a port's statistics.
const (
	portStats10Len = 104
	portStats13Len = 112
	portStats14Len = 80 // without properties
)

// main lists the counters in the order of the wire; rest those that 1.4 has in a property.
func (s *PortStats) main() [8]*uint64 {
	return [8]*uint64{&s.RxPackets, &s.TxPackets, &s.RxBytes, &s.TxBytes, &s.RxDropped, &s.TxDropped, &s.RxErrors, &s.TxErrors}
}

func (s *PortStats) rest() [4]*uint64 {
	return [4]*uint64{&s.RxFrame, &s.RxOver, &s.RxCRC, &s.Collisions}
}

// Append appends the record. In 1.0 a port whose number it can't say is left out. Custom
// counters that a message has no room for are, too.
func (s *PortStats) Append(b []byte, v Version) []byte {
	at := len(b)
	switch v {
	case V10:
		n, ok := s.Port.port10()
		if !ok {
			return b
		}
		b = zeros(be.AppendUint16(b, n), 6)
	case V13:
		b = zeros(be.AppendUint32(b, uint32(s.Port)), 4)
	default:
		b = be.AppendUint32(zeros(b, 4), uint32(s.Port))
		b = appendDuration(b, s.Duration)
	}
	for _, n := range s.main() {
		b = be.AppendUint64(b, *n)
	}
	ether := len(b)
	if v >= V14 {
		b = zeros(startProperty(b, 0), 4)
	}
	for _, n := range s.rest() {
		b = be.AppendUint64(b, *n)
	}
	if v == V13 {
		return appendDuration(b, s.Duration)
	}
	if v >= V14 {
		b = endProperty(b, ether)
		b = s.appendCustom(b, at)
		be.PutUint16(b[at:], uint16(len(b)-at))
	}
	return b
}

// mostRecord is the length that no record is longer than, so that it fits a message.
const mostRecord = MaxLen - HeaderLen - 64

func (s *PortStats) appendCustom(b []byte, record int) []byte {
	if len(s.Custom) == 0 {
		return b
	}
	at := len(b)
	b = zeros(startVendorProperty(b, intel, intelPortCustom), 4)
	n := 0
	for _, c := range s.Custom {
		name := c.Name[:min(len(c.Name), 255)]
		if len(b)-record+1+len(name)+8 > mostRecord {
			break
		}
		b = append(append(b, byte(len(name))), name...)
		b = be.AppendUint64(b, c.Value)
		n++
	}
	be.PutUint16(b[at+14:], uint16(n)) // behind two bytes of padding
	return endProperty(b, at)
}

// ParsePortStats reads the record that b begins with and returns the rest of b.
func ParsePortStats(v Version, b []byte) (s *PortStats, rest []byte, err error) {
	n := portStats14Len
	switch v {
	case V10:
		n = portStats10Len
	case V13:
		n = portStats13Len
	}
	if len(b) < n {
		return nil, nil, fmt.Errorf("statistics of a port of %d bytes, want %d or more: %w", len(b), n, ofperr.BadLen)
	}
	s = &PortStats{}
	d := b[8:]
	switch v {
	case V10:
		s.Port = from10(be.Uint16(b))
	case V13:
		s.Port, s.Duration = PortNumber(be.Uint32(b)), parseDuration(b[104:])
	default:
		s.Port, s.Duration = PortNumber(be.Uint32(b[4:])), parseDuration(b[8:])
		d = b[16:]
	}
	for i, c := range s.main() {
		*c = be.Uint64(d[8*i:])
	}
	if v <= V13 {
		for i, c := range s.rest() {
			*c = be.Uint64(d[64+8*i:])
		}
		return s, b[n:], nil
	}
	for _, c := range s.rest() {
		*c = NotCounted
	}
	if n = int(be.Uint16(b)); n < portStats14Len || n > len(b) {
		return nil, nil, fmt.Errorf("statistics of a port that say they have %d bytes of %d: %w", n, len(b), ofperr.BadLen)
	}
	err = eachProperty(b[portStats14Len:n], func(p property) error {
		switch {
		case p.kind == 0:
			if err := p.wants(36); err != nil {
				return err
			}
			for i, c := range s.rest() {
				*c = be.Uint64(p.data[4+8*i:])
			}
		case p.vendor == intel && p.subtype == intelPortCustom:
			return s.parseCustom(p)
		}
		return nil // others are from switches to come
	})
	return s, b[n:], err
}

func (s *PortStats) parseCustom(p property) error {
	if len(p.data) < 4 {
		return p.wants(4)
	}
	n, d := int(be.Uint16(p.data[2:])), p.data[4:]
	for range n {
		if len(d) == 0 || len(d) < 1+int(d[0])+8 {
			return fmt.Errorf("custom statistics past their end: %w", ofperr.PropertyBadLen)
		}
		k := 1 + int(d[0])
		s.Custom = append(s.Custom, Counter{string(d[1:k]), be.Uint64(d[k:])})
		d = d[k+8:]
	}
	return nil
}

// ParsePortStatsRequest reads the body of a request for PartPort: which port is wanted,
// PortAny for all.
func ParsePortStatsRequest(v Version, body []byte) (PortNumber, error) {
	if len(body) != 8 {
		return 0, fmt.Errorf("request for statistics of ports of %d bytes, want 8: %w", len(body), ofperr.BadLen)
	}
	if v == V10 {
		return from10(be.Uint16(body)), nil
	}
	return PortNumber(be.Uint32(body)), nil
}

// appendDuration appends d as seconds and nanoseconds.
func appendDuration(b []byte, d time.Duration) []byte {
	d = max(d, 0)
	b = be.AppendUint32(b, uint32(min(d/time.Second, 0xffffffff)))
	return be.AppendUint32(b, uint32(d%time.Second))
}

// parseDuration reads what appendDuration wrote, and what has more nanoseconds than a second
// has as what appendDuration writes of it.
func parseDuration(b []byte) time.Duration {
	d := time.Duration(be.Uint32(b))*time.Second + time.Duration(be.Uint32(b[4:]))
	return min(d/time.Second, 0xffffffff)*time.Second + d%time.Second
}
