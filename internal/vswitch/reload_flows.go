package vswitch

import (
	"errors"
	"fmt"
	"io"

	"pollux/configs"
	"pollux/ofp/pipeline"
)

// wantedFlows returns the flows that a reload makes those of the configuration; nil where
// the file has none and had none, so that all are the controllers'. The NORMAL that a switch
// starts with is no exception: a controller that deletes all flows first wants it gone for good.
func (s *Switch) wantedFlows(cfg *configs.Config) ([]pipeline.Flow, error) {
	flows, errs := parseFlows(cfg, cfg.Flows)
	switch {
	case len(errs) > 0:
		return nil, errors.Join(errs...)
	case cfg.FlowsAuto && s.cfg.FlowsAuto:
		return nil, nil
	case len(cfg.Flows) > 0:
		return flows, nil
	case len(s.cfg.Flows) > 0:
		return []pipeline.Flow{}, nil // none any more
	}
	return nil, nil
}

// applyFlows brings the switch to cfg, which asks for what is there already: its flows are put
// back where controllers or time have taken or changed them.
func (s *Switch) applyFlows(cfg *configs.Config) ([]configs.FlowLine, error) {
	flows, err := s.wantedFlows(cfg)
	if err != nil {
		return nil, err
	}
	var put []int
	if flows != nil {
		if err := s.state.Apply(pipeline.Change{Flows: flows, Put: &put}); err != nil {
			return nil, err
		}
		s.dp.Barrier()
	}
	restored := s.restored(cfg, flows, put)
	s.cfg = cfg
	return restored, nil
}

// restored returns which of the flows that had to be put into the tables the configuration of
// before, which s.cfg still is, had as well: not the file has changed them then, but somebody
// else. put is indices into flows, which are those of cfg.
func (s *Switch) restored(cfg *configs.Config, flows []pipeline.Flow, put []int) (lines []configs.FlowLine) {
	if len(put) == 0 {
		return nil
	}
	// By what they mean, not by their text: a port of the same name may have another number now.
	before, _ := parseFlows(s.cfg, s.cfg.Flows) // they were right when they were read
	had := make(map[string]bool, len(before))
	for i := range before {
		had[before[i].String()] = true
	}
	for _, i := range put {
		if f := &flows[i]; had[f.String()] {
			lines = append(lines, cfg.Flows[f.Line-1])
		}
	}
	return lines
}

// restoredShown is how many restored flows are shown one by one.
const restoredShown = 20

// sayRestored says which flows were put back.
func sayRestored(w io.Writer, flows []configs.FlowLine) {
	switch len(flows) {
	case 0:
		return
	case 1:
		fmt.Fprintln(w, "1 flow restored:")
	default:
		fmt.Fprintf(w, "%d flows restored:\n", len(flows))
	}
	for _, l := range flows[:min(len(flows), restoredShown)] {
		fmt.Fprintf(w, "  %s:%d: %s\n", l.File, l.Line, l.Text)
	}
	if more := len(flows) - restoredShown; more > 0 {
		fmt.Fprintf(w, "  and %d more\n", more)
	}
}
