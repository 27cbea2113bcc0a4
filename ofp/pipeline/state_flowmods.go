package pipeline

import (
	"errors"
	"fmt"

	"pollux/classifier"
	"pollux/flow"
	"pollux/ofp/ofperr"
)

// FlowMods does mods in order, all of them or none: nobody sees a part of them, and packets
// meet the tables of before or those of after. by is told to OnFlowChange. The error is that
// of mods[failed], which stands on what those before it would have done; failed is -1 where
// there is none. When it returns, no packet that is received from then on meets the tables
// of before: loops take the snapshot in force after they have received.
func (s *State) FlowMods(mods []FlowMod, by any) (failed int, err error) {
	return s.mods(len(mods), by, func(tx *flowTx, i int) error { return tx.mod(&mods[i]) })
}

// FlowModEach does mods in order, each by itself: errs has an error for each that was
// refused, and is nil if none was. What comes of it is what FlowMods would do for one after
// the other, but all are published at once, which costs loops less: it is for requests that
// have come together.
func (s *State) FlowModEach(mods []FlowMod, by any) (errs []error) {
	s.mu.Lock()
	defer s.unlock()
	tx := s.begin(s.next(), by)
	tx.each = true
	for i := range mods {
		tx.request = i
		err := tx.mod(&mods[i])
		if err == errCommitFirst {
			tx.commit()
			tx = s.begin(s.next(), by)
			tx.each, tx.request = true, i
			err = tx.mod(&mods[i])
		}
		learns := len(s.learners) > 0
		mods[i].Flow.Do.learners(func(learnerKey) { learns = true })
		if learns && len(tx.steps) > 0 {
			// What goes with a flow that learns goes before the next request.
			tx.commit()
			tx = s.begin(s.next(), by)
			tx.each = true
		}
		if err != nil {
			if errs == nil {
				errs = make([]error, len(mods))
			}
			errs[i] = err
		}
	}
	tx.commit()
	return errs
}

// errCommitFirst is the error of a flow mod for which another flow makes room, where that
// may be one which is not there before the transaction is committed.
var errCommitFirst = errors.New("commit first")

// mod does one flow mod (OpenFlow 1.5.1 section 6.4), or nothing if it returns an error.
func (tx *flowTx) mod(m *FlowMod) error {
	if m.Flow.Flags&^(SendFlowRem|CheckedOverlap|ResetCounts|NoPacketCounts|NoByteCounts) != 0 {
		return fmt.Errorf("flags %#x: %w", m.Flow.Flags, ofperr.FlowModBadFlags)
	}
	if m.Flow.Table >= NumTables && m.Flow.Table != AllTables {
		return noTable(m.Flow.Table)
	}
	strict := m.Command == FlowModifyStrict || m.Command == FlowDeleteStrict
	switch m.Command {
	case FlowAdd:
		return tx.add(&m.Flow, fromController, m.CheckOverlap, m.ResetCounts)
	case FlowModify, FlowModifyStrict:
		return tx.modify(m, strict)
	case FlowDelete, FlowDeleteStrict:
		tx.delete(m, strict)
		return nil
	}
	return fmt.Errorf("command %d: %w", m.Command, ofperr.FlowModBadCommand)
}

// add adds f. Where its table has a flow with this match and priority, f takes the place of
// that one, and counts on unless reset.
func (tx *flowTx) add(f *Flow, from origin, checkOverlap, reset bool) error {
	if f.Table >= NumTables {
		return noTable(f.Table)
	}
	if err := tx.check(f); err != nil {
		return err
	}
	old := tx.find(f.Table, &f.Match, f.Priority)
	if old == nil {
		if checkOverlap {
			if err := tx.checkOverlap(f); err != nil {
				return err
			}
		}
		t := &tx.s.tables[f.Table]
		if tx.view(f.Table).Len() >= t.limit() {
			if tx.each && t.evict != nil && len(tx.steps) > 0 {
				return errCommitFirst
			}
			if !tx.evict(f.Table) {
				return fmt.Errorf("table %d has %d flows: %w", f.Table, t.limit(), ofperr.FlowModTableFull)
			}
		}
	}
	r := tx.newRule(f, from)
	if old != nil && !reset {
		r.n = old.n
	}
	tx.put(r, old, FlowAdded)
	return nil
}

