package wire

import (
	"encoding/binary"
	"fmt"

	"pollux/flow"
	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
)

// NoBuffer is the buffer of a message that has none (OFP_NO_BUFFER).
const NoBuffer uint32 = 0xffffffff

// Flags of a flow mod (enum ofp_flow_mod_flags).
const (
	flagCheckOverlap = 1 << 1
	flagResetCounts  = 1 << 2 // 1.3; in 1.0 an emergency flow
	flagEmergency    = 1 << 2
	flagsFlow        = uint16(pipeline.SendFlowRem | pipeline.CheckedOverlap | pipeline.ResetCounts | pipeline.NoPacketCounts | pipeline.NoByteCounts)
)

// Lengths of what stands before the match, of 1.3 and up, and behind it, of 1.0.
const (
	flowMod13Len = 40
	flowMod10Len = match10Len + 24
	nxFlowModLen = 32
)

// ParseFlowMod reads the body of a FLOW_MOD, and checks it as CheckFlowMod does. tableID says
// whether, in 1.0, the upper byte of the command is a table (NXT_FLOW_MOD_TABLE_ID). buffer is
// that of a packet which goes to the new flow, or NoBuffer.
func ParseFlowMod(v Version, body []byte, tableID bool) (fm pipeline.FlowMod, buffer uint32, err error) {
	if v == V10 {
		return parseFlowMod10(body, tableID)
	}
	if len(body) < flowMod13Len {
		return fm, 0, fmt.Errorf("flow mod of %d bytes, want %d or more: %w", len(body), flowMod13Len+8, ofperr.BadLen)
	}
	m, n, err := ParseMatch(v, body[flowMod13Len:])
	if err != nil {
		return fm, 0, err
	}
	u16 := func(at int) uint16 { return binary.BigEndian.Uint16(body[at:]) }
	u32 := func(at int) uint32 { return binary.BigEndian.Uint32(body[at:]) }
	cookie, mask := binary.BigEndian.Uint64(body), binary.BigEndian.Uint64(body[8:])
	if body[17] > uint8(pipeline.FlowDeleteStrict) {
		return fm, 0, fmt.Errorf("flow mod command %d: %w", body[17], ofperr.FlowModBadCommand)
	}
	fm.Command = pipeline.FlowCommand(body[17])
	fm.Flow = pipeline.Flow{
		Table: body[16], Cookie: cookie, IdleTimeout: u16(18), HardTimeout: u16(20), Priority: u16(22), Match: m,
	}
	fm.OutPort, fm.OutGroup = pipeline.AnyPort, pipeline.AnyGroup
	if isDelete(fm.Command) {
		fm.OutPort, fm.OutGroup = u32(28), u32(32)
	}
	if fm.Command != pipeline.FlowAdd {
		fm.CookieMask = mask
		fm.Flow.Cookie &= mask
	} else if v >= V14 {
		fm.Flow.Importance = u16(38)
	}
	if t := fm.Flow.Table; t >= pipeline.NumTables && !(t == pipeline.AllTables && isDelete(fm.Command)) {
		return fm, 0, fmt.Errorf("flow mod for table %d: %w", t, ofperr.FlowModBadTable)
	}
	if err := flowModFlags(&fm, v, u16(36)); err != nil {
		return fm, 0, err
	}
	if err := flowModInstructions(&fm, v, body[flowMod13Len+n:]); err != nil {
		return fm, 0, err
	}
	return fm, u32(24), CheckFlowMod(v, &fm)
}

func isDelete(c pipeline.FlowCommand) bool {
	return c == pipeline.FlowDelete || c == pipeline.FlowDeleteStrict
}

// flowModInstructions reads what the flow does; deletions have nothing of it.
func flowModInstructions(fm *pipeline.FlowMod, v Version, b []byte) (err error) {
	in, err := ParseInstructions(v, b, &fm.Flow.Match)
	if err == nil && !isDelete(fm.Command) {
		fm.Flow.Do = in
	}
	return err
}

// flowModFlags takes the flags that the version has and refuses others.
func flowModFlags(fm *pipeline.FlowMod, v Version, flags uint16) error {
	known := flagsFlow
	if v == V10 {
		known = uint16(pipeline.SendFlowRem) | flagCheckOverlap | flagEmergency
	}
	if flags&^known != 0 {
		return fmt.Errorf("flow mod with flags %#x: %w", flags, ofperr.FlowModBadFlags)
	}
	if v == V10 && flags&flagEmergency != 0 {
		if fm.Flow.IdleTimeout|fm.Flow.HardTimeout != 0 {
			return fmt.Errorf("emergency flow: %w", ofperr.FlowModBadEmergencyTimeout)
		}
		return fmt.Errorf("there is no room for emergency flows: %w", ofperr.FlowModTableFull)
	}
	fm.Flow.Flags = pipeline.FlowFlags(flags & flagsFlow)
	fm.CheckOverlap = flags&flagCheckOverlap != 0 && fm.Command == pipeline.FlowAdd
	fm.ResetCounts = flags&flagResetCounts != 0
	if v == V10 { // what is added in 1.0 starts anew, what is modified never does
		fm.ResetCounts = fm.Command == pipeline.FlowAdd
		if fm.ResetCounts {
			fm.Flow.Flags |= pipeline.ResetCounts
		}
	}
	return nil
}

