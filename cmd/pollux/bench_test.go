package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os/exec"
	"strings"
	"testing"

	"pollux/bench"
	"pollux/bench/rfc2544"
	"pollux/internal/lab"
)

func TestParseRate(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want float64
		ok   bool
	}{
		{"0", 0, true}, {"1", 1, true}, {"200k", 200_000, true}, {"1.5m", 1_500_000, true},
		{"", 0, false}, {"k", 0, false}, {"-1", 0, false}, {"1g", 0, false}, {"nan", 0, false}, {"2000m", 0, false},
	} {
		got, err := parseRate(tc.in)
		if (err == nil) != tc.ok || err == nil && got != tc.want {
			t.Errorf("parseRate(%q) = %v, %v", tc.in, got, err)
		}
	}
}

func TestGenSpec(t *testing.T) {
	g := genFlags{protos: []string{"udp", "icmp"}, sizes: "60,1514", vlan: 7}
	g.flows.Flows = 5
	s, err := g.spec()
	if err != nil || s.Flows != 5 || len(s.Shapes) != 2 || s.Shapes[1].Proto != bench.ICMP || s.Shapes[0].VLAN != 7 || len(s.Shapes[0].Sizes) != 2 {
		t.Errorf("%+v, %v", s, err)
	}
	if g.sizes = "imix"; true {
		if s, err := g.spec(); err != nil || len(s.Shapes[0].Sizes) != len(bench.IMIX) {
			t.Errorf("%+v, %v", s, err)
		}
	}
	for _, g := range []genFlags{{protos: []string{"gre"}, sizes: "60"}, {protos: []string{"udp"}, sizes: "small"}} {
		if _, err := g.spec(); err == nil {
			t.Errorf("%v %q: accepted", g.protos, g.sizes)
		}
	}
}

// output runs the binary and decodes the JSON that it prints.
func output(t *testing.T, v any, exe string, args ...string) {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command(exe, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	if err := json.Unmarshal(out, v); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// TestBenchesRun sees to it that the benchmarks measure something; how much is for
// people to judge.
func TestBenchesRun(t *testing.T) {
	needRoot(t)
	exe := buildBinary(t)
	t.Run("memory", func(t *testing.T) {
		var report bench.MemoryReport
		output(t, &report, exe, "bench", "memory", "--flows", "1000", "--turns", "1", "--time", "50ms", "--json")
		res := report.Results
		if report.Kind != bench.KindMemory || len(res) != 6 {
			t.Fatalf("%d results: %+v", len(res), res)
		}
		for _, r := range res {
			if r.Mpps.Median <= 0 || r.NsPacket.Median <= 0 || r.ExactShare+r.MegaflowShare < 0.9 {
				t.Errorf("%+v", r)
			}
		}
	})
	t.Run("veth", func(t *testing.T) {
		var report bench.VethReport
		output(t, &report, exe, "bench", "veth", "--repeats", "1", "--time", "300ms", "--round-trips", "200", "--peers", "bridge", "--json")
		res := report.Result
		if report.Kind != bench.KindVeth || len(res.Runs) != 3 || len(res.Devices) != 3 {
			t.Fatalf("%+v", res)
		}
		for _, d := range res.Devices {
			if d.Mpps.Median <= 0 || d.Ratio <= 0 || d.First.Median <= 0 || d.P50.Median <= 0 {
				t.Errorf("%+v", d)
			}
		}
	})
	t.Run("rfc2544", func(t *testing.T) {
		var res []rfc2544.Result
		output(t, &res, exe, "bench", "rfc2544", "--sizes", "64", "--time", "50ms", "--resolution", "0.2", "--max-burst", "2048", "--voids", "0", "--confirm", "0", "--json")
		if len(res) != 1 || res[0].Overload <= 0 || len(res[0].Loss) < 2 || res[0].Burst == nil || res[0].Trials < 5 {
			t.Fatalf("%+v", res)
		}
		if l := res[0].Latency; l != nil {
			sum := 0.0
			for _, b := range l.Histogram {
				sum += b[1]
			}
			if int64(sum) != l.Count || l.Max < l.P50 {
				t.Errorf("%d frames, %.0f in the histogram, p50 %g, max %g", l.Count, sum, l.P50, l.Max)
			}
		}
	})
	t.Run("gen", func(t *testing.T) {
		l, err := lab.New("pxgen")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		})
		a, err := l.Namespace("a")
		if err != nil {
			t.Fatal(err)
		}
		b, err := l.Namespace("b")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Veth(lab.End{NS: a, Device: "e0"}, lab.End{NS: b, Device: "e1"}); err != nil {
			t.Fatal(err)
		}
		var r bench.Report
		output(t, &r, exe, "bench", "gen", "--netns", a.Name, "--dev", "e0", "--rx-netns", b.Name, "--rx-dev", "e1",
			"--flows", "10", "--rate", "5k", "--count", "1000", "--json")
		if r.Sent != 1000 || r.Received != 1000 || len(r.Flows) != 10 {
			t.Errorf("%+v", r)
		}
	})
}

func TestRFC2544Refuses(t *testing.T) {
	for _, args := range [][]string{
		{"--sizes", "63"}, {"--sizes", "64,jumbo"}, {"--tests", "jitter"}, {"--time", "1ms"}, {"--resolution", "0"}, {"--resolution", "1"},
		{"--confirm", "-1"}, {"--voids", "1001"}, {"--max-burst", "0"}, {"--max-rate", "fast"}, {"--gen-dev", "eth0"}, {"extra"},
	} {
		cmd := newBenchRFC2544Cmd()
		cmd.SetArgs(args)
		cmd.SetOut(io.Discard)
		cmd.SetErr(io.Discard)
		if err := cmd.Execute(); err == nil {
			t.Errorf("%q: accepted", args)
		}
	}
}

func TestVethDevices(t *testing.T) {
	d, err := vethDevices([]string{"bridge"}, []string{"small:burst: 64:tx_budget: 32", "plain::"})
	if err != nil || len(d) != 5 || d[2].Name() != "small" || d[4].Name() != "bridge" {
		t.Errorf("%v, %v", d, err)
	}
	for _, tc := range [][2][]string{
		{{"nosuch"}, nil}, {{"bridge", "installed"}, nil}, {nil, {"a"}}, {nil, {":burst: 1:"}}, {nil, {"pollux::"}}, {nil, {"a::", "a::"}},
	} {
		if _, err := vethDevices(tc[0], tc[1]); err == nil {
			t.Errorf("%q: accepted", tc)
		}
	}
}

// TestMemoryTable: what records cost has its heading where it was measured, and not else.
func TestMemoryTable(t *testing.T) {
	for _, records := range []bool{false, true} {
		res := make([]bench.MemoryResult, 1)
		if records {
			res[0].Record = &bench.RecordCost{}
		}
		var b bytes.Buffer
		memoryTable(&b, bench.MemorySpec{Turns: 1}, res)
		if strings.Contains(b.String(), "ns/record") != records {
			t.Errorf("records measured %v:\n%s", records, &b)
		}
	}
}
