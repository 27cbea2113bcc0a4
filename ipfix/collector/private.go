package collector

import "time"

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
	nameCookie     = "ruleCookie"
	nameTable      = "ruleTable"
	nameDrop       = "dropReason"
	nameRetransmit = "tcpRetransmissionDeltaCount"
	nameOutOfOrder = "tcpOutOfOrderDeltaCount"
	nameSYNToACK   = "tcpSynToSynAckMicroseconds"
)

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
		d.Cookie, d.Rule = n, true
	case nameTable:
		d.Table, d.Rule = uint8(n), true
	case nameDrop:
		d.Drop = n
	case nameRetransmit:
		d.Retransmit = n
	case nameOutOfOrder:
		d.OutOfOrder = n
	case nameSYNToACK:
		d.SYNToACK = time.Duration(n) * time.Microsecond
	}
	return nil
}

// maxText bounds strings that are kept.
const maxText = 255

// text copies a string value.
func text(b []byte) string { return string(b[:min(len(b), maxText)]) }
