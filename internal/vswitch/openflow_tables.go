package vswitch

import (
	"fmt"
	"time"

	"pollux/actions"
	"pollux/flow"
	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
	"pollux/ofp/wire"
	"pollux/pmd"
	"pollux/pmd/datapath"
)

// puntsEvery is how often packets for controllers are taken from the loops.
const puntsEvery = time.Millisecond

// PushCounts brings the counters of flows up to date.
func (c controlled) PushCounts() { c.s.dp.PushCounts() }

// CheckFrame refuses what is no packet, and what no frame has room for.
func (c controlled) CheckFrame(frame []byte) error {
	if len(frame) < 14 {
		return fmt.Errorf("a packet of %d bytes has no Ethernet header: %w", len(frame), ofperr.BadPacket)
	}
	if most := int(c.s.mem.ChunkSize - c.s.mem.Headroom); len(frame) > most {
		return fmt.Errorf("a packet of %d bytes, and %d is the most: %w", len(frame), most, ofperr.BadPacket)
	}
	return nil
}

// PacketOut has a loop treat a packet of a controller.
func (c controlled) PacketOut(o *pipeline.Out) error {
	if err := c.CheckFrame(o.Frame); err != nil {
		return err
	}
	return c.s.dp.PacketOut(pmd.PacketOut{Frame: o.Frame, InPort: o.In.InPort(), Fields: &o.In, Translate: o.Translate})
}

// Resume has a loop go on with a packet that had paused.
func (c controlled) Resume(frame []byte, in *flow.Key, f *pipeline.Frozen) error {
	if len(frame) < 14 {
		return fmt.Errorf("a packet of %d bytes has no Ethernet header: %w", len(frame), ofperr.BadPacket)
	}
	return c.s.dp.PacketOut(pmd.PacketOut{Frame: frame, InPort: in.InPort(), Fields: in, Translate: pipeline.Resume(f)})
}

// tellControllers has controllers told of what happens in the tables and at the ports.
func (s *Switch) tellControllers() {
	s.state.OnFlowRemoved(s.openflow.FlowRemoved)
	s.state.OnTableStatus(s.openflow.TableStatusChanged)
	s.state.OnStatTrigger(s.openflow.StatsTriggered)
	s.state.OnPortChange(func(c pipeline.PortChange) {
		s.openflow.PortStatus(&wire.PortStatusMsg{Reason: wire.PortReason(c.Kind), Port: s.wirePort(&c.Port)}, c.By)
	})
}

// missesWanted has packets that no flow matches sent to controllers, or dropped.
func (s *Switch) missesWanted(wanted bool) {
	s.state.UpdatePunting(func(p *pipeline.Punting) { p.Miss, p.MissLen = wanted, actions.WholePacket })
}

// punted tells controllers of a packet.
func (s *Switch) punted(p *datapath.PuntedPacket) {
	m := wire.PacketInMsg{
		Reason: wire.Reason(p.Reason), TableID: p.Table, Cookie: p.Cookie, FullLen: uint32(p.FullLen), Data: p.Data,
		UserData: []byte(p.UserData),
	}
	if p.Cookie == actions.NoCookie {
		m.Cookie = wire.NoCookie
	}
	if f, ok := p.Frozen.(*pipeline.Frozen); ok {
		m.Paused = wire.NewContinuation([16]byte{}, f)
	}
	m.Metadata.Key = p.Fields
	m.Metadata.Mask = presence(&p.Fields)
	s.openflow.PacketIn(&m, p.ID)
}

// presence is a mask of the fields of k that are not 0, and of its port. Registers are told one by
// one, as Open vSwitch does, not as parts of longer ones.
func presence(k *flow.Key) (m flow.Mask) {
	for f := flow.FieldNone + 1; f < flow.NumFields; f++ {
		if f >= flow.XReg0 && f <= flow.XXReg3 {
			continue
		}
		if f == flow.InPort || !f.Get(k).IsZero() {
			f.OrMask(&m, f.Full())
		}
	}
	return m
}
