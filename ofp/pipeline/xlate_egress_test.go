package pipeline

import (
	"errors"
	"testing"

	"pollux/ofp/ofperr"
)

// withEgress makes table id the first egress table.
func withEgress(t *testing.T, s *State, id uint8) {
	t.Helper()
	if err := s.SetPipeline(&PipelineMod{Command: PipelineModify, Tables: []PipelineTable{{Table: id, FirstEgress: true}}}); err != nil {
		t.Fatal(err)
	}
}

// TestEgressTables is what packets that leave through egress tables become. Table 10 is the
// first of them.
func TestEgressTables(t *testing.T) {
	const in = "in_port=1,dl_src=02:00:00:00:00:08,ip,nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_ttl=64"
	for _, c := range []struct{ name, flows, program, drop string }{
		{"a flow that does nothing sends", "actions=2\ntable=10 actions=drop", "2", ""},
		{"no flow drops", "actions=2", "drop", "table_miss"},
		{"clear_actions drops", "actions=2\ntable=10 actions=clear_actions", "drop", "no_output"},
		{"each way is its own", "ip actions=2,3\ntable=10,ip,actset_output=2 actions=mod_nw_dst:1.1.1.1\ntable=10,priority=1 actions=drop", "clone(set(ipv4(dst=1.1.1.1)),2),3", ""},
		{"one way drops", "actions=2,3\ntable=10,actset_output=2 actions=clear_actions\ntable=10,priority=1 actions=drop", "3", ""},
		{"metadata and registers come along", "actions=load:7->reg0[],write_actions(output:2),write_metadata:5\ntable=10,reg0=7,metadata=5 actions=drop", "2", ""},
		{"what was written is seen", "ip actions=mod_nw_dst:1.1.1.1,2\ntable=10,ip,nw_dst=1.1.1.1 actions=drop", "set(ipv4(dst=1.1.1.1)),2", ""},
		{"the way goes on", "actions=2\ntable=10 actions=goto_table:11\ntable=11 actions=write_actions(push_vlan:0x8100)", "push_vlan(vid=0,pcp=0),2", ""},
		{"the way ends", "actions=2\ntable=10 actions=goto_table:11", "drop", "table_miss"},
		{"a resubmit may find nothing", "actions=2\ntable=10 actions=resubmit(,11)", "2", ""},
		{"an exit ends no more than the tables", "actions=2\ntable=10 actions=exit,goto_table:11", "2", ""},
		{"and undoes nothing after", "actions=2,3\ntable=10 actions=exit", "2,3", ""},
		{"the action set", "actions=write_actions(output:2)\ntable=10,actset_output=2 actions=drop", "2", ""},
		{"back", "actions=in_port\ntable=10,actset_output=1 actions=drop", "1", ""},
		{"NORMAL and the others", "actions=NORMAL\ntable=10,actset_output=3 actions=drop", "3", ""},
		{"ALL", "actions=all\ntable=10,actset_output=3 actions=clear_actions\ntable=10,priority=1 actions=drop", "2,4", ""},
		{"a controller is no port", "actions=controller(max_len=9),2", "controller(reason=1,table=0,rule_cookie=0x0,controller_id=0,max_len=65535)", "controller"},
		{"a part", "actions=output(port=2,max_len=60),3\ntable=10 actions=drop", "trunc(60),2,3", ""},
		{"a part, and a copy of it", "actions=output(port=2,max_len=60)\ntable=10 actions=4", "trunc(60),4,trunc(60),2", ""},
		{"copies leave at once", "actions=2\ntable=10 actions=4,clear_actions", "4", ""},
		{"a copy to the same port", "actions=2\ntable=10 actions=output:2,mod_dl_dst:02:00:00:00:00:01", "2,set(eth(dst=02:00:00:00:00:01)),2", ""},
		{"the input port is not sent to", "actions=2\ntable=10 actions=output:1", "2", ""},
		{"dec_ttl that fails", "ip actions=mod_nw_ttl:1,2,3\ntable=10,ip,actset_output=2 actions=dec_ttl\ntable=10,priority=1 actions=drop", "set(ipv4(ttl=1)),3", ""},
		{"what was written before is nothing without an output", "ip actions=mod_nw_ttl:1,2\ntable=10 actions=clear_actions", "drop", "no_output"},
		{"nor before another way", "ip actions=2,mod_nw_ttl:1,3\ntable=10,actset_output=2 actions=drop", "2", ""},
		{"in the ingress tables it is of the set", "actions=write_actions(output:3),goto_table:1\ntable=1,actset_output=3 actions=2\ntable=10 actions=drop", "2,3", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := testState(t, c.flows)
			withEgress(t, s, 10)
			r, err := s.Snapshot().TraceText(in)
			if err != nil {
				t.Fatal(err)
			}
			if r.Actions != c.program || r.Drop != c.drop {
				t.Errorf("%s, drop %q; want %s, drop %q\n%s", r.Actions, r.Drop, c.program, c.drop, r)
			}
		})
	}
}

