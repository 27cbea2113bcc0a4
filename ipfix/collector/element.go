package collector

import (
	"fmt"
	"strings"
	"sync"

	"github.com/netsampler/goflow2/v2/decoders/netflow"
)

// elementID names an information element.
type elementID struct {
	PEN uint32 // private enterprise number, 0 for IANA's own
	ID  uint16
}

// String writes PEN/ID, or ID.
func (e elementID) String() string {
	if e.PEN == 0 {
		return fmt.Sprint(e.ID)
	}
	return fmt.Sprintf("%d/%d", e.PEN, e.ID)
}

// Element is what is known of an information element.
type Element struct {
	PEN         uint32 `json:"pen"`
	ID          uint16 `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Type        Type   `json:"type"`
	Semantics   uint8  `json:"semantics,omitempty"` // RFC 5610 section 3.6: 2 totalCounter, 3 deltaCounter, 4 identifier, 5 flags …
	Units       uint16 `json:"units,omitempty"`     // RFC 5610 section 3.7: 1 bits, 2 octets, 3 packets, 4 flows …
	RangeBegin  uint64 `json:"range_begin,omitempty"`
	RangeEnd    uint64 `json:"range_end,omitempty"`
}

// Type is an abstract data type by its number in RFC 5610 section 3.1.
type Type uint8

// The types.
const (
	OctetArray Type = iota
	Unsigned8
	Unsigned16
	Unsigned32
	Unsigned64
	Signed8
	Signed16
	Signed32
	Signed64
	Float32
	Float64
	Boolean
	MACAddress
	String
	Seconds
	Milliseconds
	Microseconds
	Nanoseconds
	IPv4Address
	IPv6Address
)

var typeNames = [...]string{"octetArray", "unsigned8", "unsigned16", "unsigned32", "unsigned64", "signed8", "signed16", "signed32", "signed64",
	"float32", "float64", "boolean", "macAddress", "string", "dateTimeSeconds", "dateTimeMilliseconds", "dateTimeMicroseconds",
	"dateTimeNanoseconds", "ipv4Address", "ipv6Address"}

// String returns the type's name as RFC 7011 writes it.
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return fmt.Sprintf("type%d", uint8(t))
}

// iana returns the names of IANA's elements by number.
var iana = sync.OnceValue(func() []string {
	names := make([]string, 512)
	for i := range names {
		if n := netflow.IPFIXTypeToString(uint16(i)); !strings.Contains(n, "ssigned") { // Assigned …, Unassigned
			names[i] = n
		}
	}
	return names
})

// tunnelElements are those of tunnelPEN.
var tunnelElements = map[uint16]Element{
	tunnelType:            {Name: "tunnelType", Type: Unsigned8},
	tunnelKey:             {Name: "tunnelKey", Type: OctetArray},
	tunnelSource:          {Name: "tunnelSourceIPv4Address", Type: IPv4Address},
	tunnelDestination:     {Name: "tunnelDestinationIPv4Address", Type: IPv4Address},
	tunnelProtocol:        {Name: "tunnelProtocolIdentifier", Type: Unsigned8},
	tunnelSourcePort:      {Name: "tunnelSourceTransportPort", Type: Unsigned16},
	tunnelDestinationPort: {Name: "tunnelDestinationTransportPort", Type: Unsigned16},
	virtualObsID:          {Name: "virtualObsID", Type: String},
}

// element returns what is known of an element: IANA's, Open vSwitch's, the reverse
// ones of RFC 5103, and those that the exporter has told of. Others are bytes, with
// a name made of their numbers.
func (s *session) element(e elementID) Element {
	switch e.PEN {
	case 0:
		if names := iana(); int(e.ID) < len(names) && names[e.ID] != "" {
			return Element{ID: e.ID, Name: names[e.ID], Type: typeOf(names[e.ID])}
		}
		return Element{ID: e.ID, Name: fmt.Sprintf("element%d", e.ID), Type: Unsigned64}
	case reversePEN:
		r := s.element(elementID{ID: e.ID})
		r.PEN, r.Name = e.PEN, "reverse"+strings.ToUpper(r.Name[:1])+r.Name[1:]
		return r
	case tunnelPEN:
		if t, ok := tunnelElements[e.ID]; ok {
			t.PEN, t.ID = e.PEN, e.ID
			return t
		}
	}
	if t, ok := s.elements[e]; ok {
		if t.Name == "" {
			t.Name = fmt.Sprintf("element%d_%d", e.PEN, e.ID)
		}
		return t
	}
	return Element{PEN: e.PEN, ID: e.ID, Name: fmt.Sprintf("element%d_%d", e.PEN, e.ID), Type: OctetArray}
}

// typeOf tells an element's type by its name, which IANA's registry makes after the
// type but for numbers; those of fewer bytes may come in the place of more
// (RFC 7011 section 6.2), so that all are Unsigned64 here.
func typeOf(name string) Type {
	has := func(ends ...string) bool {
		for _, e := range ends {
			if strings.HasSuffix(name, e) {
				return true
			}
		}
		return false
	}
	switch {
	case strings.HasPrefix(name, "distinctCountOf"), strings.HasPrefix(name, "rfc3550Jitter"):
		return Unsigned64
	case has("IPv4Address", "IPv4Prefix"):
		return IPv4Address
	case has("IPv6Address", "IPv6Prefix"):
		return IPv6Address
	case has("MacAddress"):
		return MACAddress
	case strings.HasPrefix(name, "flowStartDelta"), strings.HasPrefix(name, "flowEndDelta"), strings.HasPrefix(name, "flowDuration"):
		return Unsigned64
	case name == "connectionSumDurationSeconds":
		return Unsigned64
	case has("Seconds") && !has("MilliSeconds"):
		return Seconds
	case has("Milliseconds", "MilliSeconds"):
		return Milliseconds
	case has("Microseconds"):
		return Microseconds
	case has("Nanoseconds"):
		return Nanoseconds
	case has("Name", "Description", "SSID", "VRFname", "IMSI", "MSISDN", "httpRequestMethod", "httpRequestHost", "httpRequestTarget",
		"httpMessageVersion", "internalAddressRealm", "externalAddressRealm"):
		return String
	case has("samplingProbability", "absoluteError", "relativeError", "CILimit", "confidenceLevel"):
		return Float64
	case name == "dataRecordsReliability":
		return Boolean
	case has("Section", "StackSection2", "StackSection3", "paddingOctets", "opaqueOctets", "Certificate", "Checksum", "UUID", "applicationId", "List"),
		strings.HasPrefix(name, "mplsLabelStackSection"):
		return OctetArray
	}
	return Unsigned64
}
