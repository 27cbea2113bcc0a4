package pipeline

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"pollux/flow"
)

// ParseError says what is wrong with the text of a flow, where, and what would be
// right.
type ParseError struct {
	Line   int    // from 1
	Column int    // of the culprit in its line, in bytes, from 1
	Len    int    // of the culprit in bytes
	Text   string // the line; "" where it is not known
	Msg    string
	First  int // line of the earlier flow that this one collides with; 0 if that is not the error

	Err error // why the switch refuses a flow that can be read; nil of text that can't
}

// Unwrap returns Err.
func (e *ParseError) Unwrap() error { return e.Err }

// Error names the place, quotes the culprit and says where the first of two flows
// stands.
func (e *ParseError) Error() string {
	msg := e.Msg
	if e.First > 0 {
		msg += fmt.Sprintf(" (the first stands in line %d)", e.First)
	}
	at := min(max(e.Column-1, 0), len(e.Text))
	end := min(at+max(e.Len, 0), len(e.Text))
	if at == end {
		return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, msg)
	}
	return fmt.Sprintf("line %d, column %d: %q: %s", e.Line, e.Column, e.Text[at:end], msg)
}

// ParseErrors is every error of a text of flows.
type ParseErrors []*ParseError

// Error writes one error a line.
func (e ParseErrors) Error() string {
	s := make([]string, len(e))
	for i := range e {
		s[i] = e[i].Error()
	}
	return strings.Join(s, "\n")
}

// Unwrap lets errors.As find the first.
func (e ParseErrors) Unwrap() []error {
	u := make([]error, len(e))
	for i := range e {
		u[i] = e[i]
	}
	return u
}

// ParseFlows reads flows in ovs-ofctl add-flow syntax, one a line; blank lines and
// what follows a # are skipped. All errors are reported, as ParseErrors, and the flows that
// have none returned beside them.
func ParseFlows(text string, ports flow.PortNames) ([]Flow, error) {
	return ParseFlowLines(strings.Split(text, "\n"), ports)
}

// ParseFlowLines is ParseFlows for lines already parted; Line numbers count them
// from 1. Two flows of one table with the same match and priority are an error, as
// one of them would be lost; First says which line is the other. Beside errors the flows are
// returned that have none.
func ParseFlowLines(lines []string, ports flow.PortNames) ([]Flow, error) {
	var flows []Flow
	var errs ParseErrors
	first := map[ruleID]int{}
	for i, line := range lines {
		text, _, _ := strings.Cut(line, "#")
		if strings.TrimSpace(text) == "" {
			continue
		}
		f, err := ParseFlow(text, ports)
		if err != nil {
			var pe *ParseError
			if !errors.As(err, &pe) {
				pe = &ParseError{Column: 1, Msg: err.Error()}
			}
			pe.Line, pe.Text = i+1, line
			errs = append(errs, pe)
			continue
		}
		f.Line = i + 1
		if at, dup := first[f.id()]; dup {
			errs = append(errs, &ParseError{Line: f.Line, Column: f.Column, Text: line, First: at,
				Msg: "an earlier flow has the same table, priority and match; keep one of them"})
			continue
		}
		first[f.id()] = f.Line
		flows = append(flows, f)
	}
	if errs != nil {
		return flows, errs
	}
	return flows, nil
}

// ParseFlow reads one flow in ovs-ofctl add-flow syntax. What the switch cannot do
// is an error, never ignored. ports may be nil. The error is a *ParseError.
func ParseFlow(s string, ports flow.PortNames) (Flow, error) {
	p := flowParser{text: s, ports: ports, seen: map[string]bool{}}
	p.flow.Priority = DefaultPriority
	p.flow.Column = len(s) - len(strings.TrimLeft(s, " \t")) + 1
	if err := p.parse(); err != nil {
		var at *flow.ParseError
		pe := &ParseError{Line: 1, Column: 1, Text: s, Msg: err.Error()}
		if errors.As(err, &at) {
			pe.Column, pe.Len, pe.Msg = at.Off+1, at.Len, at.Msg
		}
		return Flow{}, pe
	}
	return p.flow, nil
}

// flowParser reads one flow. Errors inside are *flow.ParseError with offsets into
// text.
type flowParser struct {
	text  string
	ports flow.PortNames
	flow  Flow
	seen  map[string]bool
	mod   *FlowMod // of which the flow is a part; nil: a flow alone is read
	bare  bool     // it lacks the actions that it needs
}

func (p *flowParser) errAt(off, n int, format string, args ...any) error {
	off = min(max(off, 0), len(p.text))
	return &flow.ParseError{Text: p.text, Off: off, Len: min(max(n, 0), len(p.text)-off), Msg: fmt.Sprintf(format, args...)}
}

func (p *flowParser) parse() error {
	at, body := findActions(p.text)
	deletes := p.mod != nil && p.mod.Command >= FlowDelete
	switch {
	case deletes && at >= 0:
		return p.errAt(at, len(p.text)-at, "a deletion has no actions")
	case deletes:
		at = len(p.text)
	case at < 0: // maybe for a slip in the word: what is there says more than what is not
		at, p.bare = len(p.text), true
	}
	m, err := flow.ParseMatchWith(p.text[:at], p.ports, p.word)
	if err != nil {
		return err
	}
	if p.bare {
		return p.errAt(len(p.text), 0, "the flow has no actions; it would end in actions=output:2, or actions=drop")
	}
	p.flow.Match = m
	if f := unsupportedMatch(&m); f != flow.FieldNone {
		name := flow.Fields[f].Name
		return p.errAt(max(strings.Index(p.text[:at], name), 0), len(name), "matching on %s is not supported: no packet of this switch has it", name)
	}
	if deletes {
		return nil
	}
	return p.instructions(body)
}

