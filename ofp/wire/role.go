package wire

import (
	"fmt"

	"pollux/ofp/ofperr"
)

// Role is what a controller may do (OFPCR_ROLE_*).
type Role uint32

// The roles, with their numbers in 1.3; Nicira's extension for 1.0 has each one less.
const (
	RoleNoChange Role = iota // in a request: only tell
	RoleEqual
	RoleMaster
	RoleSlave
)

// RoleMsg is the body of ROLE_REQUEST and ROLE_REPLY, and of Nicira's.
type RoleMsg struct {
	Role          Role
	ShortID       uint16 // 1.5
	Generation    uint64 // of the election of the master
	HasGeneration bool   // in requests for master and slave, and replies once there was one; never Nicira's
}

// noGeneration stands for that there was none.
const noGeneration uint64 = 0xffffffffffffffff

// AppendRole appends a ROLE_REQUEST or ROLE_REPLY (1.3 and up).
func AppendRole(b []byte, v Version, k Kind, xid uint32, r *RoleMsg) []byte {
	at := len(b)
	b = be.AppendUint32(begin(b, v, k, xid), uint32(r.Role))
	if v >= V15 {
		b = zeros(be.AppendUint16(b, r.ShortID), 2)
	} else {
		b = zeros(b, 4)
	}
	g := r.Generation
	if !r.HasGeneration {
		g = noGeneration
	}
	return end(be.AppendUint64(b, g), at)
}

// ParseRole reads the body of a ROLE_REQUEST or ROLE_REPLY of kind k. ofperr.RoleBad is the
// error of a role that is none.
func ParseRole(v Version, k Kind, body []byte) (*RoleMsg, error) {
	if len(body) != 16 {
		return nil, fmt.Errorf("role of %d bytes, want 16: %w", len(body), ofperr.BadLen)
	}
	r := &RoleMsg{Role: Role(be.Uint32(body)), Generation: be.Uint64(body[8:])}
	if r.Role > RoleSlave {
		return nil, fmt.Errorf("role %d: %w", r.Role, ofperr.RoleBad)
	}
	if v >= V15 {
		r.ShortID = be.Uint16(body[4:])
	}
	// In a request for master or slave every number is one of an election.
	if r.HasGeneration = r.Generation != noGeneration; k == RoleRequest {
		r.HasGeneration = r.Role == RoleMaster || r.Role == RoleSlave
	}
	if !r.HasGeneration {
		r.Generation = 0
	}
	return r, nil
}

// AppendRoleNXT appends Nicira's role message: NXTRoleRequest or NXTRoleReply as subtype.
// There is none for RoleNoChange; it is sent as equal.
func AppendRoleNXT(b []byte, v Version, xid, subtype uint32, r *RoleMsg) []byte {
	at := len(b)
	role := max(r.Role, RoleEqual)
	return end(be.AppendUint32(beginExtension(b, v, xid, Nicira, subtype), uint32(role-1)), at)
}

// ParseRoleNXT reads the body of one.
func ParseRoleNXT(body []byte) (*RoleMsg, error) {
	if len(body) != 4 {
		return nil, fmt.Errorf("role of %d bytes, want 4: %w", len(body), ofperr.BadLen)
	}
	r := be.Uint32(body)
	if r > uint32(RoleSlave-1) {
		return nil, fmt.Errorf("role %d: %w", r, ofperr.RoleBad)
	}
	return &RoleMsg{Role: Role(r) + 1}, nil
}

// RoleReason is why a controller's role is another (OFPCRR_*).
type RoleReason uint8

// The reasons.
const (
	RoleMasterRequest RoleReason = iota // another controller asked to be master
	RoleConfig
	RoleExperimenter
)

// RoleStatusMsg tells a controller of its new role (1.3 and up).
type RoleStatusMsg struct {
	Role       Role
	Reason     RoleReason
	Generation uint64
}

// AppendRoleStatus appends a ROLE_STATUS, in 1.3 that of the Open Networking Foundation's extension.
func AppendRoleStatus(b []byte, v Version, xid uint32, s *RoleStatusMsg) []byte {
	at := len(b)
	if v >= V14 {
		b = begin(b, v, RoleStatus, xid)
	} else {
		b = beginExtension(b, v, xid, ONF, ONFRoleStatus)
	}
	b = be.AppendUint32(b, uint32(s.Role))
	b = zeros(append(b, byte(s.Reason)), 3)
	return end(be.AppendUint64(b, s.Generation), at)
}

// ParseRoleStatus reads the body of a ROLE_STATUS, or of ONFRoleStatus; its properties are skipped.
func ParseRoleStatus(body []byte) (*RoleStatusMsg, error) {
	if len(body) < 16 {
		return nil, fmt.Errorf("role status of %d bytes, want 16 or more: %w", len(body), ofperr.BadLen)
	}
	s := &RoleStatusMsg{Role: Role(be.Uint32(body)), Reason: RoleReason(body[4]), Generation: be.Uint64(body[8:])}
	if s.Role > RoleSlave {
		return nil, fmt.Errorf("role %d: %w", s.Role, ofperr.RoleBad)
	}
	if s.Reason > RoleExperimenter {
		return nil, fmt.Errorf("reason %d of a role status: %w", s.Reason, ofperr.BadReason)
	}
	return s, eachProperty(body[16:], func(property) error { return nil })
}
