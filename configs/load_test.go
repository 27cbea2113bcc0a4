package configs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// cores makes a machine with n cores.
func cores(n int) func() []int {
	return func() []int {
		v := make([]int, n)
		for i := range v {
			v[i] = i
		}
		return v
	}
}

// TestErrors loads each file of testdata/errors, which has its expected errors as
// a comment "# want:" at its end, and compares all of them.
func TestErrors(t *testing.T) {
	files, err := filepath.Glob("testdata/errors/*.yaml")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".yaml"), func(t *testing.T) {
			src, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			golden := strings.TrimSuffix(name, ".yaml") + ".golden"
			c, err := Parse(src, filepath.Base(name), Options{CPUs: cores(2), ParseFlows: fussyFlows,
				IsDir: func(name string) bool { return name != "/nowhere" }})
			if c != nil || err == nil {
				t.Fatal("loaded a file with errors")
			}
			if !errors.As(err, &Errors{}) {
				t.Fatalf("error is %T", err)
			}
			got := err.Error() + "\n"
			if os.Getenv("UPDATE") != "" {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got); d != "" {
				t.Error(d)
			}
		})
	}
}

// fussyFlows stands for the flow parser where only positions matter: it does not
// like the word "bogus".
func fussyFlows(_ *Config, flows []FlowLine) (errs []error) {
	for i, l := range flows {
		if at := strings.Index(l.Text, "bogus"); at >= 0 {
			errs = append(errs, &FlowError{Index: i, Offset: at, Err: errors.New("bogus is not a field")})
		}
	}
	return errs
}

func TestDefaults(t *testing.T) {
	c, err := Parse([]byte("ports:\n- {name: a, type: afxdp}\n- {name: b, type: memory, queues: 2}\n"), "x.yaml", Options{CPUs: cores(4)})
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		Bridge: Bridge{Name: "br0", MACAgeing: Duration(300 * time.Second), MACTableSize: 8192},
		Datapath: Datapath{
			Loops: []Loop{{Core: 3}}, Burst: 256,
			Memory:    Memory{FramesPerLoop: 17408, FramesAuto: true, FrameSize: 2048, HugePages: "auto"},
			Megaflows: 65536, MegaflowMasks: 256, MegaflowIdle: Duration(10 * time.Second),
			RxqAssign: "cycles", RxqIsolate: true,
			Rebalance: Balance{LoadThreshold: 95, ImprovementThreshold: 25, Interval: Duration(time.Minute)},
		},
		Ports: []Port{
			{Name: "a", Type: AFXDP, Device: "a", Queues: 1, OFPort: 1, Mode: ModeAuto, RxRing: 2048, TxRing: 2048, TxBudget: 256,
				Loops: []int{0}, Pinned: []bool{false}, VLAN: VLAN{Mode: Trunk}, Flood: true,
				Memory: MemoryPort{Flows: 1000, Masks: 1, Size: 60, Order: "seq"}, PCAP: PCAPPort{Repeat: 1}},
			{Name: "b", Type: MemoryType, Queues: 2, OFPort: 2, Mode: ModeAuto, RxRing: 2048, TxRing: 2048, TxBudget: 256,
				Loops: []int{0, 0}, Pinned: []bool{false, false}, VLAN: VLAN{Mode: Trunk}, Flood: true,
				Memory: MemoryPort{Flows: 1000, Masks: 1, Size: 60, Order: "seq"}, PCAP: PCAPPort{Repeat: 1}},
		},
		Flows: FlowText{{Text: "actions=NORMAL", File: "x.yaml", Line: 1, Column: 1}}, FlowsAuto: true,
		Control: Control{Socket: DefaultSocket, FailMode: Standalone, OpenFlow: []string{"punix:/run/pollux/br0.mgmt"}, OpenFlowAuto: true},
		Log:     Log{Level: "info", Format: "text"},
	}
	want.IPFIX.Bridge = Exporter{Sampling: 1, ObsDomainID: 1, ObsPointID: 1,
		CacheActiveTimeout: Duration(time.Minute), CacheIdleTimeout: Duration(15 * time.Second), CacheMaxFlows: 65536,
		TemplateInterval: Duration(10 * time.Minute), StatsInterval: Duration(10 * time.Minute),
		FlowKey: FlowKey{"ovs"}, Elements: []string{"standard"}, Biflow: "off", BiflowWindow: Duration(2500 * time.Millisecond),
		EnableInputSampling: true, EnableOutputSampling: true, EnableTunnelSampling: true, PEN: 32473, MTU: 1500, Buffer: 4 << 20, MessageRate: 10_000,
		File: File{MaxBytes: 64 << 20, MaxAge: Duration(time.Hour), Keep: 24}}
	if d := cmp.Diff(want, c); d != "" {
		t.Error(d)
	}
}