// TestActsetOutput is what the field says without egress tables.
func TestActsetOutput(t *testing.T) {
	for _, c := range []struct{ flows, program string }{
		{"actions=goto_table:1\ntable=1,actset_output=UNSET actions=2", "2"},
		{"actions=write_actions(output:3),goto_table:1\ntable=1,actset_output=3 actions=clear_actions,goto_table:2\ntable=2,actset_output=UNSET actions=2", "2"},
		{"actions=write_actions(output:3),goto_table:1\ntable=1 actions=write_actions(output:4),goto_table:2\ntable=2,actset_output=4 actions=2", "2,4"},
		{"actions=write_actions(output:3),goto_table:1\ntable=1 actions=move:OXM_OF_ACTSET_OUTPUT[0..15]->reg0[0..15],output:reg0[0..15],clear_actions", "3"},
		{"actions=clone(write_no)", ""},
	} {
		s, err := tryState(t, c.flows)
		if err != nil {
			if c.program != "" {
				t.Errorf("%s: %v", c.flows, err)
			}
			continue
		}
		r, err := s.Snapshot().TraceText("in_port=1,arp")
		if err != nil || r.Actions != c.program {
			t.Errorf("%s: %v %s, want %s", c.flows, err, r, c.program)
		}
	}
}

// TestStagesStayApart is what flows are refused for because tables are egress tables, and that
// tables do not become so where flows stand against it.
func TestStagesStayApart(t *testing.T) {
	for _, c := range []struct {
		flow string
		want ofperr.Error
	}{
		{"actions=goto_table:10", ofperr.InstructionBadTable},
		{"table=9 actions=goto_table:11", ofperr.InstructionBadTable},
		{"actions=resubmit(,10)", ofperr.ActionBadArgument},
		{"actions=clone(resubmit(,10))", ofperr.ActionBadArgument},
		{"table=10 actions=resubmit(,9)", ofperr.ActionBadArgument},
		{"table=10 actions=write_actions(output:2)", ofperr.ActionBadType},
		{"table=12 actions=write_actions(CONTROLLER)", ofperr.ActionBadType},
		{"table=12 actions=write_actions(group:1)", ofperr.ActionBadType},
		{"table=12 actions=write_actions(output:reg0[])", ofperr.ActionBadType},
		{"actions=goto_table:9", ofperr.NoError},
		{"table=10 actions=goto_table:11", ofperr.NoError},
		{"table=10 actions=2,group:1,resubmit(,11),resubmit:2,write_actions(pop_vlan)", ofperr.NoError},
		{"actions=learn(table=10,eth_src=eth_dst)", ofperr.NoError},
	} {
		f, err := ParseFlow(c.flow, nil)
		if err != nil {
			t.Fatal(err)
		}
		s := testState(t, "")
		if err := s.GroupMod(&GroupMod{Command: GroupAdd, Group: Group{ID: 1, Type: GroupAll}}, nil); err != nil {
			t.Fatal(err)
		}
		add := []FlowMod{{Command: FlowAdd, Flow: f}}
		if _, err := s.FlowMods(add, nil); err != nil {
			t.Fatalf("%s: %v", c.flow, err)
		}
		first := &PipelineMod{Command: PipelineModify, Tables: []PipelineTable{{Table: 10, FirstEgress: true}}}
		want := ofperr.TableFeaturesDenied
		if c.want == ofperr.NoError {
			want = c.want
		}
		if err := s.SetPipeline(first); !isError(err, want) {
			t.Errorf("%s, then egress tables: %v, want %v", c.flow, err, want)
		}
		if _, err := s.FlowMods([]FlowMod{{Command: FlowDelete, Flow: Flow{Table: AllTables}, OutPort: AnyPort, OutGroup: AnyGroup}}, nil); err != nil {
			t.Fatal(err)
		}
		if err := s.SetPipeline(first); err != nil {
			t.Fatal(err)
		}
		if _, err := s.FlowMods(add, nil); !isError(err, c.want) {
			t.Errorf("%s: %v, want %v", c.flow, err, c.want)
		}
		// What a modification would make of a flow is looked at in its own table.
		plain := f
		plain.Do = Instructions{}
		if _, err := s.FlowMods([]FlowMod{{Command: FlowAdd, Flow: plain}, {Command: FlowModify, Flow: f}}, nil); !isError(err, c.want) {
			t.Errorf("%s, as modification: %v, want %v", c.flow, err, c.want)
		}
	}
}

