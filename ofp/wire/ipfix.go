package wire

import (
	"encoding/binary"
	"fmt"
	"math"

	"pollux/ofp/ofperr"
)

// IPFIXUnknown is a number of IPFIXStats that is not known: ovs-ofctl prints "?".
const IPFIXUnknown uint64 = math.MaxUint64

// IPFIXStats is what an IPFIX exporter did since it was made (struct
// nx_ipfix_stats_reply): the record of replies to NXIPFIXBridge, of which there is
// one, and NXIPFIXFlow, one a collector set.
type IPFIXStats struct {
	Flows        uint64 // that were in the flow cache ("flows")
	CurrentFlows uint64 // that are in the flow cache ("current flows")
	Packets      uint64 // that were sampled ("sampled pkts")
	IPv4         uint64 // of them, accounted ("ipv4 ok")
	IPv6         uint64 // of them, accounted ("ipv6 ok")
	Errors       uint64 // sampled packets that could not be accounted ("pkts errs")
	IPv4Errors   uint64 // of them
	IPv6Errors   uint64 // of them
	Tx           uint64 // IPFIX messages sent, to each collector ("tx pkts")
	TxErrors     uint64 // IPFIX messages that could not be sent ("tx errs")
	SetID        uint32 // collector set id; 0 of the bridge's
}

// ipfixStatsLen is the length of a record.
const ipfixStatsLen = 88

// numbers lists the counters in the order of the wire.
func (s *IPFIXStats) numbers() [10]*uint64 {
	return [10]*uint64{
		&s.Flows, &s.CurrentFlows, &s.Packets, &s.IPv4, &s.IPv6,
		&s.Errors, &s.IPv4Errors, &s.IPv6Errors, &s.Tx, &s.TxErrors,
	}
}

// Append appends the record.
func (s *IPFIXStats) Append(b []byte) []byte {
	for _, n := range s.numbers() {
		b = binary.BigEndian.AppendUint64(b, *n)
	}
	b = binary.BigEndian.AppendUint32(b, s.SetID)
	return zeros(b, 4)
}

// ParseIPFIXStats reads the records of one reply's body.
func ParseIPFIXStats(body []byte) ([]IPFIXStats, error) {
	if len(body)%ipfixStatsLen != 0 {
		return nil, fmt.Errorf("IPFIX statistics of %d bytes, want a multiple of %d: %w", len(body), ipfixStatsLen, ofperr.BadLen)
	}
	out := make([]IPFIXStats, len(body)/ipfixStatsLen)
	for i := range out {
		s := &out[i]
		for k, n := range s.numbers() {
			*n = binary.BigEndian.Uint64(body[8*k:])
		}
		s.SetID = binary.BigEndian.Uint32(body[80:])
		body = body[ipfixStatsLen:]
	}
	return out, nil
}
