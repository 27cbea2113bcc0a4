package wire

import (
	"encoding/binary"

	"pollux/flow"
	"pollux/ofp/pipeline"
)

// Style is how 1.0 says what it has two forms for.
type Style struct {
	NXM     bool // Nicira's message, with a match of fields
	TableID bool // the command's upper byte is the table
}

// Subtypes of Nicira's messages about flows (enum nicira_type).
const (
	NXTFlowMod     uint32 = 13
	NXTFlowRemoved uint32 = 14 // 1.0
)

// nxMessage appends the head of a message of Nicira's.
func nxMessage(b []byte, v Version, xid uint32, subtype uint32) []byte {
	b = binary.BigEndian.AppendUint32(begin(b, v, Experimenter, xid), Nicira)
	return binary.BigEndian.AppendUint32(b, subtype)
}

// AppendFlowMod appends a FLOW_MOD, in 1.0 in the given style. What takes MaxLen bytes may have
// been cut, and is not to be sent.
func AppendFlowMod(b []byte, v Version, xid uint32, fm *pipeline.FlowMod, buffer uint32, style Style) []byte {
	at := len(b)
	switch {
	case v != V10:
		b = appendFlowMod13(begin(b, v, FlowMod, xid), v, fm, buffer)
	case style.NXM:
		b = nxMessage(b, v, xid, NXTFlowMod)
		start := len(b)
		b = zeros(appendFlowModTail10(b, fm, buffer, style), 8)
		match := len(b)
		nx := NXMatch{Match: fm.Flow.Match}
		if fm.Command != pipeline.FlowAdd {
			nx.Cookie, nx.CookieMask = fm.Flow.Cookie, fm.CookieMask
		}
		b = AppendNXMatch(b, &nx)
		binary.BigEndian.PutUint16(b[start+24:], uint16(len(b)-match))
		b = zeros(b, (8-(len(b)-match)%8)%8)
	default:
		b = appendMatch10(begin(b, v, FlowMod, xid), &fm.Flow.Match)
		b = appendFlowModTail10(b, fm, buffer, style)
	}
	if !isDelete(fm.Command) {
		b = AppendInstructions(b, v, &fm.Flow.Do, &fm.Flow.Match)
	}
	return end(b, at)
}

func appendFlowMod13(b []byte, v Version, fm *pipeline.FlowMod, buffer uint32) []byte {
	f := &fm.Flow
	mask := fm.CookieMask
	if fm.Command == pipeline.FlowAdd {
		mask = 0
	}
	b = binary.BigEndian.AppendUint64(b, f.Cookie)
	b = binary.BigEndian.AppendUint64(b, mask)
	b = append(b, f.Table, byte(fm.Command))
	for _, n := range []uint16{f.IdleTimeout, f.HardTimeout, f.Priority} {
		b = binary.BigEndian.AppendUint16(b, n)
	}
	for _, n := range []uint32{buffer, fm.OutPort, fm.OutGroup} {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	importance := f.Importance
	if v < V14 || fm.Command != pipeline.FlowAdd {
		importance = 0
	}
	b = binary.BigEndian.AppendUint16(b, requestFlags(fm, v))
	b = binary.BigEndian.AppendUint16(b, importance)
	return AppendMatch(b, v, &f.Match)
}

// requestFlags returns the flags that the version has for fm.
func requestFlags(fm *pipeline.FlowMod, v Version) uint16 {
	flags := uint16(fm.Flow.Flags)
	if fm.CheckOverlap {
		flags |= flagCheckOverlap
	}
	if v == V10 {
		return flags & (uint16(pipeline.SendFlowRem) | flagCheckOverlap)
	}
	if fm.ResetCounts {
		flags |= flagResetCounts
	}
	return flags
}

func appendFlowModTail10(b []byte, fm *pipeline.FlowMod, buffer uint32, style Style) []byte {
	f := &fm.Flow
	cookie, command := f.Cookie, uint16(fm.Command)
	switch {
	case isDelete(fm.Command):
		cookie = 0
	case fm.Command != pipeline.FlowAdd && !fm.SetsCookie:
		cookie = ^uint64(0)
	case fm.Command != pipeline.FlowAdd && fm.CookieMask != 0:
		cookie = fm.NewCookie
	}
	if style.TableID {
		command |= uint16(f.Table) << 8
	}
	b = binary.BigEndian.AppendUint64(b, cookie)
	for _, n := range []uint16{command, f.IdleTimeout, f.HardTimeout, f.Priority} {
		b = binary.BigEndian.AppendUint16(b, n)
	}
	b = binary.BigEndian.AppendUint32(b, buffer)
	outPort := uint16(0xffff)
	if fm.OutPort != flow.PortAny {
		outPort = port16(fm.OutPort)
	}
	b = binary.BigEndian.AppendUint16(b, outPort)
	return binary.BigEndian.AppendUint16(b, requestFlags(fm, V10))
}
