package pipeline

import (
	"math"

	"pollux/classifier"
)

// overridePriority is that of the flow of Override: one that no controller can give, as that
// of Open vSwitch when it stands alone.
const overridePriority = 0xf0f0f0

// Override has all packets that come into table 0 treated by do, whatever flows there are; nil
// ends that. It is a rule that controllers neither see nor change; DumpFlows shows it. Changes
// of flows, also of all flows, leave it. Errors are those of a flow that does it.
func (s *State) Override(do *Instructions) error {
	s.mu.Lock()
	defer s.unlock()
	tx := s.begin(s.next(), nil)
	old := tx.override()
	if do == nil {
		if old != nil {
			tx.remove(old, RemovedDelete)
		}
		tx.commit()
		return nil
	}
	f := Flow{Priority: math.MaxUint16, Do: *do}
	if err := tx.check(&f); err != nil {
		return err
	}
	r := tx.newRule(&f, fromOverride)
	r.cls.Priority = overridePriority
	tx.put(r, old, FlowAdded)
	tx.commit()
	return nil
}

// override is the rule of Override, nil if there is none.
func (tx *flowTx) override() *Rule { return overrideOf(tx.view(0)) }

func overrideOf(t *classifier.Table) *Rule {
	if c := t.Find(&classifier.Match{}, overridePriority); c != nil {
		return c.Data.(*Rule)
	}
	return nil
}

// hidden says whether controllers don't see the rule.
func (r *Rule) hidden() bool { return r.cls.Priority > math.MaxUint16 }
