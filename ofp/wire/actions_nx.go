package wire

import (
	"encoding/binary"
	"fmt"

	"pollux/flow"
	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
)

// Subtypes of Nicira's actions (enum nx_action_subtype). Those above 1.0 are actions of the
// specification in later versions, and known in 1.0 alone.
const (
	nxResubmit       = 1
	nxSetTunnel      = 2
	nxSetQueue10     = 4
	nxPopQueue       = 5
	nxRegMove        = 6
	nxRegLoad        = 7
	nxNote           = 8
	nxSetTunnel64    = 9
	nxMultipath      = 10
	nxBundle         = 12
	nxBundleLoad     = 13
	nxResubmitTable  = 14
	nxOutputReg      = 15
	nxLearn          = 16
	nxExit           = 17
	nxDecTTL10       = 18
	nxFinTimeout     = 19
	nxController     = 20
	nxDecTTLIDs      = 21
	nxWriteMetadata  = 22
	nxPushMPLS10     = 23
	nxPopMPLS10      = 24
	nxSetMPLSTTL10   = 25
	nxDecMPLSTTL10   = 26
	nxStackPush      = 27
	nxStackPop       = 28
	nxSample         = 29
	nxSetMPLSLabel10 = 30
	nxSetMPLSTC10    = 31
	nxOutputReg2     = 32
	nxRegLoad2       = 33
	nxConjunction    = 34
	nxController2    = 37
	nxSample2        = 38
	nxOutputTrunc    = 39
	nxGroup10        = 40
	nxSample3        = 41
	nxClone          = 42
	nxLearn2         = 45
	nxCheckPktLarger = 49
)

// nxHead is the length of the head of Nicira's actions; operands follow.
const nxHead = 10

// nxAction says how an action of Nicira's is read.
type nxAction struct {
	length int // of it; with more, the least
	more   bool
	last   Version // that has it
	read   func(*actionReader, []byte) (pipeline.Action, error)
}

var nxActions map[uint16]nxAction

func init() {
	simple := func(k pipeline.Kind) func(*actionReader, []byte) (pipeline.Action, error) {
		return func(*actionReader, []byte) (pipeline.Action, error) { return pipeline.Action{Kind: k}, nil }
	}
	nxActions = map[uint16]nxAction{
		nxResubmit:      {16, false, V15, (*actionReader).nxResubmit},
		nxResubmitTable: {16, false, V15, (*actionReader).nxResubmitTable},
		nxSetTunnel:     {16, false, V15, (*actionReader).nxSetTunnel},
		nxSetTunnel64:   {24, false, V15, (*actionReader).nxSetTunnel64},
		nxSetQueue10:    {16, false, V10, (*actionReader).nxSetQueue},
		nxPopQueue:      {16, false, V15, simple(pipeline.ActPopQueue)},
		nxRegMove:       {24, true, V14, (*actionReader).nxRegMove},
		nxRegLoad:       {24, false, V14, (*actionReader).nxRegLoad},
		nxRegLoad2:      {16, true, V14, (*actionReader).nxRegLoad2},
		nxNote:          {16, true, V15, (*actionReader).nxNote},
		nxMultipath:     {32, false, V15, (*actionReader).nxMultipath},
		nxBundle:        {32, true, V15, (*actionReader).nxBundle},
		nxBundleLoad:    {32, true, V15, (*actionReader).nxBundleLoad},
		nxOutputReg:     {24, false, V15, (*actionReader).nxOutputReg},
		nxOutputReg2:    {24, false, V15, (*actionReader).nxOutputReg2},
		nxLearn:         {32, true, V15, (*actionReader).nxLearn},
		nxLearn2:        {40, true, V15, (*actionReader).nxLearn2},
		nxExit:          {16, false, V15, simple(pipeline.ActExit)},
		nxDecTTL10:      {16, false, V10, simple(pipeline.ActDecTTL)},
		nxDecTTLIDs:     {16, true, V15, (*actionReader).nxDecTTLIDs},
		nxFinTimeout:    {16, false, V15, (*actionReader).nxFinTimeout},
		nxController:    {16, false, V15, (*actionReader).nxController},
		nxController2:   {16, true, V15, (*actionReader).nxController2},
		nxWriteMetadata: {32, false, V10, (*actionReader).nxWriteMetadata},
		nxPushMPLS10:    {16, false, V10, func(_ *actionReader, b []byte) (pipeline.Action, error) { return nxEtherType(b, pipeline.ActPushMPLS) }},
		nxPopMPLS10:     {16, false, V10, func(_ *actionReader, b []byte) (pipeline.Action, error) { return nxEtherType(b, pipeline.ActPopMPLS) }},
		nxSetMPLSTTL10: {16, false, V10, func(_ *actionReader, b []byte) (pipeline.Action, error) {
			return number(pipeline.ActModMPLSTTL, uint64(b[nxHead]), 255)
		}},
		nxDecMPLSTTL10:   {16, false, V10, simple(pipeline.ActDecMPLSTTL)},
		nxSetMPLSLabel10: {16, false, V10, (*actionReader).nxSetMPLSLabel},
		nxSetMPLSTC10:    {16, false, V10, (*actionReader).nxSetMPLSTC},
		nxStackPush:      {24, false, V15, (*actionReader).nxStackPush},
		nxStackPop:       {24, false, V15, (*actionReader).nxStackPop},
		nxSample:         {24, false, V15, (*actionReader).nxSample},
		nxSample2:        {32, false, V15, (*actionReader).nxSample2},
		nxSample3:        {32, false, V15, (*actionReader).nxSample3},
		nxConjunction:    {16, false, V15, (*actionReader).nxConjunction},
		nxOutputTrunc:    {16, false, V15, (*actionReader).nxOutputTrunc},
		nxGroup10:        {16, false, V10, (*actionReader).nxGroup},
		nxClone:          {16, true, V15, (*actionReader).nxClone},
		nxCheckPktLarger: {24, false, V15, (*actionReader).nxCheckPktLarger},
	}
}

