package wire

import (
	"encoding/binary"
	"fmt"

	"pollux/flow"
	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
)

// readField reads the header of a field without a value, as actions name one, and returns
// what follows.
func readField(b []byte) (h tlvHead, rest []byte, err error) {
	h, rest, err = readTLVHead(b)
	if err == nil && h.masked {
		err = fmt.Errorf("%s with a mask where a field is named: %w", h.field.Name(), ofperr.MatchBadMask)
	}
	if err != nil {
		return h, nil, inAction(err)
	}
	return h, rest, nil
}

// subfield returns bits ofs to ofs+n-1 of the field that h names.
func (h tlvHead) subfield(ofs, n int) (pipeline.Subfield, error) {
	bits := int(pipeline.SubfieldBits(h.field))
	if h.field == flow.InPort {
		bits = 8 * h.bytes
	}
	if n == 0 || ofs+n > bits {
		return pipeline.Subfield{}, fmt.Errorf("bits %d to %d of %s, which has %d: %w", ofs, ofs+n-1, h.field.Name(), bits, ofperr.ActionBadSetLen)
	}
	return pipeline.Subfield{Field: h.field, Lo: uint8(ofs), Bits: uint8(n)}, nil
}

// writable refuses a destination that can't be written.
func writable(s pipeline.Subfield, err error) (pipeline.Subfield, error) {
	if err == nil && !flow.Fields[s.Field].Writable {
		return s, fmt.Errorf("%s can't be written: %w", s.Field.Name(), ofperr.ActionBadSetArgument)
	}
	return s, err
}

// bitsOf takes Nicira's ofs_nbits apart: 10 bits of offset, 6 bits of width less 1.
func bitsOf(n uint16) (ofs, bits int) { return int(n >> 6), int(n&0x3f) + 1 }

// ofsBits is the reverse of bitsOf.
func ofsBits(s pipeline.Subfield) uint16 { return uint16(s.Lo)<<6 | uint16(s.Bits-1)&0x3f }

// shortField reads a field named by a header of 4 bytes and ofs_nbits.
func shortField(header []byte, ofsBits uint16) (pipeline.Subfield, error) {
	h, _, err := readField(header[:4])
	if err != nil {
		return pipeline.Subfield{}, err
	}
	return h.subfield(bitsOf(ofsBits))
}

// copyField reads OFPAT_COPY_FIELD, and what extends 1.3 by it, whose operands begin at b[at].
func copyField(b []byte, at int) (a pipeline.Action, err error) {
	if len(b) < at+16 {
		return a, fmt.Errorf("copy field of %d bytes: %w", len(b), ofperr.ActionBadLen)
	}
	n := int(binary.BigEndian.Uint16(b[at:]))
	return moved(b[at+8:], n, int(binary.BigEndian.Uint16(b[at+2:])), int(binary.BigEndian.Uint16(b[at+4:])))
}

// moved reads source and destination of a copy of n bits, and the padding behind them.
func moved(b []byte, n, from, to int) (a pipeline.Action, err error) {
	src, b, err := readField(b)
	if err != nil {
		return a, err
	}
	dst, b, err := readField(b)
	if err != nil {
		return a, err
	}
	if err := padding(b); err != nil {
		return a, err
	}
	a.Kind = pipeline.ActMove
	if a.Src, err = src.subfield(from, n); err != nil {
		return a, err
	}
	a.Dst, err = writable(dst.subfield(to, n))
	return a, err
}

// padding checks that what is left of an action is zeros, fewer than 8.
func padding(b []byte) error {
	if len(b) > 7 {
		return fmt.Errorf("action with %d bytes at its end: %w", len(b), ofperr.ActionBadLen)
	}
	return mustBeZero(b)
}

func mustBeZero(b []byte) error {
	for _, c := range b {
		if c != 0 {
			return fmt.Errorf("an action's padding is not 0: %w", ofperr.ActionMustBeZero)
		}
	}
	return nil
}

// fieldName returns how an action of version v names the field of s; Nicira's actions are as
// of 1.0.
func fieldName(s pipeline.Subfield, v Version) *tlv {
	if s.Field == flow.InPort && int(s.Lo)+int(s.Bits) <= 16 {
		v = V10
	} else if s.Field == flow.InPort {
		v = V13
	}
	return tlvOf(s.Field, v)
}

// appendField appends the header of the field of s.
func appendField(b []byte, s pipeline.Subfield, v Version) []byte {
	t := fieldName(s, v)
	if t == nil {
		return zeros(b, 4) // nothing reads it as a field; see encodable
	}
	return t.appendHead(b, false)
}
