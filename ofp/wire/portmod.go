package wire

import (
	"fmt"

	"pollux/ofp/ofperr"
)

// PortModMsg is a request to set a port.
type PortModMsg struct {
	Port      PortNumber
	MAC       [6]byte // the port's, else ofperr.PortModBadAddress is due
	Config    PortConfig
	Mask      PortConfig // which bits of Config are meant
	Advertise uint32     // OFPPF_* of the version; 0: no change
}

// settable are the bits of PortConfig that a version has.
func settable(v Version) PortConfig {
	bits := PortDown | PortNoRecv | PortNoFwd | PortNoPacketIn
	if v == V10 {
		bits |= PortNoSTP | PortNoRecvSTP | PortNoFlood
	}
	return bits
}

// Bits of 1.0 for spanning trees.
const (
	PortNoSTP     PortConfig = 1 << 1
	PortNoRecvSTP PortConfig = 1 << 3
)

// AppendPortMod appends a PORT_MOD. In 1.0 a port that it has no number for is PortAny.
func AppendPortMod(b []byte, v Version, xid uint32, p *PortModMsg) []byte {
	at := len(b)
	b = begin(b, v, PortMod, xid)
	if v == V10 {
		n, ok := p.Port.port10()
		if !ok {
			n = uint16(PortAny & 0xffff)
		}
		b = append(be.AppendUint16(b, n), p.MAC[:]...)
	} else {
		b = zeros(be.AppendUint32(b, uint32(p.Port)), 4)
		b = zeros(append(b, p.MAC[:]...), 2)
	}
	b = be.AppendUint32(be.AppendUint32(b, uint32(p.Config)), uint32(p.Mask))
	if v <= V13 {
		b = zeros(be.AppendUint32(b, p.Advertise), 4)
	} else if p.Advertise != 0 {
		b = property32(b, 0, p.Advertise)
	}
	return end(b, at)
}

// ParsePortMod reads the body of a PORT_MOD. A bit of Mask that the version does not have is
// ofperr.PortModBadConfig.
func ParsePortMod(v Version, body []byte) (*PortModMsg, error) {
	least := 24
	if v == V13 {
		least = 32
	}
	if len(body) < least || v <= V13 && len(body) != least {
		return nil, fmt.Errorf("port mod of %d bytes, want %d: %w", len(body), least, ofperr.BadLen)
	}
	p := &PortModMsg{}
	if v == V10 {
		p.Port = from10(be.Uint16(body))
		copy(p.MAC[:], body[2:])
		body = body[8:]
	} else {
		p.Port = PortNumber(be.Uint32(body))
		copy(p.MAC[:], body[8:])
		body = body[16:]
	}
	p.Config, p.Mask = PortConfig(be.Uint32(body)), PortConfig(be.Uint32(body[4:]))
	if body = body[8:]; v <= V13 {
		p.Advertise = be.Uint32(body)
	} else if err := eachProperty(body, func(prop property) (err error) {
		if prop.kind != 0 {
			return prop.unknown("a port mod")
		}
		p.Advertise, err = prop.u32()
		return err
	}); err != nil {
		return nil, err
	}
	if p.Mask&^settable(v) != 0 {
		return nil, fmt.Errorf("port mod of the bits %#x: %w", uint32(p.Mask), ofperr.PortModBadConfig)
	}
	p.Config &= p.Mask
	return p, nil
}

// PortReason is what happened to a port (OFPPR_*).
type PortReason uint8

// The reasons.
const (
	PortAdded PortReason = iota
	PortDeleted
	PortModified
)

// PortStatusMsg tells that a port is new, gone or another.
type PortStatusMsg struct {
	Reason PortReason
	Port   Port
}

// AppendPortStatus appends a PORT_STATUS; nothing in 1.0 for a port that it has no number
// for.
func AppendPortStatus(b []byte, v Version, xid uint32, s *PortStatusMsg) []byte {
	at := len(b)
	b = zeros(append(begin(b, v, PortStatus, xid), byte(s.Reason)), 7)
	n := len(b)
	if b = s.Port.Append(b, v); len(b) == n {
		return b[:at]
	}
	return end(b, at)
}

// ParsePortStatus reads the body of a PORT_STATUS.
func ParsePortStatus(v Version, body []byte) (*PortStatusMsg, error) {
	if len(body) < 8 {
		return nil, fmt.Errorf("port status of %d bytes, want 8 or more: %w", len(body), ofperr.BadLen)
	}
	s := &PortStatusMsg{Reason: PortReason(body[0])}
	if s.Reason > PortModified {
		return nil, fmt.Errorf("reason %d of a port status: %w", s.Reason, ofperr.BadReason)
	}
	p, rest, err := ParsePort(v, body[8:])
	if err != nil {
		return nil, err
	}
	if len(rest) != 0 {
		return nil, fmt.Errorf("port status with %d bytes behind its port: %w", len(rest), ofperr.BadLen)
	}
	s.Port = p
	return s, nil
}
