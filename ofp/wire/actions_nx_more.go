package wire

import (
	"encoding/binary"
	"fmt"

	"pollux/flow"
	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
)

func (r *actionReader) nxOutputReg(b []byte) (a pipeline.Action, err error) {
	a.Kind = pipeline.ActOutputReg
	if err := mustBeZero(b[18:]); err != nil {
		return a, err
	}
	if a.Src, err = shortField(b[12:], binary.BigEndian.Uint16(b[10:])); err != nil {
		return a, err
	}
	a.MaxLen = regMaxLen(binary.BigEndian.Uint16(b[16:]))
	return a, nil
}

func (r *actionReader) nxOutputReg2(b []byte) (a pipeline.Action, err error) {
	a.Kind = pipeline.ActOutputReg
	h, rest, err := readField(b[14:])
	if err != nil {
		return a, err
	}
	if err := mustBeZero(rest); err != nil {
		return a, err
	}
	a.MaxLen = regMaxLen(binary.BigEndian.Uint16(b[12:]))
	a.Src, err = h.subfield(bitsOf(binary.BigEndian.Uint16(b[10:])))
	return a, err
}

// regMaxLen is max_len of an output by a register: 0 stands for no limit, as ovs-ofctl sends.
func regMaxLen(n uint16) uint16 {
	if n == maxLenNoBuffer {
		return 0
	}
	return n
}

func (r *actionReader) nxFinTimeout(b []byte) (pipeline.Action, error) {
	return pipeline.Action{
		Kind: pipeline.ActFinTimeout, List: &pipeline.Lists{FinIdle: binary.BigEndian.Uint16(b[10:]), FinHard: binary.BigEndian.Uint16(b[12:])},
	}, nil
}

func (r *actionReader) nxDecTTLIDs(b []byte) (a pipeline.Action, err error) {
	n := int(binary.BigEndian.Uint16(b[10:]))
	if err := mustBeZero(b[12:16]); err != nil {
		return a, err
	}
	if n == 0 || 2*n > len(b)-16 {
		return a, fmt.Errorf("dec_ttl for %d controllers in %d bytes: %w", n, len(b), ofperr.ActionBadLen)
	}
	ids := make([]uint16, n)
	for i := range ids {
		ids[i] = binary.BigEndian.Uint16(b[16+2*i:])
	}
	return pipeline.Action{Kind: pipeline.ActDecTTLIDs, List: &pipeline.Lists{IDs: ids}}, nil
}

func (r *actionReader) nxController(b []byte) (pipeline.Action, error) {
	return controllerAction(pipeline.ControllerAction{
		MaxLen: binary.BigEndian.Uint16(b[10:]), ID: binary.BigEndian.Uint16(b[12:]), Reason: b[14],
	}), mustBeZero(b[15:])
}

// Properties of NXAST_CONTROLLER2 (enum nx_action_controller2_prop_type).
const (
	controllerMaxLen = iota
	controllerID
	controllerReason
	controllerUserData
	controllerPause
	controllerMeter
)

func (r *actionReader) nxController2(b []byte) (pipeline.Action, error) {
	c := pipeline.ControllerAction{MaxLen: maxLenNoBuffer, Reason: reasonAction}
	if err := mustBeZero(b[10:16]); err != nil {
		return pipeline.Action{}, err
	}
	for props := b[16:]; len(props) > 0; {
		if len(props) < 4 {
			return pipeline.Action{}, fmt.Errorf("property of %d bytes: %w", len(props), ofperr.PropertyBadLen)
		}
		kind, n := binary.BigEndian.Uint16(props), int(binary.BigEndian.Uint16(props[2:]))
		if n < 4 || (n+7)&^7 > len(props) {
			return pipeline.Action{}, fmt.Errorf("property that says it has %d bytes of %d: %w", n, len(props), ofperr.PropertyBadLen)
		}
		if err := controllerProperty(&c, kind, props[4:n]); err != nil {
			return pipeline.Action{}, err
		}
		props = props[(n+7)&^7:]
	}
	return controllerAction(c), nil
}

