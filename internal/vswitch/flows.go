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
		return append(errs, tryFlows(c, flows, lines)...)
	}}
}

// parseFlows reads the flows of a configuration; each error is a *configs.FlowError. The flows
// beside errors are those without.
func parseFlows(cfg *configs.Config, lines []configs.FlowLine) ([]pipeline.Flow, []error) {
	text := make([]string, len(lines))
	for i := range lines {
		text[i] = lines[i].Text
	}
	flows, err := pipeline.ParseFlowLines(text, portNames(cfg))
	if err != nil {
		return flows, flowErrors(err, lines)
	}
	return flows, nil
}

// tryFlows finds what flows that can be read have wrong all the same, by making
// their tables; each error is a *configs.FlowError. There are no ports, as those are
// not the flows' to complain of.
func tryFlows(cfg *configs.Config, flows []pipeline.Flow, lines []configs.FlowLine) []error {
	_, err := pipeline.New(pipeline.Config{Flows: flows, Sampling: sampling(wantedExporters(&cfg.IPFIX))})
	if err != nil {
		return flowErrors(err, lines)
	}
	return nil
}

// flowErrors says where in the files the errors of flows stand: a line of err is an
// index, from 1, into lines.
func flowErrors(err error, lines []configs.FlowLine) []error {
	var all pipeline.ParseErrors
	var one *pipeline.ParseError
	switch {
	case errors.As(err, &all):
	case errors.As(err, &one):
		all = pipeline.ParseErrors{one}
	default:
		return []error{err}
	}
	errs := make([]error, 0, len(all))
	for _, e := range all {
		msg := e.Msg
		if at, end := e.Column-1, e.Column-1+e.Len; at >= 0 && at < end && end <= len(e.Text) {
			msg = fmt.Sprintf("%q: %s", e.Text[at:end], msg)
		}
		if i := e.First - 1; i >= 0 && i < len(lines) {
			msg += fmt.Sprintf(" (the first stands at %s:%d)", lines[i].File, lines[i].Line)
		}
		depends := ""
		if errors.Is(e, pipeline.ErrNoExporter) {
			depends = "ipfix"
		}
		errs = append(errs, &configs.FlowError{Index: e.Line - 1, Offset: e.Column - 1, Err: errors.New(msg), Depends: depends})
	}
	return errs
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
		Sampling: sampling(wantedExporters(&cfg.IPFIX)),
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
