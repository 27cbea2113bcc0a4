package session

import (
	"fmt"

	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
	"pollux/ofp/wire"
)

// flowMod answers FLOW_MOD.
func flowMod(s *session, q *request) error {
	fm, buffer, err := wire.ParseFlowMod(s.version, q.body, s.namesTables())
	if err != nil {
		return err
	}
	return s.flowMod(&fm, buffer)
}

// nxFlowMod answers Nicira's NXT_FLOW_MOD.
func nxFlowMod(s *session, _ *request, body []byte) error {
	fm, buffer, err := wire.ParseNXFlowMod(body, s.namesTables())
	if err != nil {
		return err
	}
	return s.flowMod(&fm, buffer)
}

// namesTables says whether the session's flow mods of 1.0 have a table in the command.
func (s *session) namesTables() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.tableIDs
}

// flowMod changes the tables. There are no buffers; that the one named is not there is told
// when the flow is, as Open vSwitch does.
func (s *session) flowMod(fm *pipeline.FlowMod, buffer uint32) error {
	if _, err := s.cfg.Tables.FlowMods([]pipeline.FlowMod{*fm}, s); err != nil {
		return err
	}
	if buffer != wire.NoBuffer && fm.Command != pipeline.FlowDelete && fm.Command != pipeline.FlowDeleteStrict {
		return fmt.Errorf("buffer %d: packets are not kept: %w", buffer, ofperr.BufferUnknown)
	}
	return nil
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
