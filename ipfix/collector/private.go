package collector

import (
	"strings"
	"time"
)

// Enterprise numbers that are known beforehand.
const (
	reversePEN = 29305 // reverse information elements (RFC 5103 section 6.1)
	tunnelPEN  = 6876  // of the elements of Open vSwitch
)

// Elements of tunnelPEN.
const (
	tunnelType = 891 + iota
	tunnelKey
	tunnelSource
	tunnelDestination
	tunnelProtocol
	tunnelSourcePort
	tunnelDestinationPort
	virtualObsID
)

// Private elements that matter, by the names that the exporter tells of them
// (RFC 5610): their numbers are the exporter's own.
const (
	nameCookie            = "ruleCookie"
	nameTable             = "ruleTable" // 255: no rule is known
	nameDrop              = "dropReason"
	nameDropName          = "dropReasonName"
	nameDropDescription   = "dropReasonDescription"
	nameHandshake         = "tcpHandshakeTime" // microseconds
	nameRetransmit        = "tcpRetransmissionCount"
	nameOutOfOrder        = "tcpOutOfOrderCount"
	nameInterfaceSpeed    = "interfaceSpeed"
	nameTunnelSource6     = "tunnelSourceIPv6Address"
	nameTunnelDestination = "tunnelDestinationIPv6Address"
	nameReverseEgress     = "reverseEgressInterface"
)

// vendorReverse is the bit that makes an enterprise's element the one of the reverse
// direction (RFC 5103 section 6.2), if its name says so too.
const vendorReverse = 0x4000

// reverseOf returns the element that e is the reverse of, and whether it is one.
func reverseOf(e elementID, known map[elementID]Element) (elementID, bool) {
	switch {
	case e.PEN == reversePEN:
		return elementID{ID: e.ID}, true
	case e.PEN == 0 || e.ID&vendorReverse == 0 || !strings.HasPrefix(known[e].Name, "reverse"):
		return e, false
	}
	base := elementID{e.PEN, e.ID &^ vendorReverse}
	_, ok := known[base]
	return base, ok
}

// private puts the value of an enterprise's element where it belongs.
func (p *parsed) private(e elementID, b []byte, k *Key, d *Details) error {
	if e.PEN == tunnelPEN {
		switch e.ID {
		case tunnelSource:
			return address(e, &k.Tunnel.Src, b)
		case tunnelDestination:
			return address(e, &k.Tunnel.Dst, b)
		case virtualObsID:
			d.VirtualObsID = text(b)
			return nil
		}
	}
	switch p.elements[e].Name {
	case nameTunnelSource6:
		return address(e, &k.Tunnel.Src, b)
	case nameTunnelDestination:
		return address(e, &k.Tunnel.Dst, b)
	}
	if len(b) > 8 {
		return nil
	}
	n := number(b)
	if e.PEN == tunnelPEN {
		t := &k.Tunnel
		switch e.ID {
		case tunnelType:
			t.Type = uint8(n)
		case tunnelKey:
			t.ID = n
		case tunnelProtocol:
			t.Proto = uint8(n)
		case tunnelSourcePort:
			t.SrcPort = uint16(n)
		case tunnelDestinationPort:
			t.DstPort = uint16(n)
		}
		return nil
	}
	switch p.elements[e].Name {
	case nameCookie:
		d.Cookie = n
	case nameTable:
		d.Table, d.Rule = uint8(n), n != 255
	case nameDrop:
		d.Drop = n
	case nameRetransmit:
		d.Retransmit = n
	case nameOutOfOrder:
		d.OutOfOrder = n
	case nameHandshake:
		d.Handshake = time.Duration(n) * time.Microsecond
	case nameReverseEgress:
		p.biflow, p.reverseEgress = true, uint32(n)
	}
	return nil
}

// maxText bounds strings that are kept.
const maxText = 255

// text copies a string value.
func text(b []byte) string { return string(b[:min(len(b), maxText)]) }
