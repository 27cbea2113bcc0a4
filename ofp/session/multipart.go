package session

import (
	"fmt"
	"net"

	"pollux/ofp/ofperr"
	"pollux/ofp/wire"
)

// partHandler answers a multipart request with records.
type partHandler func(s *session, m *wire.Multipart, out *wire.Replies) error

// parts is the table of multipart requests. What is not in it is refused with
// ofperr.BadMultipart.
var parts = map[wire.Part]partHandler{
	wire.PartDesc:          descPart,
	wire.PartPortDesc:      portDescPart,
	wire.PartFlow:          flowsPart,
	wire.PartFlowStats:     flowsPart,
	wire.PartAggregate:     aggregatePart,
	wire.PartTable:         tablePart,
	wire.PartTableDesc:     tableDescPart,
	wire.PartTableFeatures: tableFeaturesPart,
	wire.PartPort:          portPart,
	wire.PartQueue:         queuePart,
	wire.PartQueueDesc:     queueDescPart,
	wire.PartGroup:         groupPart,
	wire.PartGroupDesc:     groupDescPart,
	wire.PartGroupFeatures: groupFeaturesPart,
	wire.PartMeter:         meterPart,
	wire.PartMeterConfig:   meterConfigPart,
	wire.PartMeterFeatures: meterFeaturesPart,
	wire.PartFlowMonitor:   monitorPart,

	wire.PartControllerStatus: controllerPart,
	wire.PartBundleFeatures:   bundleFeaturesPart,
}

// partSince is the first version that has a part, of those that 1.0 has not; its number is
// what 1.0 would have there, if it had any. Port descriptions Open vSwitch has in 1.0, too.
var partSince = map[wire.Part]wire.Version{
	wire.PartGroup: wire.V13, wire.PartGroupDesc: wire.V13, wire.PartGroupFeatures: wire.V13,
	wire.PartMeter: wire.V13, wire.PartMeterConfig: wire.V13, wire.PartMeterFeatures: wire.V13,
	wire.PartTableFeatures: wire.V13, wire.PartTableDesc: wire.V14, wire.PartQueueDesc: wire.V14, wire.PartFlowStats: wire.V15,
	wire.PartFlowMonitor: wire.V14, wire.PartControllerStatus: wire.V15, wire.PartBundleFeatures: wire.V15,
}

// extensionParts is the table of those of experimenters. What is not in it is refused with
// ofperr.BadExperimenterType.
var extensionParts = map[extensionID]partHandler{
	{wire.Nicira, wire.NXIPFIXBridge}: ipfixBridgePart,
	{wire.Nicira, wire.NXIPFIXFlow}:   ipfixFlowPart,
	{wire.Nicira, wire.NXFlow}:        flowsPart,
	{wire.Nicira, wire.NXAggregate}:   aggregatePart,
	{wire.Nicira, wire.NXFlowMonitor}: monitorPart, // 1.0
	{wire.ONF, wire.ONFFlowMonitor}:   monitorPart, // 1.3

	{wire.Nicira, wire.NXGroup}:         groupPart, // 1.0, as the next two
	{wire.Nicira, wire.NXGroupDesc}:     groupDescPart,
	{wire.Nicira, wire.NXGroupFeatures}: groupFeaturesPart,
}

// groups10 is those of them that later versions have parts of their own for.
var groups10 = map[uint32]bool{wire.NXGroup: true, wire.NXGroupDesc: true, wire.NXGroupFeatures: true}

