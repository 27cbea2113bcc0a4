package wire

import (
	"encoding/binary"
	"fmt"

	"pollux/flow"
	"pollux/ofp/ofperr"
)

// classExperimenter is OFPXMC_EXPERIMENTER: 4 bytes of experimenter follow the header.
const classExperimenter uint16 = 0xffff

// onf is the Open Networking Foundation as an experimenter.
const onf uint32 = 0x4f4e4600

// cookieHeader is NXM_NX_COOKIE, which is no field of a packet; with the mask bit and
// twice the length it is NXM_NX_COOKIE_W. NXM_NX_MPLS_TTL differs in length alone.
const cookieHeader uint32 = 0x1<<16 | 30<<9 | 8

// tlv is one way to name a field on the wire (OpenFlow 1.5 section 7.2.3). Of a field
// that has several, a version is sent the one whose since is the highest it knows.
type tlv struct {
	class  uint16
	number uint8
	vendor uint32 // of classExperimenter
	field  flow.Field
	bytes  int
	since  Version
}

// tlvKey is what a TLV is found by.
type tlvKey struct {
	class  uint16
	number uint8
	vendor uint32
}

// byHeader and byField are the names of all fields, made from flow.Fields.
var (
	byHeader = map[tlvKey]*tlv{}
	byField  [flow.NumFields][]*tlv
)

func init() {
	for f := flow.FieldNone + 1; f < flow.NumFields; f++ {
		i := &flow.Fields[f]
		if i.NXM != "" {
			addTLV(tlv{class: i.NXMClass, number: i.NXMField, field: f, bytes: tlvBytes(f), since: V10})
		}
		if i.OXM == "" {
			continue
		}
		since := V13
		switch f {
		case flow.TCPFlags, flow.ActsetOutput: // before 1.5 they are extensions
			since = V15
			addTLV(tlv{class: classExperimenter, number: i.OXMField, vendor: onf, field: f, bytes: tlvBytes(f), since: V13})
		case flow.PacketType:
			since = V15
		}
		addTLV(tlv{class: i.OXMClass, number: i.OXMField, field: f, bytes: tlvBytes(f), since: since})
	}
	byHeader[tlvKey{class: flow.Fields[flow.InPort].NXMClass, number: flow.Fields[flow.InPort].NXMField}].bytes = 2
}

func addTLV(t tlv) {
	byHeader[tlvKey{t.class, t.number, t.vendor}] = &t
	byField[t.field] = append(byField[t.field], &t)
}

// tlvBytes is how long a field's value is on the wire: whole bytes, and what the
// specification gives it beyond that.
func tlvBytes(f flow.Field) int {
	switch f {
	case flow.MPLSLabel, flow.IPv6Label:
		return 4
	case flow.ARPOp, flow.TunFlags:
		return 2
	}
	return (int(flow.Fields[f].Bits) + 7) / 8
}

// tlvOf returns how version v names f, nil if no version can.
func tlvOf(f flow.Field, v Version) (best *tlv) {
	for _, t := range byField[f] {
		if best == nil || t.since <= v && (best.since > v || t.since > best.since) {
			best = t
		}
	}
	return best
}

// tlvHead is a TLV's header as read.
type tlvHead struct {
	*tlv    // nil: not known
	raw     uint32
	masked  bool
	payload int // bytes that follow: value and mask
}

// readTLVHead reads a header, with its experimenter, and returns what follows. Of a field
// that is not known the error is MatchBadField, and head and rest are good all the same.
func readTLVHead(b []byte) (h tlvHead, rest []byte, err error) {
	if len(b) < 4 {
		return h, nil, fmt.Errorf("field header of %d bytes, want 4: %w", len(b), ofperr.MatchBadLen)
	}
	h.raw = binary.BigEndian.Uint32(b)
	key := tlvKey{class: uint16(h.raw >> 16), number: uint8(h.raw >> 9 & 0x7f)}
	h.masked, h.payload, rest = h.raw>>8&1 != 0, int(h.raw&0xff), b[4:]
	if key.class == classExperimenter {
		if len(rest) < 4 || h.payload < 4 {
			return h, nil, fmt.Errorf("field of an experimenter without its number: %w", ofperr.MatchBadLen)
		}
		key.vendor, rest, h.payload = binary.BigEndian.Uint32(rest), rest[4:], h.payload-4
	}
	h.tlv = byHeader[key]
	if h.tlv == nil {
		return h, rest, fmt.Errorf("field %d of class %#04x is not known: %w", key.number, key.class, ofperr.MatchBadField)
	}
	want := h.bytes
	if h.masked {
		want *= 2
	}
	if h.payload != want {
		return h, rest, fmt.Errorf("%s of %d bytes, want %d: %w", h.field.Name(), h.payload, want, ofperr.MatchBadLen)
	}
	return h, rest, nil
}

