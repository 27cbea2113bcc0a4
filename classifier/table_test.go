package classifier

import (
	"testing"

	"pgregory.net/rapid"

	"pollux/flow"
)

// rapidSource lets rapid draw, and shrink, what source asks for.
type rapidSource struct{ t *rapid.T }

func (r rapidSource) IntN(n int) int { return rapid.IntRange(0, n-1).Draw(r.t, "n") }

// TestTableAgainstLinear runs a stream of commands on a table and on the oracle and
// compares after each; old versions must stay as they were.
func TestTableAgainstLinear(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		runTable(t, rapidSource{t}, rapid.IntRange(1, 60).Draw(t, "steps"))
	})
}

func TestTableAgainstLinearLong(t *testing.T) {
	for seed := range uint64(scaled(10)) {
		runTable(t, newSource(seed), 300)
	}
}

type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

func runTable(t failer, s source, steps int) {
	t.Helper()
	table, oracle := new(Table), new(linearTable)
	b := table.Builder()
	type version struct {
		table  *Table
		oracle *linearTable
	}
	var versions []version
	for range steps {
		switch s.IntN(8) {
		case 0, 1, 2, 3:
			r := randomRule(s)
			if s.IntN(4) == 0 && len(oracle.rules) > 0 { // the same again
				o := oracle.rules[s.IntN(len(oracle.rules))].rule
				r = &Rule{Match: o.Match, Priority: o.Priority}
			}
			var want *Rule
			for _, o := range oracle.rules {
				if *o.rule.Match == *r.Match && o.rule.Priority == r.Priority {
					want = o.rule
				}
			}
			oracle.add(r)
			if got := b.Add(r); got != want {
				t.Fatalf("add replaced %s, want %s", show(got), show(want))
			}
		case 4, 5:
			r := randomRule(s)
			if s.IntN(4) != 0 && len(oracle.rules) > 0 {
				r = oracle.rules[s.IntN(len(oracle.rules))].rule
			}
			if got, want := b.Remove(r.Match, r.Priority), oracle.remove(r.Match, r.Priority); got != want {
				t.Fatalf("remove gave %s, want %s", show(got), show(want))
			}
		default:
			table = b.Table()
			if len(versions) < 6 || s.IntN(8) == 0 {
				versions = append(versions, version{table, oracle.clone()})
			}
			compareTables(t, s, table, oracle)
		}
	}
	for _, v := range versions {
		compareTables(t, s, v.table, v.oracle)
	}
}

func compareTables(t failer, s source, table *Table, oracle *linearTable) {
	t.Helper()
	if table.Len() != len(oracle.rules) {
		t.Fatalf("%d rules, want %d", table.Len(), len(oracle.rules))
	}
	seen := make(map[*Rule]bool)
	for r := range table.Rules() {
		seen[r] = true
	}
	for _, o := range oracle.rules {
		if !seen[o.rule] {
			t.Fatalf("rule %s is not among the rules", show(o.rule))
		}
		if table.Find(o.rule.Match, o.rule.Priority) != o.rule {
			t.Fatalf("rule %s is not found", show(o.rule))
		}
	}
	if len(seen) != len(oracle.rules) {
		t.Fatalf("%d rules iterated, want %d", len(seen), len(oracle.rules))
	}
	for range 8 {
		if err := checkLookup(s, table.Lookup, oracle); err != nil {
			t.Fatalf("%v", err)
		}
	}
	m := randomMatch(s)
	compareSets(t, "within", &m, table.Matching(&m), oracle, func(r *Rule) bool { return r.Match.Within(&m) })
	compareSets(t, "overlapping", &m, table.Overlapping(&m, 1), oracle, func(r *Rule) bool {
		for w := range m.Mask.W { // some key fits both if they agree where both look
			both := m.Mask.W[w] & r.Match.Mask.W[w]
			if m.Key.W[w]&both != r.Match.Key.W[w]&both {
				return false
			}
		}
		return r.Priority == 1
	})
}

func compareSets(t failer, what string, m *Match, got func(func(*Rule) bool), oracle *linearTable, want func(*Rule) bool) {
	t.Helper()
	n := 0
	for r := range got {
		if !want(r) {
			t.Fatalf("%s is not %s %x under %x", show(r), what, m.Key.W, m.Mask.W)
		}
		n++
	}
	for _, o := range oracle.rules {
		if want(o.rule) {
			n--
		}
	}
	if n != 0 {
		t.Fatalf("%s: %d rules too many", what, n)
	}
}

// TestEqualPriorityFirstInserted pins the order among rules that tie, also across
// masks and after a replacement.
func TestEqualPriorityFirstInserted(t *testing.T) {
	a, b := ipv4Rule(1, 0, 0, 0x0a000000, 8), ipv4Rule(1, 0xc0000000, 8, 0, 0)
	k := ipv4Key(0xc0a80001, 0x0a000001, 1, 2)
	table := new(Table).With([]*Rule{a, b}, nil)
	if table.Lookup(&k, nil) != a {
		t.Fatal("the second rule won")
	}
	again := &Rule{Match: a.Match, Priority: a.Priority}
	table = table.With([]*Rule{again}, nil)
	if table.Lookup(&k, nil) != again {
		t.Fatal("a replacement lost its place")
	}
	table = table.With([]*Rule{ipv4Rule(1, 0, 0, 0x0a000000, 8)}, []*Rule{again})
	if table.Lookup(&k, nil) != b {
		t.Fatal("a rule removed and added anew kept its place")
	}
}

func ipv4Rule(priority int32, src uint32, srcLen uint, dst uint32, dstLen uint) *Rule {
	r := &Rule{Match: new(Match), Priority: priority}
	flow.EthType.Set(&r.Match.Key, lo(0x0800))
	flow.EthType.OrMask(&r.Match.Mask, lo(0xffff))
	flow.IPv4Src.Set(&r.Match.Key, lo(uint64(src)))
	flow.IPv4Src.OrMask(&r.Match.Mask, flow.Ones(srcLen).Shl(32-srcLen))
	flow.IPv4Dst.Set(&r.Match.Key, lo(uint64(dst)))
	flow.IPv4Dst.OrMask(&r.Match.Mask, flow.Ones(dstLen).Shl(32-dstLen))
	r.Match.Normalize()
	return r
}

func ipv4Key(src, dst uint32, sport, dport uint16) flow.Key {
	var k flow.Key
	flow.InPort.Set(&k, lo(1))
	flow.EthSrc.Set(&k, lo(0x020000000001))
	flow.EthDst.Set(&k, lo(0x020000000002))
	flow.EthType.Set(&k, lo(0x0800))
	flow.IPv4Src.Set(&k, lo(uint64(src)))
	flow.IPv4Dst.Set(&k, lo(uint64(dst)))
	flow.IPProto.Set(&k, lo(6))
	flow.TCPSrc.Set(&k, lo(uint64(sport)))
	flow.TCPDst.Set(&k, lo(uint64(dport)))
	return k
}
