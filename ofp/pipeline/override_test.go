package pipeline

import (
	"strings"
	"testing"

	"pollux/flow"
)

// TestOverride: while it lasts all packets are treated by it alone; no flow mod, statistics or
// change of the configuration touches or tells of it, and it ends without a trace.
func TestOverride(t *testing.T) {
	m := newModRig(t, "priority=65535,actions=drop")
	normal := Instructions{Apply: []Action{{Kind: ActOutput, Port: flow.PortNormal}}}
	check := func(when string, overridden bool, flows uint32) {
		t.Helper()
		dump := m.DumpFlows()
		shown := len(dump) > 0 && dump[0].Hidden && strings.Contains(dump[0].String(), "priority=15790320 actions=NORMAL")
		if shown != overridden {
			t.Errorf("%s: %v", when, dump)
		}
		if sum, err := m.Aggregate(&everything); err != nil || sum.Flows != flows {
			t.Errorf("%s: %d flows, %v, want %d", when, sum.Flows, err, flows)
		}
		list, err := m.FlowStats(&everything)
		if err != nil {
			t.Fatal(err)
		}
		n := uint32(0)
		for range list {
			n++
		}
		rules, err := m.Snapshot().RulesSince(&everything, 0)
		if err != nil {
			t.Fatal(err)
		}
		for range rules {
			n--
		}
		if n != 0 {
			t.Errorf("%s: statistics and monitors differ by %d flows", when, int32(n))
		}
		trace, err := m.Snapshot().TraceText("in_port=1")
		if err != nil {
			t.Fatal(err)
		}
		if text := trace.String(); strings.Contains(text, "NORMAL") != overridden {
			t.Errorf("%s: a packet is treated so:\n%s", when, text)
		}
	}
	check("before", false, 1)
	for range 2 { // a second time it takes the place of the first
		if err := m.Override(&normal); err != nil {
			t.Fatal(err)
		}
	}
	check("over a flow of the highest priority", true, 1)
	m.do(mod(t, FlowAdd, "priority=65535 actions=2"), mod(t, FlowModify, "actions=3"), mod(t, FlowDelete, ""), mod(t, FlowDeleteStrict, "priority=65535"))
	check("after the end of all flows", true, 0)
	var many []FlowMod
	for i := range fewRules + 1 {
		many = append(many, mod(t, FlowAdd, "actions=1"))
		many[i].Flow.Priority = uint16(i)
	}
	m.do(many...)
	m.do(mod(t, FlowDelete, "", inTable(AllTables)))
	check("after the end of many", true, 0)
	if err := m.Replace([]Flow{{Priority: 7}}); err != nil {
		t.Fatal(err)
	}
	check("after a change of all flows", true, 1)
	if err := m.Apply(Change{Flows: []Flow{}}); err != nil {
		t.Fatal(err)
	}
	check("after a reload", true, 0)
	if err := m.Override(nil); err != nil {
		t.Fatal(err)
	}
	check("at its end", false, 0)
	if err := m.Override(nil); err != nil {
		t.Fatal(err)
	}
	for _, line := range m.log {
		if strings.Contains(line, "NORMAL") {
			t.Errorf("told: %s", line)
		}
	}
	if bad := (Instructions{Apply: []Action{{Kind: ActGroup, Group: 99}}}); m.Override(&bad) == nil {
		t.Error("what leads to no group is taken")
	}
}
