package pipeline

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pollux/ofp/ofperr"
	"pollux/pmd"
)

// modRig is a State under a clock of the test's.
type modRig struct {
	*State
	t   *testing.T
	at  int64
	log []string // of changes and removals
}

func newModRig(t *testing.T, flows string, opts ...func(*Config)) *modRig {
	m := &modRig{t: t}
	m.State = testState(t, flows, append(opts, func(c *Config) { c.Now = func() int64 { return m.at } })...)
	m.OnFlowChange(func(c *FlowChange) {
		what := [...]string{"added", "modified", "deleted"}[c.Kind]
		if c.Kind == FlowDeleted {
			what += fmt.Sprint(c.Reason)
		}
		f := c.Flow()
		m.log = append(m.log, fmt.Sprintf("%s %s by %v", what, f.String(), c.By))
	})
	m.OnFlowRemoved(func(r FlowRemoved) {
		m.log = append(m.log, fmt.Sprintf("removed %s, reason %d, %d packets, %d s", r.Flow.String(), r.Reason, r.Packets, r.Duration/1e9))
	})
	return m
}

// mod is a flow mod of a flow in words, which selects every port and group.
func mod(t testing.TB, c FlowCommand, text string, opts ...func(*FlowMod)) FlowMod {
	t.Helper()
	if !strings.Contains(text, "actions=") {
		text += " actions=drop"
	}
	f, err := ParseFlow(text, nil)
	if err != nil {
		t.Fatal(err)
	}
	m := FlowMod{Command: c, Flow: f, OutPort: AnyPort, OutGroup: AnyGroup}
	for _, o := range opts {
		o(&m)
	}
	return m
}

func inTable(id uint8) func(*FlowMod) { return func(m *FlowMod) { m.Flow.Table = id } }
func cookies(mask uint64) func(*FlowMod) {
	return func(m *FlowMod) { m.CookieMask = mask }
}
func flags(f FlowFlags) func(*FlowMod) { return func(m *FlowMod) { m.Flow.Flags = f } }

// do does mods at once.
func (m *modRig) do(mods ...FlowMod) {
	m.t.Helper()
	if i, err := m.FlowMods(mods, "me"); err != nil {
		m.t.Fatalf("mod %d: %v", i, err)
	}
}

// flows is the flows as they stand, without ages.
func (m *modRig) flows() string {
	var lines []string
	for _, f := range m.DumpFlows() {
		lines = append(lines, fmt.Sprintf("%d: %s", f.Packets, f.Flow.String()))
	}
	return strings.Join(lines, "\n")
}