// experimenter reads an action of Nicira's or of the ONF's.
func (r *actionReader) experimenter(list []pipeline.Action, b []byte) ([]pipeline.Action, error) {
	vendor := binary.BigEndian.Uint32(b[4:])
	if vendor != Nicira && vendor != onf {
		return nil, fmt.Errorf("action of experimenter %#08x: %w", vendor, ofperr.ActionBadExperimenter)
	}
	if len(b) < 16 {
		return nil, fmt.Errorf("action of an experimenter of %d bytes, want 16 or more: %w", len(b), ofperr.ActionBadLen)
	}
	subtype := binary.BigEndian.Uint16(b[8:])
	if vendor == onf {
		if subtype != onfCopyField || r.v != V13 && r.v != V14 {
			return nil, fmt.Errorf("action %d of the ONF: %w", subtype, ofperr.ActionBadExperimenterType)
		}
		a, err := copyField(b, 12)
		return append(list, a), err
	}
	how, ok := nxActions[subtype]
	if !ok || r.v > how.last {
		return nil, fmt.Errorf("action %d of Nicira's: %w", subtype, ofperr.ActionBadExperimenterType)
	}
	if len(b) < how.length || len(b) > how.length && !how.more {
		return nil, fmt.Errorf("action %d of Nicira's of %d bytes, want %d: %w", subtype, len(b), how.length, ofperr.ActionBadLen)
	}
	a, err := how.read(r, b)
	return append(list, a), err
}

// resubmitTo makes a resubmit of what the wire says of its port.
func resubmitTo(port uint16, table uint8) pipeline.Action {
	a := pipeline.Action{Kind: pipeline.ActResubmit, Port: uint32(from10(port)), Table: table}
	if a.Port == flow.PortIn {
		a.Port = pipeline.PortKeep
	}
	return a
}

func (r *actionReader) nxResubmit(b []byte) (pipeline.Action, error) {
	return resubmitTo(binary.BigEndian.Uint16(b[10:]), pipeline.TableKeep), nil
}

