package vswitch

import (
	"context"
	"log/slog"
	"time"

	"pollux/ipfix"
)

// lookEvery is how often collectors are looked at for the log.
const lookEvery = time.Second

// calm is how long nothing must have been lost for the loss to have ended.
const calm = 10 * time.Second

// watchCollectors tells the log when a collector can't be reached, goes away, comes
// back, and when records begin and cease to be lost: each once, not for each record.
func (s *Switch) watchCollectors(ctx context.Context) {
	t := time.NewTicker(lookEvery)
	defer t.Stop()
	w := collectorWatch{log: s.log, known: map[watched]*watchedState{}}
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-t.C:
			s.mu.Lock()
			list := s.exporters
			s.mu.Unlock()
			w.look(list, now)
		}
	}
}

// collectorWatch is what the last look saw.
type collectorWatch struct {
	log   *slog.Logger
	known map[watched]*watchedState
}

// watched is a collector of an exporter; without an address the exporter itself.
type watched struct {
	x       *ipfix.Exporter
	address string
}

type watchedState struct {
	down, ever     bool // it is not reached; it was, once
	errors, opened uint64
	lost           uint64 // packets, in all
	losing         time.Time
	before         uint64 // lost when losing began
	seen           bool   // by this look
}

// look compares the exporters with what the last look saw.
func (w *collectorWatch) look(list []*exporter, now time.Time) {
	for _, e := range list {
		if e.x == nil {
			continue
		}
		st := e.x.Stats()
		w.see(e.name, e.x, &st, now)
	}
	for k, st := range w.known {
		if !st.seen {
			delete(w.known, k)
		}
		st.seen = false
	}
}

// see compares an exporter with what the last look saw of it.
func (w *collectorWatch) see(name string, x *ipfix.Exporter, st *ipfix.Stats, now time.Time) {
	log := w.log.With("exporter", name)
	w.losses(log, w.state(watched{x: x}), st.Stages.Lost.Packets, now,
		"flow caches lose packets: there is no room for their records", "flow caches lose no more packets")
	for i := range st.Collectors {
		c := &st.Collectors[i]
		k := w.state(watched{x, c.Address})
		log := log.With("collector", c.Address)
		w.session(log, k, c)
		w.losses(log, k, c.NotSent.Packets, now, "flow records are lost", "no more flow records are lost")
	}
}

func (w *collectorWatch) state(k watched) *watchedState {
	st := w.known[k]
	if st == nil {
		st = new(watchedState)
		w.known[k] = st
	}
	st.seen = true
	return st
}

// session tells how a collector is reached. One that connects is as it was.
func (w *collectorWatch) session(log *slog.Logger, k *watchedState, c *ipfix.CollectorStats) {
	calm := c.Errors == k.errors
	switch c.Reached() {
	case ipfix.NotReached:
		switch {
		case k.down:
		case k.ever:
			log.Warn("collector is gone", "error", c.LastError)
		default:
			log.Warn("collector can't be reached", "error", c.LastError)
		}
		k.down = true
	case ipfix.Reached:
		switch {
		case k.down && !calm: // tried, and failed again
		case k.down:
			log.Info("collector is there", "reconnects", c.Reconnects)
			k.down, k.ever = false, true
		case k.ever && c.Reconnects > k.opened && c.Transport != "file":
			log.Info("collector was gone and is back", "reconnects", c.Reconnects, "error", c.LastError)
		default:
			k.ever = true
		}
	}
	k.errors, k.opened = c.Errors, c.Reconnects
}

// losses tells when a count of lost packets begins to grow, and when it has ceased to.
func (w *collectorWatch) losses(log *slog.Logger, k *watchedState, lost uint64, now time.Time, begin, end string) {
	switch {
	case lost > k.lost:
		if k.losing.IsZero() {
			k.before = k.lost
			log.Warn(begin, "packets", lost-k.lost)
		}
		k.losing = now
	case !k.losing.IsZero() && now.Sub(k.losing) >= calm:
		log.Info(end, "packets", lost-k.before)
		k.losing = time.Time{}
	}
	k.lost = lost
}
