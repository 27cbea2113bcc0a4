package session

import (
	"math"
	"time"

	"pollux/ofp/pipeline"
	"pollux/ofp/wire"
)

// nanoseconds is a time as statistics tell it.
func nanoseconds(n int64) time.Duration { return time.Duration(n) }

// groupMod answers GROUP_MOD.
func groupMod(s *session, q *request) error { return nxGroupMod(s, q, q.body) }

// nxGroupMod answers Nicira's, of 1.0, which has none of its own.
func nxGroupMod(s *session, q *request, body []byte) error {
	m, err := wire.ParseGroupMod(s.version, body)
	if err != nil {
		return err
	}
	if err := s.cfg.Tables.GroupMod(m, s); err != nil {
		return err
	}
	s.forward(&pipeline.Mod{Group: m}, q.XID)
	return nil
}

// groupPart answers requests for the counters of groups.
func groupPart(s *session, m *wire.Multipart, out *wire.Replies) error {
	id, err := wire.ParseGroupRequest(s.version, m.Part, m.Body)
	if err != nil {
		return err
	}
	s.settle()
	for _, g := range s.cfg.Tables.GroupStats(id) {
		st := wire.GroupStats{ID: g.Group.ID, References: uint32(g.Refs), Packets: g.Packets, Bytes: g.Bytes, Duration: nanoseconds(g.Duration)}
		for _, b := range g.Buckets {
			st.Buckets = append(st.Buckets, wire.BandStats{Packets: b.Packets, Bytes: b.Bytes})
		}
		out.Add(st.Append(nil))
	}
	return nil
}

// groupDescPart answers requests for groups.
func groupDescPart(s *session, m *wire.Multipart, out *wire.Replies) error {
	id, err := wire.ParseGroupRequest(s.version, m.Part, m.Body)
	if err != nil {
		return err
	}
	for _, g := range s.cfg.Tables.Groups(id) {
		out.Add(wire.AppendGroup(nil, s.version, &g))
	}
	return nil
}

// groupFeaturesPart answers what groups there can be.
func groupFeaturesPart(s *session, m *wire.Multipart, out *wire.Replies) error {
	if err := none(m); err != nil {
		return err
	}
	f := wire.GroupFeatures{
		Types:        1<<pipeline.GroupAll | 1<<pipeline.GroupSelect | 1<<pipeline.GroupIndirect | 1<<pipeline.GroupFastFailover,
		Capabilities: wire.GroupSelectWeight | wire.GroupSelectLiveness | wire.GroupChaining | wire.GroupChainingChecks,
	}
	for i := range f.Groups {
		f.Groups[i], f.Actions[i] = s.cfg.Tables.MaxGroups(), setActions(s.version)
	}
	out.Add(f.Append(nil))
	return nil
}

// meterMod answers METER_MOD.
func meterMod(s *session, q *request) error {
	m, err := wire.ParseMeterMod(q.body)
	if err != nil {
		return err
	}
	if err := s.cfg.Tables.MeterMod(m); err != nil {
		return err
	}
	s.forward(&pipeline.Mod{Meter: m}, q.XID)
	return nil
}

// meterPart answers requests for the counters of meters.
func meterPart(s *session, m *wire.Multipart, out *wire.Replies) error {
	id, err := wire.ParseMeterRequest(m.Body)
	if err != nil {
		return err
	}
	all, err := s.cfg.Tables.MeterStats(id)
	if err != nil {
		return err
	}
	for _, e := range all {
		st := wire.MeterStats{
			ID: e.Meter.ID, Flows: uint32(min(e.Flows, math.MaxUint32)), Packets: e.Packets, Bytes: e.Bytes, Duration: nanoseconds(e.Duration),
		}
		for _, b := range e.Bands {
			st.Bands = append(st.Bands, wire.BandStats{Packets: b.Packets, Bytes: b.Bytes})
		}
		out.Add(st.Append(nil))
	}
	return nil
}

// meterConfigPart answers requests for meters.
func meterConfigPart(s *session, m *wire.Multipart, out *wire.Replies) error {
	id, err := wire.ParseMeterRequest(m.Body)
	if err != nil {
		return err
	}
	all, err := s.cfg.Tables.MeterStats(id)
	if err != nil {
		return err
	}
	for i := range all {
		out.Add(wire.AppendMeter(nil, &all[i].Meter))
	}
	return nil
}

// meterFeaturesPart answers what meters there can be.
func meterFeaturesPart(s *session, m *wire.Multipart, out *wire.Replies) error {
	if err := none(m); err != nil {
		return err
	}
	f := s.cfg.Tables.MeterFeatures()
	out.Add((&wire.MeterFeatures{Meters: f.MaxMeters, BandTypes: f.Bands, Flags: f.Capabilities, Bands: f.MaxBands}).Append(nil))
	return nil
}
