package pipeline

import (
	"fmt"

	"pollux/actions"
	"pollux/classifier"
	"pollux/flow"
	"pollux/ofp/ofperr"
)

// Punting is what a bridge sends to controllers without a flow that says so.
type Punting struct {
	// Miss sends packets that no flow matches, as OpenFlow 1.0 to 1.2 want it, rather than
	// drop them; MissLen bytes of each at most (miss_send_len). A resubmit that finds no flow
	// is none of these.
	Miss    bool
	MissLen uint16
	// InvalidTTL sends packets whose TTL or hop limit a flow cannot decrement. They are
	// dropped all the same.
	InvalidTTL bool
}

// Punting returns what State.SetPunting has set last.
func (s *Snapshot) Punting() Punting { return s.punting }

// SetPunting changes what goes to controllers without a flow that says so. At first nothing does.
func (s *State) SetPunting(p Punting) { s.UpdatePunting(func(q *Punting) { *q = p }) }

// UpdatePunting changes a part of it, whoever changes others at the same time. fn must not call
// State's methods.
func (s *State) UpdatePunting(fn func(*Punting)) {
	s.mu.Lock()
	defer s.unlock()
	next := s.next()
	fn(&next.punting)
	now, was := next.punting, s.snap.Load().punting
	if now == was {
		return
	}
	var o classifier.Others
	if now.InvalidTTL != was.InvalidTTL {
		o.Marks |= classifier.Expired
	}
	if now.Miss != was.Miss || now.Miss && now.MissLen != was.MissLen {
		o.Marks |= classifier.Missed
	}
	s.putRules(next, &o)
}

// refused says why the switch cannot do c; nil where it can.
func (c *ControllerAction) refused() error {
	switch {
	case c.Reason > uint8(actions.PuntPacketOut):
		return fmt.Errorf("%d is no reason to send a packet to a controller: %w", c.Reason, ofperr.ActionBadArgument)
	}
	return nil
}

// outputController is output to flow.PortController.
func (x *xlate) outputController() {
	x.controller(&ControllerAction{Reason: uint8(actions.PuntAction)})
}

// controller sends the packet to controllers as it is now: all of it, whatever length the flow
// has. That is for switches that keep the rest in a buffer; of a packet that is not buffered
// all is sent (OpenFlow 1.3.5 section 7.4.1), as a controller has no other way to forward it.
func (x *xlate) controller(c *ControllerAction) {
	most := uint16(actions.WholePacket)
	if m := x.leaving.most; m != 0 {
		most = min(most, m)
	}
	p := actions.Punt{
		Reason: actions.PuntReason(c.Reason), MaxLen: most, ID: c.ID, UserData: c.UserData, Pause: c.Pause, MeterID: c.Meter,
	}
	if *c == (ControllerAction{MaxLen: c.MaxLen, Reason: c.Reason}) && p.Reason == actions.PuntAction {
		p.Reason = x.outputReason() // a plain output, whichever way it was written
	}
	if c.Meter != 0 {
		x.path.Uses.Meter(c.Meter)
		if e := x.snap.meters[c.Meter]; e != nil {
			p.Meter = e.run
		} else if x.tr != nil {
			x.tr.warn("there is no meter %d", c.Meter)
		}
	}
	if p.Pause {
		p.MaxLen = actions.WholePacket
	}
	n := len(x.punts)
	x.punt(p)
	if p.Pause && len(x.punts) > n {
		x.paused = len(x.punts)
	}
}

// outputReason returns why an output to the controller sends the packet there (OpenFlow 1.4.1
// section 7.4.1). The table-miss flow is told apart (OpenFlow 1.3.5 section 5.4).
func (x *xlate) outputReason() actions.PuntReason {
	switch {
	case x.inGroup > 0:
		return actions.PuntGroup
	case x.inSet:
		return actions.PuntActionSet
	case x.out: // by its own actions, or by a flow of a table that they send it to
		return actions.PuntPacketOut
	case x.current.isMiss():
		return actions.PuntExplicitMiss
	}
	return actions.PuntAction
}

// isMiss says whether r is a table-miss flow.
func (r *Rule) isMiss() bool {
	if r.Flow.Priority != 0 {
		return false
	}
	m := r.match()
	return m.Mask.Map == 0
}

// missedTable does what is due to a packet that no flow of a table matches. With silent it was a
// resubmit.
func (x *xlate) missedTable(silent bool) {
	if x.leaving.port != 0 && !silent {
		x.missedEgress()
		return
	}
	x.note(actions.DropTableMiss)
	if silent {
		return
	}
	x.path.Uses.Marks |= classifier.Missed
	if p := &x.snap.punting; p.Miss {
		x.punt(actions.Punt{Reason: actions.PuntImplicitMiss, MaxLen: p.MissLen})
	}
}

// invalidTTL tells controllers of a packet whose TTL has expired.
func (x *xlate) invalidTTL() {
	x.path.Uses.Marks |= classifier.Expired
	if !x.snap.punting.InvalidTTL {
		return
	}
	ids := x.ttlIDs
	if ids == nil {
		ids = []uint16{0}
	}
	for _, id := range ids {
		x.punt(actions.Punt{Reason: actions.PuntInvalidTTL, MaxLen: actions.WholePacket, ID: id})
	}
}

// decTTLIDs is dec_ttl that names the controllers which are told (NXAST_DEC_TTL_CNT_IDS).
func (x *xlate) decTTLIDs(ids []uint16) bool {
	x.ttlIDs = ids
	defer func() { x.ttlIDs = nil }()
	return x.decTTL(flow.IPTTL)
}

// punt emits p, completed by what is known of the packet. Where it has no meter of its own it goes
// through that which is for all of them, if there is one, as in Open vSwitch. A port may be configured to cause no
// packet-in where a table has no flow for its packets (OFPPC_NO_PACKET_IN).
func (x *xlate) punt(p actions.Punt) {
	switch p.Reason {
	case actions.PuntNoMatch, actions.PuntExplicitMiss, actions.PuntImplicitMiss:
		if in := x.snap.ports.get(x.up.Key.InPort()); in != nil && in.NoPacketIn {
			x.note(actions.DropTableMiss)
			if x.tr != nil {
				x.tr.warn("port %d is configured to cause no packet-in", in.OFPort)
			}
			return
		}
	}
	x.path.Uses.Meter(MeterController)
	if e := x.snap.meters[MeterController]; e != nil && p.Meter == nil {
		p.MeterID, p.Meter = MeterController, e.run
	}
	x.commit()
	p.Table, p.Cookie, p.InPort = x.table, actions.NoCookie, x.key.InPort()
	if x.current != nil {
		p.Cookie = x.current.Flow.Cookie
	}
	for i, w := range &actions.PuntWords {
		x.need(w, ^uint64(0))
		p.Fields[i] = x.key.W[w]
	}
	x.emit(actions.OpController).A = uint32(len(x.punts))
	x.punts = append(x.punts, p)
	if !x.punted {
		x.punted, x.punter = true, x.cause()
	}
}
