package vswitch

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"

	"pollux/configs"
	"pollux/ofp/pipeline"
	"pollux/ofp/session"
	"pollux/ofp/wire"
)

// startOpenFlow listens and connects as the configuration says. A listener that the
// configuration does not name, the one beside the control socket, is done without when it
// can't be opened: another switch of the same name may have its socket in the same folder.
// s.mu must be free.
func (s *Switch) startOpenFlow() error {
	s.mu.Lock()
	defer s.mu.Unlock() // a reload may come already
	c := &s.cfg.Control
	srv := session.New(session.Config{Switch: controlled{s}, Tables: s.state, Standalone: &s.alone, Log: s.log, Misses: s.missesWanted})
	err := srv.SetControllers(controllersOf(c))
	for _, l := range c.OpenFlow {
		if err == nil {
			_, err = srv.Listen(l)
		}
		if err != nil && c.OpenFlowAuto {
			s.log.Warn("no OpenFlow; control.openflow can name another place", "error", err)
			err = nil
		}
	}
	if err != nil {
		return errors.Join(fmt.Errorf("control.openflow: %w", err), srv.Close())
	}
	s.openflow = srv
	s.tellControllers()
	return nil
}

// controllersOf is what the configuration says of controllers.
func controllersOf(c *configs.Control) session.Controllers {
	out := session.Controllers{
		Standalone: c.FailMode == configs.Standalone,
		TLS:        session.TLSFiles{Key: c.TLS.Key, Certificate: c.TLS.Certificate, CA: c.TLS.CA},
	}
	for _, x := range c.Controllers {
		out.List = append(out.List, session.Controller{
			Target: x.Target, Probe: x.Probe.Std(), MaxBackoff: x.MaxBackoff.Std(),
			Rate: x.RateLimit, Burst: x.BurstLimit, Queue: x.QueueSize,
		})
	}
	return out
}

// openListeners opens the listeners that now has and was has not, before anything else of a
// reload: it is what can fail. undo closes them again. s.mu is held.
func (s *Switch) openListeners(was, now *configs.Control) (undo func(), err error) {
	var opened []string
	undo = func() {
		for _, l := range opened {
			s.unlisten(l)
		}
	}
	if s.openflow == nil {
		return undo, nil
	}
	for _, l := range now.OpenFlow {
		if slices.Contains(was.OpenFlow, l) {
			continue
		}
		_, err := s.openflow.Listen(l)
		switch {
		case err == nil:
			opened = append(opened, l)
		case now.OpenFlowAuto:
			s.log.Warn("no OpenFlow; control.openflow can name another place", "error", err)
		default:
			undo()
			return nil, fmt.Errorf("control.openflow: %w", err)
		}
	}
	return undo, nil
}

// moveOpenFlow lets go of the listeners that was has and now has not, and turns to the
// controllers of now. Sessions that came by a listener go on. s.mu is held.
func (s *Switch) moveOpenFlow(was, now *configs.Control) {
	if s.openflow == nil {
		return
	}
	for _, l := range was.OpenFlow {
		if !slices.Contains(now.OpenFlow, l) {
			s.unlisten(l)
		}
	}
	if next := controllersOf(now); !reflect.DeepEqual(next, controllersOf(was)) {
		if err := s.openflow.SetControllers(next); err != nil {
			s.log.Error("reload", "error", err) // a mistake: targets have been checked
		}
	}
}

func (s *Switch) unlisten(l string) {
	if err := s.openflow.Unlisten(l); err != nil {
		s.log.Error("reload", "error", err)
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

// Features describes the switch and its ports.
func (c controlled) Features() wire.Features {
	f := wire.Features{
		DatapathID: c.datapathID(), Tables: pipeline.NumTables,
		Capabilities: wire.CapFlowStats | wire.CapTableStats | wire.CapPortStats | wire.CapGroupStats | wire.CapQueueStats | wire.CapARPMatchIP | wire.CapBundles,
		Actions:      session.Actions10,
	}
	for _, p := range c.s.state.Snapshot().Ports() {
		f.Ports = append(f.Ports, c.s.wirePort(&p))
	}
	return f
}

func (c controlled) datapathID() uint64 {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	id, _ := strconv.ParseUint(c.s.datapathID(), 16, 64) // which writes nothing else
	return id
}

// wirePort is wirePort with the speed of the port's device, where that is known.
func (s *Switch) wirePort(p *pipeline.Port) wire.Port {
	w := wirePort(p)
	for _, i := range s.interfaces() {
		if i.Index == p.OFPort {
			w.Speed = uint32(min(i.Speed/1000, math.MaxUint32))
		}
	}
	return w
}

func wirePort(p *pipeline.Port) wire.Port {
	w := wire.Port{Number: wire.PortNumber(p.OFPort), Name: p.Name, State: wire.PortLive}
	for i := range w.MAC {
		w.MAC[i] = byte(p.MAC >> (8 * (5 - i)))
	}
	if !p.Up || p.Down { // as a device that is set down has no link
		w.State = wire.PortLinkDown
	}
	w.Config = wire.PortConfig(p.Config())
	return w
}

// Desc says what the switch is.
func (c controlled) Desc() wire.Desc {
	return wire.Desc{
		Manufacturer: "Pollux", Hardware: "AF_XDP", Software: Version, Serial: "None",
		Datapath: c.s.state.Snapshot().Name(),
	}
}
