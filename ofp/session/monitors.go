package session

import (
	"fmt"
	"maps"

	"pollux/flow"
	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
	"pollux/ofp/wire"
)

// Bounds of what flow monitors cost.
const (
	maxMonitors = 1024      // of a session
	pauseAt     = 128 << 10 // bytes of changes that wait for a peer before it is told of no more, as in Open vSwitch
)

// flowMonitor is one flow monitor of a session (OpenFlow 1.4.1 section 7.3.5.15).
type flowMonitor struct {
	flags  wire.MonitorFlags
	filter pipeline.FlowFilter
}

// monitors is what a session is told of changes of flows. It is read and written only where no
// flow changes: within pipeline.State.Still, and when State tells of a change.
//
// A peer that does not read fast enough is told that it is not told any more (paused), except
// of the end of flows that it knows of. When it has read what there was it is told of all that
// came or changed meanwhile, as it is then, and that it knows all again (resumed).
type monitors struct {
	all    map[uint32]flowMonitor
	paused bool
	knows  uint64 // the last change of which it knows; while paused

	updates *wire.Replies // of the request or bundle in hand; nil: none yet
	abbrev  int           // the last request of which it has been told by the id alone, from 1; 0: none
	record  []byte        // memory for one
}

// whens are the flags that say of what a monitor tells. One without them tells nothing, and
// Open vSwitch refuses it.
const whens = wire.MonitorInitial | wire.MonitorAdded | wire.MonitorRemoved | wire.MonitorModified

// newMonitor checks a request for a monitor.
func newMonitor(v wire.Version, m *wire.FlowMonitor) (flowMonitor, error) {
	badTable := ofperr.BadTable
	if v >= wire.V14 {
		badTable = ofperr.MonitorBadTable
	}
	switch {
	case m.Flags&whens == 0:
		return flowMonitor{}, fmt.Errorf("monitor %d tells of nothing: flags %#x: %w", m.ID, m.Flags, ofperr.MonitorBadFlags)
	case m.Table != pipeline.AllTables && m.Table >= pipeline.NumTables:
		return flowMonitor{}, fmt.Errorf("monitor %d of table %d; there are tables 0 to %d: %w", m.ID, m.Table, pipeline.NumTables-1, badTable)
	case v >= wire.V14 && m.OutPort > maxPort && m.OutPort < flow.PortIn:
		return flowMonitor{}, fmt.Errorf("monitor %d of flows to port %#x, which there cannot be: %w", m.ID, m.OutPort, ofperr.MonitorBadOut)
	case v >= wire.V14 && m.OutGroup > pipeline.GroupMax && m.OutGroup != pipeline.AnyGroup:
		return flowMonitor{}, fmt.Errorf("monitor %d of flows to group %#x, which there cannot be: %w", m.ID, m.OutGroup, ofperr.MonitorBadOut)
	}
	flags := m.Flags
	if flags&(wire.MonitorOnlyOwn|wire.MonitorNoAbbrev) == wire.MonitorOnlyOwn {
		// Open vSwitch takes this flag for the other one, and its ovs-ofctl sends it for that:
		// own changes in full. What the specification has it mean, alone, is of no use: xids.
		flags ^= wire.MonitorOnlyOwn | wire.MonitorNoAbbrev
	}
	return flowMonitor{flags, pipeline.FlowFilter{Table: m.Table, Match: m.Match, OutPort: m.OutPort, OutGroup: m.OutGroup}}, nil
}

// maxPort is OFPP_MAX: the highest number of a port that is one.
const maxPort = 0xffffff00

// monitorPart answers requests for flow monitors, in all their forms: all that one message asks
// for is done, or nothing. It runs where no flow changes.
func monitorPart(s *session, m *wire.Multipart, out *wire.Replies) error {
	all := maps.Clone(s.monitors.all)
	if all == nil {
		all = map[uint32]flowMonitor{}
	}
	var news []flowMonitor
	for body := m.Body; len(body) > 0; {
		r, rest, err := wire.ParseFlowMonitor(s.version, body)
		if err != nil {
			return err
		}
		body = rest
		_, there := all[r.ID]
		switch {
		case r.Command == wire.MonitorAdd && there:
			return fmt.Errorf("monitor %d: %w", r.ID, ofperr.MonitorExists)
		case r.Command != wire.MonitorAdd && !there:
			return fmt.Errorf("there is no monitor %d: %w", r.ID, ofperr.MonitorUnknown)
		case r.Command == wire.MonitorDelete:
			delete(all, r.ID)
			continue
		case !there && len(all) >= maxMonitors:
			return fmt.Errorf("monitor %d: there are %d already: %w", r.ID, maxMonitors, tooManyMonitors(s.version))
		}
		if all[r.ID], err = newMonitor(s.version, r); err != nil {
			return err
		}
		news = append(news, all[r.ID])
	}
	s.monitors.all = all
	return s.refresh(out, news, 0)
}

