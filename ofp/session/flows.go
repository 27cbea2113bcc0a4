package session

import (
	"errors"
	"fmt"
	"net"
	"slices"

	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
	"pollux/ofp/wire"
)

// heldMod is a flow mod that waits for those which have come with it.
type heldMod struct {
	buffer uint32
	msg    []byte
}

// maxHeld is how many flow mods are done at once.
const maxHeld = 64

// flowMod answers FLOW_MOD. While the next message has come in whole, too, it is held: what
// comes together is published together, each by itself refused or not, which costs tables and
// loops a fraction. Whatever is not a flow mod has those that are held done first.
func flowMod(s *session, q *request) error {
	if s.role() == wire.RoleSlave {
		return errors.Join(s.doHeld(), ofperr.IsSlave)
	}
	fm, buffer, err := wire.ParseFlowMod(s.version, q.body, s.namesTables())
	if err != nil {
		return errors.Join(s.doHeld(), err)
	}
	s.mods = append(s.mods, fm)
	s.held = append(s.held, heldMod{buffer, slices.Clone(s.msg.Bytes())})
	if len(s.held) < maxHeld && s.nextIsHere() {
		return nil
	}
	return s.doHeld()
}

// nextIsHere says whether the next message has been received whole.
func (s *session) nextIsHere() bool {
	n := s.in.Buffered()
	if n < wire.HeaderLen {
		return false
	}
	head, err := s.in.Peek(wire.HeaderLen)
	if err != nil {
		return false
	}
	h, err := wire.ParseHeader(head)
	return err == nil && int(h.Length) <= n
}

// doHeld does the flow mods that are held, and tells the peer of those that are refused.
func (s *session) doHeld() error {
	if len(s.held) == 0 {
		return nil
	}
	var errs []error
	s.xidOf = func(i int) uint32 { return xidOf(s.held[i].msg) }
	if err := s.write(func() error { errs = s.cfg.Tables.FlowModEach(s.mods, s); return nil }); err != nil {
		errs = slices.Repeat([]error{err}, len(s.mods))
	}
	gone := false
	for i, h := range s.held {
		err := s.bufferError(&s.mods[i], h.buffer)
		if errs != nil && errs[i] != nil {
			err = errs[i]
		}
		gone = gone || err != nil && !s.refuse(err, h.msg)
	}
	clear(s.mods)
	s.mods, s.held = s.mods[:0], s.held[:0]
	if gone {
		return net.ErrClosed
	}
	return nil
}

// bufferError is the error of a flow mod that names a buffer: there are none. It is told when
// the flow is there, as Open vSwitch does.
func (s *session) bufferError(fm *pipeline.FlowMod, buffer uint32) error {
	if buffer == wire.NoBuffer || fm.Command == pipeline.FlowDelete || fm.Command == pipeline.FlowDeleteStrict {
		return nil
	}
	return fmt.Errorf("buffer %d: packets are not kept: %w", buffer, ofperr.BufferUnknown)
}

// nxFlowMod answers Nicira's NXT_FLOW_MOD.
func nxFlowMod(s *session, _ *request, body []byte) error {
	fm, buffer, err := wire.ParseNXFlowMod(body, s.namesTables())
	if err != nil {
		return err
	}
	if _, err := s.cfg.Tables.FlowMods([]pipeline.FlowMod{fm}, s); err != nil {
		return err
	}
	return s.bufferError(&fm, buffer)
}

// namesTables says whether the session's flow mods of 1.0 have a table in the command.
func (s *session) namesTables() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.tableIDs
}

// flowsPart answers requests for flows, in all their forms.
func flowsPart(s *session, m *wire.Multipart, out *wire.Replies) error {
	f, err := wire.ParseFlowRequest(s.version, *m)
	if err != nil {
		return err
	}
	flows, err := s.cfg.Tables.FlowStats(&f)
	if err != nil {
		return err
	}
	s.settle()
	var rec []byte
	for e := range flows {
		st := wire.FlowStat{
			Flow: e.Flow, Duration: nanoseconds(e.Duration), Packets: e.Packets, Bytes: e.Bytes,
			IdleAge: nanoseconds(e.IdleAge), HardAge: nanoseconds(e.HardAge),
		}
		uncounted(&e.Flow, &st.Packets, &st.Bytes)
		rec = st.Append(rec[:0], s.version, *m)
		out.Add(rec)
	}
	return nil
}

// aggregatePart answers requests for what flows have counted together.
func aggregatePart(s *session, m *wire.Multipart, out *wire.Replies) error {
	f, err := wire.ParseFlowRequest(s.version, *m)
	if err != nil {
		return err
	}
	s.settle()
	sum, err := s.cfg.Tables.Aggregate(&f)
	if err != nil {
		return err
	}
	a := wire.Aggregate{Packets: sum.Packets, Bytes: sum.Bytes, Flows: sum.Flows}
	out.Add(a.Append(nil, s.version))
	return nil
}

// StatsTriggered tells of a flow whose statistics have passed a threshold of its trigger
// (pipeline.State.OnStatTrigger): to those of 1.5 that have asked for it.
func (s *Server) StatsTriggered(e pipeline.StatsTriggered) {
	st := wire.FlowStat{
		Flow: e.Flow, Duration: nanoseconds(e.Duration), Packets: e.Packets, Bytes: e.Bytes,
		IdleAge: nanoseconds(e.IdleAge), Reason: wire.FlowStatsTriggered,
	}
	uncounted(&e.Flow, &st.Packets, &st.Bytes)
	s.tell(wire.AsyncFlowStats, wire.FlowStatsTriggered, func(b []byte, _ *session, to *state) []byte {
		if to.version < wire.V15 {
			return nil
		}
		return wire.AppendFlowStats(b, to.version, &st)
	})
}

// uncounted makes counters that a flow does not keep those that say so.
func uncounted(f *pipeline.Flow, packets, bytes *uint64) {
	if f.Flags&pipeline.NoPacketCounts != 0 {
		*packets = wire.UnknownCount
	}
	if f.Flags&pipeline.NoByteCounts != 0 {
		*bytes = wire.UnknownCount
	}
}

// settle has loops hand over what they have counted, so that statistics are those of now.
func (s *session) settle() { s.cfg.Switch.PushCounts() }

// FlowRemoved tells of a flow that has gone (pipeline.State.OnFlowRemoved).
func (s *Server) FlowRemoved(e pipeline.FlowRemoved) {
	r := wire.FlowRemovedMsg{Reason: wire.RemovedReason(e.Reason)}
	r.Flow, r.Duration, r.IdleAge = e.Flow, nanoseconds(e.Duration), nanoseconds(e.IdleAge)
	r.Packets, r.Bytes = e.Packets, e.Bytes
	s.tell(wire.AsyncFlowRemoved, uint8(e.Reason), func(b []byte, _ *session, to *state) []byte {
		if r.Reason == wire.RemovedGroup && to.version < wire.V13 || r.Reason > wire.RemovedGroup && to.version < wire.V14 {
			told := r // versions before tell of these as of a deletion
			told.Reason = wire.RemovedDelete
			return told.Append(b, to.version, 0, to.flowFormat == wire.FlowFormatNXM)
		}
		return r.Append(b, to.version, 0, to.flowFormat == wire.FlowFormatNXM)
	})
}
