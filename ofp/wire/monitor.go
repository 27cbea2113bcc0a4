package wire

import (
	"fmt"

	"pollux/flow"
	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
)

// MonitorCommand is what a request for monitoring does (OFPFMC_*).
type MonitorCommand uint8

// The commands.
const (
	MonitorAdd MonitorCommand = iota
	MonitorModify
	MonitorDelete // 1.0 and 1.3 have messages for it: NXTMonitorCancel, ONFMonitorCancel
)

// MonitorFlags are what is to be told (OFPFMF_*); Nicira's are the same under other names.
type MonitorFlags uint16

// The flags.
const (
	MonitorInitial MonitorFlags = 1 << iota // of flows that are there
	MonitorAdded
	MonitorRemoved
	MonitorModified
	MonitorInstructions // with what flows do
	MonitorNoAbbrev     // of the controller's own changes, too, in full
	MonitorOnlyOwn      // of no others' changes. 1.4 and up

	monitorFlags10 = MonitorOnlyOwn - 1
	monitorFlags   = MonitorOnlyOwn<<1 - 1
)

// FlowMonitor is a request to be told of changes of flows: the record of requests for
// PartFlowMonitor, and in 1.0 NXFlowMonitor, in 1.3 ONFFlowMonitor.
type FlowMonitor struct {
	ID       uint32
	Command  MonitorCommand // in 1.0 and 1.3 always MonitorAdd
	Flags    MonitorFlags
	Table    uint8  // pipeline.AllTables: all
	OutPort  uint32 // only flows that output there; pipeline.AnyPort: all
	OutGroup uint32 // only flows that use it; pipeline.AnyGroup: all. 1.4 and up
	Match    flow.Match
}

// monitorLen is the length of a record without its match, in all versions.
const monitorLen = 16

// Append appends the record. In 1.0 a port that it has no number for is AnyPort.
func (m *FlowMonitor) Append(b []byte, v Version) []byte {
	b = be.AppendUint32(b, m.ID)
	switch v {
	case V10:
	case V13:
		b = be.AppendUint16(b, uint16(m.Flags&monitorFlags10))
		length := len(b)
		b = append(be.AppendUint32(append(b, 0, 0), m.OutPort), m.Table, 0, 0, 0)
		at := len(b)
		b = AppendMatch(b, v, &m.Match)
		be.PutUint16(b[length:], uint16(len(b)-at))
		return b
	default:
		b = be.AppendUint32(be.AppendUint32(b, m.OutPort), m.OutGroup)
		b = append(be.AppendUint16(b, uint16(m.Flags)), m.Table, byte(m.Command))
		return AppendMatch(b, v, &m.Match)
	}
	port, ok := PortNumber(m.OutPort).port10()
	if !ok {
		port = uint16(PortAny & 0xffff)
	}
	b = be.AppendUint16(be.AppendUint16(b, uint16(m.Flags&monitorFlags10)), port)
	length := len(b)
	b = append(b, 0, 0, m.Table, 0, 0, 0, 0, 0)
	at := len(b)
	b = AppendNXMatch(b, &NXMatch{Match: m.Match})
	n := len(b) - at
	be.PutUint16(b[length:], uint16(n))
	return zeros(b, pad8(n)-n)
}

// ParseFlowMonitor reads the record that b begins with and returns the rest of b. Errors are
// ofperr.MonitorBadFlags, MonitorBadCommand and those of matches.
func ParseFlowMonitor(v Version, b []byte) (m *FlowMonitor, rest []byte, err error) {
	if len(b) < monitorLen {
		return nil, nil, fmt.Errorf("flow monitor of %d bytes, want %d or more: %w", len(b), monitorLen, ofperr.BadLen)
	}
	m = &FlowMonitor{ID: be.Uint32(b), OutGroup: pipeline.AnyGroup}
	known := monitorFlags10
	var zero byte // bytes that must be 0
	switch head, body := b[:monitorLen], b[monitorLen:]; v {
	case V10:
		m.Flags, m.OutPort, m.Table = MonitorFlags(be.Uint16(head[4:])), uint32(from10(be.Uint16(head[6:]))), head[10]
		zero = head[11] | head[12] | head[13] | head[14] | head[15]
		var nx NXMatch
		nx, rest, err = nxMatchPadded(body, int(be.Uint16(head[8:])))
		m.Match = nx.Match
	case V13:
		m.Flags, m.OutPort, m.Table = MonitorFlags(be.Uint16(head[4:])), be.Uint32(head[8:]), head[12]
		zero = head[13] | head[14] | head[15]
		m.Match, rest, err = onfMatch(body, int(be.Uint16(head[6:])))
	default:
		known = monitorFlags
		m.OutPort, m.OutGroup = be.Uint32(head[4:]), be.Uint32(head[8:])
		m.Flags, m.Table, m.Command = MonitorFlags(be.Uint16(head[12:])), head[14], MonitorCommand(head[15])
		var n int
		if m.Match, n, err = ParseMatch(v, body); err == nil {
			rest = body[n:]
		}
	}
	switch {
	case m.Command > MonitorDelete:
		err = fmt.Errorf("flow monitor with command %d: %w", m.Command, ofperr.MonitorBadCommand)
	case m.Flags&^known != 0:
		err = fmt.Errorf("flags %#x of a flow monitor: %w", uint16(m.Flags), ofperr.MonitorBadFlags)
	case zero != 0:
		err = fmt.Errorf("padding of a flow monitor: %w", ofperr.MustBeZero)
	}
	if err != nil {
		return nil, nil, err
	}
	return m, rest, nil
}

// onfMatch reads the match of a flow monitor of 1.3, which says that it has n bytes. The
// extension is read in two ways: Open vSwitch has a match with its head and padding, os-ken
// a list of fields.
func onfMatch(b []byte, n int) (m flow.Match, rest []byte, err error) {
	if len(b) >= 8 && be.Uint16(b) == matchOXM {
		k := int(be.Uint16(b[2:]))
		if pad8(k) <= len(b) && (n == k || n == pad8(k)) && allZero(b[k:pad8(k)]) {
			m, k, err = ParseMatch(V13, b)
			return m, b[min(k, len(b)):], err
		}
	}
	nx, rest, err := nxMatchPadded(b, n)
	return nx.Match, rest, err
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// nxMatchPadded reads a match of n bytes and returns what follows its padding.
func nxMatchPadded(b []byte, n int) (m NXMatch, rest []byte, err error) {
	if pad8(n) > len(b) {
		return m, nil, fmt.Errorf("match that says it has %d bytes of %d: %w", n, len(b), ofperr.BadLen)
	}
	m, err = ParseNXMatch(b[:n], false)
	return m, b[pad8(n):], err
}

// ParseMonitorCancel reads the body of a NXTMonitorCancel or ONFMonitorCancel: which monitor.
func ParseMonitorCancel(body []byte) (uint32, error) {
	if len(body) != 4 {
		return 0, fmt.Errorf("cancelling of a flow monitor of %d bytes, want 4: %w", len(body), ofperr.BadLen)
	}
	return be.Uint32(body), nil
}

// AppendMonitorCancel appends one: of 1.3 the Open Networking Foundation's, else Nicira's.
func AppendMonitorCancel(b []byte, v Version, xid, id uint32) []byte {
	at := len(b)
	vendor, subtype := Nicira, NXTMonitorCancel
	if v == V13 {
		vendor, subtype = ONF, ONFMonitorCancel
	}
	return end(be.AppendUint32(beginExtension(b, v, xid, vendor, subtype), id), at)
}
