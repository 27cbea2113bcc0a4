package vswitch

import (
	"errors"
	"io"
	"strings"

	"pollux/configs"
	"pollux/ofp/pipeline"
)

// traceCommand is `trace` of the running switch.
func (s *Switch) traceCommand(args []string) (string, error) { return trace(s.state.Snapshot(), args) }

// TraceFile is `trace` on a configuration alone: all ports are taken to be up, and no
// address is learned.
func TraceFile(cfg *configs.Config, _ string, args []string) (string, error) {
	flows, errs := parseFlows(cfg, cfg.Flows)
	if len(errs) > 0 {
		return "", errors.Join(errs...)
	}
	state, err := offline(cfg, flows)
	if err != nil {
		return "", err
	}
	return trace(state.Snapshot(), args)
}

// trace reads the packet and says what would happen to it. As with ofproto/trace a
// bridge may be named before it.
func trace(snap *pipeline.Snapshot, args []string) (string, error) {
	js, args := takeJSON(args)
	if len(args) > 1 && args[0] == snap.Name() {
		args = args[1:]
	}
	r, err := snap.TraceText(strings.Join(args, " "))
	if err != nil {
		return "", err
	}
	var w strings.Builder
	err = render(&w, js, r, func(w io.Writer) { io.WriteString(w, r.String()) })
	return w.String(), err
}