func controllerProperty(c *pipeline.ControllerAction, kind uint16, b []byte) error {
	want := [...]int{controllerMaxLen: 2, controllerID: 2, controllerReason: 1, controllerUserData: len(b), controllerPause: 0, controllerMeter: 4}
	if int(kind) >= len(want) {
		return fmt.Errorf("property %d of a controller action: %w", kind, ofperr.PropertyBadType)
	}
	// Open vSwitch counts the padding of two bytes, and takes them with and without.
	if short := want[kind] == 1 || want[kind] == 2; len(b) != want[kind] && !(short && len(b) == 4) {
		return fmt.Errorf("property %d of a controller action of %d bytes, want %d: %w", kind, len(b), want[kind], ofperr.PropertyBadLen)
	}
	switch kind {
	case controllerMaxLen:
		c.MaxLen = binary.BigEndian.Uint16(b)
	case controllerID:
		c.ID = binary.BigEndian.Uint16(b)
	case controllerReason:
		c.Reason = b[0]
	case controllerUserData:
		c.UserData = string(b)
	case controllerPause:
		c.Pause = true
	case controllerMeter:
		c.Meter = binary.BigEndian.Uint32(b)
	}
	return nil
}

// stackField reads the operand of a push or a pop.
func stackField(b []byte) (pipeline.Subfield, error) {
	h, rest, err := readField(b[12:])
	if err != nil {
		return pipeline.Subfield{}, err
	}
	if err := mustBeZero(rest[2:]); err != nil {
		return pipeline.Subfield{}, err
	}
	return h.subfield(int(binary.BigEndian.Uint16(b[10:])), int(binary.BigEndian.Uint16(rest)))
}

func (r *actionReader) nxStackPush(b []byte) (pipeline.Action, error) {
	s, err := stackField(b)
	return pipeline.Action{Kind: pipeline.ActPush, Src: s}, err
}

func (r *actionReader) nxStackPop(b []byte) (pipeline.Action, error) {
	s, err := writable(stackField(b))
	return pipeline.Action{Kind: pipeline.ActPop, Dst: s}, err
}

func (r *actionReader) nxSample(b []byte) (pipeline.Action, error) {
	s := &pipeline.SampleAction{
		Probability: binary.BigEndian.Uint16(b[10:]), Set: binary.BigEndian.Uint32(b[12:]),
		Domain: binary.BigEndian.Uint32(b[16:]), Point: binary.BigEndian.Uint32(b[20:]),
	}
	if s.Probability == 0 {
		return pipeline.Action{}, fmt.Errorf("sample with probability 0: %w", ofperr.ActionBadArgument)
	}
	return pipeline.Action{Kind: pipeline.ActSample, List: &pipeline.Lists{Sample: s}}, nil
}

func (r *actionReader) nxSample2(b []byte) (pipeline.Action, error) {
	a, err := r.nxSample(b)
	if err == nil {
		err = mustBeZero(b[26:])
	}
	if err != nil {
		return a, err
	}
	if port := from10(binary.BigEndian.Uint16(b[24:])); port != PortAny {
		a.List.Sample.SamplingPort = uint32(port)
	}
	return a, err
}

func (r *actionReader) nxSample3(b []byte) (pipeline.Action, error) {
	a, err := r.nxSample(b)
	if err == nil {
		err = mustBeZero(b[27:])
	}
	if err == nil && b[26] > uint8(pipeline.SampleEgress) {
		err = fmt.Errorf("sample of direction %d: %w", b[26], ofperr.ActionBadArgument)
	}
	if err != nil {
		return a, err
	}
	if port := from10(binary.BigEndian.Uint16(b[24:])); port != PortAny {
		a.List.Sample.SamplingPort = uint32(port)
	}
	a.List.Sample.Direction = pipeline.SampleDirection(b[26])
	return a, err
}

func (r *actionReader) nxConjunction(b []byte) (pipeline.Action, error) {
	c := pipeline.Conjunction{Clause: b[10], Clauses: b[11], ID: binary.BigEndian.Uint32(b[12:])}
	if c.Clauses < 2 || c.Clauses > 64 || c.Clause >= c.Clauses {
		return pipeline.Action{}, fmt.Errorf("conjunction with clause %d of %d: %w", c.Clause, c.Clauses, ofperr.BadConjunction)
	}
	return pipeline.Action{Kind: pipeline.ActConjunction, List: &pipeline.Lists{Conjunction: c}}, nil
}

func (r *actionReader) nxOutputTrunc(b []byte) (a pipeline.Action, err error) {
	port, n := uint32(from10(binary.BigEndian.Uint16(b[10:]))), binary.BigEndian.Uint32(b[12:])
	if n < 14 || n > 0xffff {
		return a, fmt.Errorf("output of the first %d bytes: %w", n, ofperr.ActionBadArgument)
	}
	if port >= flow.PortMax && port != flow.PortIn && port != flow.PortLocal {
		return a, fmt.Errorf("output of a part to port %#x: %w", port, ofperr.ActionBadOutPort)
	}
	return pipeline.Action{Kind: pipeline.ActOutputTrunc, Port: port, MaxLen: uint16(n)}, nil
}

