package wire

import (
	"encoding/binary"
	"fmt"
)

// Error is an OpenFlow error by its meaning. It is a Go error.
type Error uint8

// The errors. Their names are those of the specification with the type's prefix
// spelled out: BadType is OFPBRC_BAD_TYPE.
const (
	NoError Error = iota
	// OFPET_HELLO_FAILED
	HelloIncompatible
	// OFPET_BAD_REQUEST
	BadVersion
	BadType
	BadMultipart // BAD_STAT in 1.0
	BadExperimenter
	BadExperimenterType
	PermissionDenied
	BadLen
	BadPort           // 1.3 and up; in 1.0 an error of Nicira's
	MultipartOverflow // 1.3 and up; 1.0 has no such request
	// OFPET_SWITCH_CONFIG_FAILED
	ConfigBadFlags // 1.3 and up
	ConfigBadLen   // the same; in 1.0 BadLen
	// Nicira
	NotConfigured // NXST_NOT_CONFIGURED: the statistics are of something that is not configured
	numErrors
)

// triplet is an error on the wire. With a vendor, a number of 1.3 and up has only a
// code, which stands where the type's code would (struct ofp_error_experimenter_msg).
type triplet struct {
	vendor     uint32
	kind, code uint16
}

const (
	typeExperimenter = 0xffff // OFPET_EXPERIMENTER, 1.3 and up
	typeNicira       = 0xb0c2 // NXET_VENDOR, 1.0: code 0, then vendor, type and code
)

// unencodable stands in 1.0 for an error that it cannot tell (NXBRC_UNENCODABLE_ERROR).
var unencodable = triplet{Nicira, 1, 521}

// errs is the table of errors: name, in 1.0, in 1.3 and up.
var errs = [numErrors]struct {
	name     string
	v10, v13 triplet
}{
	NoError:             {"no error", triplet{}, triplet{}},
	HelloIncompatible:   {"incompatible versions", triplet{0, 0, 0}, triplet{0, 0, 0}},
	BadVersion:          {"version not supported", triplet{0, 1, 0}, triplet{0, 1, 0}},
	BadType:             {"message type not supported", triplet{0, 1, 1}, triplet{0, 1, 1}},
	BadMultipart:        {"multipart type not supported", triplet{0, 1, 2}, triplet{0, 1, 2}},
	BadExperimenter:     {"experimenter not supported", triplet{0, 1, 3}, triplet{0, 1, 3}},
	BadExperimenterType: {"experimenter type not supported", triplet{0, 1, 4}, triplet{0, 1, 4}},
	PermissionDenied:    {"permission denied", triplet{0, 1, 5}, triplet{0, 1, 5}},
	BadLen:              {"wrong length", triplet{0, 1, 6}, triplet{0, 1, 6}},
	BadPort:             {"invalid port", triplet{Nicira, 1, 514}, triplet{0, 1, 11}},
	MultipartOverflow:   {"multipart request too long", unencodable, triplet{0, 1, 13}},
	ConfigBadFlags:      {"switch configuration flags not supported", unencodable, triplet{0, 10, 0}},
	ConfigBadLen:        {"wrong length of switch configuration", triplet{0, 1, 6}, triplet{0, 10, 1}},
	NotConfigured:       {"not configured", triplet{Nicira, 1, 535}, triplet{Nicira, 0, 36}},
}

// Error says what was wrong.
func (e Error) Error() string {
	if e >= numErrors {
		return fmt.Sprintf("Error(%d)", uint8(e))
	}
	return errs[e].name
}

// offenders is how much of an offending message an error repeats: the specification
// asks for at least 64 bytes (OpenFlow 1.3 section 7.4.4).
const offenders = 64

// AppendError appends an ERROR of version v that says e of the message offending,
// whose first 64 bytes it repeats and whose xid it has.
func AppendError(b []byte, v Version, e Error, offending []byte) []byte {
	var xid uint32
	if len(offending) >= HeaderLen {
		xid = binary.BigEndian.Uint32(offending[4:])
	}
	return appendError(b, v, e, xid, offending[:min(len(offending), offenders)])
}

// AppendHelloFailed appends the ERROR that answers a HELLO without a common version;
// its data is text for people (OpenFlow 1.3 section 7.5.1).
func AppendHelloFailed(b []byte, v Version, xid uint32, why string) []byte {
	return appendError(b, v, HelloIncompatible, xid, []byte(why))
}

func appendError(b []byte, v Version, e Error, xid uint32, data []byte) []byte {
	at := len(b)
	b = begin(b, v, ErrorMsg, xid)
	t := errs[e].v13
	if v == V10 {
		t = errs[e].v10
	}
	switch {
	case t.vendor == 0:
		b = binary.BigEndian.AppendUint16(b, t.kind)
		b = binary.BigEndian.AppendUint16(b, t.code)
	case v == V10:
		b = binary.BigEndian.AppendUint16(b, typeNicira)
		b = binary.BigEndian.AppendUint16(b, 0)
		b = binary.BigEndian.AppendUint32(b, t.vendor)
		b = binary.BigEndian.AppendUint16(b, t.kind)
		b = binary.BigEndian.AppendUint16(b, t.code)
	default:
		b = binary.BigEndian.AppendUint16(b, typeExperimenter)
		b = binary.BigEndian.AppendUint16(b, t.code)
		b = binary.BigEndian.AppendUint32(b, t.vendor)
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
		return nil, fmt.Errorf("error of %d bytes, want 4 or more: %w", len(body), BadLen)
	}
	e := &PeerError{Type: binary.BigEndian.Uint16(body), Code: binary.BigEndian.Uint16(body[2:]), Data: body[4:]}
	switch {
	case v == V10 && e.Type == typeNicira && e.Code == 0:
		if len(e.Data) < 8 {
			return nil, fmt.Errorf("vendor error of %d bytes, want 12 or more: %w", len(body), BadLen)
		}
		e.Vendor = binary.BigEndian.Uint32(e.Data)
		e.Type, e.Code = binary.BigEndian.Uint16(e.Data[4:]), binary.BigEndian.Uint16(e.Data[6:])
		e.Data = e.Data[8:]
	case v != V10 && e.Type == typeExperimenter:
		if len(e.Data) < 4 {
			return nil, fmt.Errorf("experimenter error of %d bytes, want 8 or more: %w", len(body), BadLen)
		}
		e.Vendor, e.Data = binary.BigEndian.Uint32(e.Data), e.Data[4:]
	}
	return e, nil
}
