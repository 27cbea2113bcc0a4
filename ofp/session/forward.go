package session

import (
	"pollux/ofp/pipeline"
	"pollux/ofp/wire"
)

// The reasons of REQUESTFORWARD (OFPRFR_*).
const (
	forwardGroup uint8 = iota
	forwardMeter
)

// forward tells the other sessions that want to know of a change of groups or meters that s has
// made, which is done (OpenFlow 1.4.1 section 7.4.6): the request as their version has it.
func (s *session) forward(m *pipeline.Mod, xid uint32) {
	reason := forwardGroup
	switch {
	case m.Meter != nil:
		reason = forwardMeter
	case m.Group == nil:
		return
	}
	s.srv.tell(wire.AsyncRequestForward, reason, func(b []byte, ses *session, to *state) []byte {
		if ses == s || to.version < wire.V14 {
			return nil
		}
		var inner []byte
		if reason == forwardMeter {
			inner = wire.AppendMeterMod(nil, to.version, xid, m.Meter)
		} else {
			inner = wire.AppendGroupMod(nil, to.version, xid, s.groupModFor(to.version, m.Group))
		}
		if len(inner) > wire.MaxLen-wire.HeaderLen {
			ses.lost.tooLong.Add(1)
			s.cfg.Log.Warn("openflow: a request is too long to be forwarded", "peer", ses.who, "version", to.version.String())
			return nil
		}
		return wire.AppendRequestForward(b, to.version, 0, inner)
	})
}

// groupModFor is a group mod for who speaks v: before 1.5 buckets don't come and go one by one,
// but the group is modified to what it is now.
func (s *session) groupModFor(v wire.Version, m *pipeline.GroupMod) *pipeline.GroupMod {
	if v >= wire.V15 || m.Command != pipeline.GroupInsertBucket && m.Command != pipeline.GroupRemoveBucket {
		return m
	}
	for _, g := range s.cfg.Tables.Groups(m.Group.ID) {
		m = &pipeline.GroupMod{Command: pipeline.GroupModify, Group: g}
	}
	return m
}
