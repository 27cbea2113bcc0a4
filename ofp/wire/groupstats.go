package wire

import (
	"fmt"
	"time"

	"pollux/ofp/ofperr"
)

// GroupStats are the counters of a group: the record of replies to PartGroup and NXGroup.
type GroupStats struct {
	ID             uint32
	References     uint32 // flows and groups that lead to it
	Packets, Bytes uint64
	Duration       time.Duration
	Buckets        []BandStats // in the order of the group's buckets
}

const groupStatsLen = 40

// Append appends the record.
func (s *GroupStats) Append(b []byte) []byte {
	at := len(b)
	b = be.AppendUint32(be.AppendUint32(zeros(b, 4), s.ID), s.References)
	b = be.AppendUint64(be.AppendUint64(zeros(b, 4), s.Packets), s.Bytes)
	b = appendDuration(b, s.Duration)
	for _, k := range s.Buckets {
		b = be.AppendUint64(be.AppendUint64(b, k.Packets), k.Bytes)
	}
	be.PutUint16(b[at:], uint16(len(b)-at))
	return b
}

// ParseGroupStats reads the record that b begins with and returns the rest of b.
func ParseGroupStats(b []byte) (s *GroupStats, rest []byte, err error) {
	if len(b) < groupStatsLen {
		return nil, nil, fmt.Errorf("statistics of a group of %d bytes, want %d or more: %w", len(b), groupStatsLen, ofperr.BadLen)
	}
	n := int(be.Uint16(b))
	if n < groupStatsLen || n > len(b) || (n-groupStatsLen)%16 != 0 {
		return nil, nil, fmt.Errorf("statistics of a group that say they have %d bytes of %d: %w", n, len(b), ofperr.BadLen)
	}
	s = &GroupStats{
		ID: be.Uint32(b[4:]), References: be.Uint32(b[8:]), Packets: be.Uint64(b[16:]), Bytes: be.Uint64(b[24:]), Duration: parseDuration(b[32:]),
	}
	for d := b[groupStatsLen:n]; len(d) > 0; d = d[16:] {
		s.Buckets = append(s.Buckets, BandStats{be.Uint64(d), be.Uint64(d[8:])})
	}
	return s, b[n:], nil
}

// GroupCapabilities are what groups can do (OFPGFC_*).
type GroupCapabilities uint32

// The capabilities.
const (
	GroupSelectWeight GroupCapabilities = 1 << iota
	GroupSelectLiveness
	GroupChaining
	GroupChainingChecks
)

// GroupFeatures is the body of the reply to PartGroupFeatures and NXGroupFeatures.
type GroupFeatures struct {
	Types        uint32 // bit n: pipeline.GroupType n
	Capabilities GroupCapabilities
	Groups       [4]uint32 // how many there can be of each type
	Actions      [4]uint32 // bit n: the action with number n in the version, for each type
}

// Append appends the record.
func (f *GroupFeatures) Append(b []byte) []byte {
	b = be.AppendUint32(be.AppendUint32(b, f.Types), uint32(f.Capabilities))
	for _, list := range [...][4]uint32{f.Groups, f.Actions} {
		for _, n := range list {
			b = be.AppendUint32(b, n)
		}
	}
	return b
}

// ParseGroupFeatures reads the body of a reply.
func ParseGroupFeatures(body []byte) (*GroupFeatures, error) {
	if len(body) != 40 {
		return nil, fmt.Errorf("features of groups of %d bytes, want 40: %w", len(body), ofperr.BadLen)
	}
	f := &GroupFeatures{Types: be.Uint32(body), Capabilities: GroupCapabilities(be.Uint32(body[4:]))}
	for i := range 4 {
		f.Groups[i], f.Actions[i] = be.Uint32(body[8+4*i:]), be.Uint32(body[24+4*i:])
	}
	return f, nil
}
