package vswitch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"pollux/configs"
	"pollux/ofp/pipeline"
	"pollux/pmd/port"
)

// Reload reads the configuration file again and applies it: flows that stay keep their
// counters, ports that stay keep their queues. Flows of the file that controllers have changed
// or deleted are put back, even where the file is as it was. On any error nothing has changed. When
// it returns no packet is treated by the old tables any more.
func (s *Switch) Reload() (string, error) {
	cfg, err := configs.Load(s.path, LoadOptions())
	if err != nil {
		s.log.Warn("reload refused", "errors", countErrors(err), "error", inOneLine(err))
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return "", errors.New("the switch is stopping")
	}
	return s.change(cfg, s.path, true)
}

// reloadOn reloads at each signal, until ctx is done. The log has the outcome, as there is
// nobody to tell.
func (s *Switch) reloadOn(ctx context.Context, signals <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case sig := <-signals:
			said, err := s.Reload()
			if err != nil {
				s.log.Error("reload failed", "signal", sig.String(), "errors", countErrors(err), "error", inOneLine(err))
				continue
			}
			s.log.Info("reload done", "signal", sig.String(), "changes", strings.Split(strings.TrimSpace(said), "\n"))
		}
	}
}

// setExporter changes keys of an exporter as a reload would, all of them or none: its
// arguments are the exporter, then a key and its value, which may have blanks, or any
// number of KEY=VALUE. The file stays as it is, and the next reload goes by it.
func (s *Switch) setExporter(args []string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return "", errors.New("the switch is stopping")
	}
	if len(args) > 2 && args[0] == "set" { // as displays name it: set 3
		args = args[1:]
	}
	settings, err := settingsOf(args[1:])
	if err != nil {
		return "", err
	}
	cfg, err := configs.SetExporter(s.cfg, s.path, args[0], settings, LoadOptions())
	if err != nil {
		return "", err
	}
	said, err := s.change(cfg, "ipfix/set", false)
	if err == nil {
		said += "not written to " + s.path + ": the next reload goes by the file\n"
	}
	return said, err
}

// settingsOf takes apart KEY VALUE, or KEY=VALUE once or more.
func settingsOf(args []string) (list []configs.Setting, err error) {
	if len(args) == 0 {
		return nil, errors.New("ipfix/set needs EXPORTER KEY VALUE, or EXPORTER KEY=VALUE …")
	}
	if !strings.Contains(args[0], "=") {
		if len(args) < 2 {
			return nil, fmt.Errorf("%s has no value; write %s VALUE, or %s=VALUE", args[0], args[0], args[0])
		}
		return []configs.Setting{{Key: args[0], Value: strings.Join(args[1:], " ")}}, nil
	}
	for _, a := range args {
		key, value, ok := strings.Cut(a, "=")
		if !ok {
			return nil, fmt.Errorf("%q is not KEY=VALUE as those before it; a value with blanks needs quotes", a)
		}
		list = append(list, configs.Setting{Key: key, Value: value})
	}
	return list, nil
}

// change brings the switch to cfg and says what has changed. of is where cfg is from. With
// restore flows of the configuration are put back that are not there as it says.
func (s *Switch) change(cfg *configs.Config, of string, restore bool) (string, error) {
	changes := configs.Diff(s.cfg, cfg)
	var b strings.Builder
	var errs []error
	touched := map[string]bool{} // by key of the file
	for _, c := range changes {
		fmt.Fprintln(&b, c)
		key, _, _ := strings.Cut(c.Path, ".")
		key, _, _ = strings.Cut(key, "[")
		touched[key] = true
		if configs.IsRestart(c.Path) {
			errs = append(errs, fmt.Errorf("%s can only change with a restart (%s)", c.Path, c))
		}
	}
	if len(errs) > 0 {
		s.log.Warn("reload refused: a restart is needed", "changes", len(errs))
		return "", fmt.Errorf("%s: nothing applied:\n%w", of, errors.Join(errs...))
	}
	if need := cfg.FramesNeeded(); need > int(s.mem.PerHome) && need > s.cfg.FramesNeeded() {
		return "", fmt.Errorf("%s: nothing applied: the rings of these ports hold %d frames a loop and the running switch has %d; restart it, with datapath.memory.frames_per_loop for what is to come", of, need, s.mem.PerHome)
	}
	was := s.cfg
	var restored []configs.FlowLine
	undo, err := s.openListeners(&was.Control, &cfg.Control)
	if err == nil {
		if restored, err = s.applier(touched, restore)(cfg); err != nil {
			undo()
		}
	}
	if err != nil {
		s.log.Warn("reload undone", "error", err)
		return "", fmt.Errorf("%s: nothing applied: %w", of, err)
	}
	s.moveOpenFlow(&was.Control, &s.cfg.Control)
	if len(changes) == 0 && len(restored) == 0 {
		return "no change\n", nil
	}
	sayRestored(&b, restored)
	s.log.Info("reloaded", "changes", len(changes), "restored", len(restored))
	for _, v := range s.ports {
		if s.dp.Info(v.slot) == nil {
			fmt.Fprintf(&b, "port %s waits for its device: %s\n", v.cfg.Name, v.why)
		}
	}
	return b.String(), nil
}

