package wire

import (
	"encoding/binary"
	"errors"
	"fmt"

	"pollux/flow"
	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
)

// maxNesting is how deep lists of actions may stand in each other (clone).
const maxNesting = 100

// Types of actions of OpenFlow 1.0 (enum ofp_action_type, section 5.2.4).
const (
	act10Output = iota
	act10SetVID
	act10SetPCP
	act10StripVLAN
	act10SetEthSrc
	act10SetEthDst
	act10SetNwSrc
	act10SetNwDst
	act10SetTOS
	act10SetTpSrc
	act10SetTpDst
	act10Enqueue
)

// Types of actions of 1.3 and up (section 7.2.5).
const (
	act13Output       = 0
	act13CopyTTLOut   = 11
	act13CopyTTLIn    = 12
	act13SetMPLSTTL   = 15
	act13DecMPLSTTL   = 16
	act13PushVLAN     = 17
	act13PopVLAN      = 18
	act13PushMPLS     = 19
	act13PopMPLS      = 20
	act13SetQueue     = 21
	act13Group        = 22
	act13SetNwTTL     = 23
	act13DecNwTTL     = 24
	act13SetField     = 25
	act15CopyField    = 28
	act15Meter        = 29
	actExperimenter   = 0xffff
	onfCopyField      = 3200 // the ONF's extension to 1.3 and 1.4
	maxLenNoBuffer    = 0xffff
	reasonAction      = 1 // OFPR_ACTION: an explicit output to the controller
	queueHeaderLength = 8
)

// actionReader reads lists of actions.
type actionReader struct {
	v     Version
	match *flow.Match // decides what transport ports are; may be nil
	depth int
}

// ParseActions reads a list of actions, which is all of b. m, when not nil, is the match of
// their flow, which tells what transport a port of 1.0 is of. What the list means is checked
// by CheckActions. Errors are those of OFPET_BAD_ACTION.
func ParseActions(v Version, b []byte, m *flow.Match) ([]pipeline.Action, error) {
	r := actionReader{v: v, match: m}
	return r.list(b)
}

func (r *actionReader) list(b []byte) (list []pipeline.Action, err error) {
	if r.depth > maxNesting {
		return nil, fmt.Errorf("actions in actions, more than %d deep: %w", maxNesting, ofperr.ActionTooMany)
	}
	for len(b) > 0 {
		if len(b) < 8 {
			return nil, fmt.Errorf("action of %d bytes, want 8 or more: %w", len(b), ofperr.ActionBadLen)
		}
		n := int(binary.BigEndian.Uint16(b[2:]))
		if n < 8 || n%8 != 0 || n > len(b) {
			return nil, fmt.Errorf("action that says it has %d bytes of %d: %w", n, len(b), ofperr.ActionBadLen)
		}
		if list, err = r.action(list, b[:n:n]); err != nil {
			return nil, err
		}
		b = b[n:]
	}
	return list, nil
}

// action reads the action that is b and appends what it is, which may be nothing.
func (r *actionReader) action(list []pipeline.Action, b []byte) ([]pipeline.Action, error) {
	kind := binary.BigEndian.Uint16(b)
	var a pipeline.Action
	var err error
	switch {
	case kind == actExperimenter:
		return r.experimenter(list, b)
	case r.v == V10:
		a, err = r.action10(kind, b)
	default:
		a, err = r.action13(kind, b)
	}
	return append(list, a), err
}

// sized checks the length of an action of fixed length.
func sized(b []byte, n int) error {
	if len(b) != n {
		return fmt.Errorf("action of %d bytes, want %d: %w", len(b), n, ofperr.ActionBadLen)
	}
	return nil
}

