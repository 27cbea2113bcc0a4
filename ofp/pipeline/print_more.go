package pipeline

import (
	"fmt"
	"strings"

	"pollux/flow"
)

// formatMore writes the actions that formatAction does not.
func formatMore(a *Action, ports flow.PortNames) string {
	switch a.Kind {
	case ActOutputTrunc:
		return fmt.Sprintf("output(port=%s,max_len=%d)", flow.FormatPort(a.Port, ports), a.MaxLen)
	case ActController:
		return formatController(a.List.Controller)
	case ActEnqueue:
		return fmt.Sprintf("enqueue:%s:%d", flow.FormatPort(a.Port, ports), a.Queue)
	case ActSetQueue:
		return fmt.Sprintf("set_queue:%d", a.Queue)
	case ActPopQueue:
		return "pop_queue"
	case ActGroup:
		return fmt.Sprintf("group:%d", a.Group)
	case ActMeter:
		return fmt.Sprintf("meter:%d", a.Meter)
	case ActPushMPLS:
		return fmt.Sprintf("push_mpls:%#04x", a.EtherType)
	case ActPopMPLS:
		return fmt.Sprintf("pop_mpls:%#04x", a.EtherType)
	case ActCopyTTLOut:
		return "copy_ttl_out"
	case ActCopyTTLIn:
		return "copy_ttl_in"
	case ActDecTTLIDs:
		ids := make([]string, len(a.List.IDs))
		for i, id := range a.List.IDs {
			ids[i] = fmt.Sprint(id)
		}
		return "dec_ttl(" + strings.Join(ids, ",") + ")"
	case ActClone:
		if len(a.List.Actions) == 0 {
			return "clone(drop)"
		}
		return "clone(" + formatList(a.List.Actions, ports) + ")"
	case ActLearn:
		return formatLearn(a.List.Learn, ports)
	case ActConjunction:
		c := &a.List.Conjunction
		return fmt.Sprintf("conjunction(%d,%d/%d)", c.ID, c.Clause+1, c.Clauses)
	case ActPush:
		return "push:" + a.Src.String()
	case ActPop:
		return "pop:" + a.Dst.String()
	case ActMultipath:
		m := a.List.Multipath
		return fmt.Sprintf("multipath(%s,%d,%s,%d,%d,%s)", nameOf(hashFieldNames, int(m.Fields)), m.Basis, nameOf(multipathAlgorithms, int(m.Algorithm)),
			uint32(m.MaxLink)+1, m.Arg, m.Dst)
	case ActBundle:
		return formatBundle(a.List.Bundle, ports)
	case ActFinTimeout:
		var parts []string
		if a.List.FinIdle != 0 {
			parts = append(parts, fmt.Sprintf("idle_timeout=%d", a.List.FinIdle))
		}
		if a.List.FinHard != 0 {
			parts = append(parts, fmt.Sprintf("hard_timeout=%d", a.List.FinHard))
		}
		return "fin_timeout(" + strings.Join(parts, ",") + ")"
	case ActCheckPktLarger:
		return fmt.Sprintf("check_pkt_larger(%d)->%s", a.MaxLen, a.Dst)
	case ActSetTunnel:
		return fmt.Sprintf("set_tunnel:%s", hexNumber(a.Value.Lo))
	case ActSetTunnel64:
		return fmt.Sprintf("set_tunnel64:%s", hexNumber(a.Value.Lo))
	}
	return fmt.Sprintf("action %d", a.Kind)
}

// nameOf returns the name of a number, or the number where it has none.
func nameOf(names []string, n int) string {
	if n < len(names) {
		return names[n]
	}
	return fmt.Sprint(n)
}