// applier returns what brings the switch to a configuration with changes in these keys of
// the file, and says which flows it has restored. Without restore flows are left alone
// unless what flows depend on changes.
func (s *Switch) applier(touched map[string]bool, restore bool) func(*configs.Config) ([]configs.FlowLine, error) {
	delete(touched, "control") // moveOpenFlow's
	switch {
	case len(touched) == 0 && !restore:
		return func(cfg *configs.Config) ([]configs.FlowLine, error) { s.cfg = cfg; return nil, nil }
	case len(touched) == 0:
		return s.applyFlows
	case len(touched) == 1 && touched["ipfix"]:
		return func(cfg *configs.Config) ([]configs.FlowLine, error) { return s.applyExporters(cfg, restore) }
	}
	return s.apply
}

// applyExporters brings the switch to cfg, which has other exporters and is else as
// before. Ports are left alone, and without restore flows are, too.
func (s *Switch) applyExporters(cfg *configs.Config, restore bool) ([]configs.FlowLine, error) {
	var put []int
	c := pipeline.Change{Put: &put}
	if restore {
		var err error
		if c.Flows, err = s.wantedFlows(cfg); err != nil {
			return nil, err
		}
	}
	x, err := s.planExporters(&cfg.IPFIX)
	if err != nil {
		return nil, err
	}
	if err := x.open(); err != nil {
		return nil, err
	}
	if next := sampling(x.next); !reflect.DeepEqual(next, sampling(s.exporters)) {
		c.Sampling = &next
	}
	if c.Flows != nil || c.Sampling != nil {
		if err := s.state.Apply(c); err != nil {
			x.close()
			return nil, err
		}
		s.dp.Barrier()
	}
	s.commitExporters(x)
	restored := s.restored(cfg, c.Flows, put)
	s.cfg = cfg
	return restored, nil
}

// commitExporters finishes a change of exporters, when the tables and loops know.
func (s *Switch) commitExporters(x *exporterChange) {
	if err := x.commit(); err != nil {
		s.log.Error("reload", "error", err)
	}
}

