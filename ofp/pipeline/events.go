package pipeline

import (
	"cmp"
	"iter"
	"slices"
)

// RemovedReason is why a flow is gone (enum ofp_flow_removed_reason).
type RemovedReason uint8

// The reasons, with their numbers on the wire.
const (
	RemovedIdle        RemovedReason = iota // its idle timeout passed
	RemovedHard                             // its hard timeout passed
	RemovedDelete                           // somebody deleted it
	RemovedGroupDelete                      // a group that it used was deleted
	RemovedMeterDelete                      // a meter that it used was deleted
	RemovedEviction                         // it made room for another
)

// FlowChangeKind is what became of a flow.
type FlowChangeKind uint8

// The kinds.
const (
	FlowAdded FlowChangeKind = iota // in the place of another as well
	FlowModified
	FlowDeleted
)

// FlowChange is one change of one flow, for flow monitors.
type FlowChange struct {
	Kind    FlowChangeKind
	Reason  RemovedReason // of FlowDeleted
	By      any           // who did it, as FlowMods was told; nil: the switch itself, or its configuration
	Request int           // of those that were done together, from 0, the one that did it
	Last    bool          // no other follows of what is done at once: by one request, or by a bundle
	Number  uint64        // who knows of all changes to this one knows of those up to the number (RulesSince)

	step *step
}

// rule is the flow as it is now, or was.
func (c *FlowChange) rule() *Rule {
	if c.step.new != nil {
		return c.step.new
	}
	return c.step.old
}

// Flow returns the flow as it is now; of FlowDeleted, as it was.
func (c *FlowChange) Flow() Flow { return c.rule().whole() }

// Idle says whether the flow does what it did before: others learn nothing by the change.
func (c *FlowChange) Idle() bool { return c.Kind == FlowModified && c.step.new.doesAs(c.step.old) }

// Before says whether who knows of all changes up to one knows of the flow that is deleted.
func (c *FlowChange) Before(number uint64) bool { r := c.rule(); return r.again || r.seq <= number }

// Selected says whether f selects the flow. A port or a group that f asks for may also be one
// that the flow led to before. f's table and match count, cookies don't.
func (c *FlowChange) Selected(f *FlowFilter) bool {
	r := c.rule()
	if f.Table != AllTables && f.Table != r.Flow.Table {
		return false
	}
	leads := f.leads(r.Flow.Do)
	if !leads && c.step.new != nil && c.step.old != nil {
		leads = f.leads(c.step.old.Flow.Do)
	}
	if !leads {
		return false
	}
	if f.Match.Mask.Map == 0 {
		return true
	}
	m, want := r.cls.Unpack(), normalized(&f.Match)
	return m.Within(&want)
}

// FlowRemoved is the end of a flow with SendFlowRem, with its final counters.
type FlowRemoved struct {
	Flow           Flow
	Reason         RemovedReason
	Duration       int64  // ns since it was added
	IdleAge        int64  // ns since its last packet, or since it was added
	Packets, Bytes uint64 // 0 where its flags say that they are not counted
	By             any    // as of FlowChange
}

// OnFlowChange has fn called with every change of a flow, in order, once it is published:
// before the method of State returns that made it. What packets have the switch learn is told
// when Tick, TellChanges or Still is called or another change is told, for it is not done in a loop's thread. fn is called
// with the mutex held: it must be quick, and must neither keep its argument nor call State's
// methods.
func (s *State) OnFlowChange(fn func(*FlowChange)) {
	s.mu.Lock()
	defer s.unlock()
	s.tellLearned(0)
	s.onChange = append(s.onChange, fn)
}

// OnFlowRemoved has fn called with the end of every flow that has SendFlowRem, however it
// came, save by a flow that took its place. That is some milliseconds later, when loops
// have handed over what they still had counted for it (Tick, TellRemoved). fn may read
// State and must not change it.
func (s *State) OnFlowRemoved(fn func(FlowRemoved)) {
	s.mu.Lock()
	defer s.unlock()
	s.onRemoved = append(s.onRemoved, fn)
}

