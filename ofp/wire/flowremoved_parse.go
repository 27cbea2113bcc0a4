package wire

import (
	"fmt"
	"time"

	"pollux/ofp/ofperr"
)

// ParseFlowRemoved reads the body of a FLOW_REMOVED.
func ParseFlowRemoved(v Version, body []byte) (*FlowRemovedMsg, error) {
	least := removed13Len
	switch {
	case v == V10:
		least = removed10Len
	case v >= V15:
		least = removed15Len
	}
	if len(body) < least || v == V10 && len(body) != least {
		return nil, fmt.Errorf("flow removed of %d bytes, want %d or more: %w", len(body), least, ofperr.BadLen)
	}
	r := &FlowRemovedMsg{FlowStat: FlowStat{IdleAge: -time.Second, HardAge: -time.Second}}
	f := &r.Flow
	var rest []byte
	var err error
	switch {
	case v == V10:
		f.Match, _ = parseMatch10(body)
		r.parseHead(body[match10Len:])
		f.Table = 0 // padding here
		r.Packets, r.Bytes = knownCount(r.Packets), knownCount(r.Bytes)
	case v >= V15:
		f.Table, r.Reason = body[0], RemovedReason(body[1])
		r.timeoutsAt(body[2:])
		f.Cookie = be.Uint64(body[8:])
		if rest, err = r.matchAt(v, body[removed15Len:]); err == nil {
			rest, err = r.oxsAt(rest)
		}
	default:
		r.parseHead(body)
		f.HardTimeout = be.Uint16(body[22:])
		rest, err = r.matchAt(v, body[removed13Len:])
	}
	if err == nil {
		err = nothingLeft(rest)
	}
	if err == nil && r.Reason > RemovedEviction {
		err = fmt.Errorf("reason %d of a flow removed: %w", r.Reason, ofperr.BadReason)
	}
	return r, err
}

// ParseNXFlowRemoved reads the body of Nicira's NXTFlowRemoved.
func ParseNXFlowRemoved(body []byte) (*FlowRemovedMsg, error) {
	if len(body) < removed13Len {
		return nil, fmt.Errorf("flow removed of %d bytes, want %d or more: %w", len(body), removed13Len, ofperr.BadLen)
	}
	r := &FlowRemovedMsg{FlowStat: FlowStat{IdleAge: -time.Second, HardAge: -time.Second}}
	r.parseHead(body)
	r.Flow.Table-- // 0 is a switch that does not tell
	m, rest, err := nxMatchAt(body[removed13Len:], int(be.Uint16(body[22:])))
	if err == nil {
		r.Flow.Match, err = m.Match, nothingLeft(rest)
	}
	if err == nil && r.Reason > RemovedEviction {
		err = fmt.Errorf("reason %d of a flow removed: %w", r.Reason, ofperr.BadReason)
	}
	return r, err
}

// parseHead reads what head, the idle timeout, another field of two bytes, and twoCounts have
// written.
func (r *FlowRemovedMsg) parseHead(b []byte) {
	r.Flow.Cookie, r.Flow.Priority = be.Uint64(b), be.Uint16(b[8:])
	r.Reason, r.Flow.Table = RemovedReason(b[10]), b[11]
	r.Duration = parseDuration(b[12:])
	r.Flow.IdleTimeout = be.Uint16(b[20:])
	r.Packets, r.Bytes = be.Uint64(b[24:]), be.Uint64(b[32:])
}
