package session

import (
	"fmt"

	"pollux/ofp/ofperr"
	"pollux/ofp/wire"
)

// extension answers a message of an experimenter's whose body is body.
type extension struct {
	fn    func(s *session, q *request, body []byte) error
	write bool // it changes the switch or sends a packet: a slave may not
}

// extensionID is an experimenter's number, and that of its message.
type extensionID struct{ vendor, subtype uint32 }

// extensions is the table of them. What is not in it is refused with
// ofperr.BadExperimenterType.
var extensions = map[extensionID]extension{
	{wire.Nicira, wire.NXTRoleRequest}:       {fn: nxRoleRequest},
	{wire.Nicira, wire.NXTSetAsync}:          {fn: nxSetAsync(wire.NXTSetAsync)},
	{wire.Nicira, wire.NXTSetAsync2}:         {fn: nxSetAsync(wire.NXTSetAsync2)},
	{wire.Nicira, wire.NXTSetFlowFormat}:     {fn: setFlowFormat},
	{wire.Nicira, wire.NXTFlowModTableID}:    {fn: setFlowModTableID},
	{wire.Nicira, wire.NXTSetPacketInFormat}: {fn: setPacketInFormat},
	{wire.Nicira, wire.NXTSetControllerID}:   {fn: setControllerID},
	{wire.Nicira, wire.NXTFlowAge}:           {fn: flowAge},
	{wire.Nicira, wire.NXTMonitorCancel}:     {fn: monitorCancel},
	{wire.ONF, wire.ONFMonitorCancel}:        {fn: monitorCancel},
	{wire.Nicira, wire.NXTFlowMod}:           {fn: nxFlowMod, write: true},
	{wire.Nicira, wire.NXTGroupMod}:          {fn: nxGroupMod, write: true},
	{wire.Nicira, wire.NXTResume}:            {fn: resume, write: true},
	{wire.ONF, wire.ONFBundleControl}:        {fn: onfBundleControl, write: true},
	{wire.ONF, wire.ONFBundleAdd}:            {fn: onfBundleAdd, write: true},
}

// experimenter answers a message of an experimenter's.
func experimenter(s *session, q *request) error {
	e, err := wire.ParseExtension(s.version, q.body)
	if err != nil {
		return err
	}
	if e.Vendor != wire.Nicira && e.Vendor != wire.ONF {
		return fmt.Errorf("experimenter %#08x: %w", e.Vendor, ofperr.BadExperimenter)
	}
	x := extensions[extensionID{e.Vendor, e.Subtype}]
	switch {
	case x.fn == nil:
		return fmt.Errorf("message %d of experimenter %#08x: %w", e.Subtype, e.Vendor, ofperr.BadExperimenterType)
	case x.write:
		return s.write(func() error { return x.fn(s, q, e.Body) })
	}
	return x.fn(s, q, e.Body)
}

// setFlowFormat has the session of 1.0 be told of flows in this format.
func setFlowFormat(s *session, _ *request, body []byte) error {
	f, err := wire.ParseSetFlowFormat(body)
	if err == nil {
		s.change(func(st *state) { st.flowFormat = f })
	}
	return err
}

// setFlowModTableID has the session's flow mods of 1.0 have a table, or not.
func setFlowModTableID(s *session, _ *request, body []byte) error {
	on, err := wire.ParseFlowModTableID(body)
	if err == nil {
		s.change(func(st *state) { st.tableIDs = on })
	}
	return err
}

// setPacketInFormat has the session be sent packet-ins in this format.
func setPacketInFormat(s *session, _ *request, body []byte) error {
	f, err := wire.ParseSetPacketInFormat(body)
	if err == nil {
		s.change(func(st *state) { st.packetIns = f })
	}
	return err
}

// setControllerID has the session be sent what actions send to this id, and no more what
// they send to 0.
func setControllerID(s *session, _ *request, body []byte) error {
	id, err := wire.ParseSetControllerID(body)
	if err == nil {
		s.change(func(st *state) { st.id = id })
	}
	return err
}

// flowAge is for controllers that want to know how old flows are, which they are told
// whether they ask or not.
func flowAge(_ *session, _ *request, body []byte) error {
	if len(body) != 0 {
		return fmt.Errorf("flow age with a body of %d bytes, want none: %w", len(body), ofperr.BadLen)
	}
	return nil
}
