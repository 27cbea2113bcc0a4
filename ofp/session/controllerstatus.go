package session

import (
	"slices"
	"sync"

	"pollux/ofp/wire"
)

// statuses is how the controllers were when others were told last.
type statuses struct {
	mu   sync.Mutex // guards list, and calls of tell; taken before Server.mu
	list []status
}

// status is how a controller is that the switch connects to. Who connects to the switch is none.
type status struct {
	of    *controller
	state wire.ControllerState
}

// controllerStates returns how the controllers are, in the order of the configuration.
func (s *Server) controllerStates() []status {
	s.mu.Lock()
	controllers := slices.Clone(s.controllers)
	s.mu.Unlock()
	out := make([]status, len(controllers))
	for i, c := range controllers {
		c.mu.Lock()
		ses, st := c.session, wire.ControllerState{Role: wire.RoleEqual, Down: true, URI: c.cfg.Target}
		c.mu.Unlock()
		if ses != nil {
			ses.mu.Lock()
			if ses.state.version != 0 {
				st.Down, st.Role, st.ShortID = false, ses.state.role, ses.state.shortID
			}
			ses.mu.Unlock()
		}
		out[i] = status{c, st}
	}
	return out
}

// reviewControllers tells controllers of 1.5 that ask for it by what others differ from when it
// was called last (OpenFlow 1.5.1 section 7.4.8). It is called, without a lock, where that may
// have changed.
func (s *Server) reviewControllers() {
	x := &s.statuses
	x.mu.Lock()
	defer x.mu.Unlock()
	was := x.list
	x.list = s.controllerStates()
	for _, now := range x.list {
		i := slices.IndexFunc(was, func(o status) bool { return o.of == now.of })
		if i < 0 {
			s.tellController(now, wire.ControllerAdded)
			continue
		}
		old := was[i].state
		was = slices.Delete(was, i, i+1)
		if old.Down != now.state.Down {
			s.tellController(now, wire.ControllerChannel)
			continue // a new channel has a new role, and its end takes it
		}
		if old.Role != now.state.Role {
			s.tellController(now, wire.ControllerRole)
		}
		if old.ShortID != now.state.ShortID {
			s.tellController(now, wire.ControllerShortID)
		}
	}
	for _, gone := range was {
		gone.state.Down = true
		s.tellController(gone, wire.ControllerRemoved)
	}
}

// tellController tells the others how a controller is.
func (s *Server) tellController(c status, why wire.ControllerReason) {
	c.state.Reason = why
	s.tell(wire.AsyncControllerStatus, uint8(why), func(b []byte, ses *session, to *state) []byte {
		if ses.controller == c.of || to.version < wire.V15 {
			return nil
		}
		return wire.AppendControllerStatus(b, to.version, 0, &c.state)
	})
}

// controllerPart answers requests for how the controllers are.
func controllerPart(s *session, m *wire.Multipart, out *wire.Replies) error {
	if err := none(m); err != nil {
		return err
	}
	for _, c := range s.srv.controllerStates() {
		out.Add(c.state.Append(nil))
	}
	return nil
}
