package pipeline

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"pollux/flow"
	"pollux/pmd"
)

// outcome is what becomes of a packet by a packet-out.
func outcome(t testing.TB, now *Snapshot, o *Out, in *flow.Key) string {
	t.Helper()
	u := pmd.Upcall{Key: in, Thread: -1}
	o.Translate(now, &u)
	return u.Program.String()
}

// TestPacketOutsOfABundle: a packet-out in the midst of changes meets the tables that the changes
// before it alone would have made, whatever comes after it, and another bundle after that.
func TestPacketOutsOfABundle(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		draw := func(what string, n int) int { return rapid.IntRange(0, n-1).Draw(rt, what) }
		random := func() Mod {
			switch draw("what", 8) {
			case 0:
				id := uint32(draw("group", 2) + 1)
				c := []GroupCommand{GroupAddOrModify, GroupAddOrModify, GroupDelete}[draw("command", 3)]
				return Mod{Group: &GroupMod{Command: c, Group: Group{ID: id, Type: GroupAll, Buckets: []Bucket{{
					WatchPort: AnyPort, WatchGroup: AnyGroup, Actions: []Action{{Kind: ActOutput, Port: uint32(draw("to", 3) + 2)}}}}}}}
			case 1:
				c := MeterDelete
				m := drop1000(5)
				if draw("add", 2) == 0 {
					c = MeterAdd
				}
				return Mod{Meter: &MeterMod{c, m}}
			case 2:
				up := draw("up", 2) == 0
				return Mod{Port: &PortUpdate{OFPort: 3, Do: func(p *Port) { p.NoFwd = !up }}}
			}
			c := []FlowCommand{FlowAdd, FlowAdd, FlowModify, FlowDelete, FlowDeleteStrict}[draw("command", 5)]
			match := []string{"", "in_port=1,", "ip,", "ip,nw_dst=10.0.0.0/8,", "in_port=1,tcp,"}[draw("match", 5)]
			do := []string{"drop", "2", "3", "resubmit(,1)", "group:1", "group:2", "meter:5,4", "2,resubmit(,1)"}[draw("do", 8)]
			fm := mod(t, c, fmt.Sprintf("table=%d,priority=%d,%sactions=%s", draw("table", 2), draw("priority", 3), match, do))
			return Mod{Flow: &fm}
		}
		real, alone := testState(t, "in_port=1 actions=2"), testState(t, "in_port=1 actions=2")
		var ins []*flow.Key
		for _, p := range []string{"in_port=1,tcp,nw_dst=10.0.0.1", "in_port=2,tcp,nw_dst=11.0.0.1", "in_port=1,arp"} {
			ins = append(ins, packetOf(t, real, p))
		}
		list := []Action{{Kind: ActOutput, Port: flow.PortTable}, {Kind: ActOutput, Port: 4}}
		type sent struct {
			out  *Out
			want []string
		}
		var all []sent
		for range 2 {
			var bundle []Mod
			for range rapid.IntRange(1, 12).Draw(rt, "mods") {
				if draw("out", 3) > 0 {
					m := random()
					// What the one that stands for the prefix refuses no bundle has.
					if _, err := alone.Mods([]Mod{m}, nil, nil); err == nil {
						bundle = append(bundle, m)
					}
					continue
				}
				o := &Out{List: list}
				bundle = append(bundle, Mod{Out: o})
				s := sent{out: o}
				for _, in := range ins {
					s.want = append(s.want, outcome(t, alone.Snapshot(), &Out{List: list}, in))
				}
				all = append(all, s)
			}
			if i, err := real.Mods(bundle, nil, nil); err != nil {
				rt.Fatalf("message %d: %v", i, err)
			}
			for _, s := range all {
				for i, in := range ins {
					if got := outcome(t, real.Snapshot(), s.out, in); got != s.want[i] {
						rt.Fatalf("packet %d: %s, want %s", i, got, s.want[i])
					}
				}
			}
			for _, in := range ins {
				now := &Out{List: list}
				if got, want := outcome(t, real.Snapshot(), now, in), outcome(t, alone.Snapshot(), now, in); got != want {
					rt.Fatalf("after the bundle: %s, want %s", got, want)
				}
			}
		}
	})
}

// TestPacketOutAfterPortsChanged: a packet that met tables of before leaves by no port that has
// come in the place of another.
func TestPacketOutAfterPortsChanged(t *testing.T) {
	s := testState(t, "in_port=1 actions=2")
	o := &Out{List: []Action{{Kind: ActOutput, Port: flow.PortTable}, {Kind: ActOutput, Port: 3}}}
	if _, err := s.Mods([]Mod{{Out: o}}, nil, nil); err != nil {
		t.Fatal(err)
	}
	in := packetOf(t, s, "in_port=1")
	if got := outcome(t, s.Snapshot(), o, in); got != "2,3" {
		t.Fatalf("%s, want 2,3", got)
	}
	ports := []Port{}
	for _, p := range s.Snapshot().Ports() {
		if p.OFPort != 2 {
			ports = append(ports, p)
		}
	}
	if err := s.Apply(Change{Ports: ports}); err != nil {
		t.Fatal(err)
	}
	if got := outcome(t, s.Snapshot(), o, in); got != "3" {
		t.Errorf("%s, want 3 alone: port 2 is gone", got)
	}
}

