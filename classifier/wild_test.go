package classifier

import (
	"fmt"
	"math/bits"
	"testing"

	"pgregory.net/rapid"

	"pollux/flow"
)

// lookupFunc is Table.Lookup, or a Lookup broken on purpose.
type lookupFunc func(*flow.Key, *flow.Mask) *Rule

// checkLookup looks up one key and checks the answer against the oracle, and the
// mask by turning over bits outside it: every single one that some rule looks at,
// and many at once. The answer must stay.
func checkLookup(s source, lookup lookupFunc, oracle *linearTable) error {
	var looked flow.Mask
	for _, o := range oracle.rules {
		looked.Merge(&o.rule.Match.Mask)
	}
	return checkAnswer(s, lookup, oracle.lookup, looked)
}

// checkAnswer is checkLookup for any oracle whose rules look at no more than looked.
func checkAnswer(s source, lookup lookupFunc, oracle func(*flow.Key) *Rule, looked flow.Mask) error {
	k := randomKey(s)
	want := oracle(&k)
	if got := lookup(&k, nil); got != want {
		return fmt.Errorf("key %x: %s, want %s", k.W, show(got), show(want))
	}
	var wild flow.Mask
	if got := lookup(&k, &wild); got != want {
		return fmt.Errorf("key %x: %s with a mask, want %s", k.W, show(got), show(want))
	}
	for w := range wild.W {
		if (wild.W[w] != 0) != (wild.Map>>w&1 != 0) {
			return fmt.Errorf("mask word %d is %#x, bitmap %#x", w, wild.W[w], wild.Map)
		}
		if extra := wild.W[w] &^ looked.W[w]; extra != 0 {
			return fmt.Errorf("mask word %d has bits %#x that no rule looks at", w, extra)
		}
		for free := looked.W[w] &^ wild.W[w]; free != 0; free &= free - 1 {
			other := k
			other.Set(flow.Word(w), k.W[w]^free&-free)
			if got := oracle(&other); got != want {
				return fmt.Errorf("bit %d of word %d is not in the mask, but turns %s to %s",
					bits.TrailingZeros64(free), w, show(want), show(got))
			}
		}
	}
	for range 16 {
		other := randomKey(s) // within wild as k, elsewhere anything
		for w := range other.W {
			other.Set(flow.Word(w), k.W[w]&wild.W[w]|other.W[w]&^wild.W[w])
		}
		if got := oracle(&other); got != want {
			return fmt.Errorf("keys agree on the mask, but one gets %s, one %s", show(want), show(got))
		}
	}
	return nil
}

// randomTable returns a table and the oracle with the same n rules.
func randomTable(s source, n int) (*Table, *linearTable) {
	b, oracle := new(Table).Builder(), new(linearTable)
	for range n {
		r := randomRule(s)
		b.Add(r)
		oracle.add(r)
	}
	return b.Table(), oracle
}

