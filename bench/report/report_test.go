package report

import (
	"encoding/xml"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"pollux/bench"
)

func read(t *testing.T, names ...string) *Set {
	t.Helper()
	s, err := Read(names...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// everything is a set with a result of each kind.
func everything(t *testing.T) *Set {
	s := read(t, "testdata/a.json")
	spread := func(v float64) bench.Spread { return bench.NewSpread([]float64{v, v * 1.1, v * .9, v, v}) }
	s.Memory = &bench.MemoryReport{Kind: bench.KindMemory}
	for _, mix := range bench.MemoryMixes() {
		for _, n := range bench.Samplings {
			s.Memory.Results = append(s.Memory.Results, bench.MemoryResult{
				MemoryScenario: bench.MemoryScenario{Flows: mix.Flows, Masks: mix.Masks, Sampling: n}, Mpps: spread(30), NsPacket: spread(33), Cost: spread(40),
			})
		}
	}
	s.Veth = &bench.VethReport{Kind: bench.KindVeth, Result: &bench.VethResult{Size: 60, Devices: []bench.VethDevice{{Name: "pollux", Mpps: spread(1.5), Own: spread(1.5), Ratio: .94, P50: spread(27), P99: spread(70)}, {Name: "forwarder", Mpps: spread(1.6), Own: spread(1.6), Ratio: 1, P50: spread(26), P99: spread(69)}}}}
	st := &bench.StallsResult{Kind: bench.KindStalls, Title: "a & <b>", Seconds: 60, LongNs: 1e6}
	st.Iterations.Buckets = []bench.IterationCount{{From: 100, To: 110, Count: 1 << 20}, {From: 5e6, To: 5.1e6, Count: 1}}
	st.Causes = []bench.Cause{{Cause: bench.CauseOthers, Count: 1, Longest: 5e6}}
	st.Allocs = []bench.AllocSite{{Site: "a < b", Objects: 1, Bytes: 8}}
	s.Stalls = append(s.Stalls, st)
	s.Storm = &bench.StormResult{Kind: bench.KindStorm, Spec: bench.StormNumbers{Flows: 10_000, Batch: 100}, Seconds: 30, FlowMods: 600_000, Calm: bench.StormRate{Mpps: 20, OwnMpps: 25}, Stormy: bench.StormRate{Mpps: 10, OwnMpps: 20}}
	return s
}

// TestPageStandsAlone: it names no other place, runs nothing, and is well formed.
func TestPageStandsAlone(t *testing.T) {
	page := HTML(everything(t))
	if m := regexp.MustCompile(`(?i)https?:|src=|href=|@import|url\(|<script|<link|<iframe|onload`).FindString(page); m != "" {
		t.Errorf("the page has %q", m)
	}
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict, d.Entity = true, xml.HTMLEntity
	open := 0
	for {
		tok, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch tok.(type) {
		case xml.StartElement:
			open++
		case xml.EndElement:
			open--
		}
	}
	if open != 0 {
		t.Errorf("%d elements are not closed", open)
	}
	for _, want := range []string{"Throughput by flows and masks", "What IPFIX costs", "What switches deliver on wires", "Round trips on wires", "Where the time goes", "Time of iterations", "prefers-color-scheme", "a &amp; &lt;b&gt;", "pipeline-100k", "Storm of flow-mods", "20.00, 10.00: 0.50 of it"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	if n := strings.Count(page, "<svg"); n != 7 {
		t.Errorf("%d plots", n)
	}
	if strings.Contains(page, "NaN") || strings.Contains(page, "Inf") {
		t.Error("a figure is no number")
	}
}

// TestMarkdown: each table has as many cells in every row.
func TestMarkdown(t *testing.T) {
	text := Markdown(everything(t))
	cells, tables := 0, 0
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "|") {
			cells = 0
			continue
		}
		n := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|")
		if cells == 0 {
			cells, tables = n, tables+1
		}
		if n != cells {
			t.Errorf("%d cells, want %d: %s", n, cells, line)
		}
	}
	if tables != 8 {
		t.Errorf("%d tables", tables)
	}
}

func TestCompare(t *testing.T) {
	a, b := read(t, "testdata/a.json"), read(t, "testdata/b.json")
	list, err := Compare(a, b)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]Verdict{}
	for _, d := range list {
		if d.Figure == "ns/packet" {
			got[d.Name] = d.Verdict
		}
	}
	want := map[string]Verdict{"flow-1": Worse, "flows-1m": Better, "pipeline-100k": Noise, "every-packet-new": Noise}
	for name, v := range want {
		if got[name] != v {
			t.Errorf("%s: %q, want %q", name, got[name], v)
		}
	}
	if list, _ = Compare(a, a); true {
		if better, worse := Tally(list); better+worse != 0 {
			t.Errorf("a set differs from itself: %d better, %d worse", better, worse)
		}
	}
	if _, err := Compare(a, &Set{}); err == nil {
		t.Error("nothing in common, and no error")
	}
	var out strings.Builder
	if err := WriteTable(&out, list); err != nil || !strings.HasSuffix(out.String(), "beyond noise: 0 better, 0 worse of "+strconv.Itoa(len(list))+"\n") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// TestCompareOnce: stalls and storms are measured once in a run: told, and not judged; storms
// that were asked to be others are not compared.
func TestCompareOnce(t *testing.T) {
	a := &Set{
		Stalls: []*bench.StallsResult{{Title: "x", Iterations: bench.Iterations{P99: 10, P999: 20, Max: 30}}, {Title: "other"}},
		Storm:  &bench.StormResult{Spec: bench.StormNumbers{Flows: 5}, BarrierNs: [3]int64{1, 2, 3}, Calm: bench.StormRate{OwnMpps: 10}, Stormy: bench.StormRate{OwnMpps: 9}},
	}
	b := &Set{
		Stalls: []*bench.StallsResult{{Title: "x", Iterations: bench.Iterations{P99: 20, P999: 20, Max: 60}}},
		Storm:  &bench.StormResult{Spec: bench.StormNumbers{Flows: 5}, BarrierNs: [3]int64{2, 2, 3}, Calm: bench.StormRate{OwnMpps: 10}, Stormy: bench.StormRate{OwnMpps: 5}},
	}
	list, err := Compare(a, b)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, d := range list {
		if got[d.Figure] = d.Percent; d.Verdict != Noise {
			t.Errorf("%s is judged: %s", d.Figure, d.Verdict)
		}
	}
	want := map[string]float64{"p99 ns": 100, "p99.9 ns": 0, "longest ns": 100, "Mpps": -44.4, "% of calm": -44.4, "barrier p50 ns": 100, "barrier p99 ns": 0}
	for figure, percent := range want {
		if v, ok := got[figure]; !ok || math.Abs(v-percent) > 0.1 {
			t.Errorf("%s: %+.1f %%, want %+.1f", figure, v, percent)
		}
	}
	if len(got) != len(want) {
		t.Error(got)
	}
	a.Stalls, b.Storm.Spec.Flows = nil, 6
	if list, err := Compare(a, b); err == nil {
		t.Errorf("storms that are not the same were compared: %v", list)
	}
}

func TestDifference(t *testing.T) {
	s := func(v ...float64) bench.Spread { return bench.NewSpread(v) }
	for _, c := range []struct {
		a, b  bench.Spread
		lower bool
		want  Verdict
	}{
		{s(10, 10, 10), s(10.2, 10.2, 10.2), true, Noise}, // apart, but by 2 %
		{s(10, 11, 12), s(11, 12, 13), true, Noise},       // they touch
		{s(10, 11, 12), s(13, 14, 15), true, Worse},
		{s(10, 11, 12), s(13, 14, 15), false, Better},
		{s(13, 14, 15), s(10, 11, 12), true, Better},
		{s(13, 14, 15), s(10, 11, 12), false, Worse},
		{s(10, 10), s(20, 20, 20), true, Noise}, // nobody knows how much of it is noise
	} {
		if d := difference("", "", c.a, c.b, c.lower); d.Verdict != c.want {
			t.Errorf("%v to %v: %q, want %q", c.a, c.b, d.Verdict, c.want)
		}
	}
}

func TestReadErrors(t *testing.T) {
	for text, want := range map[string]string{
		`{"kind":"tea"}`: `result 1: kind "tea"`, `{`: "result 1: unexpected EOF", `{"kind":"run"} 5`: "result 2: ",
	} {
		name := filepath.Join(t.TempDir(), "x.json")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	if _, err := Read("testdata/none.json"); err == nil {
		t.Error("a file that is none")
	}
}

func TestStep(t *testing.T) {
	for _, top := range []float64{0.3, 1, 7, 42, 99, 100, 800, 12345} {
		if n := top / step(top); n < 1.9 || n > 6 {
			t.Errorf("%v has %.1f steps of %v", top, n, step(top))
		}
	}
}
