package session

import (
	"pollux/ofp/pipeline"
	"pollux/ofp/wire"
)

// flowChanged tells the sessions that have monitors of a change. What one request has done is
// told together, and before it is answered.
func (s *Server) flowChanged(c *pipeline.FlowChange) {
	sessions := *s.sessions.Load()
	if !c.Idle() {
		for _, ses := range sessions {
			if len(ses.monitors.all) > 0 {
				ses.follow(c)
			}
		}
	}
	if !c.Last {
		return
	}
	for _, ses := range sessions {
		if ses.monitors.updates != nil {
			ses.flushUpdates(c.Number)
		}
	}
}

// follow puts a change to those that the session is told of.
func (s *session) follow(c *pipeline.FlowChange) {
	m := &s.monitors
	if m.paused && (c.Kind != pipeline.FlowDeleted || !c.Before(m.knows)) {
		return
	}
	by, _ := c.By.(*session)
	var flags wire.MonitorFlags
	for _, x := range m.all {
		if x.flags&whenOf[c.Kind] != 0 && (by == s || x.flags&wire.MonitorOnlyOwn == 0) && c.Selected(&x.filter) {
			flags |= x.flags
		}
	}
	if flags == 0 {
		return
	}
	if m.updates == nil {
		m.updates = wire.NewReplies(s.version, 0, monitorHead(s.version), func(msg []byte) { s.out.tell(msg) })
	}
	u := wire.FlowUpdate{Event: eventOf[c.Kind], Reason: uint8(c.Reason)}
	switch {
	case by != s || flags&wire.MonitorNoAbbrev != 0 || m.paused:
		u.Flow = c.Flow()
		s.addUpdate(m.updates, &u, flags)
	case m.abbrev != c.Request+1:
		m.abbrev = c.Request + 1
		s.addUpdate(m.updates, &wire.FlowUpdate{Event: wire.EventAbbrev, XID: s.xidOf(c.Request)}, flags)
	}
}

// flushUpdates sends what a request has done, and pauses where the peer does not keep up.
func (s *session) flushUpdates(number uint64) {
	m := &s.monitors
	if m.updates.Pending() {
		m.updates.End()
	}
	s.countTooLong(m.updates)
	m.updates, m.abbrev = nil, 0
	if m.paused || s.out.told() <= pauseAt {
		return
	}
	m.paused, m.knows = true, number
	s.out.pause(s.pausedMessage(wire.EventPaused))
}

// pausedMessage is that which says that monitors are paused or resumed.
func (s *session) pausedMessage(e wire.MonitorEvent) (msg []byte) {
	if s.version < wire.V14 {
		return wire.AppendMonitorPaused(nil, s.version, 0, e == wire.EventResumed)
	}
	out := wire.NewReplies(s.version, 0, monitorHead(s.version), func(b []byte) { msg = append(msg, b...) })
	s.addUpdate(out, &wire.FlowUpdate{Event: e}, 0)
	out.End()
	return msg
}

// resume tells the peer of what it has missed, now that it has read all that it was told. The
// writer calls it.
func (s *session) resume() {
	s.cfg.Tables.Still(func(uint64) {
		m := &s.monitors
		if !m.paused {
			return
		}
		list := make([]flowMonitor, 0, len(m.all))
		for _, x := range m.all {
			list = append(list, x)
		}
		out := wire.NewReplies(s.version, 0, monitorHead(s.version), func(msg []byte) { s.out.post(msg) })
		if err := s.refresh(out, list, m.knows); err != nil {
			s.cfg.Log.Error("openflow: flow monitor", "peer", s.who, "error", err) // a mistake: filters have been checked
		}
		if out.Pending() {
			out.End()
		}
		s.countTooLong(out)
		m.paused = false
		s.out.post(s.pausedMessage(wire.EventResumed))
	})
}
