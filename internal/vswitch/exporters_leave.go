package vswitch

import (
	"slices"
	"time"

	"pollux/ipfix/cache"
)

// leaving is an exporter that a reload has removed: its flow caches empty into it, and
// it sends what it has, while the switch goes on.
type leaving struct {
	now  chan struct{} // closed: no more patience
	gone chan struct{} // closed: it has ended
}

// leavePatience is how long a removed exporter may take to send its flows. A million
// take about five seconds at the pace of UDP.
const leavePatience = 10 * time.Second

// leave takes the flow caches away from the loops, which end their flows, and ends the
// exporting process once it has all of them.
func (s *Switch) leave(e *exporter) {
	old := s.dp.Caches(e.index)
	if _, err := s.dp.SetExporter(e.index, nil); err != nil {
		s.log.Error("remove flow caches", "exporter", e.name, "error", err)
	}
	l := &leaving{now: make(chan struct{}), gone: make(chan struct{})}
	s.leaving = slices.DeleteFunc(s.leaving, func(l *leaving) bool {
		select {
		case <-l.gone:
			return true
		default:
			return false
		}
	})
	s.leaving = append(s.leaving, l)
	go func() {
		defer close(l.gone)
		l.wait(old)
		e.stop()
		err := <-e.done
		sum := e.x.Stats().Sums
		s.log.Info("exporter removed", "exporter", e.name, "seen", sum.Seen.Packets, "exported", sum.Exported.Packets,
			"held", sum.Held.Packets, "not_sent", sum.NotSent.Packets, "error", err)
	}()
}

// wait returns when the caches are empty, or there is no more patience.
func (l *leaving) wait(caches []*cache.Cache) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	patience := time.NewTimer(leavePatience)
	defer patience.Stop()
	for !drained(caches) {
		select {
		case <-l.now:
			return
		case <-patience.C:
			return
		case <-tick.C:
		}
	}
}

// hurry ends the patience; the loops have stopped.
func (l *leaving) hurry() { close(l.now) }
