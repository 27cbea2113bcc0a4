package pipeline

import (
	"fmt"
	"maps"

	"pollux/classifier"
	"pollux/ofp/ofperr"
)

// PortUpdate changes one port; its number must stay.
type PortUpdate struct {
	OFPort uint32
	Check  func(*Port) error // says why not; nil: nothing is wrong
	Do     func(*Port)
}

// Mod is one request of a bundle: one of its members is set.
type Mod struct {
	Flow  *FlowMod
	Group *GroupMod
	Meter *MeterMod
	Port  *PortUpdate
	Out   *Out // the commit says by which tables; it is sent when that is done
}

// Mods is FlowMods for requests of several kinds: the commit of a bundle (OpenFlow 1.4
// section 6.9). When that is done, then, unless it is nil, is called, which has the bundle's packets
// treated (Mod.Out). What their way asks for that only the bundle knows of is kept that long, and
// the ends of flows which they may meet are not told before.
func (s *State) Mods(mods []Mod, by any, then func()) (failed int, err error) {
	var keys []learnerKey
	sends := false
	for i := range mods {
		if o := mods[i].Out; o != nil {
			keys, sends = o.limits(keys), true
		}
	}
	number := uint64(0)
	defer func() {
		s.unask(keys)
		if number != 0 {
			s.mu.Lock()
			s.sending.end(number)
			s.unlock()
		}
	}()
	failed, err = s.mods(len(mods), by, func(tx *flowTx, i int) error {
		if i == 0 {
			s.cookies.ask(keys)
			if sends {
				number = s.sending.begin()
			}
		}
		return tx.one(&mods[i])
	})
	if err == nil && then != nil {
		then()
	}
	return failed, err
}

// one does one request of several.
func (tx *flowTx) one(m *Mod) error {
	if m.Out != nil {
		return tx.out(m.Out)
	}
	tx.point = nil
	switch {
	case m.Flow != nil:
		return tx.mod(m.Flow)
	case m.Group != nil:
		tx.anew = true
		return tx.groupMod(m.Group)
	case m.Meter != nil:
		tx.anew = true
		return tx.meterMod(m.Meter)
	case m.Port != nil:
		return tx.portUpdate(m.Port)
	}
	return fmt.Errorf("a request of no known kind: %w", ofperr.BundleUnsupportedMessage)
}

// mods is FlowMods for n requests of any kind, of which do does one.
func (s *State) mods(n int, by any, do func(tx *flowTx, i int) error) (failed int, err error) {
	s.mu.Lock()
	defer s.unlock()
	tx := s.begin(s.next(), by)
	for i := range n {
		tx.request = i
		if err := do(tx, i); err != nil {
			tx.abort()
			return i, err
		}
	}
	tx.commit()
	return -1, nil
}

// otherwise returns what changes beside rules, to be added to.
func (tx *flowTx) otherwise() *classifier.Others {
	if tx.others == nil {
		tx.others = &classifier.Others{}
	}
	return tx.others
}

// setPorts changes the ports.
func (tx *flowTx) setPorts(set *portSet) {
	old := tx.next.ports
	o := tx.otherwise()
	for i := range set.all {
		p, was := &set.all[i], Port{}
		if q := old.get(p.OFPort); q != nil {
			was = *q
		}
		if was == *p {
			continue
		}
		o.Port(p.OFPort)
		// Whether frames can leave by the port is nothing to those who come in there.
		if was.Up = p.Up; was != *p {
			o.Receives(p.OFPort)
		}
	}
	for i := range old.all {
		if n := old.all[i].OFPort; set.get(n) == nil {
			o.Port(n)
			o.Receives(n)
		}
	}
	tx.next.ports = set
}

// ownMeters makes the map of meters the transaction's own, to be written.
func (tx *flowTx) ownMeters() {
	if tx.metersOwned {
		return
	}
	tx.next.meters, tx.metersOwned = maps.Clone(tx.next.meters), true
	if tx.next.meters == nil {
		tx.next.meters = map[uint32]*meterEntry{}
	}
}

// portUpdate changes a port.
func (tx *flowTx) portUpdate(u *PortUpdate) error {
	ports := append([]Port(nil), tx.next.ports.all...)
	for i := range ports {
		p := &ports[i]
		if p.OFPort != u.OFPort {
			continue
		}
		if u.Check != nil {
			if err := u.Check(p); err != nil {
				return err
			}
		}
		was := *p
		u.Do(p)
		if *p == was {
			return nil
		}
		set, err := newPortSet(ports)
		if err != nil {
			return err
		}
		if set.get(u.OFPort) == nil {
			return fmt.Errorf("port %d: its number cannot be changed, only by a change of all ports", u.OFPort)
		}
		set.keepQueues(tx.next.ports, tx.now)
		tx.setPorts(set)
		tx.s.forget(tx.next)
		return nil
	}
	return fmt.Errorf("port %d: %w: %w", u.OFPort, ErrNoPort, ofperr.PortModBadPort)
}
