package wire

import (
	"encoding/binary"
	"fmt"

	"pollux/ofp/ofperr"
)

// HeaderLen is the length of a message's header.
const HeaderLen = 8

// MaxLen is the length of the longest message, header included.
const MaxLen = 0xffff

// Header is the first 8 bytes of every message (struct ofp_header).
type Header struct {
	Version Version
	Type    uint8  // its meaning depends on Version: Kind
	Length  uint16 // of the whole message, this header included
	XID     uint32 // a reply has that of its request
}

// ParseHeader reads the header of a message. b has HeaderLen bytes or more. The error
// is ofperr.BadLen when the length that it tells is less than the header's own.
func ParseHeader(b []byte) (Header, error) {
	if len(b) < HeaderLen {
		return Header{}, fmt.Errorf("header of %d bytes, want %d: %w", len(b), HeaderLen, ofperr.BadLen)
	}
	h := Header{
		Version: Version(b[0]), Type: b[1],
		Length: binary.BigEndian.Uint16(b[2:]), XID: binary.BigEndian.Uint32(b[4:]),
	}
	if h.Length < HeaderLen {
		return h, fmt.Errorf("length %d in the header, want %d or more: %w", h.Length, HeaderLen, ofperr.BadLen)
	}
	return h, nil
}

// Kind returns what the message is for.
func (h Header) Kind() Kind { return KindOf(h.Version, h.Type) }

// begin appends a header whose length end fills in.
func begin(b []byte, v Version, k Kind, xid uint32) []byte {
	b = append(b, byte(v), k.number(v), 0, 0)
	return binary.BigEndian.AppendUint32(b, xid)
}

// end fills in the length of the message that begins at b[at]. What is too long for a
// message is cut.
func end(b []byte, at int) []byte {
	if len(b)-at > MaxLen {
		b = b[:at+MaxLen]
	}
	binary.BigEndian.PutUint16(b[at+2:], uint16(len(b)-at))
	return b
}

// AppendMessage appends a message of kind k with the given body, for kinds whose body
// is empty (Barrier, FeaturesRequest) or any bytes (Echo). A kind that v does not have
// is a bug of the caller and panics.
func AppendMessage(b []byte, v Version, k Kind, xid uint32, body []byte) []byte {
	at := len(b)
	return end(append(begin(b, v, k, xid), body...), at)
}

// zeros appends n bytes of padding.
func zeros(b []byte, n int) []byte {
	for range n {
		b = append(b, 0)
	}
	return b
}

// name appends s in a field of n bytes, with at least one NUL at its end.
func name(b []byte, s string, n int) []byte {
	s = s[:min(len(s), n-1)]
	return zeros(append(b, s...), n-len(s))
}

// parseName reads a field that name wrote: up to the first NUL, which the last byte is
// taken for in any case.
func parseName(b []byte) string {
	b = b[:len(b)-1]
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}
