package ipfix

import (
	"encoding/binary"
	"math"
	"time"

	"pollux/flow"
	"pollux/ipfix/cache"
)

// processNumber is the number under which this program's metering process, its
// exporting process and its selector appear in options: there is one of each.
const processNumber = 1

// source is what elements take their values from: a flow record, or the
// statistics that options report.
type source struct {
	rec   *record
	opt   *options
	epoch time.Time // wall clock at 0 of the loops' monotonic clock
}

// options are the values of option records. The counts are totals since the
// session began.
type options struct {
	sampling uint32

	sentOctets, sentMessages, sentRecords       uint64
	notSentFlows, notSentPackets, notSentOctets uint64
	flows, ignoredPackets, ignoredOctets        uint64
}

// Selector algorithms of RFC 5477 section 8.2.1.
const (
	systematicCount      = 1
	uniformProbabilistic = 4
)

// algorithm returns the selector algorithm: at 1:1 every packet is taken, one of
// each one; else packets are drawn independently.
func (o *options) algorithm() uint16 {
	if o.sampling == 1 {
		return systematicCount
	}
	return uniformProbabilistic
}

func (s *source) millis(mono int64) uint64 {
	return uint64(s.epoch.Add(time.Duration(mono)).UnixMilli())
}

func put16(b []byte, v uint16)     { binary.BigEndian.PutUint16(b, v) }
func put32(b []byte, v uint32)     { binary.BigEndian.PutUint32(b, v) }
func put64(b []byte, v uint64)     { binary.BigEndian.PutUint64(b, v) }
func putFloat(b []byte, v float64) { put64(b, math.Float64bits(v)) }
func putICMP(b []byte, s *source)  { b[0], b[1] = uint8(s.rec.SrcPort), uint8(s.rec.DstPort) }
func tagged(r *record) bool        { return r.VLAN&flow.VlanCFI != 0 }
func outward(r *record) bool       { return r.Point.Dir == cache.Egress }

func ipVersionOf(r *record) uint8 {
	switch r.Class {
	case cache.IPv4:
		return 4
	case cache.IPv6:
		return 6
	}
	return 0
}

// ethHeaderLen returns the length of addresses, tags and type.
func ethHeaderLen(r *record) uint8 {
	n := uint8(14)
	if tagged(r) {
		n += 4
	}
	if r.InnerTag {
		n += 4
	}
	return n
}