// findActions returns where the word actions= (or action=) starts and where its
// value starts, or -1.
func findActions(s string) (at, body int) {
	for _, w := range []string{"actions=", "action="} {
		for from := 0; ; {
			i := strings.Index(s[from:], w)
			if i < 0 {
				break
			}
			i += from
			if i == 0 || strings.IndexByte(", \t\r\n", s[i-1]) >= 0 {
				return i, i + len(w)
			}
			from = i + 1
		}
	}
	return -1, -1
}

// flowWords are the words of a flow that are not of its match.
var flowWords = []string{
	"table", "priority", "idle_timeout", "hard_timeout", "cookie", "importance",
	"send_flow_rem", "check_overlap", "reset_counts", "no_packet_counts", "no_byte_counts",
}

// flagWords are the flags of a flow by their words.
var flagWords = map[string]FlowFlags{"send_flow_rem": SendFlowRem, "no_packet_counts": NoPacketCounts, "no_byte_counts": NoByteCounts}

// ignored are the words by which dump-flows tells of a flow's past, so that its
// output can be read again.
var ignored = map[string]bool{"duration": true, "n_packets": true, "n_bytes": true, "idle_age": true, "hard_age": true}

// refused are words of ovs-ofctl that nothing here would heed.
var refused = map[string]string{
	"out_port":      "it selects flows to delete and is no part of a flow",
	"out_group":     "it selects flows to delete and is no part of a flow",
	"check_overlap": "it is for adding one flow, and no part of a flow",
	"reset_counts":  "it is for adding one flow, and no part of a flow",
}

// word takes the words of a flow that are not of its match.
func (p *flowParser) word(key, value string, off int) (bool, error) {
	if ignored[key] {
		return true, nil
	}
	if p.mod != nil {
		if done, err := p.modWord(key, value, off); done {
			return true, err
		}
	}
	if why, ok := refused[key]; ok {
		return true, p.errAt(off, len(key), "not supported: %s", why)
	}
	if f, ok := flagWords[key]; ok {
		if value != "" {
			return true, p.errAt(off+len(key)+1, len(value), "%s takes no value", key)
		}
		p.flow.Flags |= f
		return true, nil
	}
	var bits int
	switch key {
	case "table":
		bits = 8
	case "priority", "idle_timeout", "hard_timeout", "importance":
		bits = 16
	case "cookie":
		bits = 64
	default:
		if err := p.nearlyActions(key, off); err != nil {
			return true, err
		}
		if _, ok := flow.FieldByName(key); !ok && value != "" {
			if n := flow.Nearest(key, flowWords...); slices.Contains(flowWords, n) {
				return true, p.errAt(off, len(key), "unknown word; did you mean %s?", n)
			}
		}
		return false, nil
	}
	at := off + len(key) + 1
	if p.seen[key] {
		return true, p.errAt(off, len(key), "given twice; keep one of them")
	}
	p.seen[key] = true
	if key == "cookie" && strings.Contains(value, "/") {
		return true, p.errAt(at, len(value), "a new flow's cookie has no mask; it would be cookie=0x1")
	}
	n, err := strconv.ParseUint(value, 0, bits)
	if err != nil {
		return true, p.errAt(at, len(value), "not a number from 0 to %d", ^uint64(0)>>(64-bits))
	}
	switch key {
	case "table":
		if n >= NumTables {
			return true, p.errAt(at, len(value), "there are tables 0 to %d", NumTables-1)
		}
		p.flow.Table = uint8(n)
	case "priority":
		p.flow.Priority = uint16(n)
	case "idle_timeout":
		p.flow.IdleTimeout = uint16(n)
	case "hard_timeout":
		p.flow.HardTimeout = uint16(n)
	case "importance":
		p.flow.Importance = uint16(n)
	case "cookie":
		p.flow.Cookie = n
	}
	return true, nil
}

// nearlyActions finds the word actions= misspelt in a flow that has none.
func (p *flowParser) nearlyActions(key string, off int) error {
	if !p.bare {
		return nil
	}
	name, _, _ := strings.Cut(key, ":") // as in actions:drop
	switch flow.Nearest(name, "actions", "action") {
	case "actions", "action":
	default:
		return nil
	}
	if name == "actions" || name == "action" {
		return p.errAt(off, len(name), "it needs a =, as in actions=output:2, or actions=drop")
	}
	return p.errAt(off, len(name), "unknown field; did you mean actions?")
}

// noPacketHas is the fields that no packet of this switch has.
var noPacketHas = []flow.Field{
	flow.RecircID, flow.SkbPriority, flow.TunTOS, flow.TunTTL,
	flow.CtState, flow.CtZone, flow.CtMark, flow.CtLabel, flow.CtNwProto, flow.CtNwSrc, flow.CtNwDst,
	flow.CtIPv6Src, flow.CtIPv6Dst, flow.CtTpSrc, flow.CtTpDst,
}

// Matchable says whether some packet can have f, so that flows may match on it.
func Matchable(f flow.Field) bool { return !slices.Contains(noPacketHas, f) }

// unsupportedMatch returns a field that the match looks at and no packet has.
func unsupportedMatch(m *flow.Match) flow.Field {
	for _, f := range noPacketHas {
		if !f.GetMask(&m.Mask).IsZero() {
			return f
		}
	}
	return flow.FieldNone
}
