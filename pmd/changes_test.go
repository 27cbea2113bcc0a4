package pmd_test

import (
	"strings"
	"testing"

	"pollux/ofp/pipeline"
	"pollux/pmd"
)

// TestRenewed is what each kind of change costs the decisions of a loop, and that the
// packets of those that stand go on counting for their rules.
func TestRenewed(t *testing.T) {
	flow := func(text string) pipeline.Flow {
		f, err := pipeline.ParseFlow(text, nil)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	c := newChangingOf(t, 64, 1, "mod_dl_dst:02:00:00:00:00:09,meter:1,group:1") // every hit is compared with a translation
	const round = 64                                                             // packets, one a flow
	add := func(text string) func() error { return func() error { return c.state.Add(flow(text)) } }
	for _, s := range []struct {
		name           string
		do             func() error
		renewed, again uint64
	}{
		{"nothing", func() error { return nil }, 0, 0},
		{"a rule of one flow of another table", add("table=7 actions=drop"), round, 0},
		{"a rule that no flow matches", add("table=1,udp,nw_src=10.9.9.1,tp_src=9 actions=drop"), round, 0},
		{"a rule that all flows match and that loses", add("table=2,priority=1 actions=drop"), round, 0},
		{"a rule that one flow matches", add("table=1,priority=40000,udp,nw_src=10.0.0.0,tp_src=1024 actions=drop"), round - 1, 1},
		{"other actions of the rule of one flow", add("table=1,udp,nw_src=10.0.0.0,tp_src=1025 actions=goto_table:2"), round - 1, 1},
		{"a rule that looks at a register that was written", add("table=2,priority=40000,reg0=1 actions=drop"), 1, round - 1},
		{"a new group", func() error {
			return c.state.GroupMod(&pipeline.GroupMod{Command: pipeline.GroupAdd, Group: pipeline.Group{ID: 1000}}, nil)
		}, round, 0},
		{"a group that none of these use", func() error { c.groupMod(t, pipeline.GroupModify, 7); return nil }, round, 0},
		{"the group that all use but one, which is dropped", func() error { c.groupMod(t, pipeline.GroupModify, 1); return nil }, 1, round - 1},
		{"a meter that none of these use", func() error { return c.state.MeterMod(wideMeter(pipeline.MeterModify, 7, 1)) }, round, 0},
		{"the meter that all use", func() error { return c.state.MeterMod(wideMeter(pipeline.MeterModify, 1, 1)) }, 1, round - 1},
		{"another port goes down", func() error { return c.state.SetPortUp(3, false) }, round, 0},
		{"another port is configured", func() error {
			return c.state.UpdatePort(3, func(p *pipeline.Port) { p.NoRecv, p.NoFlood = true, true })
		}, round, 0},
		{"the port that they come in by goes down", func() error { return c.state.SetPortUp(1, false) }, round, 0},
		{"the port that they come in by is configured", func() error {
			return c.state.UpdatePort(1, func(p *pipeline.Port) { p.NoPacketIn = true })
		}, 0, round},
		{"a port comes", func() error {
			return c.state.Apply(pipeline.Change{Ports: append(c.state.Snapshot().Ports()[:3:3], pipeline.Port{OFPort: 4, Slot: 3, Name: "p4", Up: true})})
		}, round, 0},
		{"a port", func() error { return c.state.SetPortUp(2, true) }, 0, 0},
		{"a port goes down", func() error { return c.state.SetPortUp(2, false) }, 1, round - 1},
		{"and up", func() error { return c.state.SetPortUp(2, true) }, 1, round - 1},
		{"addresses, of which none of these know", func() error { c.state.FlushFDB(); return nil }, 0, 0},
		{"the same flows, of which nothing is published", func() error {
			var flows []pipeline.Flow
			for _, f := range c.state.DumpFlows() {
				flows = append(flows, f.Flow)
			}
			return c.state.Replace(flows)
		}, 0, 0},
	} {
		before, _, _ := c.loop.Stats()
		if err := s.do(); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		for n := 0; n < 3*round; n += round {
			c.loop.Iterate()
		}
		st, _, _ := c.loop.Stats()
		if renewed, again := st.Renewed-before.Renewed, st.Revalidated-before.Revalidated; renewed != s.renewed || again != s.again {
			t.Errorf("%s: %d decisions renewed, %d translated again; want %d, %d", s.name, renewed, again, s.renewed, s.again)
		}
		if verified := st.Verified - before.Verified; verified != 3*round-s.again || st.Differed != 0 {
			t.Errorf("%s: %d hits verified, %d differed; want %d, 0", s.name, verified, st.Differed, 3*round-s.again)
		}
	}
	c.loop.Ask(c.loop.PushAll())
	st, _, _ := c.loop.Stats()
	first := ""
	for _, f := range c.state.DumpFlows() {
		if f.Table == 0 && f.Packets != st.Packets {
			t.Errorf("%d packets, of which the first table counts %d", st.Packets, f.Packets)
		}
		if strings.HasSuffix(f.Match, "tp_src=1026") {
			first = f.Match
			if f.Packets != st.Packets/round {
				t.Errorf("%s: %d packets, want %d", f.Match, f.Packets, st.Packets/round)
			}
		}
	}
	if first == "" {
		t.Error("a flow's rule is gone")
	}
}

// TestRenewalAllocatesNothing has all decisions of a loop renewed and counts.
func TestRenewalAllocatesNothing(t *testing.T) {
	const flows = 256
	c := newChanging(t, flows, 0)
	var snaps []pmd.Tables
	c.state.OnPublish(func(s *pipeline.Snapshot) { snaps = append(snaps, s) })
	for range 30 {
		c.mod(t)
	}
	before, _, _ := c.loop.Stats()
	// The loop has the last of them by now, and takes them again for older ones.
	n := testing.AllocsPerRun(len(snaps)-1, func() {
		c.pub.Store(snaps[0])
		snaps = snaps[1:]
		for n := 0; n < flows; n += 64 {
			c.loop.Iterate()
		}
	})
	st, _, _ := c.loop.Stats()
	if renewed, again := st.Renewed-before.Renewed, st.Revalidated-before.Revalidated; renewed != 30*flows || again != 0 {
		t.Errorf("%d decisions renewed, %d translated again; want %d, 0", renewed, again, 30*flows)
	}
	if n > 1 {
		t.Errorf("a change and its renewals allocate %v times; want 1, by Store", n)
	}
}
