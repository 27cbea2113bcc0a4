package wire

import (
	"errors"
	"fmt"

	"pollux/flow"
	"pollux/ofp/ofperr"
)

// pipelineFields are the fields that go with a packet and are not in it (OpenFlow 1.5
// section 7.2.3.8), in the order in which packet-ins have them. Registers are apart: how
// many a field has differs by version.
var pipelineFields = [...]flow.Field{
	flow.RecircID, flow.ConjID, flow.InPort, flow.ActsetOutput, flow.PacketType,
	flow.TunID, flow.TunFlags, flow.TunSrc, flow.TunDst, flow.TunIPv6Src, flow.TunIPv6Dst, flow.TunGBPID, flow.TunGBPFlags,
	flow.PktMark, flow.CtState, flow.CtZone, flow.CtMark, flow.CtLabel, flow.CtNwProto, flow.CtNwSrc, flow.CtNwDst,
	flow.CtIPv6Src, flow.CtIPv6Dst, flow.CtTpSrc, flow.CtTpDst, flow.Metadata,
}

// inPipeline says which fields parsePipeline takes.
var inPipeline = func() (in [flow.NumFields]bool) {
	for _, f := range pipelineFields {
		in[f] = true
	}
	for f := flow.Reg0; f <= flow.XXReg3; f++ {
		in[f] = true
	}
	return in
}()

// appendPipeline appends the pipeline's fields that m asks for. nxm is how NXT_PACKET_IN
// has them: with NXM's names, where there are.
func appendPipeline(b []byte, v Version, nxm bool, m *flow.Match) []byte {
	add := func(f flow.Field) {
		mask := f.GetMask(&m.Mask)
		if mask.IsZero() {
			return
		}
		t, val := tlvOf(f, max(v, V13)), f.Get(&m.Key) // 1.0 has no names of its own
		if nxm {
			t = tlvOf(f, V10)
			if f == flow.InPort {
				t = byHeader[tlvKey{class: flow.Fields[f].NXMClass, number: flow.Fields[f].NXMField}]
				p, ok := PortNumber(val.Lo).port10()
				if !ok {
					return
				}
				val.Lo = uint64(p)
			}
		}
		if t != nil {
			b = t.appendValue(b, val, mask)
		}
	}
	for _, f := range pipelineFields {
		add(f)
	}
	first, last := flow.Reg0, flow.Reg15
	if v >= V15 && !nxm {
		first, last = flow.XReg0, flow.XReg7
	}
	for f := first; f <= last; f++ {
		add(f)
	}
	return b
}

// parsePipeline reads a list of pipeline fields. strict is for what a controller wants: other
// fields are an error, which else are skipped.
func parsePipeline(b []byte, strict bool) (m flow.Match, err error) {
	for len(b) > 0 {
		h, rest, err := readTLVHead(b)
		known := h.tlv != nil
		if !strict && errors.Is(err, ofperr.MatchBadField) || err == nil && !inPipeline[h.field] {
			if known && strict {
				return m, fmt.Errorf("%s is a field of the packet: %w", h.field.Name(), ofperr.PipelineFieldsOnly)
			}
			if h.payload > len(rest) {
				return m, fmt.Errorf("field past the end of a match: %w", ofperr.MatchBadLen)
			}
			b = rest[h.payload:]
			continue
		}
		var o OXM
		if o, b, err = ParseOXM(b); err != nil {
			return m, err
		}
		if !o.Field.GetMask(&m.Mask).And(o.Mask).IsZero() {
			return m, fmt.Errorf("%s twice: %w", o.Field.Name(), ofperr.MatchFieldTwice)
		}
		m.SetMasked(o.Field, o.Value, o.Mask)
	}
	return m, nil
}

// appendPipelineMatch appends the match of 1.3 and up: a type, a length, the fields and
// padding (struct ofp_match).
func appendPipelineMatch(b []byte, v Version, m *flow.Match) []byte {
	at := len(b)
	return endProperty(appendPipeline(startProperty(b, matchOXM), v, false, m), at)
}

// parsePipelineMatch reads one and returns the rest of b.
func parsePipelineMatch(b []byte, strict bool) (m flow.Match, rest []byte, err error) {
	if len(b) < 4 {
		return m, nil, fmt.Errorf("match of %d bytes, want 4 or more: %w", len(b), ofperr.MatchBadLen)
	}
	kind, n := be.Uint16(b), int(be.Uint16(b[2:]))
	if kind != matchOXM {
		return m, nil, fmt.Errorf("match of type %d: %w", kind, ofperr.MatchBadType)
	}
	if n < 4 || pad8(n) > len(b) {
		return m, nil, fmt.Errorf("match that says it has %d bytes of %d: %w", n, len(b), ofperr.MatchBadLen)
	}
	m, err = parsePipeline(b[4:n], strict)
	return m, b[pad8(n):], err
}
