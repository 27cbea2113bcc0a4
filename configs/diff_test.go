package configs

import (
	"strings"
	"testing"
)

func TestDiff(t *testing.T) {
	load := func(s string) *Config {
		t.Helper()
		c, err := Parse([]byte(s), "x.yaml", Options{CPUs: cores(4)})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	a := load(`
ports:
- {name: a, type: afxdp}
- {name: b, type: memory, ofport: 7, qos: {queues: [{id: 1, max_rate: 10M}]}}
- {name: t, type: tap, address: [10.0.0.1/24]}
flows: [one, two, two]
ipfix: {sets: [{id: 3, targets: ["h:1"]}]}
`)
	b := load(`
bridge: {mac_ageing: 60, name: x}
datapath: {loops: [{core: 1}]}
ports:
- {name: b, type: memory, ofport: 7, memory: {flows: 3}, qos: {queues: [{id: 1, max_rate: 20M, burst: 1500000}]}}
- {name: a, type: afxdp, queues: 2, ofport: 1, vlan: {tag: 10}}
- {name: t, type: tap, ofport: 2, address: [10.0.0.2/24]}
- {name: n, type: memory}
flows: [two, three]
ipfix: {sets: [{id: 3, targets: ["h:1", "h:2"]}, {id: 4, targets: ["h:1"]}]}
`)
	var got []string
	for _, c := range Diff(a, b) {
		s := c.String()
		if i := strings.Index(s, "{"); i > 0 && strings.Contains(s, "added") {
			s = s[:i] + "…"
		}
		got = append(got, s)
	}
	want := []string{
		`bridge.name: "br0" → "x"`,
		`bridge.mac_ageing: "5m" → "1m"`,
		`datapath.loops: [{"core":3}] → [{"core":1}]`,
		`ports[a].queues: 1 → 2`,
		`ports[a].loops: [0] → [0,0]`,
		`ports[a].vlan.mode: "trunk" → "access"`,
		`ports[a].vlan.tag: 0 → 10`,
		`ports[b].qos.queues: [{"id":1,"max_rate":"10M"}] → [{"id":1,"max_rate":"20M","burst":"1500k"}]`,
		`ports[b].memory.flows: 1000 → 3`,
		`ports[t].address: ["10.0.0.1/24"] → ["10.0.0.2/24"]`,
		`ports[n]: added …`,
		`flows: removed one`,
		`flows: removed two`,
		`flows: added three`,
		`ipfix.sets[3].targets: ["h:1"] → ["h:1","h:2"]`,
		`ipfix.sets[4]: added …`,
	}
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("got\n%s\nwant\n%s", g, w)
	}
	if d := Diff(a, a); len(d) != 0 {
		t.Errorf("differs from itself: %v", d)
	}
}