// TestMaskSufficient: for any two keys that agree on wild, the same rule wins.
func TestMaskSufficient(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapidSource{t}
		table, oracle := randomTable(s, rapid.IntRange(0, 12).Draw(t, "rules"))
		for range 4 {
			if err := checkLookup(s, table.Lookup, oracle); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestMaskSufficientManyTables(t *testing.T) {
	s := newSource(1)
	for range scaled(1200) {
		table, oracle := randomTable(s, s.IntN(40))
		for range 8 {
			if err := checkLookup(s, table.Lookup, oracle); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestMaskForgottenBitIsCaught breaks the mask on purpose, one bit of one field at a
// time, and demands that the check above notices: a check that cannot fail proves
// nothing.
func TestMaskForgottenBitIsCaught(t *testing.T) {
	for _, f := range universeFields {
		full := f.Full()
		top := full.AndNot(full.Shr(1))
		caught := error(nil)
		tried := 0
		s := newSource(uint64(f))
		for ; caught == nil && tried < 20000; tried++ {
			table, oracle := randomTable(s, 1+s.IntN(12))
			caught = checkLookup(s, func(k *flow.Key, wild *flow.Mask) *Rule {
				r := table.Lookup(k, wild)
				if wild != nil {
					forget(wild, f, top)
				}
				return r
			}, oracle)
		}
		if caught == nil {
			t.Errorf("%s: forgetting its highest bit went unnoticed in %d lookups", f.Name(), tried)
			continue
		}
		t.Logf("%s: caught after %d lookups: %v", f.Name(), tried, caught)
	}
}

// forget clears bits v of field f in m.
func forget(m *flow.Mask, f flow.Field, v flow.Value) {
	var bad flow.Mask
	f.OrMask(&bad, v)
	for w := range m.W {
		m.W[w] &^= bad.W[w]
		if m.W[w] == 0 {
			m.Map &^= 1 << w
		}
	}
}

// coverCount walks keys, keeping the masked results as a megaflow table would, and
// returns how many different megaflows they make.
func coverCount(t *testing.T, table *Table, keys func(yield func(flow.Key) bool)) int {
	t.Helper()
	flows := NewMegaflows(1 << 20)
	won := make(map[*Megaflow]*Rule)
	for k := range keys {
		mf := flows.Find(&k)
		var wild flow.Mask
		r := table.Lookup(&k, &wild)
		if mf == nil {
			var err error
			if mf, err = flows.Insert(&k, &wild); err != nil {
				t.Fatal(err)
			}
			won[mf] = r
		}
		if won[mf] != r {
			t.Fatalf("megaflow of %s holds a key of %s", show(won[mf]), show(r))
		}
	}
	return flows.Len()
}

// TestFewMegaflows is law 4 of the design: as many megaflows as there are different
// outcomes and proofs, not one a host.
func TestFewMegaflows(t *testing.T) {
	hosts := func(yield func(flow.Key) bool) {
		s := newSource(3)
		for range 20000 {
			if !yield(ipv4Key(s.Uint32(), s.Uint32(), uint16(s.Uint32()), uint16(s.Uint32()))) {
				return
			}
		}
	}
	slash24 := []*Rule{ipv4Rule(0, 0, 0, 0, 0)}
	for i := range uint32(16) {
		slash24 = append(slash24, ipv4Rule(10, 0, 0, 0x0a000000|i<<8, 24))
	}
	near := func(yield func(flow.Key) bool) {
		for k := range hosts {
			flow.IPv4Dst.Set(&k, lo(0x0a000000|uint64(k.W[flow.WIPv4])&0x1fff))
			if !yield(k) {
				return
			}
		}
	}
	port := func(priority int32, f flow.Field, v, mask uint64) *Rule {
		r := ipv4Rule(priority, 0, 0, 0, 0)
		f.Set(&r.Match.Key, lo(v))
		f.OrMask(&r.Match.Mask, lo(mask))
		return r
	}
	ipv6 := func(yield func(flow.Key) bool) {
		s := newSource(4)
		for range 20000 {
			k := ipv4Key(0, 0, uint16(s.Uint32()), uint16(s.Uint32()))
			flow.EthType.Set(&k, lo(0x86dd))
			v := flow.Value{Hi: s.Uint64(), Lo: s.Uint64()}
			if s.IntN(2) == 0 { // near the prefix, with a bit of it wrong or none
				v.Hi = v.Hi>>32 | 0x20010db8<<32
				v.Hi ^= uint64(s.IntN(2)) << (32 + s.IntN(32))
			}
			flow.IPv6Dst.Set(&k, v)
			if !yield(k) {
				return
			}
		}
	}
	slash32 := &Rule{Match: new(Match), Priority: 1}
	flow.EthType.Set(&slash32.Match.Key, lo(0x86dd))
	flow.EthType.OrMask(&slash32.Match.Mask, lo(0xffff))
	flow.IPv6Dst.Set(&slash32.Match.Key, flow.Value{Hi: 0x20010db8 << 32})
	flow.IPv6Dst.OrMask(&slash32.Match.Mask, flow.Ones(32).Shl(96))
	tests := []struct {
		name  string
		rules []*Rule
		keys  func(func(flow.Key) bool)
		most  int
	}{
		{"empty table", nil, hosts, 1},
		{"one rule for all", []*Rule{{Match: new(Match)}}, hosts, 1},
		// One that hits, and one for each bit at which an address can leave 10/8.
		{"nw_dst=10.0.0.0/8", []*Rule{ipv4Rule(1, 0, 0, 0x0a000000, 8)}, hosts, 1 + 8},
		{"and a default", []*Rule{ipv4Rule(1, 0, 0, 0x0a000000, 8), {Match: new(Match)}}, hosts, 1 + 8},
		// 16 that hit; 20 bits shared by all; below them nothing else.
		{"16 of nw_dst/24", slash24, hosts, 16 + 20},
		{"16 of nw_dst/24, near", slash24, near, 16 + 20},
		{"ipv6_dst=2001:db8::/32", []*Rule{slash32}, ipv6, 1 + 32},
		{"tp_dst=80", []*Rule{port(5, flow.TCPDst, 80, 0xffff), {Match: new(Match)}}, hosts, 1 + 16},
		{"tp_dst=0x1f00/0xff00", []*Rule{port(5, flow.TCPDst, 0x1f00, 0xff00), {Match: new(Match)}}, hosts, 1 + 8},
		{"tp_src and tp_dst", []*Rule{port(5, flow.TCPDst, 80, 0xffff), port(5, flow.TCPSrc, 443, 0xffff)}, hosts, (1 + 16) * (1 + 16)},
		// A host route above a net above a default: the net's megaflows are as many as
		// bits between them.
		{"mixed priorities", []*Rule{
			ipv4Rule(30, 0, 0, 0x0a000001, 32), ipv4Rule(20, 0, 0, 0x0a000000, 8), {Match: new(Match)},
		}, near, 2 + 32},
		// The winner's priority hides what cannot win: no bit of nw_src is looked at.
		{"hidden by priority", []*Rule{
			ipv4Rule(30, 0, 0, 0, 0), ipv4Rule(20, 0x0a000000, 8, 0, 0),
		}, hosts, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			table := new(Table).With(tt.rules, nil)
			if n := coverCount(t, table, tt.keys); n > tt.most {
				t.Errorf("%d megaflows, want at most %d", n, tt.most)
			} else {
				t.Logf("%d megaflows", n)
			}
		})
	}
}

// TestStages: a miss in an early layer leaves the later ones alone.
func TestStages(t *testing.T) {
	rule := func(fields ...flow.Field) *Rule {
		k := ipv4Key(0x0a000001, 0x0a000002, 1000, 80)
		r := &Rule{Match: new(Match), Priority: 1}
		for _, f := range fields {
			f.Set(&r.Match.Key, f.Get(&k))
			f.OrMask(&r.Match.Mask, f.Full())
		}
		return r
	}
	mask := func(fields ...flow.Field) (m flow.Mask) {
		for _, f := range fields {
			f.OrMask(&m, f.Full())
		}
		return m
	}
	all := rule(flow.InPort, flow.EthType, flow.EthDst, flow.IPv4Dst, flow.IPProto, flow.TCPDst)
	tests := []struct {
		name  string
		field flow.Field // differs from the rule
		value uint64
		want  flow.Mask
	}{
		{"metadata", flow.InPort, 9, mask(flow.InPort)},
		{"l2", flow.EthDst, 9, mask(flow.InPort, flow.EthType, flow.EthDst)},
		{"l3", flow.IPProto, 17, mask(flow.InPort, flow.EthType, flow.EthDst, flow.IPv4Dst, flow.IPProto)},
		// By their tries: 192 and 10 differ in the first bit, 81 and 80 in the last.
		{"address", flow.IPv4Dst, 0xc0a80001, func() (m flow.Mask) {
			flow.IPv4Dst.OrMask(&m, lo(1<<31))
			return m
		}()},
		{"port", flow.TCPDst, 81, mask(flow.TCPDst)},
		{"hit", flow.TCPSrc, 9, all.Match.Mask},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			table := new(Table).With([]*Rule{all}, nil)
			k := ipv4Key(0x0a000001, 0x0a000002, 1000, 80)
			tt.field.Set(&k, lo(tt.value))
			var wild flow.Mask
			table.Lookup(&k, &wild)
			if wild != tt.want {
				t.Errorf("mask is %x, want %x", wild, tt.want)
			}
		})
	}
}
