package wire

import (
	"fmt"

	"pollux/ofp/ofperr"
)

// ControllerReason is why a controller's status is told (OFPCSR_*).
type ControllerReason uint8

// The reasons.
const (
	ControllerAsked ControllerReason = iota
	ControllerChannel
	ControllerRole
	ControllerAdded
	ControllerRemoved
	ControllerShortID
	ControllerExperimenter
)

// ControllerState is how a controller is (struct ofp_controller_status, 1.5): the record of
// replies to PartControllerStatus, and a CONTROLLER_STATUS.
type ControllerState struct {
	ShortID uint16
	Role    Role
	Reason  ControllerReason
	Down    bool   // there is no connection
	URI     string // of the connection, as "tcp:10.0.0.1:6653"; "": not told
}

// Append appends the record.
func (s *ControllerState) Append(b []byte) []byte {
	at := len(b)
	b = be.AppendUint32(be.AppendUint16(append(b, 0, 0), s.ShortID), uint32(s.Role))
	var down byte
	if s.Down {
		down = 1
	}
	b = zeros(append(b, byte(s.Reason), down), 6)
	if s.URI != "" {
		b = propertyBytes(b, 0, []byte(s.URI[:min(len(s.URI), mostRecord)]))
	}
	be.PutUint16(b[at:], uint16(len(b)-at))
	return b
}

// ParseControllerState reads the record that b begins with and returns the rest of b.
// Properties that it does not know are skipped.
func ParseControllerState(b []byte) (s *ControllerState, rest []byte, err error) {
	if len(b) < 16 {
		return nil, nil, fmt.Errorf("controller status of %d bytes, want 16 or more: %w", len(b), ofperr.BadLen)
	}
	n := int(be.Uint16(b))
	if n < 16 || n > len(b) {
		return nil, nil, fmt.Errorf("controller status that says it has %d bytes of %d: %w", n, len(b), ofperr.BadLen)
	}
	s = &ControllerState{
		ShortID: be.Uint16(b[2:]), Role: Role(be.Uint32(b[4:])), Reason: ControllerReason(b[8]), Down: b[9] != 0,
	}
	if s.Role > RoleSlave {
		return nil, nil, fmt.Errorf("role %d: %w", s.Role, ofperr.RoleBad)
	}
	return s, b[n:], eachProperty(b[16:n], func(p property) error {
		if p.kind == 0 {
			s.URI = string(p.data[:min(len(p.data), mostRecord)])
		}
		return nil
	})
}

// AppendControllerStatus appends a CONTROLLER_STATUS.
func AppendControllerStatus(b []byte, v Version, xid uint32, s *ControllerState) []byte {
	at := len(b)
	return end(s.Append(begin(b, v, ControllerStatus, xid)), at)
}

// ParseControllerStatus reads the body of a CONTROLLER_STATUS.
func ParseControllerStatus(body []byte) (*ControllerState, error) {
	s, rest, err := ParseControllerState(body)
	if err == nil && len(rest) != 0 {
		err = fmt.Errorf("controller status with %d bytes behind it: %w", len(rest), ofperr.BadLen)
	}
	return s, err
}
