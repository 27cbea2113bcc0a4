package pipeline

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
	Kind   FlowChangeKind
	Reason RemovedReason // of FlowDeleted
	Flow   Flow          // as it is now; of FlowDeleted, as it was
	By     any           // who did it, as FlowMods was told; nil: the switch itself, or its configuration
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

// OnFlowChange has fn called with every change of a flow, in order, once it is published.
// It is called with the mutex held: it must be quick and must not call State's methods.
func (s *State) OnFlowChange(fn func(FlowChange)) {
	s.mu.Lock()
	defer s.unlock()
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
}

// tell tells of one step.
func (tx *flowTx) tell(st *step) {
	s := tx.s
	if len(s.onChange) > 0 {
		c := FlowChange{Kind: st.kind, Reason: st.why, By: tx.by}
		if st.new != nil {
			c.Flow = st.new.whole()
		} else {
			c.Flow = st.old.whole()
		}
		for _, fn := range s.onChange {
			fn(c)
		}
	}
	if st.new == nil && st.old.Flow.Flags&SendFlowRem != 0 && len(s.onRemoved) > 0 {
		s.gone = append(s.gone, gone{st.old, st.why, tx.now, tx.by})
	}
}

// TellRemoved tells of all flows that have gone (OnFlowRemoved), and returns when that is
// done. Their counters are final: no decision of the snapshot in force counts for a rule
// that is not in it, a loop has that snapshot before it receives again, and what it counted
// before is handed over first. It waits for the loops, and asks them once for all flows.
// Tick calls it.
func (s *State) TellRemoved() {
	s.telling.Lock()
	defer s.telling.Unlock()
	s.mu.Lock()
	list, fns, settle := s.gone, s.onRemoved, s.settle
	s.gone = nil
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
