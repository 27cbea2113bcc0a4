package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pollux/bench"
)

// TestBenchRun goes the whole way in small: measure, compare, report.
func TestBenchRun(t *testing.T) {
	exe, dir := buildBinary(t), t.TempDir()
	file, page := filepath.Join(dir, "a.json"), filepath.Join(dir, "a.html")
	own := filepath.Join(dir, "own.yaml")
	if err := os.WriteFile(own, []byte("title: own\nrun: {repeats: 2, time: 5ms}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(exe, "bench", "run", own, "flow-1", "--time", "5ms", "--json", "--out", file).Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var names []string
	for line := range strings.Lines(string(out)) {
		var res bench.RunResult
		if err := json.Unmarshal([]byte(line), &res); err != nil {
			t.Fatal(err)
		}
		names = append(names, res.Name)
	}
	if strings.Join(names, " ") != "own flow-1" {
		t.Errorf("ran %v", names)
	}
	out, err = exec.Command(exe, "bench", "compare", file, file).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "beyond noise: 0 better, 0 worse") {
		t.Errorf("compare: %v\n%s", err, out)
	}
	out, err = exec.Command(exe, "bench", "report", file, "--html", page).CombinedOutput()
	if text, _ := os.ReadFile(page); err != nil || !strings.Contains(string(text), "</html>") {
		t.Errorf("report: %v\n%s", err, out)
	}
}

// TestBenchRunRefuses: what is wrong with any scenario is told before one is measured.
func TestBenchRunRefuses(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(bad, []byte("titel: x\ntraffic: {flows: 0}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, said strings.Builder
	if status := run([]string{"bench", "run", bad, "no-such"}, &out, &said); status == exitOK {
		t.Errorf("status %d", status)
	}
	for _, want := range []string{bad + ":1:1: unknown key \"titel\"", bad + ":2:18: traffic.flows: 0", `no scenario "no-such"`} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("no %q in\n%s", want, said.String())
		}
	}
	out.Reset()
	if status := run([]string{"bench", "list"}, &out, &said); status != exitOK || !strings.Contains(out.String(), "pipeline-100k") {
		t.Errorf("list: status %d\n%s", status, out.String())
	}
}
