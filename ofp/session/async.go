package session

import "pollux/ofp/wire"

// defaultAsync is what a session wants that has not said: wire.DefaultAsync, and what 1.3
// and up tell that a controller has to know. Open vSwitch tells a role's change always, and
// a table's state to those alone that ask twice.
func defaultAsync(v wire.Version) wire.AsyncConfig {
	c := wire.DefaultAsync(v)
	if v >= wire.V13 {
		c.Master[wire.AsyncRoleStatus], c.Slave[wire.AsyncRoleStatus] = 1<<3-1, 1<<3-1
	}
	if v >= wire.V14 {
		c.Master[wire.AsyncTableStatus] = 1<<wire.TableVacancyDown | 1<<wire.TableVacancyUp
	}
	return c
}

// wants says whether a session in this state is sent a message of kind k for reason, as its
// version has it.
func (st *state) wants(k wire.AsyncKind, reason uint8, service bool) bool {
	// Who connected to us gets nothing unless it has asked for packets, as in Open vSwitch.
	if st.version == 0 || service && st.missLen == 0 {
		return false
	}
	return st.async.Wants(st.role == wire.RoleSlave, k, reason)
}

// tell posts what made makes to the sessions that want messages of kind k for reason. made
// may leave out a session by returning nothing.
func (s *Server) tell(k wire.AsyncKind, reason uint8, made func(b []byte, ses *session, to *state) []byte) {
	var b []byte
	for _, ses := range *s.sessions.Load() {
		ses.mu.Lock()
		st := ses.state
		ses.mu.Unlock()
		if !st.wants(k, reason, ses.controller == nil) {
			continue
		}
		if b = made(b[:0], ses, &st); len(b) > 0 {
			ses.out.post(b)
		}
	}
}

// PortStatus tells of a port that came, went or changed. by is the session whose PORT_MOD
// changed it, nil if none did: before 1.5 it is not told of what it did itself.
func (s *Server) PortStatus(m *wire.PortStatusMsg, by any) {
	s.tell(wire.AsyncPortStatus, uint8(m.Reason), func(b []byte, ses *session, to *state) []byte {
		if any(ses) == by && to.version < wire.V15 {
			return nil
		}
		return wire.AppendPortStatus(b, to.version, 0, m)
	})
}

// TableStatus tells of a table whose vacancy has passed a limit (1.4 and up).
func (s *Server) TableStatus(m *wire.TableStatusMsg) {
	s.tell(wire.AsyncTableStatus, uint8(m.Reason), func(b []byte, _ *session, to *state) []byte {
		if to.version < wire.V14 {
			return nil
		}
		return wire.AppendTableStatus(b, to.version, 0, m)
	})
}

// getAsync answers GET_ASYNC_REQUEST.
func getAsync(s *session, q *request) error {
	if err := q.empty(); err != nil {
		return err
	}
	s.mu.Lock()
	c := s.state.async
	s.mu.Unlock()
	return s.reply(wire.AppendAsync(s.scratch[:0], s.version, wire.GetAsyncReply, q.XID, &c))
}

// setAsync answers SET_ASYNC.
func setAsync(s *session, q *request) error {
	return s.setAsync(func(now wire.AsyncConfig) (wire.AsyncConfig, error) { return wire.ParseAsync(s.version, q.body, now) })
}

// nxSetAsync answers Nicira's, of both kinds.
func nxSetAsync(subtype uint32) func(*session, *request, []byte) error {
	return func(s *session, _ *request, body []byte) error {
		return s.setAsync(func(now wire.AsyncConfig) (wire.AsyncConfig, error) {
			return wire.ParseAsyncNXT(s.version, subtype, body, now)
		})
	}
}

func (s *session) setAsync(parse func(wire.AsyncConfig) (wire.AsyncConfig, error)) error {
	s.mu.Lock()
	now := s.state.async
	s.mu.Unlock()
	c, err := parse(now)
	if err == nil {
		s.change(func(st *state) { st.async = c })
	}
	return err
}

// invalidTTL is OFPC_INVALID_TTL_TO_CONTROLLER, the bit of SET_CONFIG that 1.3 has in
// SET_ASYNC instead; Open vSwitch has it in 1.0, too.
const invalidTTL wire.Fragments = 1 << 2

// setInvalidTTL has the session be sent packets whose TTL is invalid, or not.
func (st *state) setInvalidTTL(on bool) {
	st.async.Master[wire.AsyncPacketIn] &^= 1 << wire.ReasonInvalidTTL
	if on {
		st.async.Master[wire.AsyncPacketIn] |= 1 << wire.ReasonInvalidTTL
	}
}
