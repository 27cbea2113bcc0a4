package pipeline

import (
	"strconv"
	"strings"

	"pollux/flow"
)

// clone reads the actions that a copy of the packet goes through. What they do to it is not
// known of the packet afterwards.
func (p *actionParser) clone(w piece) (Action, error) {
	a := Action{Kind: ActClone, List: &Lists{}}
	if !w.paren {
		return a, p.errAt(w.off, w.end-w.off, "the actions stand in parentheses: clone(output:2)")
	}
	inner := actionParser{flowParser: p.flowParser, match: p.match, depth: p.depth + 1}
	if inner.depth > maxClones {
		return a, p.errAt(w.off, w.end-w.off, "there are %d clones inside each other at most", maxClones)
	}
	var drop *piece
	count := 0
	for o, end := w.valOff, w.valOff+len(w.value); ; {
		for o < end && isSeparator(p.text[o]) {
			o++
		}
		if o == end {
			break
		}
		sub, err := p.cutPiece(o, end)
		if err != nil {
			return a, err
		}
		o = sub.end
		count++
		if sub.key == "drop" && !sub.hasValue {
			drop = &sub
			continue
		}
		if a.List.Actions, err = inner.action(a.List.Actions, sub); err != nil {
			return a, err
		}
	}
	if drop != nil && count > 1 {
		return a, p.errAt(drop.off, len(drop.key), "drop must not be accompanied by any other action")
	}
	return a, nil
}

func (p *actionParser) stackPush(w piece) (a Action, err error) {
	a.Kind = ActPush
	if err = p.want(w, "push:NXM_NX_REG0[]"); err != nil {
		return a, err
	}
	if a.Src, err = p.subfield(w.value, w.valOff); err == nil {
		err = p.prereq(a.Src.Field, w)
	}
	return a, err
}

func (p *actionParser) stackPop(w piece) (a Action, err error) {
	a.Kind = ActPop
	if err = p.want(w, "pop:NXM_NX_REG0[]"); err != nil {
		return a, err
	}
	if a.Dst, err = p.subfield(w.value, w.valOff); err == nil {
		err = p.writable(a.Dst.Field, w.valOff, len(w.value), w)
	}
	return a, err
}

// argument is one of the comma-separated operands of an action: a word, or key=value.
type argument struct {
	key, value string
	off, n     int // of all of it
	valOff     int
}

// arguments parts the operands of w. Commas in parentheses part nothing.
func (p *actionParser) arguments(w piece) (list []argument) {
	depth, from := 0, 0
	for i := 0; i <= len(w.value); i++ {
		if i < len(w.value) {
			switch w.value[i] {
			case '(':
				depth++
			case ')':
				depth--
			}
			if w.value[i] != ',' || depth > 0 {
				continue
			}
		}
		text := w.value[from:i]
		trimmed := strings.TrimLeft(text, " \t\r\n")
		a := argument{off: w.valOff + from + len(text) - len(trimmed)}
		trimmed = strings.TrimRight(trimmed, " \t\r\n")
		a.n = len(trimmed)
		a.key, a.value, _ = strings.Cut(trimmed, "=")
		a.valOff = a.off + min(len(a.key)+1, a.n)
		if trimmed != "" {
			list = append(list, a)
		}
		from = i + 1
	}
	return list
}

// uint reads the value of an argument.
func (p *actionParser) uint(a argument, bits int) (uint64, error) {
	n, err := strconv.ParseUint(a.value, 0, bits)
	if err != nil {
		return 0, p.errAt(a.off, a.n, "%s is not a number from 0 to %d", a.key, ^uint64(0)>>(64-bits))
	}
	return n, nil
}

