package session

import (
	"fmt"

	"pollux/flow"
	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
	"pollux/ofp/wire"
)

// portMod answers PORT_MOD.
func portMod(s *session, q *request) error {
	u, err := s.parsePortMod(q.body)
	if err != nil {
		return err
	}
	_, err = s.cfg.Tables.Mods([]pipeline.Mod{{Port: u}}, s, nil)
	return err
}

// parsePortMod reads the body of a PORT_MOD. Whether there is the port is for the tables to say.
func (s *session) parsePortMod(body []byte) (*pipeline.PortUpdate, error) {
	m, err := wire.ParsePortMod(s.version, body)
	if err != nil {
		return nil, err
	}
	if m.Advertise != 0 {
		return nil, fmt.Errorf("port %d: what it advertises cannot be set: %w", m.Port, ofperr.PortModBadAdvertise)
	}
	return pipeline.PortModUpdate(uint32(m.Port), uint32(m.Config), uint32(m.Mask), macNumber(m.MAC)), nil
}

func macNumber(a [6]byte) (n uint64) {
	for _, b := range a {
		n = n<<8 | uint64(b)
	}
	return n
}

// portPart answers requests for the counters of ports.
func portPart(s *session, m *wire.Multipart, out *wire.Replies) error {
	want, err := wire.ParsePortStatsRequest(s.version, m.Body)
	if err != nil {
		return err
	}
	// Of a port that there is not there are none, as in Open vSwitch.
	var rec []byte
	for _, p := range s.cfg.Switch.PortStats() {
		if want == wire.PortAny || p.Port == want {
			rec = p.Append(rec[:0], s.version)
			out.Add(rec)
		}
	}
	return nil
}

// packetOut answers PACKET_OUT.
func packetOut(s *session, q *request) error {
	o, err := s.parseOut(q.body)
	if err != nil {
		return err
	}
	return s.cfg.Tables.SendOut(o, s.cfg.Switch.PacketOut)
}

// parseOut reads the body of a PACKET_OUT, which what it returns points into. Whether its actions
// refer to what is there is for the tables to say.
func (s *session) parseOut(body []byte) (*pipeline.Out, error) {
	p, err := wire.ParsePacketOut(s.version, body)
	if err != nil {
		return nil, err
	}
	if p.BufferID != wire.NoBuffer {
		return nil, fmt.Errorf("buffer %d: packets are not kept: %w", p.BufferID, ofperr.BufferUnknown)
	}
	m := known(p.Data)
	list, err := wire.ParseActions(s.version, p.Actions, &m)
	if err != nil {
		return nil, err
	}
	if err := wire.CheckActions(s.version, &m, list, true); err != nil {
		return nil, err
	}
	return &pipeline.Out{Frame: p.Data, In: p.Metadata.Key, List: list}, nil
}

// known is what actions can rely on: of a packet-out, other than of a flow, the packet is known.
func known(frame []byte) (m flow.Match) {
	flow.ExtractOne(frame, 0, &m.Key)
	for w := range flow.NumWords {
		m.Mask.Or(flow.Word(w), ^uint64(0))
	}
	return m
}

// Actions10 is the actions that flows can have, by their numbers in OpenFlow 1.0: all from
// output (0) to enqueue (11).
const Actions10 = 1<<12 - 1

// setActions is the actions that an action set can have, by their numbers in the version.
func setActions(v wire.Version) uint32 {
	if v == wire.V10 {
		return Actions10
	}
	bits := func(ns ...int) (b uint32) {
		for _, n := range ns {
			b |= 1 << n
		}
		return b
	}
	// output, copy TTL out and in, MPLS TTL and dec, push and pop VLAN and MPLS, set queue, group, nw TTL and dec, set field
	b := bits(0, 11, 12, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25)
	if v >= wire.V15 {
		b |= bits(28) // copy field
	}
	return b
}

// applyActions is those that a list can have.
func applyActions(v wire.Version) uint32 {
	b := setActions(v)
	if v >= wire.V15 {
		b |= 1 << 29 // meter
	}
	return b
}
