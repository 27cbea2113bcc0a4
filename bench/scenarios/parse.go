package scenarios

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"pollux/configs"
	"pollux/ofp/pipeline"
)

// tableMost is the most flows that are kept in a table.
const tableMost = 1 << 22

// Load reads the scenario at path. The error is of type configs.Errors and holds
// everything that is wrong.
func Load(path string) (*Scenario, error) {
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(src, path, os.ReadFile)
}

// Parse is Load of a text. path names it in errors, and its folder is where relative
// paths in it start; readFile reads a flows_file.
func Parse(src []byte, path string, readFile func(string) ([]byte, error)) (*Scenario, error) {
	s := &Scenario{Name: strings.TrimSuffix(filepath.Base(path), ".yaml")}
	s.defaults()
	d := configs.Strict(src, path, "a scenario needs at least a title", s)
	if s.Traffic.Size.Mix == nil && !d.Bad("traffic.size") {
		_ = s.Traffic.Size.UnmarshalText([]byte(s.Traffic.Size.Text)) // the default
	}
	c := checker{s, d, filepath.Dir(path)}
	c.traffic()
	c.ipfix()
	c.run()
	c.readFlows(readFile)
	c.flows()
	if err := d.Err(); err != nil {
		return nil, err
	}
	return s, nil
}

// checker looks at what a single value can't tell.
type checker struct {
	s   *Scenario
	d   *configs.Document
	dir string
}

// InTable says whether the flows' packets are kept in a table, rather than made.
func (t *Traffic) InTable() bool {
	return t.From != "flows" || t.Protocol != "udp" || t.IP != "ipv4" || t.VLAN != 0 || t.Attack > 0 || t.Port == "pcap"
}

func (c *checker) traffic() {
	t, d := &c.s.Traffic, c.d
	made := c.s.Rules.Generate.Kind
	if made == "none" && t.From == "rules" {
		d.Errorf("traffic.from", "rules are to be drawn from, and rules.generate makes none; name its kind")
	}
	if t.Attack > 0 && made != "whitelist" {
		d.Errorf("traffic.attack", "the attack is on a rule set of kind whitelist, and rules.generate.kind is %s", made)
	}
	if t.InTable() && t.Flows > tableMost {
		d.Errorf("traffic.flows", "%d flows of this kind do not fit a table; at most %d, or more of UDP over IPv4 with no tag", t.Flows, tableMost)
	}
	if t.Order == "zipf" && t.Flows > tableMost {
		d.Errorf("traffic.flows", "the order of %d flows is not kept; at most %d with order zipf", t.Flows, tableMost)
	}
	if d.Given("traffic.skew") && t.Order != "zipf" {
		d.Errorf("traffic.skew", "only order zipf has a skew, and this is %s", t.Order)
	}
	if t.Skew < 0.1 || t.Skew > 4 {
		d.Errorf("traffic.skew", "%v is not from 0.1 to 4", t.Skew)
	}
	if t.Burst > 0 && t.Rate == 0 {
		d.Errorf("traffic.burst", "bursts with no rate are no bursts; give a rate")
	}
	for _, key := range []string{"masks", "protocol", "ip", "vlan"} {
		if t.From == "rules" && d.Given("traffic."+key) {
			d.Errorf("traffic."+key, "flows that are drawn from rules have what those say")
		}
	}
	if t.Port == "pcap" {
		c.pcap()
	} else if d.Given("traffic.file") {
		d.Errorf("traffic.file", "only port pcap plays a file, and this is %s", t.Port)
	}
}

func (c *checker) pcap() {
	t, d := &c.s.Traffic, c.d
	if t.NewFlows > 0 {
		d.Errorf("traffic.new_flows", "a capture has no flows that begin; use port memory")
	}
	if t.Burst > 0 {
		d.Errorf("traffic.burst", "a capture is played evenly; use port memory")
	}
	if c.s.Switch.Loops > 1 {
		d.Errorf("traffic.port", "a pcap port has one queue, which %d loops cannot share", c.s.Switch.Loops)
	}
	if t.File != "" && !filepath.IsAbs(t.File) {
		t.File = filepath.Join(c.dir, t.File)
	}
}

func (c *checker) ipfix() {
	x := &c.s.IPFIX
	c.d.CheckExporter("ipfix", x.FlowKey, x.Elements)
}

func (c *checker) run() {
	r := &c.s.Run
	if !c.d.Bad("run.time") && r.Time.Std() < 1e6 {
		c.d.Errorf("run.time", "%v is shorter than 1ms", r.Time)
	}
}

// readFlows adds the flows of flows_file to the others.
func (c *checker) readFlows(read func(string) ([]byte, error)) {
	r := &c.s.Rules
	if r.FlowsFile == "" || c.d.Bad("rules.flows_file") {
		return
	}
	path := r.FlowsFile
	if !filepath.IsAbs(path) {
		path = filepath.Join(c.dir, path)
	}
	text, err := read(path)
	if err != nil {
		c.d.Errorf("rules.flows_file", "can't read the flows: %v", err)
		return
	}
	r.Flows.AddFlows(path, string(text))
}

// flows has the switch's own parser read the flows.
func (c *checker) flows() {
	r := &c.s.Rules
	if len(r.Flows) > 0 && r.Generate.Kind != "none" {
		c.d.Errorf("rules.generate", "rules are given, too; either give them or have them made")
	}
	_, err := c.s.Rules.Parse()
	var all pipeline.ParseErrors
	if err == nil || c.d.Bad("rules.flows") {
		return
	}
	if !errors.As(err, &all) {
		c.d.Errorf("rules.flows", "%v", err)
		return
	}
	for _, e := range all {
		if e.Line < 1 || e.Line > len(r.Flows) {
			c.d.Errorf("rules.flows", "%v", e)
			continue
		}
		msg := e.Msg
		if e.First > 0 {
			msg += fmt.Sprintf(" (the first stands in line %d)", r.Flows[e.First-1].Line)
		}
		c.d.FlowError(r.Flows[e.Line-1], e.Column-1, msg)
	}
}

// portNames are the ports of a scenario.
type portNames struct{}

func (portNames) Number(name string) (uint32, bool) {
	switch name {
	case "in":
		return 1, true
	case "out":
		return 2, true
	}
	return 0, false
}

func (portNames) Name(n uint32) (string, bool) {
	return [...]string{1: "in", 2: "out"}[n%3], n == 1 || n == 2
}

// Parse reads the flows that are written.
func (r *Rules) Parse() ([]pipeline.Flow, error) {
	lines := make([]string, len(r.Flows))
	for i := range lines {
		lines[i] = r.Flows[i].Text
	}
	return pipeline.ParseFlowLines(lines, portNames{})
}