// checkOverlap refuses f if some packet could match it and another flow of its priority.
func (tx *flowTx) checkOverlap(f *Flow) error {
	m := classifier.Match(f.Match)
	for c := range tx.view(f.Table).Overlapping(&m, int32(f.Priority)) {
		o := c.Data.(*Rule)
		om := o.match()
		return fmt.Errorf("table %d, priority %d: there is %q: %w", f.Table, f.Priority, om.String(), ofperr.FlowModOverlap)
	}
	return nil
}

// modify gives the selected flows other instructions. Timeouts, flags, importance and age
// stay; the hard timeout begins anew, as in Open vSwitch.
func (tx *flowTx) modify(m *FlowMod, strict bool) error {
	f := &m.Flow
	sel := FlowFilter{
		Table: f.Table, Match: f.Match, Strict: strict, Priority: f.Priority,
		Cookie: f.Cookie, CookieMask: m.CookieMask, OutPort: AnyPort, OutGroup: AnyGroup,
	}
	rules := tx.selected(&sel)
	if len(rules) == 0 {
		if m.AddsMissing && m.CookieMask == 0 {
			add := *f
			if add.Table == AllTables {
				add.Table = 0
			}
			return tx.add(&add, fromController, m.CheckOverlap, m.ResetCounts)
		}
		return tx.checkDo(f)
	}
	modified := func(old *Rule) Flow {
		whole := old.whole()
		whole.Do = f.Do
		if m.SetsCookie {
			whole.Cookie = m.cookie()
		}
		return whole
	}
	for _, old := range rules {
		whole := modified(old)
		if err := tx.check(&whole); err != nil {
			return err
		}
	}
	for _, old := range rules {
		whole := modified(old)
		r := tx.newRule(&whole, old.origin)
		r.Created, r.seq = old.Created, old.seq
		if !m.ResetCounts {
			r.n = old.n
		}
		tx.put(r, old, FlowModified)
	}
	return nil
}

// delete removes the selected flows; none is no error.
func (tx *flowTx) delete(m *FlowMod, strict bool) {
	f := &m.Flow
	sel := FlowFilter{
		Table: f.Table, Match: f.Match, Strict: strict, Priority: f.Priority,
		Cookie: f.Cookie, CookieMask: m.CookieMask, OutPort: m.OutPort, OutGroup: m.OutGroup,
	}
	if all := !strict && f.Match.Mask.Map == 0 && m.CookieMask == 0 && m.OutPort == AnyPort && m.OutGroup == AnyGroup; all {
		for id := range tablesOf(f.Table) {
			if tx.view(id).Len() > fewRules && (id > 0 || tx.override() == nil) {
				tx.clear(id, RemovedDelete)
			}
		}
	}
	for _, r := range tx.selected(&sel) {
		tx.remove(r, RemovedDelete)
	}
}

// selected returns the rules that sel selects.
func (tx *flowTx) selected(sel *FlowFilter) []*Rule {
	var out []*Rule
	for id := range tablesOf(sel.Table) {
		if t := tx.view(id); t.Len() > 0 {
			for r := range sel.rules(t) {
				out = append(out, r)
			}
		}
	}
	return out
}

// normalized returns m as classifier's tables have it.
func normalized(m *flow.Match) classifier.Match {
	c := classifier.Match(*m)
	c.Normalize()
	return c
}

// noTable says that there is no table id.
func noTable(id uint8) error {
	return fmt.Errorf("table %d; there are tables 0 to %d: %w", id, NumTables-1, ofperr.FlowModBadTable)
}