func parseFlowMod10(body []byte, tableID bool) (fm pipeline.FlowMod, buffer uint32, err error) {
	if len(body) < flowMod10Len {
		return fm, 0, fmt.Errorf("flow mod of %d bytes, want %d or more: %w", len(body), flowMod10Len, ofperr.BadLen)
	}
	m, exact := parseMatch10(body)
	fm.Flow.Match = m
	buffer, err = flowModTail10(&fm, body[match10Len:], tableID)
	if err != nil {
		return fm, 0, err
	}
	if exact { // matches of every field come before all others (OpenFlow 1.0 section 3.4)
		fm.Flow.Priority = 0xffff
	}
	if err := flowModFlags(&fm, V10, binary.BigEndian.Uint16(body[flowMod10Len-2:])); err != nil {
		return fm, 0, err
	}
	if err := flowModInstructions(&fm, V10, body[flowMod10Len:]); err != nil {
		return fm, 0, err
	}
	return fm, buffer, CheckFlowMod(V10, &fm)
}

// ParseNXFlowMod reads the body of Nicira's NXT_FLOW_MOD, behind its subtype; see ParseFlowMod.
func ParseNXFlowMod(body []byte, tableID bool) (fm pipeline.FlowMod, buffer uint32, err error) {
	if len(body) < nxFlowModLen {
		return fm, 0, fmt.Errorf("flow mod of %d bytes, want %d or more: %w", len(body), nxFlowModLen, ofperr.BadLen)
	}
	match, rest, err := nxMatchAt(body[nxFlowModLen:], int(binary.BigEndian.Uint16(body[24:])))
	if err != nil {
		return fm, 0, err
	}
	fm.Flow.Match = match.Match
	if buffer, err = flowModTail10(&fm, body, tableID); err != nil {
		return fm, 0, err
	}
	if match.CookieMask != 0 {
		if fm.Command == pipeline.FlowAdd {
			return fm, 0, fmt.Errorf("flow that is added and asks for a cookie: %w", ofperr.NXMInvalid)
		}
		if fm.SetsCookie {
			fm.NewCookie = fm.Flow.Cookie
		}
		fm.Flow.Cookie, fm.CookieMask, fm.AddsMissing = match.Cookie, match.CookieMask, false
	}
	if err := flowModFlags(&fm, V10, binary.BigEndian.Uint16(body[22:])); err != nil {
		return fm, 0, err
	}
	if err := flowModInstructions(&fm, V10, rest); err != nil {
		return fm, 0, err
	}
	return fm, buffer, CheckFlowMod(V10, &fm)
}

// nxMatchAt reads a match of n bytes, with a cookie perhaps, and returns what follows its
// padding to 8 bytes.
func nxMatchAt(b []byte, n int) (m NXMatch, rest []byte, err error) {
	padded := (n + 7) &^ 7
	if padded > len(b) {
		return m, nil, fmt.Errorf("match that says it has %d bytes of %d: %w", n, len(b), ofperr.NXMInvalid)
	}
	m, err = ParseNXMatch(b[:n], true)
	return m, b[padded:], err
}

// flowModTail10 reads the 24 bytes that the flow mods of 1.0 have in common, but for the flags.
func flowModTail10(fm *pipeline.FlowMod, b []byte, tableID bool) (buffer uint32, err error) {
	u16 := func(at int) uint16 { return binary.BigEndian.Uint16(b[at:]) }
	command, table := u16(8), pipeline.AllTables
	if tableID {
		table, command = uint8(command>>8), command&0xff
	}
	if command > uint16(pipeline.FlowDeleteStrict) {
		return 0, fmt.Errorf("flow mod command %d: %w", command, ofperr.FlowModBadCommand)
	}
	fm.Command = pipeline.FlowCommand(command)
	if table == pipeline.AllTables && fm.Command == pipeline.FlowAdd {
		table = 0 // the switch chooses
	}
	if table >= pipeline.NumTables && table != pipeline.AllTables {
		return 0, fmt.Errorf("flow mod for table %d: %w", table, ofperr.FlowModBadTableID)
	}
	fm.Flow.Table, fm.Flow.Cookie = table, binary.BigEndian.Uint64(b)
	fm.Flow.IdleTimeout, fm.Flow.HardTimeout, fm.Flow.Priority = u16(10), u16(12), u16(14)
	fm.OutPort, fm.OutGroup = pipeline.AnyPort, pipeline.AnyGroup
	switch fm.Command {
	case pipeline.FlowModify, pipeline.FlowModifyStrict:
		fm.AddsMissing = true
		fm.SetsCookie = fm.Flow.Cookie != ^uint64(0)
		if !fm.SetsCookie {
			fm.Flow.Cookie = 0
		}
	case pipeline.FlowDelete, pipeline.FlowDeleteStrict:
		fm.OutPort = uint32(from10(u16(20)))
		fm.Flow.Cookie = 0
	}
	return binary.BigEndian.Uint32(b[16:]), nil
}

// CheckFlowMod checks what a flow mod means: its match and actions are such as this switch
// has, actions fit the match, and a goto goes forward. Deletions are not checked.
func CheckFlowMod(v Version, fm *pipeline.FlowMod) error {
	if isDelete(fm.Command) {
		return nil
	}
	f := &fm.Flow
	if n := unmatchable(&f.Match); n != flow.FieldNone {
		return fmt.Errorf("no packet of this switch has %s: %w", n.Name(), ofperr.MatchBadField)
	}
	if f.Do.Goto != 0 && f.Do.Goto <= f.Table && f.Table != pipeline.AllTables {
		return fmt.Errorf("goto from table %d to %d: %w", f.Table, f.Do.Goto, ofperr.InstructionBadTable)
	}
	if err := CheckActions(v, &f.Match, f.Do.Apply, false); err != nil {
		return err
	}
	if err := checkSet(f.Do.Write); err != nil {
		return err
	}
	c := actionChecker{v: v, match: f.Match, inSet: true}
	return c.list(f.Do.Write)
}
