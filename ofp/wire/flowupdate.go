package wire

import (
	"fmt"

	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
)

// MonitorEvent is what a FlowUpdate tells (OFPFME_*).
type MonitorEvent uint16

// The events, with their numbers in 1.3 and up.
const (
	EventInitial MonitorEvent = iota
	EventAdded
	EventRemoved
	EventModified
	EventAbbrev  // the controller's own change, by its xid
	EventPaused  // there are too many changes to tell
	EventResumed // all that changed since it was paused has been told
)

// FlowUpdate is one change that a monitor tells: the record of replies to PartFlowMonitor,
// and in 1.0 NXFlowMonitor, in 1.3 ONFFlowMonitor.
type FlowUpdate struct {
	Event  MonitorEvent
	XID    uint32 // of EventAbbrev
	Reason uint8  // of EventRemoved: OFPRR_*

	// Of the first four events; Do only if the monitor asks for it.
	Flow pipeline.Flow
}

// updateLen is the length of a full record without its match; the others have 8 bytes.
const updateLen = 24

// eventsOld are the events of 1.0 and 1.3: they have no initial one, which is told as added.
var eventsOld = [...]uint16{EventInitial: 0, EventAdded: 0, EventRemoved: 1, EventModified: 2, EventAbbrev: 3}

// Append appends the record. In 1.0 and 1.3 EventPaused and EventResumed are messages of
// their own (AppendMonitorPaused), and there is no record for them.
func (u *FlowUpdate) Append(b []byte, v Version) []byte {
	if v <= V13 && u.Event > EventAbbrev {
		return b
	}
	at, event := len(b), uint16(u.Event)
	if v <= V13 {
		event = eventsOld[u.Event]
	}
	b = be.AppendUint16(append(b, 0, 0), event)
	switch f := &u.Flow; {
	case u.Event == EventAbbrev:
		b = be.AppendUint32(b, u.XID)
	case u.Event > EventAbbrev:
		b = zeros(b, 4)
	case v <= V13:
		b = be.AppendUint16(be.AppendUint16(b, uint16(u.Reason)), f.Priority)
		b = be.AppendUint16(be.AppendUint16(b, f.IdleTimeout), f.HardTimeout)
		length := len(b)
		b = be.AppendUint64(append(b, 0, 0, f.Table, 0), f.Cookie)
		match := len(b)
		if v == V10 {
			b = AppendNXMatch(b, &NXMatch{Match: f.Match})
		} else {
			b = AppendMatch(b, v, &f.Match)
		}
		n := len(b) - match
		be.PutUint16(b[length:], uint16(n))
		b = AppendInstructions(zeros(b, pad8(n)-n), v, &f.Do, &f.Match)
	default:
		b = append(b, f.Table, u.Reason)
		b = be.AppendUint16(be.AppendUint16(be.AppendUint16(b, f.IdleTimeout), f.HardTimeout), f.Priority)
		b = be.AppendUint64(zeros(b, 4), f.Cookie)
		b = AppendInstructions(AppendMatch(b, v, &f.Match), v, &f.Do, &f.Match)
	}
	be.PutUint16(b[at:], uint16(len(b)-at))
	return b
}

// ParseFlowUpdate reads the record that b begins with and returns the rest of b.
func ParseFlowUpdate(v Version, b []byte) (u *FlowUpdate, rest []byte, err error) {
	if len(b) < 8 {
		return nil, nil, fmt.Errorf("change of a flow of %d bytes, want 8 or more: %w", len(b), ofperr.BadLen)
	}
	n := int(be.Uint16(b))
	if n < 8 || n > len(b) || n%8 != 0 {
		return nil, nil, fmt.Errorf("change of a flow that says it has %d bytes of %d: %w", n, len(b), ofperr.BadLen)
	}
	u = &FlowUpdate{Event: MonitorEvent(be.Uint16(b[2:]))}
	if v <= V13 {
		u.Event++
	}
	last := EventResumed
	if v <= V13 {
		last = EventAbbrev
	}
	b, rest = b[:n], b[n:]
	switch {
	case u.Event > last:
		return nil, nil, fmt.Errorf("event %d of a flow: %w", u.Event, ofperr.MonitorFailed)
	case u.Event >= EventAbbrev:
		if n != 8 {
			return nil, nil, fmt.Errorf("event %d of %d bytes, want 8: %w", u.Event, n, ofperr.BadLen)
		}
		if u.Event == EventAbbrev {
			u.XID = be.Uint32(b[4:])
		}
		return u, rest, nil
	case n < updateLen:
		return nil, nil, fmt.Errorf("change of a flow of %d bytes, want %d or more: %w", n, updateLen, ofperr.BadLen)
	}
	f := &u.Flow
	var do []byte
	if v <= V13 {
		u.Reason, f.Priority = uint8(be.Uint16(b[4:])), be.Uint16(b[6:])
		f.IdleTimeout, f.HardTimeout = be.Uint16(b[8:]), be.Uint16(b[10:])
		f.Table, f.Cookie = b[14], be.Uint64(b[16:])
		if n := int(be.Uint16(b[12:])); v == V13 {
			f.Match, do, err = onfMatch(b[updateLen:], n)
		} else {
			var m NXMatch
			m, do, err = nxMatchPadded(b[updateLen:], n)
			f.Match = m.Match
		}
	} else {
		f.Table, u.Reason = b[4], b[5]
		f.IdleTimeout, f.HardTimeout, f.Priority = be.Uint16(b[6:]), be.Uint16(b[8:]), be.Uint16(b[10:])
		f.Cookie = be.Uint64(b[16:])
		var k int
		if f.Match, k, err = ParseMatch(v, b[updateLen:]); err == nil {
			do = b[updateLen+k:]
		}
	}
	if err == nil {
		f.Do, err = ParseInstructions(v, do, &f.Match)
	}
	if err != nil {
		return nil, nil, err
	}
	return u, rest, nil
}

// AppendMonitorPaused appends the message that tells a controller of 1.0 or 1.3 that there
// are too many changes to tell, or with resumed that it knows all again. In 1.4 and up that
// is a FlowUpdate.
func AppendMonitorPaused(b []byte, v Version, xid uint32, resumed bool) []byte {
	at := len(b)
	vendor, subtype := Nicira, NXTMonitorPaused
	if v == V13 {
		vendor, subtype = ONF, ONFMonitorPaused
	}
	if resumed {
		subtype++
	}
	return end(beginExtension(b, v, xid, vendor, subtype), at)
}
