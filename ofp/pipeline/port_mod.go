package pipeline

import (
	"fmt"

	"pollux/ofp/ofperr"
)

// Bits of a port's configuration (OFPPC_*), with the numbers that all versions share.
const (
	PortConfigDown       uint32 = 1 << 0
	PortConfigNoRecv     uint32 = 1 << 2
	PortConfigNoFlood    uint32 = 1 << 4 // OpenFlow 1.0 only
	PortConfigNoFwd      uint32 = 1 << 5
	PortConfigNoPacketIn uint32 = 1 << 6

	// PortConfigAll is what a port can be configured to.
	PortConfigAll = PortConfigDown | PortConfigNoRecv | PortConfigNoFlood | PortConfigNoFwd | PortConfigNoPacketIn
)

// Config returns the port's configuration.
func (p *Port) Config() (c uint32) {
	for _, f := range p.configured() {
		if *f.on {
			c |= f.bit
		}
	}
	return c
}

// SetConfig makes the bits of mask those of config.
func (p *Port) SetConfig(config, mask uint32) {
	for _, f := range p.configured() {
		if mask&f.bit != 0 {
			*f.on = config&f.bit != 0
		}
	}
}

// canSend says whether frames can leave by the port, as far as device and administrator go.
func (p *Port) canSend() bool { return p.Up && !p.Down }

type portConfig struct {
	bit uint32
	on  *bool
}

func (p *Port) configured() [5]portConfig {
	return [...]portConfig{
		{PortConfigDown, &p.Down}, {PortConfigNoRecv, &p.NoRecv}, {PortConfigNoFlood, &p.NoFlood},
		{PortConfigNoFwd, &p.NoFwd}, {PortConfigNoPacketIn, &p.NoPacketIn},
	}
}

// PortMod makes the bits of mask in a port's configuration those of config (OpenFlow 1.3.5
// section 7.3.4.3). mac must be the port's. It returns ofperr.PortModBadPort,
// PortModBadAddress, or PortModBadConfig for a bit to be set that Pollux does not have. What
// was set stays when the port is written anew by Apply under the same number and name. by is
// told to OnPortChange.
func (s *State) PortMod(ofport, config, mask uint32, mac uint64, by any) error {
	_, err := s.Mods([]Mod{{Port: PortModUpdate(ofport, config, mask, mac)}}, by, nil)
	return err
}

// PortModUpdate returns what PortMod is asked to do as a part of State.Mods, which checks it: a
// bundle is not to lose a message that its commit would fail for.
func PortModUpdate(ofport, config, mask uint32, mac uint64) *PortUpdate {
	check := func(p *Port) error {
		switch {
		case p.MAC != mac:
			return fmt.Errorf("port %d has address %s, not %s: %w", ofport, macString(p.MAC), macString(mac), ofperr.PortModBadAddress)
		case config&mask&^PortConfigAll != 0:
			return fmt.Errorf("port %d: there is no configuration %#x: %w", ofport, config&mask&^PortConfigAll, ofperr.PortModBadConfig)
		}
		return nil
	}
	return &PortUpdate{OFPort: ofport, Check: check, Do: func(p *Port) {
		mask := mask & PortConfigAll
		p.SetConfig(config, mask)
		p.modMask |= mask
		p.modConfig = p.modConfig&^mask | config&mask
	}}
}

// keepMods gives ports that were there before, under the same number and name, the
// configuration that PortMod gave them.
func (s *portSet) keepMods(old *portSet) {
	for i := range s.all {
		p := &s.all[i]
		if was := old.get(p.OFPort); was != nil && was.Name == p.Name && was.modMask != 0 {
			p.modMask, p.modConfig = was.modMask, was.modConfig
			p.SetConfig(p.modConfig, p.modMask)
		}
	}
}

// differs says whether the ports differ in what controllers are told of them.
func (p *Port) differs(q *Port) bool {
	a, b := *p, *q
	a.Queues, b.Queues = nil, nil
	return a != b
}

// PortChangeKind is what happened to a port; the numbers are those of OFPPR_*.
type PortChangeKind uint8

// The kinds.
const (
	PortAdded PortChangeKind = iota
	PortDeleted
	PortModified
)

// PortChange is an event of a port: as it is now, or was when it was deleted.
type PortChange struct {
	Kind PortChangeKind
	Port Port
	By   any // who did it, as Mods was told; nil: the switch itself
}

// OnPortChange has fn called with every later change of ports, in order, after it is
// published. fn must not block, nor call State's methods.
func (s *State) OnPortChange(fn func(PortChange)) {
	s.mu.Lock()
	defer s.unlock()
	s.onPort = append(s.onPort, fn)
}

// tellPorts tells by what ports differ from those of before. They differ by the transaction in hand.
func (s *State) tellPorts(old, now *portSet) {
	if len(s.onPort) == 0 || old == now {
		return
	}
	tell := func(k PortChangeKind, p *Port) {
		for _, fn := range s.onPort {
			fn(PortChange{k, *p, s.tx.by})
		}
	}
	for i := range old.all {
		p := &old.all[i]
		if is := now.get(p.OFPort); is == nil || is.Name != p.Name {
			tell(PortDeleted, p)
		}
	}
	for i := range now.all {
		p := &now.all[i]
		switch was := old.get(p.OFPort); {
		case was == nil || was.Name != p.Name:
			tell(PortAdded, p)
		case was.differs(p):
			tell(PortModified, p)
		}
	}
}
