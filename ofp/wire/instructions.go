package wire

import (
	"encoding/binary"
	"fmt"

	"pollux/flow"
	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
)

// Types of instructions (enum ofp_instruction_type, OpenFlow 1.5 section 7.2.4).
const (
	instGoto          = 1
	instWriteMetadata = 2
	instWrite         = 3
	instApply         = 4
	instClear         = 5
	instMeter         = 6 // an action in 1.5
	instStatTrigger   = 7 // 1.5
	instExperimenter  = 0xffff
)

// ParseInstructions reads the instructions of 1.3 and up that are all of b, in 1.0 a list of
// actions. They may stand in any order, each type once. m, which may be nil, is as in
// ParseActions.
func ParseInstructions(v Version, b []byte, m *flow.Match) (in pipeline.Instructions, err error) {
	if v == V10 {
		in.Apply, err = ParseActions(v, b, m)
		return in, err
	}
	seen := uint(0)
	for len(b) > 0 {
		if len(b) < 4 {
			return in, fmt.Errorf("instruction of %d bytes: %w", len(b), ofperr.InstructionBadLen)
		}
		kind, n := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
		if n < 8 || n%8 != 0 || n > len(b) {
			return in, fmt.Errorf("instruction that says it has %d bytes of %d: %w", n, len(b), ofperr.InstructionBadLen)
		}
		if kind < 16 {
			if seen>>kind&1 != 0 {
				return in, fmt.Errorf("instruction %d: %w", kind, ofperr.InstructionTwice)
			}
			seen |= 1 << kind
		}
		if err := readInstruction(&in, v, kind, b[:n:n], m); err != nil {
			return in, err
		}
		b = b[n:]
	}
	return in, nil
}

func readInstruction(in *pipeline.Instructions, v Version, kind uint16, b []byte, m *flow.Match) (err error) {
	want := map[uint16]int{instGoto: 8, instClear: 8, instMeter: 8, instWriteMetadata: 24}[kind]
	if want != 0 && len(b) != want {
		return fmt.Errorf("instruction %d of %d bytes, want %d: %w", kind, len(b), want, ofperr.InstructionBadLen)
	}
	switch kind {
	case instGoto:
		in.Goto = b[4]
		if in.Goto == 0 || in.Goto >= pipeline.NumTables {
			err = fmt.Errorf("goto table %d: %w", in.Goto, ofperr.InstructionBadTable)
		}
	case instWriteMetadata:
		in.Metadata, in.MetadataMask = binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint64(b[16:])
		in.Metadata &= in.MetadataMask
	case instWrite:
		in.Write, err = ParseActions(v, b[8:], m)
	case instApply:
		in.Apply, err = ParseActions(v, b[8:], m)
	case instClear:
		in.Clear = true
	case instMeter:
		if v >= V15 {
			return fmt.Errorf("meter as an instruction: %w", ofperr.InstructionUnsupported)
		}
		in.Meter = binary.BigEndian.Uint32(b[4:])
		err = checkMeter(in.Meter)
	case instStatTrigger:
		if v < V15 {
			return fmt.Errorf("instruction %d: %w", kind, ofperr.InstructionUnknown)
		}
		in.Trigger, err = readTrigger(b)
	case instExperimenter:
		return fmt.Errorf("instruction of an experimenter: %w", ofperr.InstructionBadExperimenter)
	default:
		return fmt.Errorf("instruction %d: %w", kind, ofperr.InstructionUnknown)
	}
	return err
}

// AppendInstructions appends what a flow with match m does, in the order it is done. In 1.0
// that is actions: a goto is a resubmit, as Open vSwitch has it, and clear, write and meter
// are left out. A meter is an action in 1.5; a meter action is an instruction before, where
// it is the first.
func AppendInstructions(b []byte, v Version, in *pipeline.Instructions, m *flow.Match) []byte {
	if v == V10 {
		return appendInstructions10(b, in, m)
	}
	apply, meter := in.Apply, in.Meter
	switch {
	case v >= V15 && meter != 0:
		apply = append([]pipeline.Action{{Kind: pipeline.ActMeter, Meter: meter}}, apply...)
		meter = 0
	case v < V15 && meter == 0 && len(apply) > 0 && apply[0].Kind == pipeline.ActMeter:
		apply, meter = apply[1:], apply[0].Meter
	}
	if meter != 0 {
		b = binary.BigEndian.AppendUint32(append(b, 0, instMeter, 0, 8), meter)
	}
	if len(apply) > 0 {
		b = appendActionList(b, v, instApply, apply, m)
	}
	if in.Clear {
		b = append(b, 0, instClear, 0, 8, 0, 0, 0, 0)
	}
	if len(in.Write) > 0 {
		b = appendActionList(b, v, instWrite, in.Write, m)
	}
	if in.MetadataMask != 0 {
		b = append(b, 0, instWriteMetadata, 0, 24, 0, 0, 0, 0)
		b = binary.BigEndian.AppendUint64(b, in.Metadata)
		b = binary.BigEndian.AppendUint64(b, in.MetadataMask)
	}
	if in.Trigger != nil && v >= V15 {
		b = appendTrigger(b, in.Trigger)
	}
	if in.Goto != 0 {
		b = append(b, 0, instGoto, 0, 8, in.Goto, 0, 0, 0)
	}
	return b
}

func appendActionList(b []byte, v Version, kind uint8, list []pipeline.Action, m *flow.Match) []byte {
	at := len(b)
	b = AppendActions(append(b, 0, kind, 0, 0, 0, 0, 0, 0), v, list, m)
	binary.BigEndian.PutUint16(b[at+2:], uint16(len(b)-at))
	return b
}

func appendInstructions10(b []byte, in *pipeline.Instructions, m *flow.Match) []byte {
	b = AppendActions(b, V10, in.Apply, m)
	w := actionWriter{b: b, v: V10}
	if in.MetadataMask != 0 {
		body := binary.BigEndian.AppendUint64(make([]byte, 6), in.Metadata)
		w.nx(nxWriteMetadata, binary.BigEndian.AppendUint64(body, in.MetadataMask)...)
	}
	if in.Goto != 0 {
		w.action(&pipeline.Action{Kind: pipeline.ActResubmit, Table: in.Goto})
	}
	return w.b
}
