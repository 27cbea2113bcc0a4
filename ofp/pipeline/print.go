package pipeline

import (
	"fmt"
	"strconv"
	"strings"

	"pollux/flow"
)

// String writes the flow as ovs-ofctl does, ports as numbers.
func (f *Flow) String() string { return f.Format(nil) }

// Format writes the flow so that ParseFlow reads it back, in the words and the
// order of ovs-ofctl; ports, when not nil, gives names.
func (f *Flow) Format(ports flow.PortNames) string {
	var b strings.Builder
	if f.Cookie != 0 {
		fmt.Fprintf(&b, "cookie=%#x, ", f.Cookie)
	}
	if f.Table != 0 {
		fmt.Fprintf(&b, "table=%d, ", f.Table)
	}
	f.formatTimeouts(&b)
	b.WriteString(f.formatMatch(ports))
	if b.Len() > 0 && !strings.HasSuffix(b.String(), " ") {
		b.WriteByte(' ')
	}
	b.WriteString("actions=" + f.Do.Format(ports))
	return b.String()
}

// flagNames are the flags in the order that ovs-ofctl prints them in.
var flagNames = []struct {
	flag FlowFlags
	name string
}{
	{SendFlowRem, "send_flow_rem"}, {CheckedOverlap, "check_overlap"}, {ResetCounts, "reset_counts"},
	{NoPacketCounts, "no_packet_counts"}, {NoByteCounts, "no_byte_counts"},
}

func (f *Flow) formatTimeouts(b *strings.Builder) {
	if f.IdleTimeout != 0 {
		fmt.Fprintf(b, "idle_timeout=%d, ", f.IdleTimeout)
	}
	if f.HardTimeout != 0 {
		fmt.Fprintf(b, "hard_timeout=%d, ", f.HardTimeout)
	}
	for _, w := range flagNames {
		if f.Flags&w.flag != 0 {
			b.WriteString(w.name + " ")
		}
	}
	if f.Importance != 0 {
		fmt.Fprintf(b, "importance=%d, ", f.Importance)
	}
}

// formatMatch writes priority and match as dump-flows does.
func (f *Flow) formatMatch(ports flow.PortNames) string {
	m := f.Match.Format(ports)
	if f.Priority == DefaultPriority {
		return m
	}
	if m == "" {
		return fmt.Sprintf("priority=%d", f.Priority)
	}
	return fmt.Sprintf("priority=%d,%s", f.Priority, m)
}

// Format writes what stands behind actions=.
func (i *Instructions) Format(ports flow.PortNames) string {
	if i.empty() && i.Trigger == nil {
		return "drop"
	}
	var parts []string
	if i.Meter != 0 {
		parts = append(parts, fmt.Sprintf("meter:%d", i.Meter))
	}
	for k := range i.Apply {
		parts = append(parts, formatAction(&i.Apply[k], ports))
	}
	if i.Clear {
		parts = append(parts, "clear_actions")
	}
	if len(i.Write) > 0 {
		parts = append(parts, formatWrite(i.Write, ports))
	}
	if i.MetadataMask != 0 {
		parts = append(parts, formatMetadata(i))
	}
	if i.Trigger != nil {
		parts = append(parts, i.Trigger.String())
	}
	if i.Goto != 0 {
		parts = append(parts, fmt.Sprintf("goto_table:%d", i.Goto))
	}
	return strings.Join(parts, ",")
}

func formatWrite(list []Action, ports flow.PortNames) string {
	return "write_actions(" + formatList(list, ports) + ")"
}

func formatList(list []Action, ports flow.PortNames) string {
	parts := make([]string, len(list))
	for i := range list {
		parts[i] = formatAction(&list[i], ports)
	}
	return strings.Join(parts, ",")
}

func formatMetadata(i *Instructions) string {
	if i.MetadataMask == ^uint64(0) {
		return "write_metadata:" + hexNumber(i.Metadata)
	}
	return "write_metadata:" + hexNumber(i.Metadata) + "/" + hexNumber(i.MetadataMask)
}

// hex writes a number as C's %#x does.
func hexNumber(n uint64) string {
	if n == 0 {
		return "0"
	}
	return fmt.Sprintf("%#x", n)
}

