package classifier

import (
	"testing"

	"pgregory.net/rapid"

	"pollux/flow"
)

// TestSince edits tables at random: every rule that only one of two versions has is among
// the changes that the later one tells.
func TestSince(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapidSource{t}
		var old *Table
		next := new(Table)
		for range rapid.IntRange(1, 8).Draw(t, "versions") {
			before := old
			old = next
			b := old.Builder()
			var there []*Rule
			for r := range old.Rules() {
				there = append(there, r)
			}
			n := s.IntN(6)
			if s.IntN(8) == 0 {
				n = maxEdits + s.IntN(40)
			}
			cleared := false
			for i := range n {
				if i > 0 && s.IntN(30) == 0 {
					b.Clear()
					cleared = true
				} else if len(there) > 0 && s.IntN(2) == 0 {
					r := pick(s, there...)
					b.Remove(r.Match, r.Priority)
				} else {
					b.Add(randomRule(s))
				}
			}
			next = b.Table()
			edits, ok := next.Since(old)
			if !ok {
				t.Fatal("the changes since the version before are not known")
			}
			told := func(r *Rule) bool {
				for _, e := range edits {
					same := e.Match.Equal(r.Match) && e.Priority == r.Priority
					if same || (n > maxEdits || cleared) && r.Match.Within(e.Match) && e.Priority >= r.Priority {
						return true
					}
				}
				return false
			}
			for _, v := range [][2]*Table{{old, next}, {next, old}} {
				for r := range v[0].Rules() {
					if v[1].Find(r.Match, r.Priority) != r && !told(r) {
						t.Fatalf("%s came or went, and is not told among %d changes", show(r), len(edits))
					}
				}
			}
			if before != nil && before != old && next.id != before.id {
				if _, ok := next.Since(before); ok {
					t.Fatal("the changes since two versions before are told, and cannot be known")
				}
			}
			if edits, ok := next.Since(next); !ok || len(edits) != 0 {
				t.Fatalf("a table differs from itself: %d changes, %v", len(edits), ok)
			}
		}
	})
}

func TestSinceTooMany(t *testing.T) {
	rules := benchRules(maxEdits + 1)
	old := new(Table)
	if edits, ok := old.With(rules[:maxEdits], nil).Since(old); !ok || len(edits) != maxEdits {
		t.Errorf("of %d changes %d are told, %v", maxEdits, len(edits), ok)
	}
	if edits, ok := old.With(rules, nil).Since(old); !ok || len(edits) == 0 || len(edits) > maxMerged {
		t.Errorf("for %d changes %d stand, %v", len(rules), len(edits), ok)
	}
	// Of hosts of one net and port, what all have in common stands for them, at the highest
	// of their priorities.
	b := old.Builder()
	for i := range uint32(200) {
		b.Add(ipv4Rule(int32(100+i%7), 0, 0, 0x0a010000+i, 32))
	}
	net := ipv4Rule(106, 0, 0, 0x0a010000, 24)
	net.Match.Normalize()
	hosts := b.Table()
	if edits, ok := hosts.Since(old); !ok || len(edits) != 1 || !edits[0].Match.Equal(net.Match) || edits[0].Priority != 106 {
		t.Errorf("%v, %v; want the net", edits, ok)
	}
	b.Clear()
	if edits, ok := b.Table().Since(hosts); !ok || len(edits) != 1 || edits[0].Match.Mask.Map != 0 || edits[0].Priority != 106 {
		t.Errorf("%v, %v; want one of any packet", edits, ok)
	}
	// With too many masks it is any packet.
	b = old.Builder()
	for i := range uint32(32) {
		for k := range uint32(4) {
			b.Add(ipv4Rule(int32(i), 0, 0, k<<31, uint(1+i)))
		}
	}
	if edits, ok := b.Table().Since(old); !ok || len(edits) != 1 || edits[0].Match.Mask.Map != 0 || edits[0].Priority != 31 {
		t.Errorf("%v, %v; want one of any packet", edits, ok)
	}
	b = old.Builder()
	for _, r := range rules {
		b.Add(r)
	}
	first := b.Table()
	b.Remove(rules[0].Match, rules[0].Priority)
	if edits, ok := b.Table().Since(first); !ok || len(edits) != 1 {
		t.Errorf("after a large version, 1 change: %d are told, %v", len(edits), ok)
	}
}

// rank credits one rule, of this priority.
type rank int32

func (rank) Credit(packets, bytes uint64, now int64)     {}
func (r rank) Outranks(table uint8, priority int32) bool { return int32(r) > priority }
func (rank) Names(uint8, uint64) bool                    { return false }

