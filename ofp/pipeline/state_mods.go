package pipeline

import (
	"fmt"
	"maps"

	"pollux/ofp/ofperr"
)

// PortUpdate changes one port; its number must stay.
type PortUpdate struct {
	OFPort uint32
	Do     func(*Port)
}

// Mods does mods in order, all of them or none, as FlowMods does: *FlowMod, *GroupMod,
// *MeterMod and *PortUpdate, each as it stands on what those before it would have done. It
// is the commit of a bundle (OpenFlow 1.4 section 6.9). Others are refused with
// BundleUnsupportedMessage.
func (s *State) Mods(mods []any, by any) (failed int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	tx := s.begin(s.next(), by)
	for i, m := range mods {
		switch m := m.(type) {
		case *FlowMod:
			err = tx.mod(m)
		case *GroupMod:
			err = tx.groupMod(m)
			tx.beyond = true
		case *MeterMod:
			err = tx.meterMod(m)
			tx.beyond = true
		case *PortUpdate:
			var changed bool
			changed, err = tx.portUpdate(m)
			tx.beyond = tx.beyond || changed
		default:
			err = fmt.Errorf("%T: %w", m, ofperr.BundleUnsupportedMessage)
		}
		if err != nil {
			tx.abort()
			return i, err
		}
	}
	tx.commit()
	return -1, nil
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

// portUpdate changes a port, and says whether that is a change.
func (tx *flowTx) portUpdate(u *PortUpdate) (changed bool, err error) {
	ports := append([]Port(nil), tx.next.ports.all...)
	for i := range ports {
		p := &ports[i]
		if p.OFPort != u.OFPort {
			continue
		}
		was := *p
		u.Do(p)
		if *p == was {
			return false, nil
		}
		set, err := newPortSet(ports)
		if err != nil {
			return false, err
		}
		if set.get(u.OFPort) == nil {
			return false, fmt.Errorf("port %d: its number cannot be changed, only by a change of all ports", u.OFPort)
		}
		tx.next.ports = set
		tx.s.forget(tx.next)
		return true, nil
	}
	return false, fmt.Errorf("port %d: %w: %w", u.OFPort, ErrNoPort, ofperr.PortModBadPort)
}