// TestPacketOutMeetsMetersOfItsTime: what a bundle does to meters behind a packet is not done to it.
func TestPacketOutMeetsMetersOfItsTime(t *testing.T) {
	s := testState(t, "in_port=2 actions=3")
	f := mod(t, FlowAdd, "in_port=1 actions=2")
	f.Flow.Do.Meter = 5
	o := &Out{List: []Action{{Kind: ActOutput, Port: flow.PortTable}}}
	bundle := []Mod{{Meter: &MeterMod{MeterAdd, drop1000(5)}}, {Flow: &f}, {Out: o}, {Meter: &MeterMod{MeterDelete, drop1000(5)}}}
	if _, err := s.Mods(bundle, nil, nil); err != nil {
		t.Fatal(err)
	}
	if got := outcome(t, s.Snapshot(), o, packetOf(t, s, "in_port=1")); got != "meter(5),2" {
		t.Errorf("%s, want meter(5),2", got)
	}
}

// TestRemovedCountsTheBundlesPackets: a flow's end is told when the packets are treated of all
// bundles that may have met it, whoever deleted it, and those of before are not waited for.
func TestRemovedCountsTheBundlesPackets(t *testing.T) {
	for _, c := range []struct {
		name   string
		inside bool // it is the bundle that deletes it
		fails  bool // the bundle is given up
		want   uint64
	}{
		{"deleted by the bundle", true, false, 1},
		{"deleted meanwhile", false, false, 1},
		{"a bundle that fails", false, true, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := testState(t, "priority=1 actions=2")
			var got []uint64
			s.OnFlowRemoved(func(r FlowRemoved) { got = append(got, r.Packets) })
			told := func(when string, want ...uint64) {
				t.Helper()
				s.Tick()
				if !slices.Equal(got, want) {
					t.Errorf("%s: told of flows that counted %v, want %v", when, got, want)
				}
			}
			do := func(m FlowMod) {
				t.Helper()
				if _, err := s.FlowMods([]FlowMod{m}, nil); err != nil {
					t.Fatal(err)
				}
			}
			add := mod(t, FlowAdd, "priority=9,send_flow_rem,tcp,actions=3")
			gone := mod(t, FlowDeleteStrict, "priority=9,tcp,actions=drop")
			if !c.inside {
				do(add)
			}
			o := &Out{List: []Action{{Kind: ActOutput, Port: flow.PortTable}}}
			mods := []Mod{{Flow: &add}, {Out: o}, {Flow: &gone}}
			if !c.inside {
				mods = []Mod{{Out: o}}
			}
			if c.fails {
				bad := mod(t, FlowAdd, "actions=group:9")
				mods = append(mods, Mod{Flow: &bad})
			}
			_, err := s.Mods(mods, nil, func() {
				if !c.inside {
					do(gone)
				}
				told("before the packet")
				if _, err := s.Mods([]Mod{{Out: &Out{}}}, nil, func() { told("in another bundle") }); err != nil {
					t.Error(err)
				}
				told("behind another bundle")
				u := &pmd.Upcall{Key: packetOf(t, s, "in_port=1,tcp")}
				o.Translate(s.Snapshot(), u)
				u.Credit.Credit(1, 64, 1)
			})
			if (err != nil) != c.fails {
				t.Fatal(err)
			}
			if c.fails {
				do(gone)
			}
			told("behind the packet", c.want)
			do(add)
			do(gone)
			told("later", c.want, 0)
		})
	}
}

// TestPacketOutsShareTables: what a bundle keeps for its packets is the tables that changed between
// them, each time it changed, and nothing where a packet follows another.
func TestPacketOutsShareTables(t *testing.T) {
	s := testState(t, "actions=2")
	list := func(text string) *Out {
		f, err := ParseFlow("actions="+text, nil)
		if err != nil {
			t.Fatal(err)
		}
		return &Out{List: f.Do.Apply}
	}
	one, two := mod(t, FlowAdd, "table=1,tcp,actions=2"), mod(t, FlowAdd, "table=2,tcp,actions=2")
	const learns = "learn(table=1,cookie=9,limit=3,NXM_OF_ETH_SRC[])"
	mods := []Mod{{Flow: &one}, {Flow: &two}, {Out: list("2")}, {Out: list("2")}, {Flow: &two}, {Out: list("2")}, {Out: list(learns)}, {Out: list(learns)}}
	if _, err := s.Mods(mods, nil, nil); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		a, b int // packets, by their places
		want [3]bool
		same bool // tables as a whole
	}{
		{2, 3, [3]bool{true, true, true}, true},
		{3, 5, [3]bool{true, true, false}, false},
		{5, 6, [3]bool{true, false, true}, false}, // it counts what the limit asks for
		{6, 7, [3]bool{true, true, true}, true},
	} {
		a, b := mods[c.a].Out.By, mods[c.b].Out.By
		if (a == b) != c.same {
			t.Errorf("packets %d and %d meet the same: %v", c.a, c.b, a == b)
		}
		for id, want := range c.want {
			if got := a.tables[id] == b.tables[id]; got != want {
				t.Errorf("packets %d and %d: table %d is shared: %v", c.a, c.b, id, got)
			}
		}
	}
	for i, want := range []bool{false, false, true, false, false, true, true, true} {
		var before *Mod
		if i > 0 {
			before = &mods[i-1]
		}
		if got := mods[i].Apart(before); got != want {
			t.Errorf("request %d is apart: %v", i, got)
		}
	}
	if !mods[2].Apart(nil) {
		t.Error("the first request is not apart")
	}
	if got := s.Snapshot().Masks(); got != 3 {
		t.Errorf("%d masks in three tables", got)
	}
}
