package vswitch

import (
	"errors"
	"fmt"
	"io"

	"pollux/configs"
	"pollux/flow"
	"pollux/ofp/pipeline"
)

// names is the ports of a configuration by name and number, for reading flows.
type names struct {
	number map[string]uint32
	name   map[uint32]string
}

func portNames(cfg *configs.Config) names {
	n := names{map[string]uint32{}, map[uint32]string{}}
	for i := range cfg.Ports {
		p := &cfg.Ports[i]
		n.number[p.Name], n.name[ofport(p.OFPort)] = ofport(p.OFPort), p.Name
	}
	return n
}

// Number and Name make it a flow.PortNames.
func (n names) Number(name string) (uint32, bool) { v, ok := n.number[name]; return v, ok }

// Name returns the name of port v.
func (n names) Name(v uint32) (string, bool) { s, ok := n.name[v]; return s, ok }

var _ flow.PortNames = names{}

// LoadOptions is what configs.Load needs to check flows with.
func LoadOptions() configs.Options {
	return configs.Options{ParseFlows: func(c *configs.Config, lines []configs.FlowLine) []error {
		flows, errs := parseFlows(c, lines)
		if len(errs) > 0 {
			return errs
		}
		if err := tryFlows(c, flows); err != nil {
			return []error{err}
		}
		return nil
	}}
}

// parseFlows reads the flows of a configuration; each error is a *configs.FlowError.
func parseFlows(cfg *configs.Config, lines []configs.FlowLine) ([]pipeline.Flow, []error) {
	text := make([]string, len(lines))
	for i := range lines {
		text[i] = lines[i].Text
	}
	flows, err := pipeline.ParseFlowLines(text, portNames(cfg))
	if err == nil {
		return flows, nil
	}
	var all pipeline.ParseErrors
	if !errors.As(err, &all) {
		return nil, []error{err}
	}
	var errs []error
	for _, e := range all {
		msg := e.Msg
		if at, end := e.Column-1, e.Column-1+e.Len; at >= 0 && at < end && end <= len(e.Text) {
			msg = fmt.Sprintf("%q: %s", e.Text[at:end], e.Msg)
		}
		errs = append(errs, &configs.FlowError{Index: e.Line - 1, Offset: e.Column - 1, Err: errors.New(msg)})
	}
	return nil, errs
}

// tryFlows finds what only all flows together can have wrong, by making the tables.
func tryFlows(cfg *configs.Config, flows []pipeline.Flow) error {
	_, err := offline(cfg, flows)
	return err
}

// offline makes the tables of a configuration with no device open; all ports are up.
func offline(cfg *configs.Config, flows []pipeline.Flow) (*pipeline.State, error) {
	var ports []pipeline.Port
	for i := range cfg.Ports {
		p := staticPort(&vport{cfg: cfg.Ports[i], slot: i})
		p.Up = true
		ports = append(ports, p)
	}
	return pipeline.New(pipeline.Config{
		Name: cfg.Bridge.Name, Ports: ports, Flows: flows,
		MACAgeing: cfg.Bridge.MACAgeing.Std(), MACTableSize: cfg.Bridge.MACTableSize,
		Sampling: sampling(&cfg.IPFIX),
	})
}

// flowsView shows the flows with counters as of now.
func (s *Switch) flowsView(w io.Writer, js bool) error {
	s.dp.PushCounts()
	flows := s.state.DumpFlows()
	return render(w, js, flows, func(w io.Writer) {
		for i := range flows {
			fmt.Fprintln(w, flows[i].String())
		}
	})
}