func (m *modRig) expect(want string) {
	m.t.Helper()
	if got := m.flows(); got != want {
		m.t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestFlowModCommands(t *testing.T) {
	const three = "ip,nw_dst=10.0.0.0/8 actions=1\nip,nw_dst=10.1.0.0/16 actions=2\npriority=5,tcp,nw_dst=10.1.0.0/16 actions=3\ntable=1,arp actions=4"
	for _, c := range []struct {
		name string
		mods func() []FlowMod
		want string
	}{
		{"modify within", func() []FlowMod { return []FlowMod{mod(t, FlowModify, "ip,nw_dst=10.1.0.0/16 actions=9")} },
			"0: ip,nw_dst=10.0.0.0/8 actions=output:1\n0: ip,nw_dst=10.1.0.0/16 actions=output:9\n0: priority=5,tcp,nw_dst=10.1.0.0/16 actions=output:9\n0: table=1, arp actions=output:4"},
		{"modify exactly", func() []FlowMod {
			return []FlowMod{mod(t, FlowModifyStrict, "ip,nw_dst=10.1.0.0/16 actions=9")}
		},
			"0: ip,nw_dst=10.0.0.0/8 actions=output:1\n0: ip,nw_dst=10.1.0.0/16 actions=output:9\n0: priority=5,tcp,nw_dst=10.1.0.0/16 actions=output:3\n0: table=1, arp actions=output:4"},
		{"modify what is not there", func() []FlowMod { return []FlowMod{mod(t, FlowModifyStrict, "priority=7 actions=9")} },
			"0: ip,nw_dst=10.0.0.0/8 actions=output:1\n0: ip,nw_dst=10.1.0.0/16 actions=output:2\n0: priority=5,tcp,nw_dst=10.1.0.0/16 actions=output:3\n0: table=1, arp actions=output:4"},
		{"which is added", func() []FlowMod {
			return []FlowMod{mod(t, FlowDelete, "", inTable(AllTables)), mod(t, FlowModifyStrict, "priority=7 actions=9", inTable(AllTables), func(m *FlowMod) { m.AddsMissing = true })}
		}, "0: priority=7 actions=output:9"},
		{"but not for a cookie", func() []FlowMod {
			return []FlowMod{mod(t, FlowDelete, "", inTable(AllTables)), mod(t, FlowModifyStrict, "priority=7 actions=9", cookies(1), func(m *FlowMod) { m.AddsMissing = true })}
		}, ""},
		{"delete within", func() []FlowMod { return []FlowMod{mod(t, FlowDelete, "ip")} }, "0: table=1, arp actions=output:4"},
		{"delete in all tables", func() []FlowMod { return []FlowMod{mod(t, FlowDelete, "", inTable(AllTables))} }, ""},
		{"delete exactly", func() []FlowMod { return []FlowMod{mod(t, FlowDeleteStrict, "priority=5,tcp,nw_dst=10.1.0.0/16")} },
			"0: ip,nw_dst=10.0.0.0/8 actions=output:1\n0: ip,nw_dst=10.1.0.0/16 actions=output:2\n0: table=1, arp actions=output:4"},
		{"delete exactly another priority", func() []FlowMod {
			return []FlowMod{mod(t, FlowDeleteStrict, "priority=6,tcp,nw_dst=10.1.0.0/16"), mod(t, FlowDelete, "ip,nw_dst=10.0.0.0/8", func(m *FlowMod) { m.OutPort = 2 })}
		}, "0: ip,nw_dst=10.0.0.0/8 actions=output:1\n0: priority=5,tcp,nw_dst=10.1.0.0/16 actions=output:3\n0: table=1, arp actions=output:4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newModRig(t, three)
			m.do(c.mods()...)
			m.expect(c.want)
		})
	}
}

// TestCookies selects by parts of a cookie, and changes it only where the request says so.
func TestCookies(t *testing.T) {
	m := newModRig(t, "cookie=0x15,in_port=1 actions=1\ncookie=0x25,in_port=2 actions=1\ncookie=0x16,in_port=3 actions=1")
	m.do(mod(t, FlowModify, "cookie=0x10 actions=2", cookies(0xf0)),
		mod(t, FlowModify, "cookie=0x99,in_port=2 actions=3", func(m *FlowMod) { m.SetsCookie = true }),
		mod(t, FlowDelete, "cookie=6", cookies(0xf)))
	m.expect("0: cookie=0x15, in_port=1 actions=output:2\n0: cookie=0x99, in_port=2 actions=output:3")
	if want := "modified cookie=0x15, in_port=1 actions=output:2 by me\nmodified cookie=0x16, in_port=3 actions=output:2 by me\n" +
		"modified cookie=0x99, in_port=2 actions=output:3 by me\ndeleted2 cookie=0x16, in_port=3 actions=output:2 by me"; !sameLines(m.log, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(m.log, "\n"), want)
	}
}

// sameLines says whether got is the lines of want in some order.
func sameLines(got []string, want string) bool {
	n := map[string]int{}
	for _, l := range got {
		n[l]++
	}
	for _, l := range strings.Split(want, "\n") {
		n[l]--
	}
	for _, v := range n {
		if v != 0 {
			return false
		}
	}
	return true
}