// tooManyMonitors is the error for more monitors than a session can have.
func tooManyMonitors(v wire.Version) ofperr.Error {
	if v >= wire.V14 {
		return ofperr.MonitorFailed
	}
	return ofperr.PermissionDenied
}

// refresh writes the flows that have come or changed since the change of that number and that
// some of list tells of, each once; since 0 it is all that there are, for those that ask for it.
func (s *session) refresh(out *wire.Replies, list []flowMonitor, since uint64) error {
	var order []*pipeline.Rule
	found := map[*pipeline.Rule]wire.FlowUpdate{}
	asked := map[*pipeline.Rule]wire.MonitorFlags{}
	for _, m := range list {
		if since == 0 && m.flags&wire.MonitorInitial == 0 {
			continue
		}
		rules, err := s.cfg.Tables.Snapshot().RulesSince(&m.filter, since)
		if err != nil {
			return err
		}
		for r, kind := range rules {
			u := wire.FlowUpdate{Event: wire.EventInitial}
			if since != 0 {
				if m.flags&whenOf[kind] == 0 {
					continue
				}
				u.Event = eventOf[kind]
			}
			if _, ok := found[r]; !ok {
				order = append(order, r)
			}
			found[r] = u
			asked[r] |= m.flags
		}
	}
	for _, r := range order {
		u := found[r]
		u.Flow = r.AsFlow()
		s.addUpdate(out, &u, asked[r])
	}
	return nil
}

// addUpdate writes one change, with the flow's instructions if the flags say so.
func (s *session) addUpdate(out *wire.Replies, u *wire.FlowUpdate, flags wire.MonitorFlags) {
	if flags&wire.MonitorInstructions == 0 {
		u.Flow.Do = pipeline.Instructions{}
	}
	s.monitors.record = u.Append(s.monitors.record[:0], s.version)
	out.Add(s.monitors.record)
}

// whenOf and eventOf are the flag and the event of a change.
var (
	whenOf = [...]wire.MonitorFlags{
		pipeline.FlowAdded: wire.MonitorAdded, pipeline.FlowModified: wire.MonitorModified, pipeline.FlowDeleted: wire.MonitorRemoved,
	}
	eventOf = [...]wire.MonitorEvent{
		pipeline.FlowAdded: wire.EventAdded, pipeline.FlowModified: wire.EventModified, pipeline.FlowDeleted: wire.EventRemoved,
	}
)

// monitorHead is the head of the messages that tell of changes.
func monitorHead(v wire.Version) wire.Multipart {
	switch {
	case v == wire.V10:
		return wire.Multipart{Part: wire.PartExperimenter, Vendor: wire.Nicira, Subtype: wire.NXFlowMonitor}
	case v < wire.V14:
		return wire.Multipart{Part: wire.PartExperimenter, Vendor: wire.ONF, Subtype: wire.ONFFlowMonitor}
	}
	return wire.Multipart{Part: wire.PartFlowMonitor}
}

// isMonitor says whether m is a request for flow monitors.
func isMonitor(v wire.Version, m *wire.Multipart) bool {
	h := monitorHead(v)
	return m.Part == h.Part && m.Vendor == h.Vendor && m.Subtype == h.Subtype
}

// monitorCancel answers Nicira's and the Open Networking Foundation's requests to end a monitor.
func monitorCancel(s *session, _ *request, body []byte) (err error) {
	id, err := wire.ParseMonitorCancel(body)
	if err != nil {
		return err
	}
	s.cfg.Tables.Still(func(uint64) {
		if _, ok := s.monitors.all[id]; !ok {
			err = fmt.Errorf("there is no monitor %d: %w", id, ofperr.MonitorUnknown)
		}
		delete(s.monitors.all, id)
	})
	return err
}