func isError(err error, want ofperr.Error) bool {
	if want == ofperr.NoError {
		return err == nil
	}
	return errors.Is(err, want)
}

// TestABucketStaysInItsStage is a group that both stages use, whose bucket looks in a table of
// one of them.
func TestABucketStaysInItsStage(t *testing.T) {
	s := testState(t, "table=1 actions=3\ntable=11 actions=4")
	withEgress(t, s, 10)
	bucket := Bucket{WatchPort: AnyPort, WatchGroup: AnyGroup, Actions: []Action{{Kind: ActResubmit, Table: 11, Paren: true}}}
	if err := s.GroupMod(&GroupMod{Command: GroupAdd, Group: Group{ID: 1, Type: GroupIndirect, Buckets: []Bucket{bucket}}}, nil); err != nil {
		t.Fatal(err)
	}
	flows := "actions=group:1,2\ntable=10 actions=group:1"
	list, err := ParseFlows(flows, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		if err := s.Add(f); err != nil {
			t.Fatal(err)
		}
	}
	r, err := s.Snapshot().TraceText("in_port=1,arp")
	if err != nil || r.Actions != "4,2" {
		t.Errorf("%v %s", err, r)
	}
}

// TestWhoDecidesBeforeEgress is whom samples at the input name: the flow of the ingress tables
// whose action set sent the packet, or the egress table's that dropped it.
func TestWhoDecidesBeforeEgress(t *testing.T) {
	for _, c := range []struct {
		flows  string
		cookie uint64
	}{
		{"cookie=1 actions=2,write_actions(output:3)\ntable=10,cookie=2 actions=drop", 2},
		{"cookie=1 actions=controller,write_actions(output:3)\ntable=10,cookie=2 actions=clear_actions", 1},
	} {
		s := testState(t, c.flows, func(cf *Config) {
			cf.Sampling.Bridge = &BridgeSampling{Input: true, Attribute: true}
		})
		withEgress(t, s, 10)
		r, err := s.Snapshot().TraceText("in_port=1,arp")
		if err != nil {
			t.Fatal(err)
		}
		if v := r.Program.Samples[0].Point.Verdict; !v.Known || v.Cookie != c.cookie {
			t.Errorf("%s: %+v, want cookie %d", c.flows, v, c.cookie)
		}
	}
	// The action set after outputs is the ingress flow's.
	s := testState(t, "cookie=1 actions=2,write_actions(controller)\ntable=10,cookie=2 actions=drop")
	withEgress(t, s, 10)
	r, err := s.Snapshot().TraceText("in_port=1,arp")
	if err != nil {
		t.Fatal(err)
	}
	if p := r.Program.Punts; len(p) != 1 || p[0].Cookie != 1 || p[0].Table != 0 {
		t.Errorf("told of %+v, want cookie 1, table 0", p)
	}
}