// gone is a rule whose end is to be told.
type gone struct {
	rule *Rule
	why  RemovedReason
	at   int64 // ns
	by   any
	sent uint64 // packets of the bundles up to this number may still be credited to it
}

// sending is the bundles whose packets are being treated, by tables that may be of before.
type sending struct {
	last uint64   // number of the last bundle with packets, from 1
	now  []uint64 // those in hand, ascending
}

// begin returns the number of a bundle whose packets will be treated.
func (b *sending) begin() uint64 {
	b.last++
	b.now = append(b.now, b.last)
	return b.last
}

// end says that a bundle's packets have been treated, or that there will be none.
func (b *sending) end(number uint64) {
	b.now = slices.DeleteFunc(b.now, func(n uint64) bool { return n == number })
}

// final returns how many of the ends, which are in order, are of rules that no bundle's packets
// can be credited to any more.
func (b *sending) final(list []gone) int {
	if len(b.now) == 0 {
		return len(list)
	}
	n, _ := slices.BinarySearchFunc(list, b.now[0], func(g gone, first uint64) int { return cmp.Compare(g.sent, first) })
	return n
}

// Still runs fn while no flow changes, so that who follows the changes can begin or go on to
// without missing one: fn may change what functions of OnFlowChange look at. number is that of
// the last change. It must be quick and must not call State's methods, save Snapshot.
func (s *State) Still(fn func(number uint64)) {
	s.mu.Lock()
	defer s.unlock()
	s.tellLearned(0)
	fn(s.seq)
}

// RulesSince returns the rules that f selects and that have come or changed since the change of
// this number, with what became of them; all were added since 0. They are in the order of
// FlowStats. The error is BadTable.
func (s *Snapshot) RulesSince(f *FlowFilter, number uint64) (iter.Seq2[*Rule, FlowChangeKind], error) {
	rules, err := s.selectedSince(f, number)
	if err != nil {
		return nil, err
	}
	return func(yield func(*Rule, FlowChangeKind) bool) {
		for _, r := range rules {
			kind := FlowModified
			if r.seq > number {
				kind = FlowAdded
			}
			if !yield(r, kind) {
				return
			}
		}
	}, nil
}

// tell tells of one step; last is FlowChange.Last.
func (tx *flowTx) tell(st *step, last bool) {
	s := tx.s
	if st.new != nil {
		tx.number = max(tx.number, st.new.changed)
	}
	if st.kind == FlowDeleted && st.old.hidden() || st.new != nil && st.new.hidden() {
		return
	}
	switch {
	case len(s.onChange) == 0:
	case tx.learns:
		s.learned.add(learnedChange{step: *st, last: last, number: tx.number})
	default:
		s.tellChange(FlowChange{By: tx.by, Last: last, Number: tx.number}, st)
	}
	if st.new == nil && !tx.quiet && st.old.Flow.Flags&SendFlowRem != 0 && len(s.onRemoved) > 0 {
		s.gone = append(s.gone, gone{st.old, st.why, tx.now, tx.by, s.sending.last})
	}
}

// TellRemoved tells of all flows that have gone (OnFlowRemoved), and returns when that is
// done. Their counters are final: no decision of the snapshot in force counts for a rule
// that is not in it, a loop has that snapshot before it receives again, and what it counted
// before is handed over first. It waits for the loops, and asks them once for all flows. Flows to
// which the packets of a bundle that is being done may be credited wait for it (Mods).
// Tick calls it.
func (s *State) TellRemoved() {
	s.telling.Lock()
	defer s.telling.Unlock()
	s.mu.Lock()
	n := s.sending.final(s.gone)
	list, fns, settle := s.gone[:n:n], s.onRemoved, s.settle
	s.gone = slices.Clone(s.gone[n:])
	s.unlock()
	if len(list) == 0 {
		return
	}
	if settle != nil {
		settle()
	}
	for i := range list {
		g := &list[i]
		r := g.rule
		e := FlowRemoved{
			Flow: r.whole(), Reason: g.why, Duration: max(g.at-r.Created, 0),
			IdleAge: max(g.at-r.n.used.Load(), 0), By: g.by,
		}
		e.Packets, e.Bytes = r.counters()
		for _, fn := range fns {
			fn(e)
		}
	}
}
