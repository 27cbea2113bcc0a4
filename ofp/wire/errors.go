package wire

import (
	"encoding/binary"
	"fmt"

	"pollux/ofp/ofperr"
)

const (
	typeExperimenter = 0xffff // OFPET_EXPERIMENTER, 1.3 and up
	typeNicira       = 0xb0c2 // NXET_VENDOR, 1.0: code 0, then vendor, type and code
)

// AppendError appends an ERROR of version v that says e of the message offending,
// which it repeats, as far as there is room, as Open vSwitch does (the specification asks for
// 64 bytes at least: OpenFlow 1.3 section 7.4.4), and whose xid it has.
func AppendError(b []byte, v Version, e ofperr.Error, offending []byte) []byte {
	var xid uint32
	if len(offending) >= HeaderLen {
		xid = binary.BigEndian.Uint32(offending[4:])
	}
	return appendError(b, v, e, xid, offending)
}

// AppendHelloFailed appends the ERROR that answers a HELLO without a common version;
// its data is text for people (OpenFlow 1.3 section 7.5.1).
func AppendHelloFailed(b []byte, v Version, xid uint32, why string) []byte {
	return appendError(b, v, ofperr.HelloIncompatible, xid, []byte(why))
}

func appendError(b []byte, v Version, e ofperr.Error, xid uint32, data []byte) []byte {
	at := len(b)
	b = begin(b, v, ErrorMsg, xid)
	vendor, kind, code := e.Numbers(uint8(v))
	switch {
	case vendor == 0:
		b = binary.BigEndian.AppendUint16(b, kind)
		b = binary.BigEndian.AppendUint16(b, code)
	case v == V10:
		b = binary.BigEndian.AppendUint16(b, typeNicira)
		b = binary.BigEndian.AppendUint16(b, 0)
		b = binary.BigEndian.AppendUint32(b, vendor)
		b = binary.BigEndian.AppendUint16(b, kind)
		b = binary.BigEndian.AppendUint16(b, code)
	default:
		b = binary.BigEndian.AppendUint16(b, typeExperimenter)
		b = binary.BigEndian.AppendUint16(b, code)
		b = binary.BigEndian.AppendUint32(b, vendor)
	}
	return end(append(b, data...), at)
}

// PeerError is an ERROR that a peer sent.
type PeerError struct {
	Type, Code uint16
	Vendor     uint32 // 0: an error of the specification
	Data       []byte // most often the head of the message that was wrong; it points into the body that was parsed
}

// Error names the error by its numbers.
func (e *PeerError) Error() string {
	if e.Vendor != 0 {
		return fmt.Sprintf("OpenFlow error type %d, code %d of experimenter %#08x", e.Type, e.Code, e.Vendor)
	}
	return fmt.Sprintf("OpenFlow error type %d, code %d", e.Type, e.Code)
}

// ParseError reads the body of an ERROR of version v.
func ParseError(v Version, body []byte) (*PeerError, error) {
	if len(body) < 4 {
		return nil, fmt.Errorf("error of %d bytes, want 4 or more: %w", len(body), ofperr.BadLen)
	}
	e := &PeerError{Type: binary.BigEndian.Uint16(body), Code: binary.BigEndian.Uint16(body[2:]), Data: body[4:]}
	switch {
	case v == V10 && e.Type == typeNicira && e.Code == 0:
		if len(e.Data) < 8 {
			return nil, fmt.Errorf("vendor error of %d bytes, want 12 or more: %w", len(body), ofperr.BadLen)
		}
		e.Vendor = binary.BigEndian.Uint32(e.Data)
		e.Type, e.Code = binary.BigEndian.Uint16(e.Data[4:]), binary.BigEndian.Uint16(e.Data[6:])
		e.Data = e.Data[8:]
	case v != V10 && e.Type == typeExperimenter:
		if len(e.Data) < 4 {
			return nil, fmt.Errorf("experimenter error of %d bytes, want 8 or more: %w", len(body), ofperr.BadLen)
		}
		e.Vendor, e.Data = binary.BigEndian.Uint32(e.Data), e.Data[4:]
	}
	return e, nil
}
