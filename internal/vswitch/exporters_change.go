package vswitch

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"pollux/configs"
	"pollux/ipfix"
	"pollux/ipfix/cache"
)

// exporterChange is the way from the exporters of now to those of a configuration. It
// has three steps: planExporters finds out what is wrong and changes nothing; open
// makes what is new, which nothing refers to yet and close takes back; commit, after
// the tables know, does the rest, which does not fail.
//
// What a change touches:
//
//	where and how records go, and what is in them    the exporting process
//	timeouts, sampling                               flow caches, which keep their flows
//	flow_key, tcp_qos, cache_max_flows               flow caches, which are made anew
//	what is accounted, obs_*, attribution            the tables
//
// An exporter that stays keeps its index, by which tables and loops know it.
type exporterChange struct {
	s     *Switch
	next  []*exporter       // all of them, in their order, with the new configuration
	was   map[int]*exporter // those of next that were there before, by index
	added []*exporter
	gone  []*exporter
}

// planExporters compares the exporters with those of a configuration.
func (s *Switch) planExporters(cfg *configs.IPFIX) (*exporterChange, error) {
	c := &exporterChange{s: s, was: map[int]*exporter{}}
	taken := map[int]bool{}
	for _, e := range s.exporters {
		taken[e.index] = true
	}
	for _, want := range wantedExporters(cfg) {
		i := slices.IndexFunc(s.exporters, func(e *exporter) bool { return e.set == want.set })
		if i >= 0 {
			e := *s.exporters[i]
			e.cfg = want.cfg
			c.next, c.was[e.index] = append(c.next, &e), s.exporters[i]
		} else {
			// Not that of one that leaves: until the tables know, it is that one's.
			for want.index = 0; taken[want.index]; want.index++ {
			}
			if want.index >= configs.MaxExporters {
				return nil, fmt.Errorf("exporter of %s: there is room for it only after others are removed; do so by a reload of its own", want.name)
			}
			taken[want.index] = true
			c.next, c.added = append(c.next, want), append(c.added, want)
		}
		if err := s.tryExporter(want); err != nil {
			return nil, err
		}
	}
	for _, e := range s.exporters {
		if c.was[e.index] == nil {
			c.gone = append(c.gone, e)
		}
	}
	return c, nil
}

// tryExporter finds out what an exporter's configuration has wrong, by making one.
func (s *Switch) tryExporter(e *exporter) error {
	cc := cacheConfig(&e.cfg)
	if err := cc.Check(); err != nil {
		return fmt.Errorf("exporter of %s: %w", e.name, err)
	}
	if _, err := ipfix.New(s.exportingHere(&e.cfg), nil); err != nil {
		return fmt.Errorf("exporter of %s: %w", e.name, err)
	}
	return nil
}

// open makes the flow caches and exporting processes that are new.
func (c *exporterChange) open() error {
	for _, e := range c.added {
		cc := cacheConfig(&e.cfg)
		caches, err := c.s.dp.SetExporter(e.index, &cc)
		if err == nil {
			e.x, err = ipfix.New(c.s.exportingHere(&e.cfg), caches)
		}
		if err != nil {
			c.close()
			return fmt.Errorf("exporter of %s: %w", e.name, err)
		}
	}
	return nil
}

// close takes back what open made.
func (c *exporterChange) close() {
	for _, e := range c.added {
		// An index without caches is no error.
		_, _ = c.s.dp.SetExporter(e.index, nil)
	}
}

// commit lets new exporters run, changes those that stay and lets go of those that
// leave. The tables have nothing to do with these any more. What it returns is trouble
// that planExporters did not foresee; the rest is done all the same.
func (c *exporterChange) commit() error {
	for _, e := range c.added {
		e.run()
		c.s.log.Info("exporter added", "exporter", e.name, "targets", e.cfg.Targets)
	}
	var errs []error
	for _, e := range c.next {
		if was := c.was[e.index]; was != nil {
			errs = append(errs, c.s.changeExporter(e, &was.cfg))
		}
	}
	for _, e := range c.gone {
		c.s.leave(e)
	}
	c.s.exporters = c.next
	return errors.Join(errs...)
}

// changeExporter brings a running exporter from was to e.cfg.
func (s *Switch) changeExporter(e *exporter, was *configs.Exporter) error {
	cc := cacheConfig(&e.cfg)
	var old []*cache.Cache // that still have flows
	switch {
	case !sameCaches(was, &e.cfg):
		old = s.dp.Caches(e.index)
		caches, err := s.dp.SetExporter(e.index, &cc)
		if err != nil {
			return fmt.Errorf("exporter of %s keeps its flow caches: %w", e.name, err)
		}
		e.x.SetCaches(caches)
		e.renewed = new(time.Now())
		s.log.Info("exporter has new flow caches", "exporter", e.name)
		if waitFor(s.keyPatience, func() bool { return drained(old) }) {
			old = nil
		}
	case !sameTuning(was, &e.cfg):
		s.dp.TuneExporter(e.index, &cc)
		e.x.Remind()
	}
	if sameExporting(was, &e.cfg) {
		return nil
	}
	x := s.exportingHere(&e.cfg)
	if old != nil {
		// Records of the old caches leave by templates of the old key; those of the new
		// ones, of which there are hardly any yet, may wait for theirs.
		x.FlowKey = keyMask(was)
		go s.finishKey(e, old)
	}
	if err := e.x.Update(x); err != nil {
		return fmt.Errorf("exporter of %s goes on as before: %w", e.name, err)
	}
	return nil
}

// keyPatience is how long a reload waits for the records of flow caches that are
// replaced. Where they take longer, their exporter is told of another key afterwards.
const keyPatience = 200 * time.Millisecond

// finishKey tells an exporter of its flow key once its old caches are empty.
func (s *Switch) finishKey(e *exporter, old []*cache.Cache) {
	waitFor(leavePatience, func() bool { return drained(old) })
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, now := range s.exporters {
		if now.x != e.x || s.closed {
			continue
		}
		if err := now.x.Update(s.exportingHere(&now.cfg)); err != nil {
			s.log.Error("flow key of exporter", "exporter", e.name, "error", err)
		}
	}
}

// drained says whether all that caches ever counted has left them and their rings.
func drained(caches []*cache.Cache) bool {
	for _, c := range caches {
		st := c.Stats()
		if st.Flows > 0 || st.Held().Packets > 0 || c.Records().Len() > 0 {
			return false
		}
	}
	return true
}

// waitFor waits until ok, and says whether it came to that in time.
func waitFor(patience time.Duration, ok func() bool) bool {
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}
