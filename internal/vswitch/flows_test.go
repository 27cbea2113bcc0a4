package vswitch

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pollux/configs"
)

// TestFlowErrorsSayWhere: errors of flows stand where the flow does, and name another
// flow by its place; what follows from other errors is not said.
func TestFlowErrorsSayWhere(t *testing.T) {
	const ports = "ports:\n- {name: p1, type: memory}\n- {name: p2, type: memory}\n"
	const sample = "sample(probability=1,collector_set_id=9,obs_domain_id=0,obs_point_id=0)"
	for _, tc := range []struct{ name, src, more, want string }{
		{"twice in the file", ports + "flows: |\n  in_port=1,actions=2\n\n  # the same\n  in_port=p1 actions=drop # here\n", "",
			"x.yaml:8:3: flow: an earlier flow has the same table, priority and match; keep one of them (the first stands at x.yaml:5)"},
		{"twice in a list", ports + "flows:\n- actions=1\n- actions=2\n- actions=1", "",
			"x.yaml:6:3: flow: an earlier flow has the same table, priority and match; keep one of them (the first stands at x.yaml:5)\n" +
				"x.yaml:7:3: flow: an earlier flow has the same table, priority and match; keep one of them (the first stands at x.yaml:5)"},
		{"in both files", "flows_file: f\n" + ports + "flows: [in_port=1 actions=2]\n", "# more\n\n   in_port=1,actions=drop\n",
			"f:3:4: flow: an earlier flow has the same table, priority and match; keep one of them (the first stands at x.yaml:5)"},
		{"twice in the other file", "flows_file: f\n" + ports + "flows: [in_port=2 actions=1]\n", "\nin_port=1 actions=2\nin_port=1 actions=drop",
			"f:3:1: flow: an earlier flow has the same table, priority and match; keep one of them (the first stands at f:2)"},
		{"no exporter", "flows_file: f\n" + ports + "flows: |\n  in_port=1,actions=2\n\n    in_port=2," + "actions=" + sample + "\n", "\nactions=" + sample + ",1\n",
			"x.yaml:8:5: flow: collector set 9 has no exporter\nf:2:1: flow: collector set 9 has no exporter"},
		{"an exporter that is wrong", ports + "flows: [\"actions=" + sample + "\"]\nipfix: {sets: [{id: 9, targets: [x]}, {id: 10}]}", "",
			`x.yaml:5:34: ipfix.sets[0].targets[0]: "x" is not host:port as in "127.0.0.1:4739" or "[2001:db8::1]:4739", alone or behind udp:, tcp:, tls: or dtls:, nor file:PATH` + "\n" +
				`x.yaml:5:39: ipfix.sets[1].targets: the exporter has no collector to send to; add one as in targets: ["127.0.0.1:4739"], or remove the block`},
		{"a key of an exporter that is wrong", ports + "flows: [\"actions=" + sample + "\"]\nipfix: {set: [{id: 9, targets: [x]}]}", "",
			`x.yaml:5:9: unknown key "set" in ipfix; did you mean "sets"?`},
		{"no exporter, and another error", ports + "flows: [\"actions=" + sample + "\"]\nlog: {level: loud}", "",
			"x.yaml:4:10: flow: collector set 9 has no exporter\n" + `x.yaml:5:14: log.level: "loud" is not one of debug, info, warn, error`},
		{"text, a group, a meter and an exporter", "flows_file: f\n" + ports + "flows: |\n  in_port=1,actions=group:3\n  in_port=2,actions=meter:3,normal\n  udp,actions=" + sample + "\n  actoins=drop\n", "in_port=1 actions=3\ntcp,in_port=1 actions=group:4\ntpc actions=drop",
			"x.yaml:6:3: flow: group 3 does not exist\nx.yaml:7:3: flow: meter 3 does not exist\nx.yaml:8:3: flow: collector set 9 has no exporter\n" +
				`x.yaml:9:3: flow: "actoins": unknown field; did you mean actions?` + "\n" +
				"f:1:1: flow: an earlier flow has the same table, priority and match; keep one of them (the first stands at x.yaml:6)\n" +
				"f:2:1: flow: group 4 does not exist\n" + `f:3:1: flow: "tpc": unknown field; did you mean tcp?`},
		{"an exporter that is wrong, and a group", ports + "flows: [\"actions=" + sample + "\", \"tcp,actions=group:3\"]\nipfix: {set: [{id: 9, targets: [x]}]}", "",
			"x.yaml:4:93: flow: group 3 does not exist\n" + `x.yaml:5:9: unknown key "set" in ipfix; did you mean "sets"?`},
		{"a number that is wrong", "ports: [{name: p1, type: memory, ofport: 70000}]\nflows: [in_port=p1 actions=NORMAL]", "",
			`x.yaml:1:42: ports[0].ofport: "70000" is not a port number from 1 to 65279, nor LOCAL`},
		{"numbers given twice", "ports: [{name: p1, type: memory, ofport: 7}, {name: p2, type: memory, ofport: 7}]", "",
			"x.yaml:1:79: ports[1].ofport: 7 is already the number of the port in line 1; leave the key out to have a free one"},
		{"names given twice, and a flow", "ports: [{name: p1, type: memory}, {name: p1, type: memory}]\nflows: [actions=bogus]", "",
			`x.yaml:1:42: ports[1].name: "p1" is already the port of line 1; names are unique` + "\n" +
				`x.yaml:2:17: flow: "bogus": neither an action nor a port`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			opt := LoadOptions()
			opt.CPUs = func() []int { return []int{0} }
			opt.ReadFile = func(name string) ([]byte, error) {
				if name != "f" {
					return nil, os.ErrNotExist
				}
				return []byte(tc.more), nil
			}
			_, err := configs.Parse([]byte(tc.src), "x.yaml", opt)
			var es configs.Errors
			if !errors.As(err, &es) {
				t.Fatalf("got %v", err)
			}
			var got []string
			for _, e := range es {
				got = append(got, e.Error())
			}
			if s := strings.Join(got, "\n"); s != tc.want {
				t.Errorf("got\n%s\nwant\n%s", s, tc.want)
			}
		})
	}
}

// TestShippedFlowsAreRight: what is brought along has nothing wrong with it.
func TestShippedFlowsAreRight(t *testing.T) {
	names, err := filepath.Glob("../../configs/*.yaml")
	if err != nil || len(names) < 4 {
		t.Fatalf("%v, %v", names, err)
	}
	for _, name := range names {
		opt := LoadOptions()
		opt.CPUs = func() []int { return []int{0, 1, 2, 3, 4, 5, 6, 7} }
		if _, err := configs.Load(name, opt); err != nil {
			t.Errorf("%v", err)
		}
	}
}