// multipart answers a multipart request. A reply is sent message by message as it is made:
// an error is possible only before the first record.
func multipart(s *session, q *request) error {
	m, err := wire.ParseMultipart(s.version, q.body)
	if err != nil {
		return err
	}
	fn, unknown := parts[m.Part], ofperr.BadMultipart
	if m.Part == wire.PartExperimenter {
		if m.Vendor != wire.Nicira && m.Vendor != wire.ONF {
			return fmt.Errorf("multipart of experimenter %#08x: %w", m.Vendor, ofperr.BadExperimenter)
		}
		fn, unknown = extensionParts[extensionID{m.Vendor, m.Subtype}], ofperr.BadExperimenterType
		if (m.Vendor == wire.ONF || m.Subtype == wire.NXFlowMonitor) && !isMonitor(s.version, &m) || groups10[m.Subtype] && s.version != wire.V10 {
			fn = nil // other versions have it elsewhere
		}
	}
	switch {
	case fn == nil, s.version < partSince[m.Part]:
		return fmt.Errorf("multipart type %d, subtype %d: %w", m.Part, m.Subtype, unknown)
	case s.version != wire.V10:
		if whole, err := s.parts.add(&m, q.XID); err != nil || !whole {
			return err
		}
	}
	answer := func() error { return s.answer(q, &m, fn) }
	switch {
	case writesPart(&m):
		return s.write(answer)
	case isMonitor(s.version, &m):
		return s.still(answer)
	}
	return answer()
}

// writesPart says whether a request changes the switch: features of tables are set by the
// request that asks for them.
func writesPart(m *wire.Multipart) bool { return m.Part == wire.PartTableFeatures && len(m.Body) > 0 }

// still runs fn where no flow changes: what it says of flows comes before what changes then.
func (s *session) still(fn func() error) (err error) {
	s.cfg.Tables.Still(func(uint64) {
		// Others wait for what fn does: it must not wait for the peer.
		s.hurry = true
		defer func() { s.hurry = false }()
		err = fn()
	})
	return err
}

// answer has fn write the reply to m.
func (s *session) answer(q *request, m *wire.Multipart, fn partHandler) error {
	ok := true
	out := wire.NewReplies(s.version, q.XID, *m, func(msg []byte) { ok = ok && s.pass(msg) })
	if err := fn(s, m, out); err != nil {
		return err
	}
	out.End()
	if n := s.countTooLong(out); n > 0 && !s.hurry { // then others wait, and not for a log
		s.cfg.Log.Warn("openflow: records too long for a message were left out", "peer", s.who, "version", s.version.String(), "records", n)
	}
	if !ok {
		return net.ErrClosed
	}
	return nil
}

// countTooLong counts the records that found no room in a message of the session's version: of the
// flow, the group or the change nobody was told.
func (s *session) countTooLong(out *wire.Replies) int {
	n := out.TooLong()
	s.lost.tooLong.Add(uint64(n))
	return n
}

// none checks that a multipart request asks for everything.
func none(m *wire.Multipart) error {
	if len(m.Body) != 0 {
		return fmt.Errorf("multipart type %d with a body of %d bytes, want none: %w", m.Part, len(m.Body), ofperr.BadLen)
	}
	return nil
}

func descPart(s *session, m *wire.Multipart, out *wire.Replies) error {
	if err := none(m); err != nil {
		return err
	}
	d := s.cfg.Switch.Desc()
	out.Add(d.Append(nil))
	return nil
}

func portDescPart(s *session, m *wire.Multipart, out *wire.Replies) error {
	want, err := wire.ParsePortDescRequest(s.version, m.Body)
	if err != nil {
		return err
	}
	// Of a port that there is not there is nothing to say, as in Open vSwitch.
	ports := s.cfg.Switch.Features().Ports
	var rec []byte
	for i := range ports {
		if want == wire.PortAny || want == ports[i].Number {
			rec = ports[i].Append(rec[:0], s.version)
			out.Add(rec)
		}
	}
	return nil
}

func ipfixBridgePart(s *session, m *wire.Multipart, out *wire.Replies) error {
	if err := none(m); err != nil {
		return err
	}
	st, ok := s.cfg.Switch.IPFIXBridge()
	if !ok {
		return fmt.Errorf("the bridge has no exporter: %w", ofperr.NotConfigured)
	}
	out.Add(st.Append(nil))
	return nil
}

func ipfixFlowPart(s *session, m *wire.Multipart, out *wire.Replies) error {
	if err := none(m); err != nil {
		return err
	}
	sets := s.cfg.Switch.IPFIXSets()
	if len(sets) == 0 {
		return fmt.Errorf("no collector set has an exporter: %w", ofperr.NotConfigured)
	}
	var rec []byte
	for i := range sets {
		rec = sets[i].Append(rec[:0])
		out.Add(rec)
	}
	return nil
}
