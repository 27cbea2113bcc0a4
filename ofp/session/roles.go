package session

import (
	"fmt"
	"sync"

	"pollux/ofp/ofperr"
	"pollux/ofp/wire"
)

// Role is what a session may do (OpenFlow 1.3 section 6.3.4). Numbers are those of
// OFPCR_ROLE_*; Nicira's are one less.
type Role uint32

// The roles.
const (
	RoleNoChange Role = 0 // in requests: what is my role?
	RoleEqual    Role = 1 // reads and writes, as all that are equal
	RoleMaster   Role = 2 // reads and writes; there is one at most
	RoleSlave    Role = 3 // reads
)

// String returns the role as Open vSwitch's database names it.
func (r Role) String() string {
	switch r {
	case RoleEqual:
		return "other"
	case RoleMaster:
		return "master"
	case RoleSlave:
		return "slave"
	}
	return fmt.Sprintf("Role(%d)", uint32(r))
}

// roles is what sessions agree on about who is master.
type roles struct {
	// mu is held for reading while a request that changes the switch is dealt with, for
	// writing while roles change: when a new master has its answer, no request of the old
	// one is under way any more.
	mu         sync.RWMutex
	generation uint64 // of the last election of a master or a slave
	elected    bool   // there was one
}

// unelected is the generation that is told before there was an election.
const unelected = ^uint64(0)

// setRole has ses be of a role, and a master until now be a slave. Where checked, generation
// must not be older than the last one (section 6.3.4). It returns the role that ses has now
// and the last generation.
func (s *Server) setRole(ses *session, role Role, generation uint64, checked bool) (Role, uint64, error) {
	defer s.reviewMisses() // of which slaves get none
	s.roles.mu.Lock()
	defer s.roles.mu.Unlock()
	r := &s.roles
	if checked && (role == RoleMaster || role == RoleSlave) {
		if r.elected && int64(generation-r.generation) < 0 {
			return 0, 0, fmt.Errorf("generation %#x, and there was %#x: %w", generation, r.generation, ofperr.RoleStale)
		}
		r.generation, r.elected = generation, true
	}
	last := unelected
	if r.elected {
		last = r.generation
	}
	if role == RoleMaster {
		for _, other := range *s.sessions.Load() {
			if other != ses {
				other.demote(last)
			}
		}
	}
	ses.mu.Lock()
	defer ses.mu.Unlock()
	if role != RoleNoChange {
		ses.state.role = role
	}
	return ses.state.role, last, nil
}

// demote makes a master a slave, and tells it (1.4 and up).
func (s *session) demote(generation uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.role == RoleMaster {
		s.state.role = RoleSlave
	}
}

// role returns what the session may do.
func (s *session) role() Role {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.role
}

// writes is the messages that change the switch or send packets. A slave may send none of
// them. Those of experimenters and multipart say it in their tables.
var writes = [wire.NumKinds]bool{
	wire.PacketOut: true, wire.FlowMod: true, wire.GroupMod: true, wire.PortMod: true, wire.TableMod: true, wire.MeterMod: true,
	wire.BundleControl: true, wire.BundleAdd: true,
}

// write runs fn, which changes the switch, unless the session is a slave's. It may be called
// within fn.
func (s *session) write(fn func() error) error {
	if s.hurry {
		return fn()
	}
	s.srv.roles.mu.RLock()
	defer s.srv.roles.mu.RUnlock()
	if s.role() == RoleSlave {
		return ofperr.IsSlave
	}
	// Others wait for what fn does: it must not wait for the peer.
	s.hurry = true
	defer func() { s.hurry = false }()
	return fn()
}