// truncated reads output(port=1,max_len=100).
func (p *actionParser) truncated(w piece) (Action, error) {
	a := Action{Kind: ActOutputTrunc}
	for _, arg := range p.arguments(w) {
		switch arg.key {
		case "port":
			n, err := flow.ParsePort(arg.value, p.ports)
			if err != nil {
				return a, p.inside(err, arg.valOff)
			}
			if !truncates(n) {
				return a, p.errAt(arg.valOff, len(arg.value), "not a port to send part of a packet to; it would be a port's number or name, LOCAL or IN_PORT")
			}
			a.Port = n
		case "max_len":
			n, err := p.uint(arg, 16)
			if err != nil {
				return a, err
			}
			if n < minTruncated {
				return a, p.errAt(arg.valOff, len(arg.value), "a frame has %d bytes at least", minTruncated)
			}
			a.MaxLen = uint16(n)
		default:
			return a, p.errAt(arg.off, arg.n, "unknown in output; known are port, max_len")
		}
	}
	if a.Port == 0 || a.MaxLen == 0 {
		return a, p.errAt(w.off, w.end-w.off, "both are needed: output(port=2,max_len=100)")
	}
	return a, nil
}

// minTruncated is the least that a truncated output leaves: an Ethernet header.
const minTruncated = 14

// truncates says whether a truncated output can go to port n.
func truncates(n uint32) bool {
	return n != 0 && n < flow.PortMax || n == flow.PortLocal || n == flow.PortIn
}

func (p *actionParser) checkPktLarger(w piece) (a Action, err error) {
	a.Kind = ActCheckPktLarger
	const example = "check_pkt_larger(1500)->NXM_NX_REG0[0]"
	if !w.paren || w.arrow == "" {
		return a, p.errAt(w.off, w.end-w.off, "it would be %s", example)
	}
	n, err := p.number(w, 16, example)
	if err != nil {
		return a, err
	}
	a.MaxLen = uint16(n)
	if a.Dst, err = p.subfield(w.arrow, w.arrowOff); err != nil {
		return a, err
	}
	if a.Dst.Bits != 1 {
		return a, p.errAt(w.arrowOff, len(w.arrow), "the answer is one bit, as in NXM_NX_REG0[0]")
	}
	return a, p.writable(a.Dst.Field, w.arrowOff, len(w.arrow), w)
}

func (p *actionParser) finTimeout(w piece) (Action, error) {
	a := Action{Kind: ActFinTimeout, List: &Lists{}}
	if err := p.prereq(flow.TCPFlags, w); err != nil {
		return a, err
	}
	for _, arg := range p.arguments(w) {
		n, err := p.uint(arg, 16)
		switch {
		case arg.key != "idle_timeout" && arg.key != "hard_timeout":
			return a, p.errAt(arg.off, arg.n, "unknown in fin_timeout; known are idle_timeout, hard_timeout")
		case err != nil:
			return a, err
		case arg.key == "idle_timeout":
			a.List.FinIdle = uint16(n)
		default:
			a.List.FinHard = uint16(n)
		}
	}
	return a, nil
}

// conjunction reads id,clause/clauses.
func (p *actionParser) conjunction(w piece) (Action, error) {
	a := Action{Kind: ActConjunction}
	id, rest, ok := strings.Cut(w.value, ",")
	clause, clauses, ok2 := strings.Cut(rest, "/")
	n, e1 := strconv.ParseUint(strings.TrimSpace(id), 0, 32)
	k, e2 := strconv.ParseUint(strings.TrimSpace(clause), 10, 8)
	of, e3 := strconv.ParseUint(strings.TrimSpace(clauses), 10, 8)
	if !ok || !ok2 || e1 != nil || e2 != nil || e3 != nil {
		return a, p.errAt(w.off, w.end-w.off, "it would be conjunction(5,1/2): the first of two clauses of conjunction 5")
	}
	switch {
	case of < 2 || of > maxClauses:
		return a, p.errAt(w.valOff, len(w.value), "a conjunction has 2 to %d clauses", maxClauses)
	case k < 1 || k > of:
		return a, p.errAt(w.valOff, len(w.value), "the clause is one of 1 to %d", of)
	}
	a.List = &Lists{Conjunction: Conjunction{ID: uint32(n), Clause: uint8(k - 1), Clauses: uint8(of)}}
	return a, nil
}

// maxClauses is how many clauses a conjunction has at most (ovs-actions(7)).
const maxClauses = 64

// maxClones is how many clones are inside each other at most, as to ovs-ofctl.
const maxClones = 99
