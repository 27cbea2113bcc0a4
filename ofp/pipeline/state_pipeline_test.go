package pipeline

import (
	"reflect"
	"strings"
	"testing"

	"pollux/ofp/ofperr"
)

// allTables names every table but those in without.
func allTables(without ...uint8) (list []PipelineTable) {
	var not tableSet
	for _, id := range without {
		not.add(id)
	}
	for id := range tablesOf(AllTables) {
		if !not.has(id) {
			list = append(list, PipelineTable{Table: id})
		}
	}
	return list
}

// TestSetPipeline is what requests for tables do, one after the other, and what they are
// refused for: then nothing is changed, which every step looks at.
func TestSetPipeline(t *testing.T) {
	s := testState(t, "table=7,cookie=7 actions=drop")
	add := func(text string) error {
		f, err := ParseFlow(text, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.FlowMods([]FlowMod{{Command: FlowAdd, Flow: f}}, nil)
		return err
	}
	for _, f := range []string{"table=3,tcp actions=2", "table=3,udp,send_flow_rem actions=2", "table=4 actions=goto_table:9"} {
		if err := add(f); err != nil {
			t.Fatal(err)
		}
	}
	removed := 0
	s.OnFlowRemoved(func(FlowRemoved) { removed++ })
	type seen struct {
		Tables        int
		Name          string // of table 3
		Max           int
		Flows         int
		First, Egress string
	}
	look := func() (v seen) {
		all, err := s.TableConfigs(AllTables)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range all {
			v.Flows += c.Flows
			if c.Table == 3 {
				v.Name, v.Max = c.Name, c.MaxFlows
			}
			if c.FirstEgress {
				v.First += string(rune('0' + c.Table))
			}
			if c.Egress && c.Table < 10 {
				v.Egress += string(rune('0' + c.Table))
			}
		}
		v.Tables = len(all)
		if n := len(s.TableStats()); n != v.Tables {
			t.Errorf("%d tables have statistics, %d a configuration", n, v.Tables)
		}
		return v
	}
	type step struct {
		name   string
		mod    PipelineMod
		err    ofperr.Error
		expect func(*seen)
	}
	now := look()
	for _, c := range []step{
		{"a name and a bound", PipelineMod{PipelineModify, []PipelineTable{{Table: 3, Name: "acl", MaxFlows: 2}}}, 0, func(v *seen) { v.Name, v.Max = "acl", 2 }},
		{"a bound that is too small", PipelineMod{PipelineModify, []PipelineTable{{Table: 2, Name: "x"}, {Table: 3, Name: "no", MaxFlows: 1}}}, ofperr.TableFeaturesDenied, nil},
		{"a bound that is too large", PipelineMod{PipelineModify, []PipelineTable{{Table: 3, MaxFlows: DefaultMaxFlows + 1}}}, ofperr.TableFeaturesBadMaxEntries, nil},
		{"a name that is too long", PipelineMod{PipelineModify, []PipelineTable{{Table: 3, Name: strings.Repeat("n", 32)}}}, ofperr.TableFeaturesDenied, nil},
		{"no table", PipelineMod{PipelineModify, []PipelineTable{{Table: 3, Name: "no"}, {Table: 254}}}, ofperr.TableFeaturesBadTable, nil},
		{"a table twice", PipelineMod{PipelineModify, []PipelineTable{{Table: 3, Name: "no"}, {Table: 3, Name: "no"}}}, ofperr.TableFeaturesBadTable, nil},
		{"no command", PipelineMod{PipelineDisable + 1, []PipelineTable{{Table: 3}}}, ofperr.TableFeaturesBadCommand, nil},
		{"egress tables", PipelineMod{PipelineModify, []PipelineTable{{Table: 8, FirstEgress: true}}}, ofperr.TableFeaturesDenied, nil}, // of 4 goto_table:9
		{"egress tables, where they can be", PipelineMod{PipelineModify, []PipelineTable{{Table: 4, FirstEgress: true}}}, 0, func(v *seen) { v.First, v.Egress = "4", "456789" }},
		{"two first egress tables", PipelineMod{PipelineModify, []PipelineTable{{Table: 3, FirstEgress: true}, {Table: 4, FirstEgress: true}}}, ofperr.TableFeaturesBadFeatures, nil},
		{"table 0 as egress table", PipelineMod{PipelineModify, []PipelineTable{{Table: 0, FirstEgress: true}}}, ofperr.TableFeaturesBadFeatures, nil},
		{"others stay", PipelineMod{PipelineModify, []PipelineTable{{Table: 5}}}, 0, func(*seen) {}},
		{"another first egress table", PipelineMod{PipelineModify, []PipelineTable{{Table: 3, Name: "acl", FirstEgress: true}}}, 0, func(v *seen) { v.First, v.Egress, v.Max = "3", "3456789", DefaultMaxFlows }},
		{"the first egress table cannot go", PipelineMod{PipelineDisable, []PipelineTable{{Table: 3}}}, ofperr.TableFeaturesBadFeatures, nil},
		{"no egress tables", PipelineMod{PipelineModify, []PipelineTable{{Table: 3}}}, 0, func(v *seen) { v.First, v.Egress, v.Name = "", "", "" }},
		{"a table that a flow goes to", PipelineMod{PipelineDisable, []PipelineTable{{Table: 9}}}, ofperr.TableFeaturesDenied, nil},
		{"a table of the configuration", PipelineMod{PipelineDisable, []PipelineTable{{Table: 3}, {Table: 7}}}, ofperr.TableFeaturesDenied, nil},
		{"table 0", PipelineMod{PipelineDisable, []PipelineTable{{Table: 0}}}, ofperr.TableFeaturesBadTable, nil},
		{"a table with flows", PipelineMod{PipelineDisable, []PipelineTable{{Table: 3}, {Table: 5}}}, 0, func(v *seen) { v.Tables, v.Flows, v.Max = 252, 2, 0 }},
		{"which cannot be set", PipelineMod{PipelineModify, []PipelineTable{{Table: 3}}}, ofperr.TableFeaturesBadTable, nil},
		{"and comes back", PipelineMod{PipelineEnable, []PipelineTable{{Table: 3}}}, 0, func(v *seen) { v.Tables, v.Max = 253, DefaultMaxFlows }},
		{"all but two", PipelineMod{PipelineReplace, allTables(5, 6)}, 0, func(v *seen) { v.Tables = 252 }},
		{"all but one of the configuration", PipelineMod{PipelineReplace, allTables(7)}, ofperr.TableFeaturesDenied, nil},
		{"all", PipelineMod{PipelineReplace, allTables()}, 0, func(v *seen) { v.Tables = 254 }},
		{"none", PipelineMod{PipelineReplace, nil}, ofperr.TableFeaturesBadTable, nil},
	} {
		if err := s.SetPipeline(&c.mod); !isError(err, c.err) {
			t.Fatalf("%s: %v, want %v", c.name, err, c.err)
		}
		if c.expect != nil {
			c.expect(&now)
		}
		if got := look(); !reflect.DeepEqual(got, now) {
			t.Fatalf("%s: %+v, want %+v", c.name, got, now)
		}
		if c.name == "a table with flows" {
			for flow, want := range map[string]ofperr.Error{
				"table=3 actions=drop": ofperr.FlowModBadTable, "table=1 actions=goto_table:5": ofperr.InstructionBadTable,
			} {
				if err := add(flow); !isError(err, want) {
					t.Errorf("%s: %v, want %v", flow, err, want)
				}
			}
			if _, err := s.TableConfigs(3); !isError(err, ofperr.BadTable) {
				t.Errorf("configuration of a disabled table: %v", err)
			}
		}
	}
	s.TellRemoved()
	if removed != 0 {
		t.Errorf("%d flows of disabled tables told of as removed", removed)
	}
}
