package pipeline

import (
	"errors"
	"fmt"

	"pollux/flow"
)

// replace makes flows the only ones of the configuration, or with all the only ones at all.
// Rules of flows that stay are kept; put, unless nil, is given the indices of the others. Sample
// actions are not checked here but all at once when the change is complete.
func (tx *flowTx) replace(flows []Flow, all bool, put *[]int) error {
	stays := make(map[*Rule]bool, len(flows))
	var wrong ParseErrors
	for i := range flows {
		f := &flows[i]
		if f.Table < NumTables {
			if old := tx.find(f.Table, &f.Match, f.Priority); old != nil && old.same(f) {
				stays[old] = true
				tx.adopted = append(tx.adopted, old)
				continue
			}
		}
		if err := tx.add(f, fromConfig, false, true); err != nil {
			err = flowErr(f, err)
			pe, ok := err.(*ParseError)
			if !ok {
				return err
			}
			wrong = append(wrong, pe)
			continue
		}
		stays[tx.steps[len(tx.steps)-1].new] = true
		if put != nil {
			*put = append(*put, i)
		}
	}
	if wrong != nil {
		return wrong
	}
	for _, t := range tx.next.tables {
		if t.rules.Len() == 0 {
			continue
		}
		for c := range t.rules.Rules() {
			if r := c.Data.(*Rule); !stays[r] && !r.hidden() && (all || r.origin == fromConfig) && tx.holds(r) {
				tx.remove(r, RemovedDelete)
			}
		}
	}
	return nil
}

// same says whether the rule may stay for f, with its counters.
func (r *Rule) same(f *Flow) bool {
	whole := r.whole()
	return whole.same(f)
}

// Add adds one flow, as a controller would. It takes the place of one with the same table,
// match and priority, and starts counting anew.
func (s *State) Add(f Flow) error {
	_, err := s.FlowMods([]FlowMod{{Command: FlowAdd, Flow: f, ResetCounts: true}}, nil)
	if err != nil {
		return flowErr(&f, err)
	}
	return nil
}

// ErrNoFlow says that a flow does not exist.
var ErrNoFlow = errors.New("no such flow")

// Delete removes the flow with exactly this table (id), priority and match.
func (s *State) Delete(id uint8, priority uint16, match flow.Match) error {
	if id >= NumTables {
		return noTable(id)
	}
	s.mu.Lock()
	defer s.unlock()
	tx := s.begin(s.next(), nil)
	r := tx.find(id, &match, priority)
	if r == nil {
		return fmt.Errorf("table %d, priority %d, match %q: %w", id, priority, match.String(), ErrNoFlow)
	}
	tx.remove(r, RemovedDelete)
	tx.commit()
	return nil
}
