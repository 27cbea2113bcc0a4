package configs

import (
	"os"
	"strings"
	"testing"
)

// TestDeployments: each deployment of this folder loads on a machine of four
// cores.
func TestDeployments(t *testing.T) {
	for _, name := range deployments(t) {
		c, err := Load(name, Options{CPUs: cores(4), ParseFlows: fussyFlows})
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if len(c.Ports) == 0 || len(c.Flows) == 0 {
			t.Errorf("%s: %d ports, %d flows", name, len(c.Ports), len(c.Flows))
		}
	}
	if _, err := Load("nfv-box.yaml", Options{CPUs: cores(2)}); err == nil || !strings.Contains(err.Error(), "there is no core 3") {
		t.Errorf("on two cores: %v", err)
	}
}

// TestDeploymentsAreExplained: each key that a deployment sets has a comment, on a
// line where it stands or on the line before.
func TestDeploymentsAreExplained(t *testing.T) {
	keys := map[string]bool{}
	for _, v := range []string{"bridge", "datapath", "ports", "ipfix", "control", "log", "memory", "vlan", "loops"} {
		keys[v] = false // blocks speak through their keys
	}
	for _, name := range deployments(t) {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		d := &decoder{file: name, places: map[string]place{}, bad: map[string]bool{}, lines: splitLines(string(src))}
		if _, err := Parse(src, name, Options{CPUs: cores(4)}); err != nil {
			t.Fatal(err)
		}
		explained := map[string]bool{}
		for i, line := range d.lines {
			code, _, comment := strings.Cut(line, "#")
			comment = comment || i > 0 && strings.HasPrefix(strings.TrimSpace(d.lines[i-1]), "#")
			for part := range strings.FieldsFuncSeq(code, func(r rune) bool { return strings.ContainsRune("{}, -", r) }) {
				key, isKey := strings.CutSuffix(part, ":")
				if _, block := keys[key]; isKey && !block {
					explained[key] = explained[key] || comment
				}
			}
		}
		if len(explained) < 5 {
			t.Errorf("%s: only %d keys found", name, len(explained))
		}
		for key, ok := range explained {
			// The exporter's heading says what it is; sets name themselves.
			if !ok && key != "bridge" {
				t.Errorf("%s: %s has no comment", name, key)
			}
		}
	}
}
