package wire

import (
	"encoding/binary"
	"fmt"

	"pollux/flow"
	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
)

// Flags of learn, and the parts of the head of one of its specs (struct nx_action_learn).
const (
	learnSendFlowRem = 1 << 0
	learnDelete      = 1 << 1
	learnWriteResult = 1 << 2 // NXAST_LEARN2 alone

	learnImmediate = 1 << 13
	learnKindShift = 11
	learnBits      = 0x3ff
	learnReserved  = 0xffff &^ (learnImmediate | 3<<learnKindShift | learnBits)
)

func (r *actionReader) nxLearn(b []byte) (pipeline.Action, error) {
	l, flags, err := learnHead(b)
	if err == nil && flags&^(learnSendFlowRem|learnDelete) != 0 {
		err = fmt.Errorf("learn with flags %#x: %w", flags, ofperr.ActionBadArgument)
	}
	if err == nil {
		err = learnSpecs(l, b[32:])
	}
	return pipeline.Action{Kind: pipeline.ActLearn, List: &pipeline.Lists{Learn: l}}, err
}

func (r *actionReader) nxLearn2(b []byte) (a pipeline.Action, err error) {
	l, flags, err := learnHead(b)
	if err != nil {
		return a, err
	}
	if flags&^(learnSendFlowRem|learnDelete|learnWriteResult) != 0 || b[38]|b[39] != 0 {
		return a, fmt.Errorf("learn with flags %#x: %w", flags, ofperr.ActionBadArgument)
	}
	l.Limit = binary.BigEndian.Uint32(b[32:])
	rest := b[40:]
	if flags&learnWriteResult != 0 {
		h, after, err := readField(rest)
		if err != nil {
			return a, err
		}
		rest = after
		if l.Result, err = writable(h.subfield(int(binary.BigEndian.Uint16(b[36:])), 1)); err != nil {
			return a, err
		}
	}
	if err := learnSpecs(l, rest); err != nil {
		return a, err
	}
	return pipeline.Action{Kind: pipeline.ActLearn, List: &pipeline.Lists{Learn: l}}, nil
}

// learnHead reads what both learns begin with.
func learnHead(b []byte) (*pipeline.Learn, uint16, error) {
	u16 := func(at int) uint16 { return binary.BigEndian.Uint16(b[at:]) }
	flags := u16(24)
	l := &pipeline.Learn{
		Idle: u16(10), Hard: u16(12), Priority: u16(14), Cookie: binary.BigEndian.Uint64(b[16:]),
		SendFlowRem: flags&learnSendFlowRem != 0, DeleteLearned: flags&learnDelete != 0,
		Table: b[26], FinIdle: u16(28), FinHard: u16(30),
	}
	if l.Table == pipeline.AllTables || b[27] != 0 {
		return nil, 0, fmt.Errorf("learn into table %d: %w", l.Table, ofperr.ActionBadArgument)
	}
	return l, flags, nil
}

// learnSpecs reads the specs up to a head of 0, behind which is padding.
func learnSpecs(l *pipeline.Learn, b []byte) error {
	for len(b) >= 2 && binary.BigEndian.Uint16(b) != 0 {
		s, rest, err := learnSpec(b)
		if err != nil {
			return err
		}
		l.Specs, b = append(l.Specs, s), rest
	}
	if err := mustBeZero(b); err != nil {
		return fmt.Errorf("learn: %v: %w", err, ofperr.ActionBadArgument)
	}
	return nil
}

