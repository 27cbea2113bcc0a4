package wire

import (
	"fmt"

	"pollux/flow"
	"pollux/ofp/ofperr"
)

// pipelineFields are the fields that go with a packet and are not in it (OpenFlow 1.5
// section 7.2.3.8), in the order in which packet-ins have them. Registers are apart: how
// many a field has differs by version.
var pipelineFields = [...]flow.Field{
	flow.RecircID, flow.ConjID, flow.InPort, flow.ActsetOutput, flow.PacketType,
	flow.TunID, flow.TunSrc, flow.TunDst, flow.TunIPv6Src, flow.TunIPv6Dst, flow.TunFlags, flow.TunGBPID, flow.TunGBPFlags,
	flow.PktMark, flow.CtState, flow.CtZone, flow.CtMark, flow.CtLabel, flow.CtNwProto, flow.CtNwSrc, flow.CtNwDst,
	flow.CtIPv6Src, flow.CtIPv6Dst, flow.CtTpSrc, flow.CtTpDst, flow.Metadata,
}

// fieldID is class and number of a field, as in the first three bytes of an OXM header.
type fieldID uint32

func oxmID(class uint16, field uint8) fieldID { return fieldID(class)<<8 | fieldID(field) }

// fieldsByID has every field by its numbers, OXM's and NXM's.
var fieldsByID = func() map[fieldID]flow.Field {
	m := map[fieldID]flow.Field{}
	for f := flow.FieldNone + 1; f < flow.NumFields; f++ {
		i := &flow.Fields[f]
		if i.OXM != "" {
			m[oxmID(i.OXMClass, i.OXMField)] = f
		}
		if i.NXM != "" {
			m[oxmID(i.NXMClass, i.NXMField)] = f
		}
	}
	return m
}()

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

// idIn returns the numbers by which version v knows f, false if it does not. Of fields that
// OXM got in 1.5, earlier versions know those that NXM has.
func idIn(v Version, f flow.Field) (fieldID, bool) {
	i := &flow.Fields[f]
	late := i.OXMClass == 0x8000 && i.OXMField > 39
	switch {
	case i.OXM != "" && (!late || v >= V15):
		return oxmID(i.OXMClass, i.OXMField), true
	case i.NXM != "":
		return oxmID(i.NXMClass, i.NXMField), true
	}
	return 0, false
}

// wireLen is how many bytes f has in OXM, and in NXM but for the in_port.
func wireLen(f flow.Field) int { return (int(flow.Fields[f].Bits) + 7) / 8 }

// appendBits appends the lowest n bytes of x.
func appendBits(b []byte, x flow.Value, n int) []byte {
	for i := n - 1; i >= 0; i-- {
		b = append(b, byte(x.Shr(uint(8*i)).Lo))
	}
	return b
}

// parseBits reads a number of up to 16 bytes.
func parseBits(b []byte) (x flow.Value) {
	for _, c := range b {
		x = x.Shl(8).Or(flow.Value{Lo: uint64(c)})
	}
	return x
}

// appendField appends a field with value and mask under the numbers id, n bytes each.
func appendField(b []byte, id fieldID, n int, val, mask, full flow.Value) []byte {
	b = append(b, byte(id>>16), byte(id>>8), byte(id)<<1, byte(n))
	b = appendBits(b, val, n)
	if mask != full {
		at := len(b) - n - 2
		b[at] |= 1
		b[at+1] = byte(2 * n)
		b = appendBits(b, mask, n)
	}
	return b
}