func (r *actionReader) nxClone(b []byte) (pipeline.Action, error) {
	inner := actionReader{v: r.v, match: r.match, depth: r.depth + 1}
	list, err := inner.list(b[16:])
	return pipeline.Action{Kind: pipeline.ActClone, List: &pipeline.Lists{Actions: list}}, err
}

func (r *actionReader) nxCheckPktLarger(b []byte) (a pipeline.Action, err error) {
	h, rest, err := readField(b[14:])
	if err != nil {
		return a, err
	}
	if err := mustBeZero(rest); err != nil {
		return a, err
	}
	a = pipeline.Action{Kind: pipeline.ActCheckPktLarger, MaxLen: binary.BigEndian.Uint16(b[10:])}
	a.Dst, err = writable(h.subfield(int(binary.BigEndian.Uint16(b[12:])), 1))
	return a, err
}

// checkHash refuses hashes of fields that are not known.
func checkHash(f uint16) error {
	if f > uint16(pipeline.HashSymmetricL3) {
		return fmt.Errorf("hash of fields %d: %w", f, ofperr.ActionBadArgument)
	}
	return nil
}

func (r *actionReader) nxMultipath(b []byte) (a pipeline.Action, err error) {
	u16 := func(at int) uint16 { return binary.BigEndian.Uint16(b[at:]) }
	m := pipeline.Multipath{
		Fields: pipeline.HashFields(u16(10)), Basis: u16(12), Algorithm: u16(16), MaxLink: u16(18), Arg: binary.BigEndian.Uint32(b[20:]),
	}
	if err := checkHash(u16(10)); err != nil {
		return a, err
	}
	if m.Dst, err = writable(shortField(b[28:], u16(26))); err != nil {
		return a, err
	}
	if m.Algorithm > 3 || m.Dst.Bits < 16 && int(m.MaxLink)+1 > 1<<m.Dst.Bits {
		return a, fmt.Errorf("multipath by algorithm %d with %d links in %d bits: %w", m.Algorithm, int(m.MaxLink)+1, m.Dst.Bits, ofperr.ActionBadArgument)
	}
	return pipeline.Action{Kind: pipeline.ActMultipath, List: &pipeline.Lists{Multipath: &m}}, nil
}

func (r *actionReader) nxBundle(b []byte) (pipeline.Action, error) {
	a, err := readBundle(b)
	if err == nil && (binary.BigEndian.Uint16(b[22:]) != 0 || binary.BigEndian.Uint32(b[24:]) != 0) {
		err = fmt.Errorf("bundle with a destination: %w", ofperr.ActionBadArgument)
	}
	return a, err
}

func (r *actionReader) nxBundleLoad(b []byte) (pipeline.Action, error) {
	a, err := readBundle(b)
	if err != nil {
		return a, err
	}
	dst, err := writable(shortField(b[24:], binary.BigEndian.Uint16(b[22:])))
	if err == nil && dst.Bits < 16 {
		err = fmt.Errorf("bundle_load into %d bits, want 16 or more: %w", dst.Bits, ofperr.ActionBadArgument)
	}
	a.List.Bundle.Dst = dst
	return a, err
}

// slavesArePorts is the one type of slave: NXM_OF_IN_PORT.
const slavesArePorts = 2

func readBundle(b []byte) (a pipeline.Action, err error) {
	u16 := func(at int) uint16 { return binary.BigEndian.Uint16(b[at:]) }
	n := int(u16(20))
	if err := checkHash(u16(12)); err != nil {
		return a, err
	}
	if u16(10) > 1 || binary.BigEndian.Uint32(b[16:]) != slavesArePorts || n > 2048 {
		return a, fmt.Errorf("bundle by algorithm %d with %d slaves: %w", u16(10), n, ofperr.ActionBadArgument)
	}
	if 2*n > len(b)-32 {
		return a, fmt.Errorf("bundle of %d slaves in %d bytes: %w", n, len(b), ofperr.ActionBadLen)
	}
	u := pipeline.Bundle{Fields: pipeline.HashFields(u16(12)), Basis: u16(14), HRW: u16(10) == 1}
	if n > 0 {
		u.Slaves = make([]uint32, n)
	}
	for i := range u.Slaves {
		u.Slaves[i] = uint32(from10(u16(32 + 2*i)))
		if p := u.Slaves[i]; p >= flow.PortMax && p != flow.PortLocal && p != uint32(PortAny) { // none: a place without a port
			return a, fmt.Errorf("bundle with port %#x: %w", p, ofperr.ActionBadOutPort)
		}
	}
	return pipeline.Action{Kind: pipeline.ActBundle, List: &pipeline.Lists{Bundle: &u}}, nil
}