func learnSpec(b []byte) (s pipeline.LearnSpec, rest []byte, err error) {
	head := binary.BigEndian.Uint16(b)
	n := int(head & learnBits)
	s.Kind = pipeline.LearnKind(head >> learnKindShift & 3)
	if head&learnReserved != 0 || s.Kind > pipeline.LearnOutput || n == 0 {
		return s, nil, fmt.Errorf("learn with a spec of head %#04x: %w", head, ofperr.ActionBadArgument)
	}
	b = b[2:]
	if head&learnImmediate != 0 {
		size := 2 * ((n + 15) / 16)
		if size > len(b) {
			return s, nil, fmt.Errorf("learn with %d bits in %d bytes: %w", n, len(b), ofperr.ActionBadLen)
		}
		if n > 128 || s.Kind == pipeline.LearnOutput {
			return s, nil, fmt.Errorf("learn of a value of %d bits: %w", n, ofperr.ActionBadArgument)
		}
		s.Value, b = bigEndian(b[:size]), b[size:]
		if !s.Value.AndNot(flow.Ones(uint(n))).IsZero() {
			return s, nil, fmt.Errorf("learn of a value that does not fit into %d bits: %w", n, ofperr.ActionBadArgument)
		}
	} else if s.Src, b, err = learnField(b, n); err != nil {
		return s, nil, err
	}
	if s.Kind == pipeline.LearnOutput {
		return s, b, nil
	}
	if s.Dst, b, err = learnField(b, n); err != nil {
		return s, nil, err
	}
	if s.Kind == pipeline.LearnLoad {
		_, err = writable(s.Dst, nil)
	}
	return s, b, err
}

// learnField reads a field and the offset of its n bits.
func learnField(b []byte, n int) (s pipeline.Subfield, rest []byte, err error) {
	h, b, err := readField(b)
	if err != nil {
		return s, nil, err
	}
	if len(b) < 2 {
		return s, nil, fmt.Errorf("learn with a field cut short: %w", ofperr.ActionBadLen)
	}
	s, err = h.subfield(int(binary.BigEndian.Uint16(b)), n)
	return s, b[2:], err
}

// appendLearn appends the action, in its first form where that can say it.
func appendLearn(b []byte, l *pipeline.Learn) []byte {
	two := l.Limit != 0 || l.Result.Bits != 0
	at := len(b)
	b = nxBegin(b, nxLearn)
	if two {
		b = nxBegin(b[:at], nxLearn2)
	}
	for _, n := range []uint16{l.Idle, l.Hard, l.Priority} {
		b = binary.BigEndian.AppendUint16(b, n)
	}
	b = binary.BigEndian.AppendUint64(b, l.Cookie)
	var flags uint16
	for _, f := range []struct {
		on  bool
		bit uint16
	}{{l.SendFlowRem, learnSendFlowRem}, {l.DeleteLearned, learnDelete}, {l.Result.Bits != 0, learnWriteResult}} {
		if f.on {
			flags |= f.bit
		}
	}
	b = binary.BigEndian.AppendUint16(b, flags)
	b = append(b, l.Table, 0)
	b = binary.BigEndian.AppendUint16(b, l.FinIdle)
	b = binary.BigEndian.AppendUint16(b, l.FinHard)
	if two {
		b = binary.BigEndian.AppendUint32(b, l.Limit)
		b = binary.BigEndian.AppendUint16(b, uint16(l.Result.Lo))
		b = zeros(b, 2)
		if l.Result.Bits != 0 {
			b = appendField(b, l.Result, V10)
		}
	}
	for i := range l.Specs {
		b = appendLearnSpec(b, &l.Specs[i])
	}
	return actionEnd(b, at)
}

func appendLearnSpec(b []byte, s *pipeline.LearnSpec) []byte {
	n := int(s.Dst.Bits)
	if s.Kind == pipeline.LearnOutput {
		n = int(s.Src.Bits)
	}
	head := uint16(s.Kind)<<learnKindShift | uint16(n)
	if s.Src.Bits == 0 {
		b = binary.BigEndian.AppendUint16(b, head|learnImmediate)
		b = appendBigEndian(b, s.Value, 2*((n+15)/16))
	} else {
		b = binary.BigEndian.AppendUint16(b, head)
		b = appendField(b, s.Src, V10)
		b = binary.BigEndian.AppendUint16(b, uint16(s.Src.Lo))
	}
	if s.Kind == pipeline.LearnOutput {
		return b
	}
	b = appendField(b, s.Dst, V10)
	return binary.BigEndian.AppendUint16(b, uint16(s.Dst.Lo))
}