func (r *actionReader) action10(kind uint16, b []byte) (a pipeline.Action, err error) {
	n := 8
	switch kind {
	case act10SetEthSrc, act10SetEthDst, act10Enqueue:
		n = 16
	}
	if kind > act10Enqueue {
		return a, fmt.Errorf("action type %d: %w", kind, ofperr.ActionBadType)
	}
	if err := sized(b, n); err != nil {
		return a, err
	}
	switch kind {
	case act10Output:
		return output(uint32(from10(binary.BigEndian.Uint16(b[4:]))), binary.BigEndian.Uint16(b[6:]))
	case act10SetVID:
		return number(pipeline.ActModVID, uint64(binary.BigEndian.Uint16(b[4:])), 0xfff)
	case act10SetPCP:
		return number(pipeline.ActModPCP, uint64(b[4]), 7)
	case act10StripVLAN:
		return pipeline.Action{Kind: pipeline.ActPopVLAN}, nil
	case act10SetEthSrc:
		return setWhole(flow.EthSrc, bigEndian(b[4:10])), nil
	case act10SetEthDst:
		return setWhole(flow.EthDst, bigEndian(b[4:10])), nil
	case act10SetNwSrc:
		return setWhole(flow.IPv4Src, bigEndian(b[4:8])), nil
	case act10SetNwDst:
		return setWhole(flow.IPv4Dst, bigEndian(b[4:8])), nil
	case act10SetTOS:
		if b[4]&3 != 0 {
			return a, fmt.Errorf("TOS %#x: %w", b[4], ofperr.ActionBadArgument)
		}
		return setWhole(flow.IPDSCP, flow.Value{Lo: uint64(b[4] >> 2)}), nil
	case act10SetTpSrc:
		return setWhole(r.transport(flow.TCPSrc, flow.UDPSrc, flow.SCTPSrc), bigEndian(b[4:6])), nil
	case act10SetTpDst:
		return setWhole(r.transport(flow.TCPDst, flow.UDPDst, flow.SCTPDst), bigEndian(b[4:6])), nil
	}
	port := uint32(from10(binary.BigEndian.Uint16(b[4:])))
	if port == 0 || port >= flow.PortMax && port != flow.PortIn && port != flow.PortLocal {
		return a, fmt.Errorf("queue of port %#x: %w", port, ofperr.ActionBadOutPort)
	}
	return pipeline.Action{Kind: pipeline.ActEnqueue, Port: port, Queue: binary.BigEndian.Uint32(b[12:])}, nil
}

// transport picks the port field of the match's protocol, TCP's when it has none.
func (r *actionReader) transport(tcp, udp, sctp flow.Field) flow.Field {
	if r.match == nil {
		return tcp
	}
	for _, f := range []flow.Field{udp, sctp} {
		if flow.Prereqs(f, &r.match.Key, &r.match.Mask) == nil {
			return f
		}
	}
	return tcp
}

func (r *actionReader) action13(kind uint16, b []byte) (a pipeline.Action, err error) {
	n := 8
	switch {
	case kind == act13Output:
		n = 16
	case kind == act13SetField:
		return r.setField(b)
	case kind == act15CopyField && r.v >= V15:
		return copyField(b, 4)
	}
	arg := uint64(binary.BigEndian.Uint32(b[4:]))
	k, known := plain13[kind]
	if !known || kind == act15Meter && r.v < V15 {
		return a, fmt.Errorf("action type %d: %w", kind, ofperr.ActionBadType)
	}
	if err := sized(b, n); err != nil {
		return a, err
	}
	a.Kind = k
	switch kind {
	case act13Output:
		return output(uint32(arg), binary.BigEndian.Uint16(b[8:]))
	case act13SetMPLSTTL, act13SetNwTTL:
		a.Value.Lo = uint64(b[4])
	case act13PushVLAN, act13PushMPLS, act13PopMPLS:
		a.EtherType = binary.BigEndian.Uint16(b[4:])
		return a, checkEtherType(&a)
	case act13SetQueue:
		a.Queue = uint32(arg)
	case act13Group:
		a.Group = uint32(arg)
		return a, checkGroup(a.Group)
	case act15Meter:
		a.Meter = uint32(arg)
		return a, checkMeter(a.Meter)
	}
	return a, nil
}

// plain13 is the kinds of the actions that have one number or none.
var plain13 = map[uint16]pipeline.Kind{
	act13Output:     pipeline.ActOutput,
	act13CopyTTLOut: pipeline.ActCopyTTLOut,
	act13CopyTTLIn:  pipeline.ActCopyTTLIn,
	act13SetMPLSTTL: pipeline.ActModMPLSTTL,
	act13DecMPLSTTL: pipeline.ActDecMPLSTTL,
	act13PushVLAN:   pipeline.ActPushVLAN,
	act13PopVLAN:    pipeline.ActPopVLAN,
	act13PushMPLS:   pipeline.ActPushMPLS,
	act13PopMPLS:    pipeline.ActPopMPLS,
	act13SetQueue:   pipeline.ActSetQueue,
	act13Group:      pipeline.ActGroup,
	act13SetNwTTL:   pipeline.ActModTTL,
	act13DecNwTTL:   pipeline.ActDecTTL,
	act15Meter:      pipeline.ActMeter,
}

