package wire

import (
	"encoding/binary"
	"fmt"

	"pollux/ofp/ofperr"
)

// be is the order of bytes on the wire.
var be = binary.BigEndian

// propExperimenter is the type of properties that experimenters define.
const propExperimenter = 0xffff

// property is one property of a message (OpenFlow 1.4 section 7.2.1.2 and the like): a
// type, a length that counts the head of 4 bytes, and padding to 8 bytes behind it.
type property struct {
	kind uint16
	// Of propExperimenter, and of types that the caller says are experimenters', too.
	vendor, subtype uint32
	data            []byte // what follows the head
}

// nextProperty reads the property that b begins with and returns the rest of b. Types
// from experimenters on are of experimenters: 12 bytes of head. The last property may
// lack its padding, as 1.3 is not clear about it.
func nextProperty(b []byte, experimenters uint16) (p property, rest []byte, err error) {
	if len(b) < 4 {
		return p, nil, fmt.Errorf("property of %d bytes, want 4 or more: %w", len(b), ofperr.PropertyBadLen)
	}
	p.kind = be.Uint16(b)
	n, head := int(be.Uint16(b[2:])), 4
	if p.kind >= experimenters {
		head = 12
	}
	if n < head || n > len(b) {
		return p, nil, fmt.Errorf("property %d that says it has %d bytes of %d: %w", p.kind, n, len(b), ofperr.PropertyBadLen)
	}
	if head == 12 {
		p.vendor, p.subtype = be.Uint32(b[4:]), be.Uint32(b[8:])
	}
	p.data = b[head:n:n]
	return p, b[min(len(b), pad8(n)):], nil
}

// eachProperty calls f with every property of b, until it returns an error.
func eachProperty(b []byte, f func(p property) error) error {
	for len(b) > 0 {
		p, rest, err := nextProperty(b, propExperimenter)
		if err != nil {
			return err
		}
		if err := f(p); err != nil {
			return err
		}
		b = rest
	}
	return nil
}

// unknown is the error of a property that the message does not have.
func (p *property) unknown(of string) error {
	if p.vendor != 0 || p.kind == propExperimenter {
		return fmt.Errorf("property %d of experimenter %#x in %s: %w", p.subtype, p.vendor, of, ofperr.PropertyBadExperimenterType)
	}
	return fmt.Errorf("property %d in %s: %w", p.kind, of, ofperr.PropertyBadType)
}

// wants checks that the property has n bytes behind its head.
func (p *property) wants(n int) error {
	if len(p.data) != n {
		return fmt.Errorf("property %d with %d bytes behind its head, want %d: %w", p.kind, len(p.data), n, ofperr.PropertyBadLen)
	}
	return nil
}

// u8, u32 and u64 read a property that is one number; one of 64 bits has 4 bytes of
// padding before it.
func (p *property) u8() (uint8, error) {
	// One byte, or four with padding: both are seen.
	if len(p.data) != 1 && len(p.data) != 4 {
		return 0, p.wants(1)
	}
	return p.data[0], nil
}

func (p *property) u32() (uint32, error) {
	if err := p.wants(4); err != nil {
		return 0, err
	}
	return be.Uint32(p.data), nil
}

func (p *property) u64() (uint64, error) {
	if err := p.wants(12); err != nil {
		return 0, err
	}
	return be.Uint64(p.data[4:]), nil
}

// pad8 rounds n up to a multiple of 8.
func pad8(n int) int { return (n + 7) &^ 7 }

// startProperty appends the head of a property whose length endProperty fills in.
func startProperty(b []byte, kind uint16) []byte { return append(b, byte(kind>>8), byte(kind), 0, 0) }

// startVendorProperty is startProperty for one of an experimenter.
func startVendorProperty(b []byte, vendor, subtype uint32) []byte {
	b = startProperty(b, propExperimenter)
	return be.AppendUint32(be.AppendUint32(b, vendor), subtype)
}

// endProperty fills in the length of the property that begins at b[at] and pads it.
func endProperty(b []byte, at int) []byte {
	n := len(b) - at
	be.PutUint16(b[at+2:], uint16(n))
	return zeros(b, pad8(n)-n)
}

func property8(b []byte, kind uint16, v uint8) []byte {
	return endProperty(append(startProperty(b, kind), v), len(b))
}

func property32(b []byte, kind uint16, v uint32) []byte {
	return endProperty(be.AppendUint32(startProperty(b, kind), v), len(b))
}

func property64(b []byte, kind uint16, v uint64) []byte {
	return endProperty(be.AppendUint64(zeros(startProperty(b, kind), 4), v), len(b))
}

func propertyBytes(b []byte, kind uint16, v []byte) []byte {
	return endProperty(append(startProperty(b, kind), v...), len(b))
}
