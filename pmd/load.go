package pmd

import "pollux/internal/clock"

// Load is what a loop has done by a moment, for shares of its time since another. Ticks
// are those of package clock.
type Load struct {
	At       uint64 // the moment, in ticks
	Busy     uint64 // ticks of iterations that found work
	Transmit uint64 // of them: of sending, for all packets
	Packets  uint64 // received
	TookOver uint64 // packets of other loops, that it sent
	Rx       []RxStats
}

// Load reads the loop's load, between two batches.
func (l *Loop) Load() (w Load) {
	l.Do(func(l *Loop) {
		s := &l.stats
		w = Load{At: clock.Ticks(), Busy: s.BusyTicks, Transmit: s.Cycles[StageTransmit], Packets: s.Packets, TookOver: s.TookOver}
		for i := range l.rx {
			w.Rx = append(w.Rx, l.rx[i].stats(l.cfg.ID))
		}
	})
	return w
}