// checkEtherType refuses what is not the type of a tag or label.
func checkEtherType(a *pipeline.Action) error {
	switch a.Kind {
	case pipeline.ActPushVLAN:
		if a.EtherType == 0x8100 || a.EtherType == 0x88a8 {
			return nil
		}
		return fmt.Errorf("push of a VLAN tag of type %#04x: %w", a.EtherType, ofperr.ActionBadArgument)
	case pipeline.ActPushMPLS:
		if a.EtherType == etherMPLS || a.EtherType == etherMPLSM {
			return nil
		}
		return fmt.Errorf("push of an MPLS label of type %#04x: %w", a.EtherType, ofperr.ActionBadArgument)
	}
	return nil
}

func checkGroup(id uint32) error {
	if id > pipeline.GroupMax {
		return fmt.Errorf("group %#x: %w", id, ofperr.ActionBadOutGroup)
	}
	return nil
}

func checkMeter(id uint32) error {
	if id == 0 || id > pipeline.MeterMax {
		return fmt.Errorf("meter %#x: %w", id, ofperr.MeterModInvalid)
	}
	return nil
}

// controllerAction is the action with these operands.
func controllerAction(c pipeline.ControllerAction) pipeline.Action {
	return pipeline.Action{Kind: pipeline.ActController, List: &pipeline.Lists{Controller: &c}}
}

// output makes the output to a port; that to the controller has a kind of its own.
func output(port uint32, maxLen uint16) (pipeline.Action, error) {
	switch {
	case port == flow.PortController:
		return controllerAction(pipeline.ControllerAction{MaxLen: maxLen, Reason: reasonAction}), nil
	case port >= flow.PortMax && (port < flow.PortIn || port == flow.PortAny):
		return pipeline.Action{}, fmt.Errorf("output to port %#x: %w", port, ofperr.ActionBadOutPort)
	}
	return pipeline.Action{Kind: pipeline.ActOutput, Port: port}, nil
}

// number makes an action whose value is at most most.
func number(k pipeline.Kind, v, most uint64) (pipeline.Action, error) {
	if v > most {
		return pipeline.Action{}, fmt.Errorf("%#x, %#x is the most: %w", v, most, ofperr.ActionBadArgument)
	}
	return pipeline.Action{Kind: k, Value: flow.Value{Lo: v}}, nil
}

// setWhole makes the action that sets all of f.
func setWhole(f flow.Field, v flow.Value) pipeline.Action {
	return pipeline.Action{Kind: pipeline.ActSetField, Dst: whole(f), Value: v, Mask: f.Full()}
}

func whole(f flow.Field) pipeline.Subfield {
	return pipeline.Subfield{Field: f, Bits: flow.Fields[f].Bits}
}

// setField reads OFPAT_SET_FIELD: a mask is allowed in 1.5.
func (r *actionReader) setField(b []byte) (a pipeline.Action, err error) {
	return readSetField(b[4:], r.v >= V15)
}

// readSetField reads the field that an action sets, and the padding behind it.
func readSetField(b []byte, mask bool) (a pipeline.Action, err error) {
	o, rest, err := parseAnyMask(b)
	if err != nil {
		return a, inAction(err)
	}
	for _, c := range rest {
		if c != 0 {
			return a, fmt.Errorf("set field with more than padding behind it: %w", ofperr.ActionBadSetArgument)
		}
	}
	switch {
	case len(rest) > 7:
		return a, fmt.Errorf("set field with %d bytes behind it: %w", len(rest), ofperr.ActionBadSetLen)
	case o.HasMask && !mask:
		return a, fmt.Errorf("set field with a mask: %w", ofperr.ActionBadSetMask)
	case !flow.Fields[o.Field].Writable || o.Field == flow.InPort && !o.short:
		return a, fmt.Errorf("%s can't be written: %w", o.Field.Name(), ofperr.ActionBadSetArgument)
	case o.Field == flow.VlanVID && o.Mask == o.Field.Full() && o.Value.Lo&flow.VlanCFI == 0:
		return a, fmt.Errorf("vlan_vid without the bit of a tag: %w", ofperr.ActionBadSetArgument)
	}
	return pipeline.Action{Kind: pipeline.ActSetField, Dst: whole(o.Field), Value: o.Value, Mask: o.Mask}, nil
}

// inAction turns an error of a match into that of a field in an action.
func inAction(err error) error {
	for from, to := range map[ofperr.Error]ofperr.Error{
		ofperr.MatchBadField:     ofperr.ActionBadSetType,
		ofperr.MatchBadLen:       ofperr.ActionBadSetLen,
		ofperr.MatchBadMask:      ofperr.ActionBadSetMask,
		ofperr.MatchBadValue:     ofperr.ActionBadSetArgument,
		ofperr.MatchBadWildcards: ofperr.ActionBadSetArgument,
	} {
		if errors.Is(err, from) {
			return fmt.Errorf("in an action: %v: %w", err, to)
		}
	}
	return err
}
