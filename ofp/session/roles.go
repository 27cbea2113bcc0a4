package session

import (
	"fmt"
	"sync"

	"pollux/ofp/ofperr"
	"pollux/ofp/wire"
)

// roleName names a role as Open vSwitch's database does.
func roleName(r wire.Role) string {
	switch r {
	case wire.RoleMaster:
		return "master"
	case wire.RoleSlave:
		return "slave"
	}
	return "other"
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

// setRole has ses be of the role that m asks for, and a master until now be a slave. A
// generation that m has must not be older than the last one (OpenFlow 1.3 section 6.3.4). It
// returns the role that ses has now and the last generation.
func (s *Server) setRole(ses *session, m *wire.RoleMsg) (*wire.RoleMsg, error) {
	defer s.reviewMisses() // of which slaves get none
	defer s.reviewControllers()
	s.roles.mu.Lock()
	defer s.roles.mu.Unlock()
	r := &s.roles
	if m.HasGeneration {
		if r.elected && int64(m.Generation-r.generation) < 0 {
			return nil, fmt.Errorf("generation %#x, and there was %#x: %w", m.Generation, r.generation, ofperr.RoleStale)
		}
		r.generation, r.elected = m.Generation, true
	}
	if m.Role == wire.RoleMaster {
		for _, other := range *s.sessions.Load() {
			if other != ses {
				other.demote(r)
			}
		}
	}
	ses.mu.Lock()
	defer ses.mu.Unlock()
	if m.Role != wire.RoleNoChange {
		ses.state.role, ses.state.shortID = m.Role, m.ShortID
	}
	return &wire.RoleMsg{Role: ses.state.role, ShortID: ses.state.shortID, Generation: r.generation, HasGeneration: r.elected}, nil
}

// demote makes a master a slave, and tells it (1.3 and up). r.mu is held.
func (s *session) demote(r *roles) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := &s.state
	if st.role != wire.RoleMaster {
		return
	}
	st.role = wire.RoleSlave
	if st.version >= wire.V13 && st.wants(wire.AsyncRoleStatus, uint8(wire.RoleMasterRequest), false) {
		m := wire.RoleStatusMsg{Role: wire.RoleSlave, Reason: wire.RoleMasterRequest, Generation: r.generation}
		if !r.elected {
			m.Generation = ^uint64(0) // as replies have it
		}
		s.out.post(wire.AppendRoleStatus(nil, st.version, 0, &m))
	}
}

// roleRequest answers ROLE_REQUEST.
func roleRequest(s *session, q *request) error {
	m, err := wire.ParseRole(s.version, wire.RoleRequest, q.body)
	if err != nil {
		return err
	}
	if m, err = s.srv.setRole(s, m); err != nil {
		return err
	}
	return s.reply(wire.AppendRole(s.scratch[:0], s.version, wire.RoleReply, q.XID, m))
}

// nxRoleRequest answers Nicira's.
func nxRoleRequest(s *session, q *request, body []byte) error {
	m, err := wire.ParseRoleNXT(body)
	if err != nil {
		return err
	}
	if m, err = s.srv.setRole(s, m); err != nil {
		return err
	}
	return s.reply(wire.AppendRoleNXT(s.scratch[:0], s.version, q.XID, wire.NXTRoleReply, m))
}

// role returns what the session may do.
func (s *session) role() wire.Role {
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
	if s.role() == wire.RoleSlave {
		return ofperr.IsSlave
	}
	// Others wait for what fn does: it must not wait for the peer.
	s.hurry = true
	defer func() { s.hurry = false }()
	return fn()
}
