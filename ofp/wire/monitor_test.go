package wire

import (
	"errors"
	"testing"

	"pollux/flow"
	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
)

// monitorHead is the head of flow monitoring in a version.
func monitorHead(v Version) Multipart {
	switch v {
	case V10:
		return Multipart{Part: PartExperimenter, Vendor: Nicira, Subtype: NXFlowMonitor}
	case V13:
		return Multipart{Part: PartExperimenter, Vendor: ONF, Subtype: ONFFlowMonitor}
	}
	return Multipart{Part: PartFlowMonitor}
}

func init() {
	for _, v := range []Version{V10, V13, V14} {
		m := monitorHead(v)
		key := [2]uint32{m.Vendor, m.Subtype}
		updates := recordsOf(m, ParseFlowUpdate, func(b []byte, v Version, u *FlowUpdate) []byte { return u.Append(b, v) })
		if v >= V14 {
			partReplies[PartFlowMonitor] = updates
		} else {
			extReplies[key] = updates
		}
		wants := recordsOf(m, ParseFlowMonitor, func(b []byte, v Version, f *FlowMonitor) []byte { return f.Append(b, v) })
		requests[[3]uint32{uint32(m.Part), m.Vendor, m.Subtype}] = reader{wants.parse, func(v Version, xid uint32, x any) []byte {
			m := m
			for _, f := range x.([]*FlowMonitor) {
				m.Body = f.Append(m.Body, v)
			}
			return AppendMultipartRequest(nil, v, xid, m)
		}}
	}
	cancel := of(func(_ Version, b []byte) (uint32, error) { return ParseMonitorCancel(b) }, AppendMonitorCancel)
	extensions[[2]uint32{Nicira, NXTMonitorCancel}], extensions[[2]uint32{ONF, ONFMonitorCancel}] = cancel, cancel
	for key, resumed := range map[[2]uint32]bool{
		{Nicira, NXTMonitorPaused}: false, {Nicira, NXTMonitorResumed}: true, {ONF, ONFMonitorPaused}: false, {ONF, ONFMonitorResumed}: true,
	} {
		extensions[key] = of(func(_ Version, b []byte) (bool, error) {
			if len(b) != 0 {
				return false, ofperr.BadLen
			}
			return resumed, nil
		}, AppendMonitorPaused)
	}
	samplesOf = append(samplesOf, monitorSamples)
}

func monitorSamples(v Version) map[string][]byte {
	head := monitorHead(v)
	request := requests[[3]uint32{uint32(head.Part), head.Vendor, head.Subtype}]
	reply := extReplies[[2]uint32{head.Vendor, head.Subtype}]
	if v >= V14 {
		reply = partReplies[head.Part]
	}
	all := &FlowMonitor{ID: 5, Flags: monitorFlags10, Table: pipeline.AllTables, OutPort: pipeline.AnyPort, OutGroup: pipeline.AnyGroup}
	if v >= V14 {
		all.Flags &^= MonitorNoAbbrev // which ovs-ofctl refuses there
	}
	some := &FlowMonitor{ID: 6, Flags: MonitorAdded | MonitorRemoved, Table: 3, OutPort: 7, OutGroup: pipeline.AnyGroup}
	some.Match = meta(uint64(flow.InPort), 3, uint64(flow.Reg1), 9)
	f := pipeline.Flow{Table: 3, Priority: 100, Cookie: 0x123, IdleTimeout: 60, HardTimeout: 600, Match: some.Match}
	removed := &FlowUpdate{Event: EventRemoved, Reason: 1, Flow: f}
	f.Do.Apply = []pipeline.Action{{Kind: pipeline.ActOutput, Port: 2}}
	updates := []*FlowUpdate{{Event: EventAdded, Flow: f}, {Event: EventModified, Flow: f}, removed, {Event: EventAbbrev, XID: 77}}
	if v >= V14 {
		updates = append(updates, &FlowUpdate{Event: EventInitial, Flow: f}, &FlowUpdate{Event: EventPaused}, &FlowUpdate{Event: EventResumed})
	}
	out := map[string][]byte{
		"monitor-request": request.append(v, 2, []*FlowMonitor{all, some}),
		"monitor-updates": reply.append(v, 0, updates),
	}
	if v <= V13 {
		out["monitor-cancel"] = AppendMonitorCancel(nil, v, 3, 5)
		out["monitor-paused"] = AppendMonitorPaused(nil, v, 0, false)
		out["monitor-resumed"] = AppendMonitorPaused(nil, v, 0, true)
	}
	return out
}

func TestBadFlowMonitors(t *testing.T) {
	for _, c := range []struct {
		name string
		v    Version
		at   int
		b    byte
		want ofperr.Error
	}{
		{"as it is", V10, 15, 0, 0},
		{"as it is", V14, 15, 0, 0},
		{"a deletion", V14, 15, 2, 0},
		{"command", V14, 15, 3, ofperr.MonitorBadCommand},
		{"flags", V14, 12, 1, ofperr.MonitorBadFlags},
		{"flags of 1.4", V10, 5, 0x40, ofperr.MonitorBadFlags},
		{"padding", V10, 15, 1, ofperr.MustBeZero},
		{"match past the end", V10, 9, 9, ofperr.BadLen},
		{"padding", V13, 13, 1, ofperr.MustBeZero},
		{"match past the end", V13, 7, 17, ofperr.BadLen},
		{"match past the end", V14, 19, 9, ofperr.MatchBadLen},
	} {
		m := &FlowMonitor{ID: 1, Flags: MonitorInitial, OutPort: pipeline.AnyPort, OutGroup: pipeline.AnyGroup}
		b := m.Append(nil, c.v)
		b[c.at] = c.b
		_, _, err := ParseFlowMonitor(c.v, b)
		if c.want == 0 && err != nil || c.want != 0 && !errors.Is(err, c.want) {
			t.Errorf("%s in %s: %v, want %v", c.name, c.v, err, c.want)
		}
	}
}

// The extension of 1.3 has matches with their head, and as a list of fields.
func TestMatchesOfONF(t *testing.T) {
	want := meta(uint64(flow.InPort), 3)
	field := []byte{0x80, 0, 0, 4, 0, 0, 0, 3}
	for name, b := range map[string][]byte{
		"with its head":           append([]byte{0, 0, 0, 1, 0, 1, 0, 16, 0, 0, 0, 7, 3, 0, 0, 0, 0, 1, 0, 12}, append(field, 0, 0, 0, 0)...),
		"with its length, padded": append([]byte{0, 0, 0, 1, 0, 1, 0, 12, 0, 0, 0, 7, 3, 0, 0, 0, 0, 1, 0, 12}, append(field, 0, 0, 0, 0)...),
		"a list of fields":        append([]byte{0, 0, 0, 1, 0, 1, 0, 8, 0, 0, 0, 7, 3, 0, 0, 0}, field...),
	} {
		m, rest, err := ParseFlowMonitor(V13, append(b, 9, 9))
		if err != nil || len(rest) != 2 || m.Match != want || m.OutPort != 7 || m.Table != 3 {
			t.Errorf("%s: %+v, rest %x, %v", name, m, rest, err)
		}
	}
}
