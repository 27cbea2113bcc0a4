package classifier

import (
	"slices"

	"pollux/flow"
)

// linearTable is the oracle of Table: a list and nothing clever.
type linearTable struct {
	rules []*linearRule
	next  int
}

type linearRule struct {
	rule *Rule
	seq  int
}

func (l *linearTable) add(r *Rule) {
	n := &linearRule{r, l.next}
	for i, o := range l.rules {
		if o.rule.Priority == r.Priority && *o.rule.Match == *r.Match {
			n.seq = o.seq
			l.rules[i] = n
			return
		}
	}
	l.next++
	l.rules = append(l.rules, n)
}

func (l *linearTable) remove(m *Match, priority int32) *Rule {
	for i, o := range l.rules {
		if o.rule.Priority == priority && *o.rule.Match == *m {
			l.rules = slices.Delete(l.rules, i, i+1)
			return o.rule
		}
	}
	return nil
}

func (l *linearTable) lookup(k *flow.Key) *Rule {
	var best *linearRule
	for _, o := range l.rules {
		if !matchesSlowly(o.rule.Match, k) {
			continue
		}
		if best == nil || o.rule.Priority > best.rule.Priority ||
			o.rule.Priority == best.rule.Priority && o.seq < best.seq {
			best = o
		}
	}
	if best == nil {
		return nil
	}
	return best.rule
}

func (l *linearTable) clone() *linearTable {
	return &linearTable{slices.Clone(l.rules), l.next}
}

func matchesSlowly(m *Match, k *flow.Key) bool {
	for w := range k.W {
		if k.W[w]&m.Mask.W[w] != m.Key.W[w]&m.Mask.W[w] {
			return false
		}
	}
	return true
}