// formatAction writes one action.
func formatAction(a *Action, ports flow.PortNames) string {
	switch a.Kind {
	case ActOutput:
		switch a.Port {
		case flow.PortIn, flow.PortNormal, flow.PortFlood, flow.PortAll, flow.PortLocal:
			return flow.FormatPort(a.Port, nil)
		}
		return "output:" + flow.FormatPort(a.Port, ports)
	case ActOutputReg:
		return "output:" + a.Src.String()
	case ActResubmit:
		return formatResubmit(a, ports)
	case ActSetField:
		return "set_field:" + setFieldValue(a, ports) + "->" + setFieldName(a.Dst.Field)
	case ActLoad:
		return "load:" + hexWide(a.Value) + "->" + a.Dst.String()
	case ActMove:
		return "move:" + a.Src.String() + "->" + a.Dst.String()
	case ActModVID:
		return fmt.Sprintf("mod_vlan_vid:%d", a.Value.Lo)
	case ActModPCP:
		return fmt.Sprintf("mod_vlan_pcp:%d", a.Value.Lo)
	case ActModTTL:
		return fmt.Sprintf("mod_nw_ttl:%d", a.Value.Lo)
	case ActPushVLAN:
		return fmt.Sprintf("push_vlan:%#04x", a.EtherType)
	case ActPopVLAN:
		return "pop_vlan"
	case ActDecTTL:
		return "dec_ttl"
	case ActModMPLSTTL:
		return fmt.Sprintf("set_mpls_ttl(%d)", a.Value.Lo)
	case ActDecMPLSTTL:
		return "dec_mpls_ttl"
	case ActNote:
		note := a.List.Note
		parts := make([]string, len(note))
		for i := range note {
			parts[i] = fmt.Sprintf("%02x", note[i])
		}
		return "note:" + strings.Join(parts, ".")
	case ActSample:
		return formatSample(a.List.Sample, ports)
	case ActExit:
		return "exit"
	}
	return formatMore(a, ports)
}

func formatResubmit(a *Action, ports flow.PortNames) string {
	port := ""
	if a.Port != PortKeep {
		port = flow.FormatPort(a.Port, ports)
	}
	switch {
	case a.Table != TableKeep:
		return fmt.Sprintf("resubmit(%s,%d)", port, a.Table)
	case port == "":
		return "resubmit:IN_PORT"
	}
	return "resubmit:" + port
}

func formatSample(s *SampleAction, ports flow.PortNames) string {
	t := fmt.Sprintf("sample(probability=%d,collector_set_id=%d,obs_domain_id=%s,obs_point_id=%s", s.Probability, s.Set,
		formatID(s.Domain, s.DomainOf), formatID(s.Point, s.PointOf))
	if s.SamplingPort != 0 {
		t += ",sampling_port=" + flow.FormatPort(s.SamplingPort, ports)
	}
	switch s.Direction {
	case SampleIngress:
		t += ",ingress"
	case SampleEgress:
		t += ",egress"
	}
	return t + ")"
}

// formatID writes an id that is a number or taken from a field.
func formatID(n uint32, of Subfield) string {
	if of.Bits != 0 {
		return of.String()
	}
	return strconv.FormatUint(uint64(n), 10)
}

// setFieldValue writes what a set_field writes. The tunnel's flag has no sign there.
func setFieldValue(a *Action, ports flow.PortNames) string {
	if a.Dst.Field == flow.TunFlags {
		return [...]string{"0", "oam"}[a.Value.Lo&1]
	}
	return flow.FormatValue(a.Dst.Field, a.Value, a.Mask, ports)
}

// setFieldName is the name that ovs-ofctl gives a field in set_field and learn.
func setFieldName(f flow.Field) string {
	switch f {
	case flow.EthSrc:
		return "eth_src"
	case flow.EthDst:
		return "eth_dst"
	case flow.EthType:
		return "eth_type"
	case flow.IPv4Src:
		return "ip_src"
	case flow.IPv4Dst:
		return "ip_dst"
	case flow.DlVlanPCP:
		return "vlan_pcp"
	}
	return flow.Fields[f].Name
}

// String writes the subfield as NXM_NX_REG0[0..15], or NXM_NX_REG0[] for all of it.
func (s Subfield) String() string {
	i := &flow.Fields[s.Field]
	name := i.NXM
	if name == "" {
		name = i.OXM
	}
	if name == "" {
		name = i.Name
	}
	switch {
	case s.Lo == 0 && s.Bits == SubfieldBits(s.Field):
		return name + "[]"
	case s.Bits == 1:
		return fmt.Sprintf("%s[%d]", name, s.Lo)
	}
	return fmt.Sprintf("%s[%d..%d]", name, s.Lo, s.Lo+s.Bits-1)
}