// TestCountsGoOn is what a modification and an addition do to counters and ages.
func TestCountsGoOn(t *testing.T) {
	reset := func(m *FlowMod) { m.ResetCounts = true }
	for _, c := range []struct {
		name             string
		m                FlowMod
		packets          uint64
		duration, hard   int64
		expiresByHardAt  int64
		goesOnForCredits bool
	}{
		{"modify", mod(t, FlowModify, "in_port=1 actions=3"), 7, 8e9, 3e9, 25e9, true},
		{"modify, counting anew", mod(t, FlowModify, "in_port=1 actions=3", reset), 0, 8e9, 3e9, 25e9, false},
		{"add", mod(t, FlowAdd, "in_port=1,hard_timeout=20 actions=3"), 7, 3e9, 3e9, 25e9, true},
		{"add, counting anew", mod(t, FlowAdd, "in_port=1,hard_timeout=20 actions=3", reset), 0, 3e9, 3e9, 25e9, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newModRig(t, "in_port=1,hard_timeout=20 actions=2")
			u := pmd.Upcall{Key: packetOf(t, m.State, "in_port=1"), Thread: 0}
			m.Snapshot().Translate(&u)
			u.Credit.Credit(7, 700, 1e9)
			m.at = 5e9
			m.do(c.m)
			m.at = 8e9
			st := statsOf(t, m.State, &everything)
			if len(st) != 1 || st[0].Packets != c.packets || st[0].Duration != c.duration || st[0].HardAge != c.hard {
				t.Fatalf("%+v", st)
			}
			// What loops still hold for the rule of before.
			u.Credit.Credit(2, 200, 2e9)
			if got, more := statsOf(t, m.State, &everything)[0].Packets, c.packets+2; (got == more) != c.goesOnForCredits {
				t.Errorf("%d packets after two more of the old rule", got)
			}
			if n := m.Expire(c.expiresByHardAt - 1); n != 0 {
				t.Error("it expires too early")
			}
			if n := m.Expire(c.expiresByHardAt); n != 1 {
				t.Error("it does not expire")
			}
		})
	}
}

func statsOf(t testing.TB, s *State, f *FlowFilter) (out []FlowEntry) {
	t.Helper()
	seq, err := s.FlowStats(f)
	if err != nil {
		t.Fatal(err)
	}
	for e := range seq {
		out = append(out, e)
	}
	return out
}

