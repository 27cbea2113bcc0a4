package vswitch

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"pollux/configs"
	"pollux/ofp/pipeline"
	"pollux/ofp/session"
	"pollux/ofp/wire"
)

// startOpenFlow listens where the configuration says. A listener that the configuration
// does not name, the one beside the control socket, is done without when it can't be
// opened: another switch of the same name may have its socket in the same folder. s.mu
// must be free.
func (s *Switch) startOpenFlow() error {
	s.mu.Lock()
	c := s.cfg.Control // a reload may come already
	s.mu.Unlock()
	if len(c.OpenFlow) == 0 {
		return nil
	}
	srv := session.New(session.Config{Switch: controlled{s}, Log: s.log})
	for _, l := range c.OpenFlow {
		_, err := srv.Listen(l)
		switch {
		case err == nil:
		case c.OpenFlowAuto:
			s.log.Warn("no OpenFlow; control.openflow can name another place", "error", err)
		default:
			return errors.Join(fmt.Errorf("control.openflow: %w", err), srv.Close())
		}
	}
	s.openflow = srv
	return nil
}

// moveOpenFlow listens beside the control socket under the switch's new name and no longer
// under the old one, where the configuration leaves that place to the switch. s.mu is held.
func (s *Switch) moveOpenFlow(was, now *configs.Control) {
	if s.openflow == nil || !was.OpenFlowAuto || !now.OpenFlowAuto || slices.Equal(was.OpenFlow, now.OpenFlow) {
		return
	}
	for _, l := range was.OpenFlow {
		if err := s.openflow.Unlisten(l); err != nil {
			s.log.Error("OpenFlow under the old name", "error", err)
		}
	}
	for _, l := range now.OpenFlow {
		if _, err := s.openflow.Listen(l); err != nil {
			s.log.Warn("no OpenFlow; control.openflow can name another place", "error", err)
		}
	}
}

// stopOpenFlow ends what startOpenFlow began. Sessions may be asking the switch: s.mu
// must be free.
func (s *Switch) stopOpenFlow() error {
	if s.openflow == nil {
		return nil
	}
	return s.openflow.Close()
}

// controlled is the switch as its controllers see it.
type controlled struct{ s *Switch }

var _ session.Switch = controlled{}

// actions10 is the actions that flows can have, by their numbers in OpenFlow 1.0: all
// from output (0) to set_tp_dst (10), and not enqueue.
const actions10 = 1<<11 - 1

// Features describes the switch and its ports. Of statistics there are only those of
// IPFIX yet, for which OpenFlow has no capability.
func (c controlled) Features() wire.Features {
	f := wire.Features{
		DatapathID: c.datapathID(), Tables: pipeline.NumTables,
		Capabilities: wire.CapARPMatchIP, Actions: actions10,
	}
	for _, p := range c.s.state.Snapshot().Ports() {
		f.Ports = append(f.Ports, wirePort(&p))
	}
	return f
}

func (c controlled) datapathID() uint64 {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	id, _ := strconv.ParseUint(c.s.datapathID(), 16, 64) // which writes nothing else
	return id
}

func wirePort(p *pipeline.Port) wire.Port {
	w := wire.Port{Number: wire.PortNumber(p.OFPort), Name: p.Name, State: wire.PortLive}
	for i := range w.MAC {
		w.MAC[i] = byte(p.MAC >> (8 * (5 - i)))
	}
	if !p.Up {
		w.State = wire.PortLinkDown
	}
	if p.NoRecv {
		w.Config |= wire.PortNoRecv
	}
	if p.NoFlood {
		w.Config |= wire.PortNoFlood
	}
	return w
}

// Desc says what the switch is.
func (c controlled) Desc() wire.Desc {
	return wire.Desc{
		Manufacturer: "Pollux", Hardware: "AF_XDP", Software: Version, Serial: "None",
		Datapath: c.s.state.Snapshot().Name(),
	}
}
