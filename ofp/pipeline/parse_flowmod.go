package pipeline

import (
	"errors"
	"strconv"
	"strings"

	"pollux/flow"
)

// ParseFlowMod reads the flow of a request in ovs-ofctl syntax: beside what ParseFlow reads,
// check_overlap and reset_counts, in a modification or deletion cookie=VALUE/MASK, and in a
// deletion out_port and out_group. Without a table an addition is to table 0, all others
// are for all tables. A deletion has no actions; a strict command without a priority means
// that of flows without one. The error is a *ParseError.
func ParseFlowMod(s string, command FlowCommand, ports flow.PortNames) (FlowMod, error) {
	m := FlowMod{Command: command, OutPort: AnyPort, OutGroup: AnyGroup}
	p := flowParser{text: s, ports: ports, seen: map[string]bool{}, mod: &m}
	p.flow.Priority = DefaultPriority
	p.flow.Column = len(s) - len(strings.TrimLeft(s, " \t")) + 1
	if err := p.parse(); err != nil {
		var at *flow.ParseError
		pe := &ParseError{Line: 1, Column: 1, Text: s, Msg: err.Error()}
		if errors.As(err, &at) {
			pe.Column, pe.Len, pe.Msg = at.Off+1, at.Len, at.Msg
		}
		return FlowMod{}, pe
	}
	m.Flow = p.flow
	if command != FlowAdd && !p.seen["table"] {
		m.Flow.Table = AllTables
	}
	return m, nil
}

// modWord takes the words of a request that no flow has.
func (p *flowParser) modWord(key, value string, off int) (done bool, err error) {
	m := p.mod
	at := off + len(key) + 1
	switch key {
	case "check_overlap", "reset_counts":
		switch {
		case value != "":
			return true, p.errAt(at, len(value), "%s takes no value", key)
		case m.Command >= FlowDelete:
			return true, p.errAt(off, len(key), "a deletion has no use for it")
		}
		m.CheckOverlap = m.CheckOverlap || key == "check_overlap"
		m.ResetCounts = m.ResetCounts || key == "reset_counts"
		return true, nil
	case "cookie":
		v, mask, masked := strings.Cut(value, "/")
		if m.Command == FlowAdd || !masked && m.Command < FlowDelete {
			m.SetsCookie = m.Command != FlowAdd
			return false, nil
		}
		n, err := strconv.ParseUint(v, 0, 64)
		if err != nil {
			return true, p.errAt(at, len(v), "not a number of 64 bits")
		}
		m.CookieMask = ^uint64(0)
		if masked && mask != "-1" {
			if m.CookieMask, err = strconv.ParseUint(mask, 0, 64); err != nil {
				return true, p.errAt(at+len(v)+1, len(mask), "not a mask of 64 bits")
			}
		}
		p.flow.Cookie = n
		return true, nil
	case "out_port", "out_group":
		if m.Command < FlowDelete {
			return true, p.errAt(off, len(key), "it selects flows to delete and is no part of a flow")
		}
		if key == "out_port" {
			n, err := flow.ParsePort(value, p.ports)
			if err != nil {
				return true, p.errAt(at, len(value), "neither a port's number nor its name")
			}
			m.OutPort = n
			return true, nil
		}
		n, err := strconv.ParseUint(value, 0, 32)
		if err != nil {
			return true, p.errAt(at, len(value), "not a number of 32 bits")
		}
		m.OutGroup = uint32(n)
		return true, nil
	}
	return false, nil
}
