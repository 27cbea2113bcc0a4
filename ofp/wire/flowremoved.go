package wire

import (
	"encoding/binary"
)

// RemovedReason is why a flow is no more (enum ofp_flow_removed_reason).
type RemovedReason uint8

// The reasons. Those behind RemovedGroup are of 1.4 and up.
const (
	RemovedIdleTimeout RemovedReason = iota
	RemovedHardTimeout
	RemovedDelete
	RemovedGroup // 1.3 and up
	RemovedMeter
	RemovedEviction
)

// Lengths of what stands before the match, of 1.0 with it.
const (
	removed10Len = match10Len + 40
	removed13Len = 40
	removed15Len = 16
)

// FlowRemovedMsg tells that a flow is no more. Of Flow it says table, priority, cookie,
// timeouts and match; the rest is the flow's statistics as they were.
type FlowRemovedMsg struct {
	FlowStat
	Reason RemovedReason
}

// Append appends a FLOW_REMOVED, in 1.0 Nicira's when nx says so.
func (r *FlowRemovedMsg) Append(b []byte, v Version, xid uint32, nx bool) []byte {
	at, f := len(b), &r.Flow
	switch {
	case v >= V15:
		b = append(begin(b, v, FlowRemoved, xid), f.Table, byte(r.Reason))
		b = r.timeouts(b)
		b = AppendMatch(binary.BigEndian.AppendUint64(b, f.Cookie), v, &f.Match)
		b = r.counters().append(b)
	case v != V10:
		b = r.head(begin(b, v, FlowRemoved, xid), f.Table)
		b = append(append(b, be16(f.IdleTimeout)...), be16(f.HardTimeout)...)
		b = AppendMatch(r.twoCounts(b, false), v, &f.Match)
	case nx:
		b = r.head(nxMessage(b, v, xid, NXTFlowRemoved), f.Table+1)
		match := AppendNXMatch(nil, &NXMatch{Match: f.Match})
		b = append(append(b, be16(f.IdleTimeout)...), be16(uint16(len(match)))...)
		b = append(r.twoCounts(b, false), match...)
		b = zeros(b, (8-len(match)%8)%8)
	default:
		b = r.head(appendMatch10(begin(b, v, FlowRemoved, xid), &f.Match), 0)
		b = r.twoCounts(append(b, append(be16(f.IdleTimeout), 0, 0)...), true)
	}
	return end(b, at)
}

// head appends what the messages before 1.5 begin with.
func (r *FlowRemovedMsg) head(b []byte, table uint8) []byte {
	b = binary.BigEndian.AppendUint64(b, r.Flow.Cookie)
	b = append(append(b, be16(r.Flow.Priority)...), byte(r.Reason), table)
	return appendDuration(b, r.Duration)
}

// twoCounts appends packets and bytes.
func (r *FlowRemovedMsg) twoCounts(b []byte, zeroUnknown bool) []byte {
	packets, bytes := r.Packets, r.Bytes
	if zeroUnknown {
		packets, bytes = knownCount(packets), knownCount(bytes)
	}
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, packets), bytes)
}
