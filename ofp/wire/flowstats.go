package wire

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
)

// Parts about flows. In 1.5 PartFlow is the flows themselves (OFPMP_FLOW_DESC), and
// PartFlowStats what they counted.
const (
	PartFlow      Part = 1
	PartAggregate Part = 2
	PartFlowStats Part = 17 // 1.5

	NXFlow      uint32 = 0 // NXST_FLOW
	NXAggregate uint32 = 1 // NXST_AGGREGATE
)

// UnknownCount is a count that is not known, as of a flow that does not count.
const UnknownCount uint64 = math.MaxUint64

// FlowStat is a flow as statistics tell of it.
type FlowStat struct {
	Flow     pipeline.Flow
	Duration time.Duration // since it was added
	Packets  uint64
	Bytes    uint64
	IdleAge  time.Duration // since it last matched a packet, in Nicira's form and 1.5; negative: not told
	HardAge  time.Duration // since it was last modified, in Nicira's form; negative: not told
	Reason   uint8         // of PartFlowStats: 0 for the answer to a request
}

// Aggregate is what the flows of a request have counted together.
type Aggregate struct {
	Packets, Bytes uint64
	Flows          uint32
}

// Lengths of what stands before the match.
const (
	flowRequest10Len = match10Len + 4
	flowRequest13Len = 32
	nxFlowRequestLen = 8
	flowStat10Len    = match10Len + 48
	flowStat13Len    = 48
	flowDesc15Len    = 24
	flowStat15Len    = 8
)

// nx says whether the part is of Nicira's.
func (m *Multipart) nx() bool { return m.Part == PartExperimenter && m.Vendor == Nicira }

// ParseFlowRequest reads the body of a request for flows or their aggregate, in the form
// that m is of: the specification's or, in 1.0, Nicira's.
func ParseFlowRequest(v Version, m Multipart) (f pipeline.FlowFilter, err error) {
	b := m.Body
	short := func(want int) error {
		return fmt.Errorf("request for flows of %d bytes, want %d or more: %w", len(b), want, ofperr.BadLen)
	}
	f.OutGroup = pipeline.AnyGroup
	switch {
	case m.nx() && v != V10:
		return f, fmt.Errorf("a request of Nicira's for flows in %s: %w", v, ofperr.BadExperimenterType)
	case m.nx():
		if len(b) < nxFlowRequestLen {
			return f, short(nxFlowRequestLen)
		}
		f.OutPort, f.Table = uint32(from10(binary.BigEndian.Uint16(b))), b[4]
		match, rest, err := nxMatchAt(b[nxFlowRequestLen:], int(binary.BigEndian.Uint16(b[2:])))
		if err != nil {
			return f, err
		}
		f.Match, f.Cookie, f.CookieMask = match.Match, match.Cookie, match.CookieMask
		return f, nothingLeft(rest)
	case v == V10:
		if len(b) != flowRequest10Len {
			return f, short(flowRequest10Len)
		}
		f.Match, _ = parseMatch10(b)
		f.Table, f.OutPort = b[match10Len], uint32(from10(binary.BigEndian.Uint16(b[match10Len+2:])))
		return f, nil
	}
	if len(b) < flowRequest13Len {
		return f, short(flowRequest13Len + 8)
	}
	f.Table, f.OutPort, f.OutGroup = b[0], binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])
	f.CookieMask = binary.BigEndian.Uint64(b[24:])
	f.Cookie = binary.BigEndian.Uint64(b[16:]) & f.CookieMask
	match, n, err := ParseMatch(v, b[flowRequest13Len:])
	if err != nil {
		return f, err
	}
	f.Match = match
	return f, nothingLeft(b[flowRequest13Len+n:])
}

func nothingLeft(b []byte) error {
	if len(b) > 0 {
		return fmt.Errorf("%d bytes behind a request: %w", len(b), ofperr.BadLen)
	}
	return nil
}

// AppendFlowRequest appends the request that ParseFlowRequest reads; m says of which form,
// its body is not looked at.
func AppendFlowRequest(b []byte, v Version, xid uint32, m Multipart, f *pipeline.FlowFilter) []byte {
	out := uint16(0xffff)
	if f.OutPort != pipeline.AnyPort {
		out = port16(f.OutPort)
	}
	var body []byte
	switch {
	case m.nx():
		match := AppendNXMatch(nil, &NXMatch{f.Match, f.Cookie, f.CookieMask})
		body = append(append(be16(out), be16(uint16(len(match)))...), f.Table, 0, 0, 0)
		body = append(body, match...)
		body = zeros(body, (8-len(body)%8)%8)
	case v == V10:
		body = append(appendMatch10(nil, &f.Match), f.Table, 0)
		body = append(body, be16(out)...)
	default:
		body = append(append([]byte{f.Table, 0, 0, 0}, be32(f.OutPort)...), append(be32(f.OutGroup), 0, 0, 0, 0)...)
		body = binary.BigEndian.AppendUint64(body, f.Cookie)
		body = binary.BigEndian.AppendUint64(body, f.CookieMask)
		body = AppendMatch(body, v, &f.Match)
	}
	m.Body = body
	return AppendMultipartRequest(b, v, xid, m)
}