// apply brings the switch to cfg. What can fail, above all opening devices, comes
// first, and what was done is undone.
func (s *Switch) apply(cfg *configs.Config) (restored []configs.FlowLine, err error) {
	flows, err := s.wantedFlows(cfg)
	if err != nil {
		return nil, err
	}
	var undo []func()
	defer func() {
		if err != nil {
			for _, f := range slices.Backward(undo) {
				f()
			}
			if len(undo) > 0 {
				s.publishPorts()
			}
		}
	}()
	old := map[string]*vport{}
	for _, v := range s.ports {
		old[v.cfg.Name] = v
	}
	var ports []*vport
	for i := range cfg.Ports {
		was := old[cfg.Ports[i].Name]
		delete(old, cfg.Ports[i].Name)
		if was != nil && sameDevice(&was.cfg, &cfg.Ports[i]) {
			v := *was
			v.cfg = cfg.Ports[i]
			back, err := s.readdress(was, &v)
			if err != nil {
				return nil, err
			}
			if back != nil {
				undo = append(undo, back)
			}
			ports = append(ports, &v)
			continue
		}
		v := &vport{cfg: cfg.Ports[i], slot: s.freeSlot(ports)}
		if was != nil {
			// The device must be let go of before it can be opened in another way.
			if err := s.dp.Detach(was.slot); err != nil {
				return nil, err
			}
			undo = append(undo, func() {
				if err := s.plug(was); err != nil && !isAway(err) {
					s.log.Error("reload undone, but a port could not be opened again", "error", err)
				}
			})
		}
		if err := s.dp.Add(v.datapathPort()); err != nil {
			return nil, err
		}
		undo = append(undo, func() { _ = s.dp.Remove(v.slot) })
		if err := s.plug(v); err != nil && !isAway(err) {
			return nil, err
		}
		ports = append(ports, v)
	}
	x, err := s.planExporters(&cfg.IPFIX)
	if err != nil {
		return nil, err
	}
	if err := x.open(); err != nil {
		return nil, err
	}
	undo = append(undo, x.close)
	desc := make([]pipeline.Port, len(ports))
	for i, v := range ports {
		desc[i] = s.pipelinePort(v)
	}
	sample := sampling(x.next)
	var put []int
	err = s.state.Apply(pipeline.Change{
		Name: &cfg.Bridge.Name, Ports: desc, Flows: flows, Sampling: &sample,
		MACAgeing: cfg.Bridge.MACAgeing.Std(), MACTableSize: cfg.Bridge.MACTableSize, Put: &put,
	})
	if err != nil {
		return nil, err
	}
	// From here on nothing fails that would matter to packets.
	isolated := isolatedLoops(cfg)
	for _, v := range ports {
		s.dp.MoveQueues(v.slot, pollers(&v.cfg, s.dp.Polls(v.slot), isolated), v.cfg.Pinned)
	}
	s.dp.Barrier()
	for _, v := range s.ports {
		kept := slices.ContainsFunc(ports, func(n *vport) bool { return n.slot == v.slot })
		if kept {
			continue
		}
		if err := s.dp.Remove(v.slot); err != nil {
			s.log.Error("release port", "port", v.cfg.Name, "error", err)
		}
	}
	s.noteInterfaces(ports)
	s.commitExporters(x)
	for _, e := range s.exporters {
		e.x.Remind() // of the ports that there are now
	}
	restored = s.restored(cfg, flows, put)
	s.ports, s.cfg = ports, cfg
	return restored, nil
}

// readdress gives the tap of a port that stays the addresses it is to have; back, if not
// nil, undoes it.
func (s *Switch) readdress(was, now *vport) (back func(), err error) {
	a, b := addresses(&was.cfg), addresses(&now.cfg)
	if now.index == 0 || slices.Equal(a, b) { // a tap that is away gets them when it is made
		return nil, nil
	}
	if err := port.ChangeAddrs(now.index, a, b); err != nil {
		return nil, fmt.Errorf("port %s: %w", now.cfg.Name, err)
	}
	return func() {
		if err := port.ChangeAddrs(now.index, b, a); err != nil {
			s.log.Error("reload undone, but not the addresses of a port", "port", now.cfg.Name, "error", err)
		}
	}, nil
}

// sameDevice says whether a port needs no other queues or device, nor another number.
func sameDevice(a, b *configs.Port) bool {
	x, y := *a, *b
	x.VLAN, y.VLAN = configs.VLAN{}, configs.VLAN{}
	x.QoS, y.QoS = configs.QoS{}, configs.QoS{}
	x.Flood, y.Flood = false, false
	x.Loops, y.Loops = nil, nil
	x.Pinned, y.Pinned = nil, nil
	x.Affinity, y.Affinity = nil, nil
	x.Address, y.Address = nil, nil
	return fmt.Sprint(x) == fmt.Sprint(y)
}

// freeSlot returns a slot that neither a port of now nor one of taken has.
func (s *Switch) freeSlot(taken []*vport) int {
	for slot := 0; ; slot++ {
		has := func(v *vport) bool { return v.slot == slot }
		if !slices.ContainsFunc(s.ports, has) && !slices.ContainsFunc(taken, has) {
			return slot
		}
	}
}