// learner depends on one rule of table 3.
type learner struct {
	rank
	name uint64
}

func (l learner) Names(table uint8, name uint64) bool {
	return table == 3 && (name == l.name || name == 0)
}

// TestNamesAreTouched is who is touched that depends on a rule by its name.
func TestNamesAreTouched(t *testing.T) {
	k := ipv4Key(0x0a000001, 0x0a000002, 1000, 80)
	gen := [2]uint64{1, 1}
	var mask flow.Mask
	old := new(Builder).Table()
	named := ipv4Rule(7, 0, 0, 0x0a000009, 32)
	m := named.Unpack()
	m.Normalize()
	by := learner{rank(100), m.Name(7)}
	p := &Path{}
	p.Look(1, 0)
	p.Uses.Marks = Named
	many := func() (list []*Rule) {
		for i := range uint32(maxEdits + 1) {
			list = append(list, ipv4Rule(7, 0, 0, 0x0b000000+i, 32))
		}
		return list
	}
	for _, c := range []struct {
		name  string
		table uint8
		add   []*Rule
		want  bool
	}{
		{"itself", 3, []*Rule{named}, true},
		{"itself after others", 3, []*Rule{ipv4Rule(7, 0, 0, 0x0a000001, 32), named}, true},
		{"another address", 3, []*Rule{ipv4Rule(7, 0, 0, 0x0a000001, 32)}, false},
		{"another mask", 3, []*Rule{ipv4Rule(7, 0, 0, 0x0a000009, 31)}, false},
		{"another priority", 3, []*Rule{ipv4Rule(8, 0, 0, 0x0a000009, 32)}, false},
		{"another table", 4, []*Rule{named}, false},
		{"many of that table", 3, many(), true},
		{"many of another", 4, many(), false},
	} {
		edits, ok := old.With(c.add, nil).Since(old)
		if !ok {
			t.Fatal("changes are not known")
		}
		var list []Edit
		for _, r := range edits {
			list = append(list, Edit{c.table, r})
		}
		ch := new(Changes).All(gen).Rules([2]uint64{2, 2}, list)
		if got := ch.Touched(1, 0, &k, &mask, p, by); got != c.want {
			t.Errorf("%s: touched %v, want %v", c.name, got, c.want)
		}
		if ch.Touched(1, 0, &k, &mask, &Path{}, by) {
			t.Errorf("%s: touches a decision without the mark", c.name)
		}
		if !ch.Touched(1, 0, &k, &mask, p, nil) {
			t.Errorf("%s: stands, and nobody can say for whom", c.name)
		}
	}
}

// TestTouched is who is touched by which rule.
func TestTouched(t *testing.T) {
	k := ipv4Key(0x0a000001, 0x0a000002, 1000, 80)
	var mask flow.Mask
	flow.IPv4Dst.OrMask(&mask, lo(0xffffff00))
	flow.TCPDst.OrMask(&mask, lo(0xffff))
	rule := func(dst uint32, bits uint, port uint64) *Match {
		m := &Match{}
		flow.IPv4Dst.Set(&m.Key, lo(uint64(dst)))
		flow.IPv4Dst.OrMask(&m.Mask, flow.Ones(bits).Shl(32-bits))
		if port != 0 {
			flow.TCPDst.Set(&m.Key, lo(port))
			flow.TCPDst.OrMask(&m.Mask, lo(0xffff))
		}
		m.Normalize()
		return m
	}
	winner := rank(7) // as the rule that came or went
	for _, c := range []struct {
		name    string
		m       *Match
		table   uint8
		written uint64
		want    bool
	}{
		{"a wider prefix", rule(0x0a000000, 8, 0), 1, 0, true},
		{"another prefix", rule(0x0b000000, 8, 0), 1, 0, false},
		{"bits that the megaflow does not look at", rule(0x0a0000ff, 32, 0), 1, 0, true},
		{"another host of another network", rule(0x0a0001ff, 32, 0), 1, 0, false},
		{"the same port", rule(0x0a000000, 8, 80), 1, 0, true},
		{"another port", rule(0x0a000000, 8, 81), 1, 0, false},
		{"another port, where ports were written", rule(0x0a000000, 8, 81), 1, 1 << flow.WL4, true},
		{"another port, where addresses were written", rule(0x0b000000, 8, 81), 1, 1 << flow.WIPv4, false},
		{"all packets", &Match{}, 1, 0, true},
		{"all packets, of a table that was not asked", &Match{}, 2, 0, false},
		{"all packets, of another 64 tables further", &Match{}, 65, 0, false},
		{"all packets, of the last table", &Match{}, 253, 0, true},
	} {
		p := &Path{}
		p.Look(1, c.written)
		p.Look(253, 0)
		ch := new(Changes).All([2]uint64{5, 9}).Rules([2]uint64{6, 10}, []Edit{{c.table, &Rule{Match: c.m, Priority: 7}}})
		for fdb, gen := range []uint64{5, 9} {
			if got := ch.Touched(gen, fdb, &k, &mask, p, winner); got != c.want {
				t.Errorf("%s: touched %v, want %v", c.name, got, c.want)
			}
			if ch.Touched(gen, fdb, &k, &mask, p, rank(8)) {
				t.Errorf("%s: touches a decision of a rule of higher priority", c.name)
			}
			if ch.Touched(gen+1, fdb, &k, &mask, p, winner) {
				t.Errorf("%s: touches decisions that know it", c.name)
			}
			if !ch.Touched(gen-1, fdb, &k, &mask, p, winner) || !ch.Touched(gen, fdb, &k, &mask, nil, winner) {
				t.Errorf("%s: a decision of which nothing is known stands", c.name)
			}
		}
	}
	if p := new(Path); !(*Changes)(nil).Touched(1, 0, &k, &mask, p, winner) {
		t.Error("without a log a decision stands")
	}
}