func formatController(c *ControllerAction) string {
	if *c == (ControllerAction{MaxLen: c.MaxLen, Reason: reasonAction}) {
		return fmt.Sprintf("CONTROLLER:%d", c.MaxLen)
	}
	var parts []string
	add := func(format string, v any) { parts = append(parts, fmt.Sprintf(format, v)) }
	if c.Reason != reasonAction {
		if int(c.Reason) < len(reasonNames) {
			add("reason=%s", reasonNames[c.Reason])
		} else {
			add("reason=%d", c.Reason)
		}
	}
	if c.MaxLen != 65535 {
		add("max_len=%d", c.MaxLen)
	}
	if c.ID != 0 {
		add("id=%d", c.ID)
	}
	if c.UserData != "" {
		bytes := make([]string, len(c.UserData))
		for i := range c.UserData {
			bytes[i] = fmt.Sprintf("%02x", c.UserData[i])
		}
		add("userdata=%s", strings.Join(bytes, "."))
	}
	if c.Pause {
		parts = append(parts, "pause")
	}
	if c.Meter != 0 {
		add("meter_id=%d", c.Meter)
	}
	return "controller(" + strings.Join(parts, ",") + ")"
}

func formatBundle(b *Bundle, ports flow.PortNames) string {
	alg := bundleAlgorithms[0]
	if b.HRW {
		alg = bundleAlgorithms[1]
	}
	name, dst := "bundle", ""
	if b.Dst.Bits != 0 {
		name, dst = "bundle_load", b.Dst.String()+","
	}
	members := make([]string, len(b.Slaves))
	for i, n := range b.Slaves {
		if members[i] = flow.FormatPort(n, ports); n == AnyPort {
			members[i] = "ANY"
		}
	}
	return fmt.Sprintf("%s(%s,%d,%s,ofport,%smembers:%s)", name, nameOf(hashFieldNames, int(b.Fields)), b.Basis, alg, dst, strings.Join(members, ","))
}

func formatLearn(l *Learn, ports flow.PortNames) string {
	var b strings.Builder
	fmt.Fprintf(&b, "learn(table=%d", l.Table)
	number := func(name string, n uint16) {
		if n != 0 {
			fmt.Fprintf(&b, ",%s=%d", name, n)
		}
	}
	number("idle_timeout", l.Idle)
	number("hard_timeout", l.Hard)
	number("fin_idle_timeout", l.FinIdle)
	number("fin_hard_timeout", l.FinHard)
	if l.Priority != DefaultPriority {
		fmt.Fprintf(&b, ",priority=%d", l.Priority)
	}
	if l.SendFlowRem {
		b.WriteString(",send_flow_rem")
	}
	if l.DeleteLearned {
		b.WriteString(",delete_learned")
	}
	if l.Cookie != 0 {
		fmt.Fprintf(&b, ",cookie=%#x", l.Cookie)
	}
	if l.Limit != 0 {
		fmt.Fprintf(&b, ",limit=%d", l.Limit)
	}
	if l.Result.Bits != 0 {
		b.WriteString(",result_dst=" + l.Result.String())
	}
	for i := range l.Specs {
		b.WriteByte(',')
		b.WriteString(l.Specs[i].format(ports))
	}
	b.WriteByte(')')
	return b.String()
}

// format writes one part of a learned flow.
func (s *LearnSpec) format(ports flow.PortNames) string {
	switch immediate := s.Src.Bits == 0; {
	case s.Kind == LearnOutput:
		return "output:" + s.Src.String()
	case s.Kind == LearnLoad && immediate:
		return "load:" + hexWide(s.Value) + "->" + s.Dst.String()
	case s.Kind == LearnLoad:
		return "load:" + s.Src.String() + "->" + s.Dst.String()
	case immediate && s.Dst.Lo == 0 && s.Dst.Bits == SubfieldBits(s.Dst.Field):
		return setFieldName(s.Dst.Field) + "=" + flow.FormatValue(s.Dst.Field, s.Value, s.Dst.Field.Full(), ports)
	case immediate:
		return s.Dst.String() + "=" + hexWide(s.Value)
	case s.Src == s.Dst:
		return s.Dst.String()
	}
	return s.Dst.String() + "=" + s.Src.String()
}

// hexWide is hexNumber for values of more than 64 bits, too.
func hexWide(v flow.Value) string {
	if v.Hi != 0 {
		return fmt.Sprintf("%#x%016x", v.Hi, v.Lo)
	}
	return hexNumber(v.Lo)
}
