package pipeline

import (
	"strconv"
	"strings"

	"pollux/flow"
)

// learn reads a flow that is to be made of the packet (ovs-actions(7)). match is what the
// learned flow is known to match so far, for prerequisites of its own.
func (p *actionParser) learn(w piece) (Action, error) {
	l := &Learn{Table: 1, Priority: DefaultPriority}
	a := Action{Kind: ActLearn, List: &Lists{Learn: l}}
	var match flow.Match
	for _, arg := range p.arguments(w) {
		if done, err := p.learnWord(l, arg, w); done || err != nil {
			if err != nil {
				return a, err
			}
			continue
		}
		s, err := p.learnSpec(arg, w, &match)
		if err != nil {
			return a, err
		}
		l.Specs = append(l.Specs, s)
	}
	return a, nil
}

// learnWord takes the operands that are not of the learned flow's match and actions.
func (p *actionParser) learnWord(l *Learn, a argument, w piece) (done bool, err error) {
	var to16 *uint16
	switch a.key {
	case "table":
		n, err := p.uint(a, 8)
		if err == nil && n >= NumTables {
			err = p.errAt(a.valOff, len(a.value), "there are tables 0 to %d", NumTables-1)
		}
		l.Table = uint8(n)
		return true, err
	case "cookie":
		l.Cookie, err = p.uint(a, 64)
		return true, err
	case "limit":
		n, err := p.uint(a, 32)
		l.Limit = uint32(n)
		return true, err
	case "send_flow_rem":
		l.SendFlowRem = true
		return true, nil
	case "delete_learned":
		l.DeleteLearned = true
		return true, nil
	case "result_dst":
		if l.Result, err = p.subfield(a.value, a.valOff); err != nil {
			return true, err
		}
		if l.Result.Bits != 1 {
			return true, p.errAt(a.valOff, len(a.value), "the result is one bit, as in NXM_NX_REG0[0]")
		}
		return true, p.writable(l.Result.Field, a.valOff, len(a.value), w)
	case "priority":
		to16 = &l.Priority
	case "idle_timeout":
		to16 = &l.Idle
	case "hard_timeout":
		to16 = &l.Hard
	case "fin_idle_timeout":
		to16 = &l.FinIdle
	case "fin_hard_timeout":
		to16 = &l.FinHard
	default:
		return false, nil
	}
	n, err := p.uint(a, 16)
	*to16 = uint16(n)
	return true, err
}

// learnSpec reads a part of the learned flow: field, field=field, field=value,
// load:value->field, load:field->field or output:field.
func (p *actionParser) learnSpec(a argument, w piece, match *flow.Match) (s LearnSpec, err error) {
	at := piece{off: a.off, end: a.off + a.n}
	learned := actionParser{flowParser: p.flowParser, match: *match}
	if rest, ok := strings.CutPrefix(a.key, "output:"); ok && a.value == "" {
		s.Kind = LearnOutput
		if s.Src, err = p.subfield(rest, a.off+7); err != nil {
			return s, err
		}
		if s.Src.Bits > 32 {
			return s, p.errAt(a.off, a.n, "a port number has 32 bits at most, as in reg0[0..15]")
		}
		return s, p.prereq(s.Src.Field, at)
	}
	if rest, ok := strings.CutPrefix(a.key, "load:"); ok && a.value == "" {
		s.Kind = LearnLoad
		from, to, ok := strings.Cut(rest, "->")
		if !ok {
			return s, p.errAt(a.off, a.n, "no -> in it; it would be load:NXM_OF_IN_PORT[]->NXM_NX_REG0[0..15]")
		}
		toOff := a.off + 5 + len(from) + 2
		if s.Dst, err = p.subfield(to, toOff); err != nil {
			return s, err
		}
		if err = learned.writable(s.Dst.Field, toOff, len(to), at); err != nil {
			return s, err
		}
		return s, p.learnSource(&s, from, a.off+5, at)
	}
	name, _, _ := strings.Cut(a.key, "[")
	if _, ok := flow.FieldByName(name); !ok {
		return s, p.errAt(a.off, a.n, "unknown in learn; it would be a field, as in NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[], load:, output: or one of table, priority, cookie, idle_timeout, hard_timeout, fin_idle_timeout, fin_hard_timeout, send_flow_rem, delete_learned, limit, result_dst")
	}
	if s.Dst, err = p.subfield(a.key, a.off); err != nil {
		return s, err
	}
	if f := flow.Fields[s.Dst.Field]; f.OXM == "" && f.NXM == "" {
		return s, p.errAt(a.off, len(a.key), "a learned flow cannot match on %s", f.Name)
	}
	if err = learned.prereq(s.Dst.Field, at); err != nil {
		return s, err
	}
	if a.value == "" && a.valOff == a.off+a.n {
		s.Src = s.Dst
		return s, p.prereq(s.Src.Field, at)
	}
	if err = p.learnSource(&s, a.value, a.valOff, at); err == nil && s.Src.Bits == 0 {
		match.SetMasked(s.Dst.Field, s.Value.Shl(uint(s.Dst.Lo)), s.Dst.mask())
	}
	return s, err
}

// learnSource reads what goes to s.Dst: a subfield as wide, or a value.
func (p *actionParser) learnSource(s *LearnSpec, text string, off int, at piece) error {
	name, _, _ := strings.Cut(text, "[")
	if _, ok := flow.FieldByName(name); ok {
		src, err := p.subfield(text, off)
		if err != nil {
			return err
		}
		if src.Bits != s.Dst.Bits {
			return p.errAt(off, len(text), "source is %d bits wide and destination %d; they must be of one width", src.Bits, s.Dst.Bits)
		}
		s.Src = src
		return p.prereq(src.Field, at)
	}
	whole := s.Dst.Lo == 0 && s.Dst.Bits == SubfieldBits(s.Dst.Field)
	if v, m, err := flow.ParseValue(s.Dst.Field, text, p.ports); whole && s.Kind == LearnMatch && err == nil && m == s.Dst.Field.Full() {
		s.Value = v.And(s.Dst.mask())
		return nil
	}
	n, err := parseWide(text)
	if err != nil {
		return p.errAt(off, len(text), "neither a field of the packet nor a value for %s", s.Dst)
	}
	if !n.AndNot(flow.Ones(uint(s.Dst.Bits))).IsZero() {
		return p.errAt(off, len(text), "does not fit into %d bits", s.Dst.Bits)
	}
	s.Value = n
	return nil
}

// parseWide reads a number of up to 128 bits, beyond 64 in hexadecimal.
func parseWide(s string) (flow.Value, error) {
	if digits, ok := strings.CutPrefix(s, "0x"); ok && len(digits) > 16 {
		hi, err := strconv.ParseUint(digits[:len(digits)-16], 16, 64)
		if err != nil {
			return flow.Value{}, err
		}
		lo, err := strconv.ParseUint(digits[len(digits)-16:], 16, 64)
		return flow.Value{Hi: hi, Lo: lo}, err
	}
	n, err := strconv.ParseUint(s, 0, 64)
	return flow.Value{Lo: n}, err
}