// TestChangesForget is how far back the log goes.
func TestChangesForget(t *testing.T) {
	k := ipv4Key(0x0a000001, 0x0a000002, 1000, 80)
	var mask flow.Mask
	flow.TCPDst.OrMask(&mask, lo(0xffff))
	other := &Match{}
	flow.TCPDst.Set(&other.Key, lo(81))
	flow.TCPDst.OrMask(&other.Mask, lo(0xffff))
	other.Normalize()
	p := &Path{}
	p.Look(0, 0)
	c := new(Changes).All([2]uint64{1, 2})
	gen := uint64(1)
	rules := func(n int) {
		gen++
		c = c.Rules([2]uint64{gen, gen + 1}, make([]Edit, 0))
		gen++
		var edits []Edit
		for range n {
			edits = append(edits, Edit{0, &Rule{Match: other}})
		}
		c = c.Rules([2]uint64{gen, gen + 1}, edits)
	}
	stands := func(what string, at uint64, want bool) {
		t.Helper()
		for fdb := range 2 {
			if got := !c.Touched(at+uint64(fdb), fdb, &k, &mask, p, rank(0)); got != want {
				t.Errorf("%s: a decision of generation %d, now %d, stands: %v, want %v", what, at, gen, got, want)
			}
		}
	}
	for range maxChanges {
		rules(1)
	}
	stands("as many as are remembered", 1, true)
	rules(1)
	stands("one more", 1, false)
	stands("one more", 3, true)
	rules(3) // takes the place of three
	stands("three at once", 7, false)
	stands("three at once", 9, true)
	for range maxChanges / 2 {
		rules(3)
	}
	stands("three at a time", gen-2*(maxChanges/3), true)
	stands("three at a time", gen-2*(maxChanges/3+1), false)
	at := gen
	rules(maxChanges)
	stands("as many at once as are remembered", at, true)
	rules(maxChanges + 1)
	stands("more at once than are remembered", gen-1, false)
	at = gen
	gen++
	elsewhere := make([]Edit, maxChanges+1)
	for i := range elsewhere {
		elsewhere[i] = Edit{1, &Rule{Match: other, Priority: int32(i)}}
	}
	c = c.Rules([2]uint64{gen, gen + 1}, elsewhere)
	stands("so many in another table", at, true)
	if p.Look(1, 0); !c.Touched(at, 0, &k, &mask, p, rank(maxChanges)) || c.Touched(at, 0, &k, &mask, p, rank(maxChanges+1)) {
		t.Error("of so many changes the highest priority is not known")
	}
	p.Tables = [4]uint64{1}
	stands("more at once than are remembered", gen, true)

	at = gen
	rules(1)
	c = c.Learned([2]uint64{gen, gen + 2})
	if c.Touched(at, 0, &k, &mask, p, rank(0)) || !c.Touched(at+1, 1, &k, &mask, p, rank(0)) || !c.Touched(gen+1, 1, &k, &mask, p, rank(0)) || c.Touched(gen+2, 1, &k, &mask, p, rank(0)) {
		t.Error("learned addresses touch the decisions that depend on them, and only these")
	}
}
