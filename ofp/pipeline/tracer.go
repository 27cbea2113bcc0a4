package pipeline

import (
	"fmt"
	"strings"

	"pollux/flow"
)

// TraceKind is what a line of a trace is.
type TraceKind string

// The kinds, with how ofproto/trace marks them.
const (
	TraceBridge TraceKind = "bridge" // underlined
	TraceTable  TraceKind = "table"
	TraceAction TraceKind = "action"
	TraceDetail TraceKind = "detail" // " -> "
	TraceWarn   TraceKind = "warn"   // " >> "
	TraceError  TraceKind = "error"  // ">>>> … <<<<"
)

// TraceNode is one step of a translation and those it led to.
type TraceNode struct {
	Kind TraceKind    `json:"kind"`
	Text string       `json:"text"`
	Subs []*TraceNode `json:"subs,omitempty"`
}

// tracer records what a translation does. The loops have none: it is nil there.
type tracer struct {
	snap *Snapshot
	root TraceNode
	at   *TraceNode // node that steps are added to

	bytes bool // the packet is given by its bytes; else fields that nobody named are 0
}

func newTracer(s *Snapshot) *tracer {
	t := &tracer{snap: s, root: TraceNode{Kind: TraceBridge, Text: fmt.Sprintf("bridge(%q)", s.name)}}
	t.at = &t.root
	return t
}

// ports returns nil: flows are shown with port numbers, as ofproto/trace does.
func (t *tracer) ports() flow.PortNames { return nil }

// portName names a port in a sentence.
func (t *tracer) portName(n uint32) string { return flow.FormatPort(n, t.snap.PortNames()) }

func (t *tracer) add(k TraceKind, format string, args ...any) *TraceNode {
	n := &TraceNode{Kind: k, Text: fmt.Sprintf(format, args...)}
	t.at.Subs = append(t.at.Subs, n)
	return n
}

func (t *tracer) action(format string, args ...any) { t.add(TraceAction, format, args...) }
func (t *tracer) detail(format string, args ...any) { t.add(TraceDetail, format, args...) }
func (t *tracer) warn(format string, args ...any)   { t.add(TraceWarn, format, args...) }
func (t *tracer) fail(format string, args ...any)   { t.add(TraceError, format, args...) }

// table begins a table; the function it returns ends it.
func (t *tracer) table(id uint8, r *Rule) func() {
	text := fmt.Sprintf("%2d. ", id)
	if r == nil {
		text += "No match."
	} else {
		match := r.match()
		if m := match.Format(t.ports()); m != "" {
			text += m + ", "
		}
		text += fmt.Sprintf("priority %d", r.Flow.Priority)
		if r.Flow.Cookie != 0 {
			text += fmt.Sprintf(", cookie %#x", r.Flow.Cookie)
		}
	}
	was := t.at
	t.at = t.add(TraceTable, "%s", text)
	if r == nil {
		t.action("drop")
	}
	return func() { t.at = was }
}

// egress begins a way through the egress tables; the function it returns ends it.
func (t *tracer) egress(n uint32) func() {
	was := t.at
	t.at = t.add(TraceTable, "egress to port %s:", t.portName(n))
	return func() { t.at = was }
}

// set tells that the action set is executed.
func (t *tracer) set() { t.at = t.add(TraceTable, "--. Executing action set:") }

// write writes the steps as ofproto/trace does: what comes last in its list stays
// at its parent's margin, so that a chain of tables does not wander to the right.
func (n *TraceNode) write(b *strings.Builder, level int, last bool) {
	deeper := 0
	switch n.Kind {
	case TraceBridge, TraceTable:
		if !last {
			deeper = 1
		}
	default:
		deeper = 1
	}
	b.WriteString(strings.Repeat(" ", (level+deeper)*4))
	switch n.Kind {
	case TraceDetail:
		b.WriteString(" -> " + n.Text + "\n")
	case TraceWarn:
		b.WriteString(" >> " + n.Text + "\n")
	case TraceError:
		b.WriteString(">>>> " + n.Text + " <<<<\n")
	case TraceBridge:
		b.WriteString(n.Text + "\n" + strings.Repeat("-", len(n.Text)) + "\n")
	default:
		b.WriteString(n.Text + "\n")
	}
	for i, s := range n.Subs {
		s.write(b, level+2*deeper, i == len(n.Subs)-1)
	}
}
