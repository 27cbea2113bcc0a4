package session

import "pollux/ofp/wire"

// asyncKind is a kind of messages that sessions choose from by reason.
type asyncKind uint8

// The kinds. Their properties in SET_ASYNC of 1.4 and up have twice these numbers for
// slaves, and one more for others.
const (
	asyncPacketIn asyncKind = iota
	asyncPortStatus
	asyncFlowRemoved
	asyncRoleStatus
	asyncTableStatus
	asyncRequestForward
	asyncFlowStats
	asyncControllerStatus
	numAsync
)

// asyncConfig is which reasons a session wants of each kind: bit n is reason n.
type asyncConfig struct {
	master [numAsync]uint32 // as master or equal
	slave  [numAsync]uint32
}

// Reasons of packet-ins (OFPR_*).
const (
	reasonNoMatch = iota
	reasonAction
	reasonInvalidTTL
	reasonActionSet // from here on 1.4 and up
	reasonGroup
	reasonPacketOut
	numReasons
)

// Those of the other kinds that versions have, as bits.
const (
	packetInReasons   = 1<<numReasons - 1
	packetInReasons13 = 1<<reasonActionSet - 1
	portReasons       = 1<<3 - 1 // OFPPR_*
	flowReasons10     = 1<<3 - 1 // OFPRR_*: idle, hard, delete
	flowReasons13     = 1<<4 - 1 // group delete
	flowReasons14     = 1<<6 - 1 // meter delete, eviction
	roleReasons       = 1<<3 - 1 // OFPCRR_*
	tableReasons      = 3 << 3   // OFPTR_VACANCY_*
	forwardReasons    = 1<<2 - 1 // OFPRFR_*
	flowStatsReasons  = 1<<2 - 1 // OFPFSR_*
	controllerReasons = 1<<8 - 1 // OFPCSR_*
)

// defaultMissLen is how much of a packet a controller that the switch connects to is sent
// before it has said, in bytes.
const defaultMissLen = 128

// defaultAsync is what a session wants that has not said: what Open vSwitch has by
// default. A slave gets port status alone (OpenFlow 1.3 section 6.3.4), and that its role
// has changed.
func defaultAsync(v wire.Version) (c asyncConfig) {
	c.master[asyncPacketIn] = reasonsOf(asyncPacketIn, v) &^ (1 << reasonInvalidTTL)
	c.master[asyncFlowRemoved] = reasonsOf(asyncFlowRemoved, v)
	for _, k := range []asyncKind{asyncPortStatus, asyncRoleStatus} {
		c.master[k] = reasonsOf(k, v)
		c.slave[k] = reasonsOf(k, v)
	}
	c.master[asyncTableStatus] = reasonsOf(asyncTableStatus, v)
	return c
}

// reasonsOf returns the reasons of a kind that version v has.
func reasonsOf(k asyncKind, v wire.Version) uint32 {
	switch {
	case k == asyncPacketIn && v < wire.V14:
		return packetInReasons13
	case k == asyncPacketIn:
		return packetInReasons
	case k == asyncPortStatus:
		return portReasons
	case k == asyncFlowRemoved && v < wire.V13:
		return flowReasons10
	case k == asyncFlowRemoved && v < wire.V14:
		return flowReasons13
	case k == asyncFlowRemoved:
		return flowReasons14
	case v < wire.V14:
	case k == asyncRoleStatus:
		return roleReasons
	case k == asyncTableStatus:
		return tableReasons
	case k == asyncRequestForward:
		return forwardReasons
	case v < wire.V15:
	case k == asyncFlowStats:
		return flowStatsReasons
	case k == asyncControllerStatus:
		return controllerReasons
	}
	return 0
}

// wants says whether a session in this state is sent a message of kind k for reason.
func (st *state) wants(k asyncKind, reason uint8, service bool) bool {
	if st.version == 0 || reason > 31 {
		return false
	}
	// Who connected to us gets nothing unless it has asked for packets, as in Open vSwitch.
	if service && st.missLen == 0 {
		return false
	}
	masks := &st.async.master
	if st.role == RoleSlave {
		masks = &st.async.slave
	}
	return masks[k]>>reason&1 != 0
}

// tell posts what made makes to the sessions that want messages of kind k for reason, but
// for one. made may leave out a session by returning nothing.
func (s *Server) tell(k asyncKind, reason uint8, but *session, made func(b []byte, to *state) []byte) {
	var b []byte
	for _, ses := range *s.sessions.Load() {
		if ses == but {
			continue
		}
		ses.mu.Lock()
		st := ses.state
		ses.mu.Unlock()
		if !st.wants(k, reason, ses.controller == nil) {
			continue
		}
		if b = made(b[:0], &st); len(b) > 0 {
			ses.out.post(b)
		}
	}
}
