package configs

import (
	"fmt"
	"testing"
)

func loopsOf(t *testing.T, datapath, ports string) string {
	t.Helper()
	c, err := Parse([]byte("datapath: {"+datapath+"}\nports:\n"+ports), "x.yaml", Options{CPUs: cores(8)})
	if err != nil {
		t.Fatal(err)
	}
	s := ""
	for i := range c.Ports {
		s += fmt.Sprintf("%v%v", c.Ports[i].Loops, c.Ports[i].Pinned)
	}
	return s
}

// TestQueuesGetLoops: pinned queues go where the file says, the others in turn to loops
// that have none, or to all if each has one.
func TestQueuesGetLoops(t *testing.T) {
	const three = "loops: [{core: 3}, {core: 4}, {core: 5}]"
	const many = "- {name: b, type: memory, queues: 4}\n"
	for _, c := range []struct{ datapath, ports, want string }{
		{three, "- {name: a, type: memory}\n" + many, "[0][false][1 2 0 1][false false false false]"},
		{three, "- {name: a, type: memory, loops: [1]}\n" + many, "[1][true][0 2 0 2][false false false false]"},
		{three, "- {name: a, type: memory, queues: 2, pmd_rxq_affinity: \"1:5\"}\n" + many, "[0 2][false true][1 0 1 0][false false false false]"},
		{three + ", pmd_rxq_isolate: false", "- {name: a, type: memory, loops: [1]}\n" + many, "[1][true][0 1 2 0][false false false false]"},
		{three, "- {name: a, type: memory, queues: 3, pmd_rxq_affinity: \"0:3, 1:4,2:5\"}\n" + many, "[0 1 2][true true true][0 1 2 0][false false false false]"},
	} {
		if got := loopsOf(t, c.datapath, c.ports); got != c.want {
			t.Errorf("%s\n%sgot %s, want %s", c.datapath, c.ports, got, c.want)
		}
	}
}

// TestQueuesStay: a port that comes first moves no queue of another, unless it pins one.
func TestQueuesStay(t *testing.T) {
	const head = "datapath: {loops: [{core: 0}, {core: 1}]}\nports:\n"
	const a, b = "- {name: a, type: memory}\n", "- {name: b, type: memory, queues: 2, ofport: 9}\n"
	parse := func(ports string) *Config {
		c, err := Parse([]byte(head+ports), "x.yaml", Options{CPUs: cores(2)})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if d := Diff(parse(b), parse(a+b)); len(d) != 1 || d[0].Path != "ports[a]" {
		t.Errorf("a new port changed %v", d)
	}
	pinned := "- {name: b, type: memory, queues: 2, ofport: 9, loops: [1, 0]}\n"
	if d := Diff(parse(b), parse(pinned)); len(d) != 1 || d[0].Path != "ports[b].loops" {
		t.Errorf("pinning queues changed %v", d)
	}
}