// appendPipeline appends the pipeline's fields that m asks for. nxm is how NXT_PACKET_IN
// has them: NXM's numbers, where there are.
func appendPipeline(b []byte, v Version, nxm bool, m *flow.Match) []byte {
	add := func(f flow.Field) {
		mask := f.GetMask(&m.Mask)
		if mask.IsZero() {
			return
		}
		id, ok := idIn(v, f)
		n, val := wireLen(f), f.Get(&m.Key)
		if i := &flow.Fields[f]; nxm && i.NXM != "" {
			id, ok = oxmID(i.NXMClass, i.NXMField), true
			if f == flow.InPort {
				p, in10 := PortNumber(val.Lo).port10()
				if !in10 {
					return
				}
				n, val, mask = 2, flow.Value{Lo: uint64(p)}, flow.InPort.Full()
			}
		}
		if ok {
			b = appendField(b, id, n, val, mask, f.Full())
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

// parsePipeline reads a list of pipeline fields. What is not asked of m stays open.
// strict is for what a controller wants: other fields are an error.
func parsePipeline(b []byte, strict bool) (m flow.Match, err error) {
	for len(b) > 0 {
		if len(b) < 4 || len(b) < 4+int(b[3]) {
			return m, fmt.Errorf("field past the end of a match: %w", ofperr.MatchBadLen)
		}
		id := oxmID(be.Uint16(b), b[2]>>1)
		masked, data := b[2]&1 != 0, b[4:4+int(b[3])]
		b = b[4+int(b[3]):]
		f, ok := fieldsByID[id]
		if !ok || !inPipeline[f] {
			if !strict {
				continue
			}
			if ok {
				return m, fmt.Errorf("%s is a field of the packet: %w", f.Name(), ofperr.PipelineFieldsOnly)
			}
			return m, fmt.Errorf("field %#x: %w", uint32(id), ofperr.MatchBadField)
		}
		if err := setField(&m, f, id, data, masked); err != nil {
			return m, err
		}
	}
	return m, nil
}

// setField adds a field as it is on the wire to m.
func setField(m *flow.Match, f flow.Field, id fieldID, data []byte, masked bool) error {
	info := &flow.Fields[f]
	n := wireLen(f)
	nxmPort := f == flow.InPort && id == oxmID(info.NXMClass, info.NXMField)
	if nxmPort {
		n = 2
	}
	if masked && !info.Maskable {
		return fmt.Errorf("mask of %s: %w", f.Name(), ofperr.MatchBadMask)
	}
	mask := f.Full()
	if masked {
		if len(data) != 2*n {
			return fmt.Errorf("%s of %d bytes, want %d: %w", f.Name(), len(data), 2*n, ofperr.MatchBadLen)
		}
		data, mask = data[:n], parseBits(data[n:])
	}
	if len(data) != n {
		return fmt.Errorf("%s of %d bytes, want %d: %w", f.Name(), len(data), n, ofperr.MatchBadLen)
	}
	val := parseBits(data)
	if nxmPort {
		val.Lo = uint64(from10(uint16(val.Lo)))
	}
	if !val.AndNot(f.Full()).IsZero() || !mask.AndNot(f.Full()).IsZero() {
		return fmt.Errorf("%s has %d bits: %w", f.Name(), info.Bits, ofperr.MatchBadValue)
	}
	if !val.AndNot(mask).IsZero() {
		return fmt.Errorf("%s has bits that its mask has not: %w", f.Name(), ofperr.MatchBadWildcards)
	}
	if !f.GetMask(&m.Mask).And(mask).IsZero() {
		return fmt.Errorf("%s twice: %w", f.Name(), ofperr.MatchFieldTwice)
	}
	m.SetMasked(f, val, mask)
	return nil
}

// appendPipelineMatch appends the match of 1.3 and up: a type, a length, the fields and
// padding (struct ofp_match).
func appendPipelineMatch(b []byte, v Version, m *flow.Match) []byte {
	at := len(b)
	return endProperty(appendPipeline(startProperty(b, 1), v, false, m), at)
}

// parsePipelineMatch reads one and returns the rest of b.
func parsePipelineMatch(b []byte, strict bool) (m flow.Match, rest []byte, err error) {
	if len(b) < 4 {
		return m, nil, fmt.Errorf("match of %d bytes, want 4 or more: %w", len(b), ofperr.MatchBadLen)
	}
	kind, n := be.Uint16(b), int(be.Uint16(b[2:]))
	if kind != 1 {
		return m, nil, fmt.Errorf("match of type %d: %w", kind, ofperr.MatchBadType)
	}
	if n < 4 || pad8(n) > len(b) {
		return m, nil, fmt.Errorf("match that says it has %d bytes of %d: %w", n, len(b), ofperr.MatchBadLen)
	}
	m, err = parsePipeline(b[4:n], strict)
	return m, b[pad8(n):], err
}