// TestFlowModErrors: each mod is refused with its error, and with it all that stand beside it.
func TestFlowModErrors(t *testing.T) {
	one := func(a Action) func(*FlowMod) { return func(m *FlowMod) { m.Flow.Do.Apply = []Action{a} } }
	nested := func(a Action) func(*FlowMod) {
		return one(Action{Kind: ActClone, List: &Lists{Actions: []Action{a}}})
	}
	overlap := func(m *FlowMod) { m.CheckOverlap = true }
	for _, c := range []struct {
		name string
		m    FlowMod
		want ofperr.Error
	}{
		{"add to all tables", mod(t, FlowAdd, "", inTable(AllTables)), ofperr.FlowModBadTable},
		{"table 254", mod(t, FlowAdd, "", inTable(254)), ofperr.FlowModBadTable},
		{"delete in table 254", mod(t, FlowDelete, "", inTable(254)), ofperr.FlowModBadTable},
		{"command", mod(t, 5, ""), ofperr.FlowModBadCommand},
		{"flags", mod(t, FlowAdd, "", flags(2)), ofperr.FlowModBadFlags},
		{"goto itself", mod(t, FlowAdd, "", inTable(3), func(m *FlowMod) { m.Flow.Do.Goto = 3 }), ofperr.InstructionBadTable},
		{"goto 254", mod(t, FlowAdd, "", func(m *FlowMod) { m.Flow.Do.Goto = 254 }), ofperr.InstructionBadTable},
		{"goto back by modify in all tables", mod(t, FlowModify, "", inTable(AllTables), func(m *FlowMod) { m.Flow.Do.Goto = 2 }), ofperr.InstructionBadTable},
		{"resubmit", mod(t, FlowAdd, "", one(Action{Kind: ActResubmit, Table: 254})), ofperr.ActionBadArgument},
		{"group", mod(t, FlowAdd, "", one(Action{Kind: ActGroup, Group: 1})), ofperr.ActionBadOutGroup},
		{"group in a clone", mod(t, FlowAdd, "", nested(Action{Kind: ActGroup, Group: 1})), ofperr.ActionBadOutGroup},
		{"group by a modify of nothing", mod(t, FlowModify, "in_port=77", one(Action{Kind: ActGroup, Group: 1})), ofperr.ActionBadOutGroup},
		{"meter", mod(t, FlowAdd, "", func(m *FlowMod) { m.Flow.Do.Meter = 1 }), ofperr.MeterModInvalid},
		{"meter action", mod(t, FlowAdd, "", one(Action{Kind: ActMeter, Meter: 1})), ofperr.MeterModInvalid},
		{"collector set", mod(t, FlowAdd, "", one(Action{Kind: ActSample, List: &Lists{Sample: &SampleAction{Set: 1}}})), ofperr.ActionBadArgument},
		{"overlap", mod(t, FlowAdd, "tcp,nw_src=10.0.0.1", overlap), ofperr.FlowModOverlap},
		{"overlap with one of this bundle", mod(t, FlowAdd, "priority=9,in_port=1", overlap), ofperr.FlowModOverlap},
		{"table is full", mod(t, FlowAdd, "table=1,in_port=3"), ofperr.FlowModTableFull},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newModRig(t, "ip,nw_dst=10.0.0.0/8 actions=1\ntable=1,in_port=1 actions=1\ntable=1,in_port=2 actions=1\ntable=3 actions=1")
			if err := m.TableMod(&TableMod{Table: 1, MaxFlows: 2}); err != nil {
				t.Fatal(err)
			}
			before, gen := m.flows(), m.Snapshot().Generation()
			i, err := m.FlowMods([]FlowMod{mod(t, FlowAdd, "priority=9,dl_vlan=5 actions=1"), mod(t, FlowDelete, "ip,nw_dst=10.1.0.0/16"), c.m, mod(t, FlowAdd, "")}, nil)
			if i != 2 || !errors.Is(err, c.want) {
				t.Errorf("mod %d: %v; want mod 2, %v", i, err, c.want)
			}
			m.expect(before)
			if g := m.Snapshot().Generation(); g != gen || len(m.log) != 0 {
				t.Errorf("refused, and yet generation %d became %d, and %q was told", gen, g, m.log)
			}
		})
	}
	// What is there already neither overlaps nor needs room.
	m := newModRig(t, "in_port=1 actions=1")
	if err := m.TableMod(&TableMod{Table: 0, MaxFlows: 1}); err != nil {
		t.Fatal(err)
	}
	m.do(mod(t, FlowAdd, "in_port=1 actions=2", overlap))
	m.expect("0: in_port=1 actions=output:2")
}