// TestZeroIsNotDefault: a 0 in the file is a 0.
func TestZeroIsNotDefault(t *testing.T) {
	c, err := Parse([]byte(`
datapath: {exact_cache: 0, loops: [{core: 0}, {core: 2}]}
ports:
- {name: a, type: memory, memory: {flows: 0}, flood: false}
- {name: b, type: afxdp, tx_ring: 128, queues: 3}
- {name: c, type: pcap, pcap: {read: x, repeat: 0}, ofport: 1}
- {name: d, type: tap, ofport: local, mac: 02:00:00:00:00:01, address: [10.0.0.1/24, "fd00::1/64"], vlan: {tag: 0}}
ipfix:
  bridge: {targets: ["127.0.0.1:4739"], cache_active_timeout: 0, cache_idle_timeout: 1.5, obs_domain_id: 0}
  sets: [{id: 7, targets: ["[::1]:99"], sampling: 64}]
`), "x.yaml", Options{CPUs: cores(3)})
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(strings.Fields(fmt.Sprintln(c.Ports[0].Memory.Flows, c.Ports[0].Flood, c.Ports[1].TxBudget, c.Ports[2].PCAP.Repeat,
		c.Ports[0].OFPort, c.Ports[1].OFPort, c.Ports[2].OFPort, c.Ports[3].OFPort,
		c.Ports[0].Loops, c.Ports[1].Loops, c.Ports[2].Loops,
		c.Ports[3].MAC, c.Ports[3].Address, c.Ports[3].VLAN.Mode,
		c.IPFIX.Bridge.CacheActiveTimeout, c.IPFIX.Bridge.CacheIdleTimeout, c.IPFIX.Bridge.ObsDomainID, c.IPFIX.Bridge.Sampling,
		c.IPFIX.Sets[0].ID, c.IPFIX.Sets[0].Targets, c.IPFIX.Sets[0].Sampling, c.IPFIX.Sets[0].MTU)), " ")
	want := "0 false 128 0 2 3 1 LOCAL [0] [1 0 1] [0] 02:00:00:00:00:01 [10.0.0.1/24 fd00::1/64] access 0s 1.5s 0 1 7 [[::1]:99] 64 1500"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestFlowPositions(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "f.txt"), []byte("# more\n\n  three # end\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ name, src, want string }{
		{"block", "flows: |\n  # none\n  one\n\n   two   # c\nports: []\n", "one 3:3 two 5:4"},
		{"stripped block", "flows: |-\n    one\n    two", "one 2:5 two 3:5"},
		{"list", "flows:\n- one\n- \"two\"\n- 'three'\n- priority=1,actions=output:2", "one 2:3 two 3:4 three 4:4 priority=1,actions=output:2 5:3"},
		{"file", "flows: [one]\nflows_file: f.txt", "one 1:9 three 3:3"},
		{"crlf", "flows: |\r\n  one\r\n  two\r\n", "one 2:3 two 3:3"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := Parse([]byte(tc.src), filepath.Join(dir, "x.yaml"), Options{CPUs: cores(1)})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, l := range c.Flows {
				got = append(got, fmt.Sprintf("%s %d:%d", l.Text, l.Line, l.Column))
			}
			if s := strings.Join(got, " "); s != tc.want {
				t.Errorf("got %s, want %s", s, tc.want)
			}
		})
	}
}

// TestErrorInFlowsFile: the error stands in the flows file.
func TestErrorInFlowsFile(t *testing.T) {
	read := func(name string) ([]byte, error) {
		if name != "/etc/pollux/more.flows" {
			return nil, os.ErrNotExist
		}
		return []byte("in_port=1,actions=2\n  in_port=2,bogus=1,actions=2\n"), nil
	}
	_, err := Parse([]byte("flows_file: more.flows"), "/etc/pollux/x.yaml", Options{CPUs: cores(1), ParseFlows: fussyFlows, ReadFile: read})
	want := "/etc/pollux/more.flows:2:13: flow: bogus is not a field\n" +
		"    2 |   in_port=2,bogus=1,actions=2\n      |             ^"
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	_, err = Parse([]byte("flows_file: other"), "x.yaml", Options{CPUs: cores(1), ReadFile: read})
	if err == nil || !strings.HasPrefix(err.Error(), "x.yaml:1:13: flows_file: can't read the flows: file does not exist") {
		t.Errorf("got %v", err)
	}
}

