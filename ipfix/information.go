package ipfix

import "math"

// Type is an abstract data type of RFC 7012 section 3.1.
type Type uint8

// The types in use.
const (
	OctetArray Type = iota
	Unsigned8
	Unsigned16
	Unsigned32
	Unsigned64
	Float64
	MACAddress
	String
	Milliseconds // dateTimeMilliseconds
	IPv4Address
	IPv6Address
	numTypes
)

// varLen is the length in a template of a value whose length is before it in each
// record (RFC 7011 section 7).
const varLen = 65535

// types tell of each type the length of a value, the registry's name and its number
// there ("IPFIX Information Element Data Types").
var types = [numTypes]struct {
	len    uint16
	name   string
	number uint8
}{
	OctetArray:   {varLen, "octetArray", 0},
	Unsigned8:    {1, "unsigned8", 1},
	Unsigned16:   {2, "unsigned16", 2},
	Unsigned32:   {4, "unsigned32", 3},
	Unsigned64:   {8, "unsigned64", 4},
	Float64:      {8, "float64", 10},
	MACAddress:   {6, "macAddress", 12},
	String:       {varLen, "string", 13},
	Milliseconds: {8, "dateTimeMilliseconds", 15},
	IPv4Address:  {4, "ipv4Address", 18},
	IPv6Address:  {16, "ipv6Address", 19},
}

// Len returns the length of a value in bytes; 65535 when values differ in length.
func (t Type) Len() uint16 { return types[t].len }

// String returns the type's name as RFC 7012 writes it.
func (t Type) String() string { return types[t].name }

// Semantics of values, from the registry "IPFIX Information Element Semantics".
type Semantics uint8

// The semantics in use.
const (
	NoSemantics  Semantics = 0
	Quantity     Semantics = 1
	TotalCounter Semantics = 2
	DeltaCounter Semantics = 3
	Identifier   Semantics = 4
	Flags        Semantics = 5
)

// Units of values, from the registry "IPFIX Information Element Units".
type Units uint16

// The units in use.
const (
	NoUnits      Units = 0
	Bits         Units = 1
	Octets       Units = 2
	Packets      Units = 3
	Microseconds Units = 7
)

// Enterprise numbers. Own stands in Elements for ExporterConfig.PEN.
const (
	VMware     = 6876
	ReversePEN = 29305 // reverse elements of IANA's (RFC 5103 section 6.1)
	Own        = math.MaxUint32
	examplePEN = 32473 // for documents (RFC 5612)
)

// vendorReverse is the bit that makes an enterprise's element that of the other
// direction (RFC 5103 section 6.2).
const vendorReverse = 0x4000

// Element is one information element.
type Element struct {
	ID         uint16
	Enterprise uint32 // private enterprise number, 0 for IANA's own, or Own
	Name       string
	Type       Type

	// What RFC 5610 tells of elements that are not IANA's.
	Semantics Semantics
	Units     Units
	About     string

	// put writes the value. A value of variable length takes size bytes.
	put  func(b []byte, s *source)
	size func(s *source) int
}

// E is the index of an element in Elements, with reversed the element of the reverse
// direction (RFC 5103).
type E uint16

const reversed E = 1 << 15

func (e E) element() *Element { return &Elements[e&^reversed] }

// id returns the element's number, that of its enterprise.
func (e E) id() uint16 {
	el := e.element()
	if e&reversed != 0 && el.Enterprise != 0 {
		return el.ID | vendorReverse
	}
	return el.ID
}

// enterprise returns the enterprise number; 0 is IANA.
func (e E) enterprise(own uint32) uint32 {
	switch n := e.element().Enterprise; {
	case n == Own:
		return own
	case n == 0 && e&reversed != 0:
		return ReversePEN
	default:
		return n
	}
}

// name returns the element's name; RFC 5103 section 6.1 makes that of a reverse one.
func (e E) name() string {
	n := e.element().Name
	if e&reversed != 0 {
		return "reverse" + string(n[0]&^0x20) + n[1:]
	}
	return n
}

// ElementNames returns the names of the elements that flow records may have, in the
// order of records. Reverse elements come with those that they reverse.
func ElementNames() []string {
	names := make([]string, 0, len(layout))
	for i := range layout {
		names = append(names, layout[i].e.name())
	}
	return names
}