// TestOutPortAndGroup is which actions count as output to a port, or as use of a group.
func TestOutPortAndGroup(t *testing.T) {
	clone := func(a Action) Action { return Action{Kind: ActClone, List: &Lists{Actions: []Action{a}}} }
	out := Action{Kind: ActOutput, Port: 5}
	for _, c := range []struct {
		name        string
		do          Instructions
		port, group bool
	}{
		{"output", Instructions{Apply: []Action{{Kind: ActPopVLAN}, out}}, true, false},
		{"another output", Instructions{Apply: []Action{{Kind: ActOutput, Port: 6}}}, false, false},
		{"write", Instructions{Write: []Action{out}}, true, false},
		{"clone", Instructions{Apply: []Action{clone(clone(out))}}, true, false},
		{"truncated", Instructions{Apply: []Action{{Kind: ActOutputTrunc, Port: 5, MaxLen: 64}}}, true, false},
		{"bundle", Instructions{Apply: []Action{{Kind: ActBundle, List: &Lists{Bundle: &Bundle{Slaves: []uint32{5}}}}}}, false, false},
		{"resubmit", Instructions{Apply: []Action{{Kind: ActResubmit, Port: 5}}}, false, false},
		{"group", Instructions{Apply: []Action{{Kind: ActGroup, Group: 7}}}, false, true},
		{"group in write", Instructions{Write: []Action{{Kind: ActGroup, Group: 7}}}, false, true},
		{"another group", Instructions{Write: []Action{{Kind: ActGroup, Group: 5}}}, false, false},
		{"nothing", Instructions{}, false, false},
	} {
		m := newModRig(t, "")
		for _, id := range []uint32{5, 7} {
			if err := m.GroupMod(&GroupMod{Command: GroupAdd, Group: Group{ID: id}}, nil); err != nil {
				t.Fatal(err)
			}
		}
		add := mod(t, FlowAdd, "in_port=1")
		add.Flow.Do = c.do
		for _, by := range []struct {
			f    FlowFilter
			want bool
		}{
			{FlowFilter{OutPort: 5, OutGroup: AnyGroup}, c.port},
			{FlowFilter{OutPort: AnyPort, OutGroup: 7}, c.group},
		} {
			m.do(mod(t, FlowDelete, ""), add)
			if sum, err := m.Aggregate(&by.f); err != nil || (sum.Flows == 1) != by.want {
				t.Errorf("%s: %+v, %v by %+v", c.name, sum, err, by.f)
			}
			m.do(mod(t, FlowDelete, "", func(m *FlowMod) { m.OutPort, m.OutGroup = by.f.OutPort, by.f.OutGroup }))
			if left := len(m.DumpFlows()); (left == 0) != by.want {
				t.Errorf("%s: %d flows left by %+v", c.name, left, by.f)
			}
		}
	}
	m := newModRig(t, "")
	m.do(FlowMod{Flow: Flow{Do: Instructions{Apply: []Action{{Kind: ActController, List: &Lists{Controller: &ControllerAction{}}}}}}})
	if sum, err := m.Aggregate(&FlowFilter{OutPort: 0xfffffffd, OutGroup: AnyGroup}); err != nil || sum.Flows != 1 {
		t.Errorf("%+v, %v by the controller's port", sum, err)
	}
}

// TestLearnedFlowsGoBetweenRequests: what goes with a flow that learns does not take what a
// later request of the same burst adds.
func TestLearnedFlowsGoBetweenRequests(t *testing.T) {
	learns := mod(t, FlowAdd, "in_port=1 actions=learn(table=1,cookie=0x5,delete_learned,NXM_OF_ETH_SRC[],NXM_OF_IN_PORT[])")
	forget := mod(t, FlowDeleteStrict, "in_port=1")
	later := mod(t, FlowAdd, "table=1,cookie=0x5,in_port=8 actions=drop")
	for _, before := range [][]FlowMod{{learns}, nil} {
		m := newModRig(t, "table=1,cookie=0x5,in_port=9 actions=drop")
		burst := []FlowMod{forget, later}
		if before != nil {
			m.do(before...)
		} else {
			burst = []FlowMod{learns, forget, later}
		}
		if errs := m.FlowModEach(burst, nil); errs != nil {
			t.Fatal(errs)
		}
		m.expect("0: cookie=0x5, table=1, in_port=8 actions=drop")
	}
}

// TestARefusedReloadForgetsNothing of who learns what.
func TestARefusedReloadForgetsNothing(t *testing.T) {
	const learns = "in_port=1 actions=learn(table=1,cookie=0x5,delete_learned,NXM_OF_ETH_SRC[],NXM_OF_IN_PORT[])"
	m := newModRig(t, learns)
	m.do(mod(t, FlowAdd, "table=1,cookie=0x5,in_port=9 actions=drop"))
	if err := m.Apply(Change{Flows: []Flow{mod(t, FlowAdd, "in_port=2 actions=sample(probability=1,collector_set_id=7)").Flow}}); err == nil {
		t.Fatal("accepted")
	}
	m.do(mod(t, FlowDelete, "in_port=1"))
	m.expect("")
}
