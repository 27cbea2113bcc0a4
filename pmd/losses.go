package pmd

import "pollux/actions"

// SlotDrop is what one loop has dropped for one reason of packets of the port in a slot: that
// they came in by, or, where the reason is one of that (actions.Reason.AtOutput), that was to
// send them.
type SlotDrop struct {
	Slot   int
	Reason actions.Reason
	actions.Count
}

// told adds the counts of a slot that are not 0 to a list.
func told(x *actions.PortDrops, slot int, to []SlotDrop) []SlotDrop {
	for r, c := range x.Drops {
		if c != (actions.Count{}) {
			to = append(to, SlotDrop{slot, actions.Reason(r), c})
		}
	}
	return to
}

// lossesOf returns the counts of the port in slot, which are fresh if there are none yet.
func (l *Loop) lossesOf(slot int, fresh *actions.PortDrops) *actions.PortDrops {
	if l.lost[slot] == nil {
		l.lost[slot] = fresh
	}
	return l.lost[slot]
}

// forgetLosses returns the counts of the port in slot and has them stand among those of no
// port from now on: all that the loop has dropped stays the sum of what it tells by port and
// of that.
func (l *Loop) forgetLosses(slot int) (last []SlotDrop) {
	x := l.lost[slot]
	if x == nil {
		return nil
	}
	l.lost[slot] = nil
	l.exec.From = &l.exec.Unplaced
	last = told(x, slot, nil)
	for _, d := range last {
		u := &l.exec.Unplaced.Drops[d.Reason]
		u.Packets += d.Packets
		u.Bytes += d.Bytes
	}
	return last
}
