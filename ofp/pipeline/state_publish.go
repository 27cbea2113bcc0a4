package pipeline

import (
	"pollux/classifier"
)

// next returns the successor of the present snapshot, for a change of tables,
// ports or configuration.
func (s *State) next() *Snapshot {
	next := *s.snap.Load()
	next.gen++
	return &next
}

// put publishes a snapshot that may differ from the present one in anything.
func (s *State) put(next *Snapshot) {
	next.changes = next.changes.All(next.generations())
	s.store(next)
}

// putRules publishes a snapshot that differs from the present one in rules, addresses and others
// alone; those may be nil.
func (s *State) putRules(next *Snapshot, others *classifier.Others) {
	old := s.snap.Load()
	edits, ok := next.edits(old)
	if !ok || next.changes == nil {
		s.put(next)
		return
	}
	c, gen := next.changes, next.generations()
	if next.fdbGen != old.fdbGen {
		c = c.Learned(gen)
	}
	c = c.Rules(gen, edits)
	if others != nil {
		c = c.Beside(gen, others)
	}
	next.changes = c
	s.store(next)
}

// edits returns the rules by which s differs from old, which was its predecessor; false if
// they are not known.
func (s *Snapshot) edits(old *Snapshot) (edits []classifier.Edit, ok bool) {
	for i, t := range s.tables {
		if t == old.tables[i] {
			continue
		}
		rules, ok := t.rules.Since(old.tables[i].rules)
		if !ok {
			return nil, false
		}
		for _, r := range rules {
			edits = append(edits, classifier.Edit{Table: t.id, Rule: r})
		}
	}
	return edits, true
}

func (s *State) store(next *Snapshot) {
	old := s.snap.Load()
	s.snap.Store(next)
	for _, fn := range s.publish {
		fn(next)
	}
	s.tellPorts(old.ports, next.ports)
}

// Snapshot returns the present picture.
func (s *State) Snapshot() *Snapshot { return s.snap.Load() }

// OnPublish has fn called with the present snapshot, now, and with every later
// one, in order. fn must not call State's methods.
func (s *State) OnPublish(fn func(*Snapshot)) {
	s.mu.Lock()
	defer s.unlock()
	s.publish = append(s.publish, fn)
	fn(s.snap.Load())
}
