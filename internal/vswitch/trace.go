package vswitch

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"pollux/configs"
	"pollux/flow"
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
	for _, a := range args {
		switch {
		case strings.TrimLeft(a, "-") == "generate" && a[0] == '-':
			return "", fmt.Errorf("%s: a trace makes no packet, and sends and learns nothing; for what a flow's fields don't say give the packet's bytes: in_port=PORT HEX", a)
		case strings.HasPrefix(a, "-"):
			return "", fmt.Errorf("%s: a trace has no such option; it takes --json", a)
		}
	}
	if len(args) > 1 {
		switch name := args[0]; {
		case name == snap.Name():
			args = args[1:]
		case !strings.ContainsAny(name, "=,") && !isPacket(name):
			return "", fmt.Errorf("%q: no such bridge, the one here is %q; and it is no field of a packet", name, snap.Name())
		}
	}
	r, err := snap.TraceText(strings.Join(args, " "))
	if err != nil {
		return "", err
	}
	var w strings.Builder
	err = render(&w, js, r, func(w io.Writer) { io.WriteString(w, r.String()) })
	return w.String(), err
}

// isPacket says whether word may begin the text of a packet.
func isPacket(word string) bool {
	_, err := flow.ParseMatch(word, nil)
	return err == nil || strings.Trim(word, "0123456789abcdefABCDEF") == ""
}