// TestErrorsOfTwoFiles: those of the flows file follow, each file's in its order.
func TestErrorsOfTwoFiles(t *testing.T) {
	read := func(string) ([]byte, error) { return []byte("bogus\nbogus"), nil }
	_, err := Parse([]byte("flows_file: a\nports:\n- {name: x, type: tap, queues: 2}\nlog: {level: loud}\nflows: [bogus]\nbridge: {mac_ageing: 0}"),
		"z.yaml", Options{CPUs: cores(1), ParseFlows: fussyFlows, ReadFile: read})
	var es Errors
	if !errors.As(err, &es) {
		t.Fatal(err)
	}
	var got []string
	for _, e := range es {
		got = append(got, fmt.Sprintf("%s:%d", e.File, e.Line))
	}
	if s := strings.Join(got, " "); s != "z.yaml:3 z.yaml:4 z.yaml:5 z.yaml:6 a:1 a:2" {
		t.Errorf("got %s", s)
	}
}

// TestErrorsThatDepend: an error of a flow that may come of another error of the file
// is only shown without that one; errors elsewhere do not hide it.
func TestErrorsThatDepend(t *testing.T) {
	opt := Options{CPUs: cores(1), ParseFlows: func(c *Config, flows []FlowLine) []error {
		return []error{&FlowError{Index: 0, Err: errors.New("depends"), Depends: "log"}, &FlowError{Index: 0, Err: errors.New("own")}}
	}}
	for src, want := range map[string]string{
		"flows: [one]":                          "x:1:9: flow: depends|x:1:9: flow: own",
		"flows: [one]\nlog: {level: loud}":      "x:1:9: flow: own|x:2:14: log.level: \"loud\" is not one of debug, info, warn, error",
		"flows: [one]\nlog: {lvel: info}":       "x:1:9: flow: own|x:2:7: unknown key \"lvel\" in log; did you mean \"level\"?",
		"flows: [one]\nlgo: {level: info}":      "x:1:9: flow: own|x:2:1: unknown key \"lgo\" in the file; known here: bridge, datapath, ports, flows, flows_file, ipfix, control, log",
		"flows: [one]\nbridge: {mac_ageing: 0}": "x:1:9: flow: depends|x:1:9: flow: own|x:2:22: bridge.mac_ageing: 0s is shorter than 1s",
	} {
		_, err := Parse([]byte(src), "x", opt)
		var es Errors
		errors.As(err, &es)
		var got []string
		for _, e := range es {
			got = append(got, e.Error())
		}
		if s := strings.Join(got, "|"); s != want {
			t.Errorf("%q:\ngot  %s\nwant %s", src, s, want)
		}
	}
}

func TestLoadNoFile(t *testing.T) {
	_, err := Load("/nonexistent/x.yaml", Options{})
	if !errors.Is(err, os.ErrNotExist) || err.Error() != "/nonexistent/x.yaml: can't open it: no such file or directory" {
		t.Errorf("got %v", err)
	}
}

func TestNestingIsBounded(t *testing.T) {
	for _, s := range []string{
		strings.Repeat("[", 1<<20), strings.Repeat("{", 1<<20), strings.Repeat("- ", 1<<20), strings.Repeat("? ", 1<<20),
		strings.Repeat("[\n", 1<<18), strings.Repeat("{a: ", 1<<18),
	} {
		if _, err := Parse([]byte(s), "x", Options{CPUs: cores(1)}); err == nil {
			t.Errorf("%.10s… was read", s)
		}
	}
}

func TestTooLong(t *testing.T) {
	if _, err := Parse(make([]byte, MaxSize+1), "x", Options{CPUs: cores(1)}); err == nil || !strings.Contains(err.Error(), "flows_file") {
		t.Errorf("got %v", err)
	}
}

func TestRanges(t *testing.T) {
	for _, tc := range []struct {
		v    []int
		want string
	}{{nil, "none"}, {[]int{3}, "3"}, {[]int{0, 1, 2, 5, 7, 8}, "0-2,5,7-8"}} {
		if got := ranges(tc.v); got != tc.want {
			t.Errorf("%v: %s, want %s", tc.v, got, tc.want)
		}
	}
}

func TestEndlessFile(t *testing.T) {
	if _, err := Load("/dev/zero", Options{CPUs: cores(1)}); err == nil || !strings.Contains(err.Error(), "more than the") {
		t.Errorf("got %v", err)
	}
}

func TestTooManyPorts(t *testing.T) {
	var b strings.Builder
	b.WriteString("ports:\n")
	for i := range MaxPorts + 1 {
		fmt.Fprintf(&b, "- {name: p%d, type: memory}\n", i)
	}
	_, err := Parse([]byte(b.String()), "x.yaml", Options{CPUs: cores(1)})
	if err == nil || !strings.HasPrefix(err.Error(), "x.yaml:2:1: ports: 513 ports are more than the 512") {
		t.Errorf("got %.200v", err)
	}
}