// appendHead appends the header with the length of value and mask.
func (t *tlv) appendHead(b []byte, masked bool) []byte {
	n, bit := t.bytes, uint32(0)
	if masked {
		n, bit = 2*n, 1<<8
	}
	if t.class == classExperimenter {
		n += 4
	}
	b = binary.BigEndian.AppendUint32(b, uint32(t.class)<<16|uint32(t.number)<<9|bit|uint32(n))
	if t.class == classExperimenter {
		b = binary.BigEndian.AppendUint32(b, t.vendor)
	}
	return b
}

// fragBits are all that ip_frag has: the other bits of its byte are of no packet, so that a
// match that compares them is the same as one that doesn't.
const fragBits = flow.FragAny | flow.FragLater

// OXM is one field with a value, as matches and set_field have it.
type OXM struct {
	Field       flow.Field
	Value, Mask flow.Value // Mask is the field's full one where none was given
	HasMask     bool
	short       bool // a port of 16 bits: NXM_OF_IN_PORT
}

// ParseOXM reads the field at the start of b and returns what follows it. Errors are
// those of matches: MatchBadField, MatchBadLen, MatchBadValue, MatchBadMask, and
// MatchBadWildcards where the value has bits that the mask leaves out.
func ParseOXM(b []byte) (o OXM, rest []byte, err error) {
	if o, rest, err = parseAnyMask(b); err == nil && !flow.Fields[o.Field].Maskable && !o.Mask.IsZero() && o.Mask != o.Field.Full() {
		return o, nil, fmt.Errorf("%s takes no mask: %w", o.Field.Name(), ofperr.MatchBadMask)
	}
	return o, rest, err
}

// parseAnyMask is ParseOXM for an action: what is written to a field may be masked where no match
// is, as with Nicira's load.
func parseAnyMask(b []byte) (o OXM, rest []byte, err error) {
	h, b, err := readTLVHead(b)
	if err != nil {
		return o, nil, err
	}
	if len(b) < h.payload {
		return o, nil, fmt.Errorf("%s with %d bytes left: %w", h.field.Name(), len(b), ofperr.MatchBadLen)
	}
	o = OXM{Field: h.field, Value: bigEndian(b[:h.bytes]), HasMask: h.masked, short: h.field == flow.InPort && h.bytes == 2}
	full := o.Field.Full()
	o.Mask = full
	if h.masked {
		o.Mask = bigEndian(b[h.bytes:h.payload])
		if !o.Value.AndNot(o.Mask).IsZero() {
			return o, nil, fmt.Errorf("%s has bits outside its mask: %w", o.Field.Name(), ofperr.MatchBadWildcards)
		}
		o.Mask = o.Mask.And(full)
	}
	if err := o.checkValue(); err != nil {
		return o, nil, err
	}
	if o.Field == flow.IPFrag {
		o.Mask.Lo &= fragBits
	}
	return o, b[h.payload:], nil
}

// checkValue refuses what the field can't be, and widens a port.
func (o *OXM) checkValue() error {
	v := o.Value
	allowed := o.Field.Full()
	switch o.Field {
	case flow.IPFrag:
		allowed.Lo = fragBits
	case flow.IPTOS:
		allowed.Lo = 0xfc
	case flow.CtState:
		allowed.Lo = 0xff
	case flow.InPort, flow.ActsetOutput:
		if o.short {
			o.Value.Lo = uint64(from10(uint16(v.Lo)))
			return nil
		}
		if v.Lo >= uint64(portMax10) && v.Lo < uint64(portMax) {
			return fmt.Errorf("%s is %#x, which is no port: %w", o.Field.Name(), v.Lo, ofperr.MatchBadValue)
		}
	case flow.PacketType:
		allowed.Lo = 0 // Ethernet, which every packet here is
	}
	if !v.AndNot(allowed).IsZero() {
		return fmt.Errorf("%s can't be %#x: %w", o.Field.Name(), v.Lo, ofperr.MatchBadValue)
	}
	return nil
}

// AppendOXM appends the field by the name that version v has for it; the mask is left
// out where it is that of the whole field. A field without a name is left out.
func AppendOXM(b []byte, v Version, o OXM) []byte {
	t := tlvOf(o.Field, v)
	if t == nil {
		return b
	}
	return t.appendValue(b, o.Value, o.Mask)
}

func (t *tlv) appendValue(b []byte, v, mask flow.Value) []byte {
	masked := mask != t.field.Full() && !(t.field == flow.IPFrag && mask.Lo == fragBits)
	b = appendBigEndian(t.appendHead(b, masked), v, t.bytes)
	if masked {
		b = appendBigEndian(b, mask, t.bytes)
	}
	return b
}

// bigEndian reads a value of 1 to 16 bytes.
func bigEndian(b []byte) (v flow.Value) {
	for _, c := range b {
		v = v.Shl(8)
		v.Lo |= uint64(c)
	}
	return v
}

// appendBigEndian appends the lowest n bytes of v.
func appendBigEndian(b []byte, v flow.Value, n int) []byte {
	for i := n - 1; i >= 0; i-- {
		b = append(b, byte(v.Shr(uint(8*i)).Lo))
	}
	return b
}