func (r *actionReader) nxResubmitTable(b []byte) (pipeline.Action, error) {
	return resubmitTo(binary.BigEndian.Uint16(b[10:]), b[12]), mustBeZero(b[13:])
}

func (r *actionReader) nxSetQueue(b []byte) (pipeline.Action, error) {
	return pipeline.Action{Kind: pipeline.ActSetQueue, Queue: binary.BigEndian.Uint32(b[12:])}, nil
}

func (r *actionReader) nxSetTunnel(b []byte) (pipeline.Action, error) {
	id := binary.BigEndian.Uint32(b[12:])
	return pipeline.Action{Kind: pipeline.ActSetTunnel, Value: flow.Value{Lo: uint64(id)}}, nil
}

func (r *actionReader) nxSetTunnel64(b []byte) (pipeline.Action, error) {
	id := binary.BigEndian.Uint64(b[16:])
	return pipeline.Action{Kind: pipeline.ActSetTunnel64, Value: flow.Value{Lo: id}}, nil
}

func (r *actionReader) nxGroup(b []byte) (pipeline.Action, error) {
	id := binary.BigEndian.Uint32(b[12:])
	return pipeline.Action{Kind: pipeline.ActGroup, Group: id}, checkGroup(id)
}

func nxEtherType(b []byte, k pipeline.Kind) (pipeline.Action, error) {
	a := pipeline.Action{Kind: k, EtherType: binary.BigEndian.Uint16(b[nxHead:])}
	return a, checkEtherType(&a)
}

func (r *actionReader) nxSetMPLSLabel(b []byte) (pipeline.Action, error) {
	n := binary.BigEndian.Uint32(b[12:])
	if n > 0xfffff {
		return pipeline.Action{}, fmt.Errorf("MPLS label %#x: %w", n, ofperr.ActionBadArgument)
	}
	return setWhole(flow.MPLSLabel, flow.Value{Lo: uint64(n)}), nil
}

func (r *actionReader) nxSetMPLSTC(b []byte) (pipeline.Action, error) {
	if b[nxHead] > 7 {
		return pipeline.Action{}, fmt.Errorf("MPLS traffic class %d: %w", b[nxHead], ofperr.ActionBadArgument)
	}
	return setWhole(flow.MPLSTC, flow.Value{Lo: uint64(b[nxHead])}), nil
}

// nxWriteMetadata is the instruction write_metadata in 1.0, where it takes its turn as actions
// do: a resubmit behind it sees what it wrote.
func (r *actionReader) nxWriteMetadata(b []byte) (pipeline.Action, error) {
	v, mask := binary.BigEndian.Uint64(b[16:]), binary.BigEndian.Uint64(b[24:])
	a := setWhole(flow.Metadata, flow.Value{Lo: v & mask})
	a.Mask.Lo = mask
	return a, mustBeZero(b[10:16])
}

func (r *actionReader) nxRegMove(b []byte) (pipeline.Action, error) {
	u16 := func(at int) int { return int(binary.BigEndian.Uint16(b[at:])) }
	return moved(b[16:], u16(10), u16(12), u16(14))
}

func (r *actionReader) nxRegLoad(b []byte) (a pipeline.Action, err error) {
	a.Kind = pipeline.ActLoad
	if a.Dst, err = writable(shortField(b[12:], binary.BigEndian.Uint16(b[10:]))); err != nil {
		return a, err
	}
	a.Value.Lo = binary.BigEndian.Uint64(b[16:])
	if !a.Value.AndNot(flow.Ones(uint(a.Dst.Bits))).IsZero() {
		return a, fmt.Errorf("load of %#x into %d bits: %w", a.Value.Lo, a.Dst.Bits, ofperr.ActionBadArgument)
	}
	return a, nil
}

func (r *actionReader) nxRegLoad2(b []byte) (pipeline.Action, error) {
	return readSetField(b[nxHead:], true)
}

func (r *actionReader) nxNote(b []byte) (pipeline.Action, error) {
	return pipeline.Action{Kind: pipeline.ActNote, List: &pipeline.Lists{Note: string(b[nxHead:])}}, nil
}
