package classifier

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"pollux/flow"
)

// product is one combination of rules that fulfil all clauses of a conjunction: what a table
// without conjunctions would have in their place.
type product struct {
	match    Match
	priority int32
	id       uint32
}

// products multiplies conjunctions out.
func products(soft []*Rule) (all []product) {
	type key struct {
		id       uint32
		of       uint8
		priority int32
	}
	done := map[key]bool{}
	for _, r := range soft {
		for _, c := range *r.Clauses {
			k := key{c.ID, c.Of, r.Priority}
			if done[k] {
				continue
			}
			done[k] = true
			part := []product{{Match{}, r.Priority, c.ID}}
			for clause := range c.Of {
				var next []product
				for _, p := range part {
					for _, o := range soft {
						if o.Priority == r.Priority && slices.Contains(*o.Clauses, Clause{c.ID, clause, c.Of}) && p.match.Overlaps(o.Match) {
							m := p.match
							for w := range m.Mask.W {
								m.Mask.Or(flow.Word(w), o.Match.Mask.W[w])
								m.Key.W[w] |= o.Match.Key.W[w]
							}
							m.Normalize()
							next = append(next, product{m, p.priority, p.id})
						}
					}
				}
				part = next
			}
			all = append(all, part...)
		}
	}
	// The highest priority first, then the lowest number.
	slices.SortStableFunc(all, func(a, b product) int {
		if a.priority != b.priority {
			return int(b.priority - a.priority)
		}
		return int(a.id) - int(b.id)
	})
	return all
}

// conjunctive is a random table with conjunctions, and the same multiplied out.
func conjunctive(s source) (*Table, func(*flow.Key) *Rule, flow.Mask, []*Rule) {
	b, hard := new(Table).Builder(), new(linearTable)
	var soft []*Rule
	var looked flow.Mask
	for range s.IntN(14) {
		r := randomRule(s)
		r.Priority = int32(s.IntN(6))
		switch s.IntN(4) {
		case 0:
			r.Match.Key.Set(flow.WConj, uint64(1+s.IntN(2))<<32)
			r.Match.Mask.Or(flow.WConj, 0xffffffff<<32)
		case 1, 2:
			for range 1 + s.IntN(2) {
				id := uint32(1 + s.IntN(2))
				if r.Clauses == nil {
					r.Clauses = new([]Clause)
				}
				*r.Clauses = append(*r.Clauses, Clause{id, uint8(s.IntN(int(id) + 1)), uint8(id) + 1})
			}
		}
		r.Match.Normalize()
		if b.Find(r.Match, r.Priority) != nil {
			continue
		}
		b.Add(r)
		looked.Merge(&r.Match.Mask)
		if r.Clauses != nil {
			soft = append(soft, r)
		} else {
			hard.add(r)
		}
	}
	all := products(soft)
	return b.Table(), func(k *flow.Key) *Rule {
		best := hard.lookup(k)
		for i := range all {
			p := &all[i]
			if best != nil && best.Priority >= p.priority {
				break
			}
			if !matchesSlowly(&p.match, k) {
				continue
			}
			as := *k
			as.Set(flow.WConj, uint64(p.id)<<32)
			if r := hard.lookup(&as); r != nil {
				return r
			}
		}
		return best
	}, looked, soft
}

// TestConjunctionsAreProducts is that conjunctions give the answers of the rules that they
// stand for, with masks that are sufficient, and that rules below the floor change nothing.
func TestConjunctionsAreProducts(t *testing.T) {
	hits := 0
	rapid.Check(t, func(t *rapid.T) {
		s := rapidSource{t}
		table, oracle, looked, soft := conjunctive(s)
		if table.HasClauses() != (len(soft) > 0) {
			t.Fatalf("%d rules have clauses; the table says %v", len(soft), table.HasClauses())
		}
		for range 6 {
			lookup := func(k *flow.Key, wild *flow.Mask) *Rule {
				r, _ := table.LookupConjunctive(k, wild)
				if r != nil && r.Match.Mask.W[flow.WConj] != 0 {
					hits++
				}
				return r
			}
			if err := checkAnswer(s, lookup, oracle, looked); err != nil {
				t.Fatal(err)
			}
			k := randomKey(s)
			r, floor := table.LookupConjunctive(&k, nil)
			for o := range table.Rules() {
				if o.Priority >= floor {
					continue
				}
				if got, _ := table.With(nil, []*Rule{o}).LookupConjunctive(&k, nil); got != r {
					t.Fatalf("without a rule of priority %d the answer is %s; it was %s with floor %d", o.Priority, show(got), show(r), floor)
				}
			}
		}
	})
	t.Logf("%d answers of conjunctions", hits)
}

// TestClauseCount is HasClauses while rules come, are replaced and go.
func TestClauseCount(t *testing.T) {
	b := new(Table).Builder()
	rule := func(c ...Clause) *Rule {
		r := &Rule{Priority: 1, Match: &Match{}}
		if c != nil {
			r.Clauses = &c
		}
		return r
	}
	for i, step := range []struct {
		do   func()
		want bool
	}{
		{func() { b.Add(rule()) }, false},
		{func() { b.Add(rule(Clause{1, 0, 2})) }, true},
		{func() { b.Add(rule(Clause{1, 1, 2})) }, true},
		{func() { b.Add(rule()) }, false},
		{func() { b.Add(rule(Clause{1, 1, 2})) }, true},
		{func() { b.Remove(&Match{}, 1) }, false},
	} {
		step.do()
		if got := b.Table().HasClauses(); got != step.want {
			t.Errorf("step %d: %v", i, got)
		}
	}
}

// TestConjunctionsAllocateNothing looks up in a table of 200 rules with clauses.
func TestConjunctionsAllocateNothing(t *testing.T) {
	b := new(Table).Builder()
	for i := range 100 {
		var src, dst Match
		src.Key.Set(flow.WIPv4, uint64(i)<<32)
		src.Mask.Or(flow.WIPv4, 0xffffffff<<32)
		dst.Key.Set(flow.WIPv4, uint64(i))
		dst.Mask.Or(flow.WIPv4, 0xffffffff)
		b.Add(&Rule{Match: &src, Priority: 5, Clauses: &[]Clause{{1, 0, 2}}})
		b.Add(&Rule{Match: &dst, Priority: 5, Clauses: &[]Clause{{1, 1, 2}}})
	}
	var id Match
	id.Key.Set(flow.WConj, 1<<32)
	id.Mask.Or(flow.WConj, 0xffffffff<<32)
	b.Add(&Rule{Match: &id, Priority: 5, Data: "both"})
	table := b.Table()
	var wild flow.Mask
	for _, c := range []struct {
		src, dst uint64
		want     bool
	}{{3, 99, true}, {3, 100, false}, {100, 3, false}} {
		var k flow.Key
		k.Set(flow.WIPv4, c.src<<32|c.dst)
		if a := testing.AllocsPerRun(100, func() {
			wild.Clear()
			r, _ := table.LookupConjunctive(&k, &wild)
			if (r != nil) != c.want {
				panic(fmt.Sprintf("%+v: %v", c, r))
			}
		}); a != 0 {
			t.Errorf("%v allocations", a)
		}
	}
}
