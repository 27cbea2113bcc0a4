package actions

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"pollux/flow"
	"pollux/ipfix/cache"
)

// local is OFPP_LOCAL, the switch's own port (OpenFlow 1.5.1 section 7.2.1).
const local = 0xfffffffe

// setText says how a field is written in set(…): header(member=value), the value
// moved up by shift bits.
type setText struct {
	header, member string
	shift          uint
	format         flow.Format
}

var setTexts = [flow.NumFields]setText{
	flow.EthSrc:        {"eth", "src", 0, flow.MAC},
	flow.EthDst:        {"eth", "dst", 0, flow.MAC},
	flow.VlanTCI:       {"vlan", "tci", 0, flow.Hex},
	flow.DlVlan:        {"vlan", "vid", 0, flow.Decimal},
	flow.VlanVID:       {"vlan", "vid", 0, flow.Decimal},
	flow.DlVlanPCP:     {"vlan", "pcp", 0, flow.Decimal},
	flow.MPLSLabel:     {"mpls", "label", 0, flow.Decimal},
	flow.MPLSTC:        {"mpls", "tc", 0, flow.Decimal},
	flow.MPLSTTL:       {"mpls", "ttl", 0, flow.Decimal},
	flow.IPv4Src:       {"ipv4", "src", 0, flow.IPv4},
	flow.IPv4Dst:       {"ipv4", "dst", 0, flow.IPv4},
	flow.IPTOS:         {"ipv4", "tos", 0, flow.Hex},
	flow.IPDSCP:        {"ipv4", "tos", 2, flow.Hex},
	flow.IPECN:         {"ipv4", "tos", 0, flow.Hex},
	flow.IPTTL:         {"ipv4", "ttl", 0, flow.Decimal},
	flow.IPv6Src:       {"ipv6", "src", 0, flow.IPv6},
	flow.IPv6Dst:       {"ipv6", "dst", 0, flow.IPv6},
	flow.IPv6Label:     {"ipv6", "label", 0, flow.Hex},
	flow.ARPOp:         {"arp", "op", 0, flow.Decimal},
	flow.ARPSPA:        {"arp", "sip", 0, flow.IPv4},
	flow.ARPTPA:        {"arp", "tip", 0, flow.IPv4},
	flow.ARPSHA:        {"arp", "sha", 0, flow.MAC},
	flow.ARPTHA:        {"arp", "tha", 0, flow.MAC},
	flow.TCPSrc:        {"tcp", "src", 0, flow.Decimal},
	flow.TCPDst:        {"tcp", "dst", 0, flow.Decimal},
	flow.UDPSrc:        {"udp", "src", 0, flow.Decimal},
	flow.UDPDst:        {"udp", "dst", 0, flow.Decimal},
	flow.SCTPSrc:       {"sctp", "src", 0, flow.Decimal},
	flow.SCTPDst:       {"sctp", "dst", 0, flow.Decimal},
	flow.ICMPType:      {"icmp", "type", 0, flow.Decimal},
	flow.ICMPCode:      {"icmp", "code", 0, flow.Decimal},
	flow.ICMPv6Type:    {"icmpv6", "type", 0, flow.Decimal},
	flow.ICMPv6Code:    {"icmpv6", "code", 0, flow.Decimal},
	flow.NDTarget:      {"nd", "target", 0, flow.IPv6},
	flow.NDSLL:         {"nd", "sll", 0, flow.MAC},
	flow.NDTLL:         {"nd", "tll", 0, flow.MAC},
	flow.NDReserved:    {"nd_ext", "nd_reserved", 0, flow.Hex},
	flow.NDOptionsType: {"nd_ext", "nd_options_type", 0, flow.Decimal},
}

// text returns how the op's field is written.
func (op *Op) text() setText {
	t := setTexts[op.Field]
	switch {
	case t.header == "":
		t = setText{"field", op.Field.Name(), 0, flow.Hex}
	case op.A == typeIPv6 && t.member == "tos":
		t.header, t.member = "ipv6", "tclass"
	case op.A == typeIPv6 && t.member == "ttl":
		t.header, t.member = "ipv6", "hlimit"
	}
	return t
}

// String writes the program as ovs-dpctl writes datapath actions, with OpenFlow port
// numbers: push_vlan(vid=5,pcp=0),2,set(ipv4(ttl=63)),3. A program that sends nothing
// ends in drop.
func (p *Program) String() string {
	var w strings.Builder
	if p.Asks != nil {
		return p.Asks.String()
	}
	if p.write(&w, p.Ops, 0) || p.Drop == Punted {
		return w.String()
	}
	if w.Len() > 0 {
		w.WriteByte(',')
	}
	w.WriteString("drop")
	return w.String()
}

// write writes ops, the first of which is op number at of the program, or that are in a clone
// if at is -1. It reports whether the program ended in them with an output.
func (p *Program) write(w *strings.Builder, ops []Op, at int) (ended bool) {
	start := w.Len()
	for n := 0; n < len(ops); n++ {
		op := &ops[n]
		if op.Code == OpDrop {
			break
		}
		if w.Len() > start {
			w.WriteByte(',')
		}
		switch op.Code {
		case OpOutput:
			if op.V.Lo != 0 {
				fmt.Fprintf(w, "trunc(%d),", op.V.Lo)
			}
			if op.V.Hi != 0 {
				fmt.Fprintf(w, "queue(%d),", op.M.Lo)
			}
			w.WriteString(portText(op.B))
		case OpSet:
			n = writeSets(w, ops, n)
		case OpPushVLAN:
			w.WriteString("push_vlan(")
			if tpid := op.A >> 16; tpid != typeVLAN {
				fmt.Fprintf(w, "tpid=%#x,", tpid)
			}
			fmt.Fprintf(w, "vid=%d,pcp=%d)", op.A&0xfff, op.A>>13&7)
		case OpPopVLAN:
			w.WriteString("pop_vlan")
		case OpPushMPLS:
			fmt.Fprintf(w, "push_mpls(label=%d,tc=%d,ttl=%d,bos=%d,eth_type=%#x)",
				op.B>>12, op.B>>9&7, op.B&0xff, op.B>>8&1, op.A)
		case OpPopMPLS:
			fmt.Fprintf(w, "pop_mpls(eth_type=%#x)", op.A)
		case OpSample:
			p.Samples[op.A].write(w)
		case OpController:
			p.Punts[op.A].write(w)
		case OpMeter:
			fmt.Fprintf(w, "meter(%d)", op.B)
		case OpClone:
			w.WriteString("clone(")
			p.write(w, ops[n+1:n+1+int(op.A)], -1)
			w.WriteByte(')')
			n += int(op.A)
		case OpCopyTTLIn:
			w.WriteString("copy_ttl_in")
		}
		if at == 0 && p.Last >= 0 && n >= p.Last && !sampled(ops[n+1:]) {
			return true
		}
	}
	return false
}

// writeSets writes op n, and those after it that set fields of the same header, as one set().
// It returns the number of the last of them.
func writeSets(w *strings.Builder, ops []Op, n int) int {
	op := &ops[n]
	t := op.text()
	fmt.Fprintf(w, "set(%s(%s=%s", t.header, t.member, t.value(op))
	for ; n+1 < len(ops) && ops[n+1].Code == OpSet; n++ {
		next := ops[n+1].text()
		if next.header != t.header {
			break
		}
		fmt.Fprintf(w, ",%s=%s", next.member, next.value(&ops[n+1]))
	}
	w.WriteString("))")
	return n
}

// portText writes the OpenFlow number of a port.
func portText(n uint32) string {
	if n == local {
		return "LOCAL"
	}
	return strconv.FormatUint(uint64(n), 10)
}

// write writes ipfix(exporter=0,obs_domain_id=1,obs_point_id=2,output_port=3).
func (s *Sample) write(w *strings.Builder) {
	fmt.Fprintf(w, "ipfix(exporter=%d,obs_domain_id=%d,obs_point_id=%d", s.Exporter, s.Point.Domain, s.Point.ID)
	if s.Point.Dir == cache.Egress {
		w.WriteString(",output_port=" + portText(s.Point.Egress))
	}
	if s.Probability != 0 && s.Probability != 65535 {
		fmt.Fprintf(w, ",probability=%d", s.Probability)
	}
	w.WriteByte(')')
}

// value writes V, and M where it does not cover the whole member.
func (t setText) value(op *Op) string {
	v, m := op.V.And(op.M).Shl(t.shift), op.M.Shl(t.shift)
	full := op.Field.Full()
	if t.member == "tos" || t.member == "tclass" {
		full = flow.Ones(8)
	}
	if t.header == "vlan" && t.member == "vid" {
		full = flow.Ones(12)
		v, m = v.And(full), m.And(full)
	}
	s := number(t.format, v)
	if m == full {
		return s
	}
	if t.format == flow.Decimal {
		return s + "/" + number(flow.Hex, m)
	}
	return s + "/" + number(t.format, m)
}

// number writes a value in a format.
func number(f flow.Format, v flow.Value) string {
	switch f {
	case flow.MAC:
		return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", byte(v.Lo>>40), byte(v.Lo>>32), byte(v.Lo>>24),
			byte(v.Lo>>16), byte(v.Lo>>8), byte(v.Lo))
	case flow.IPv4:
		var a [4]byte
		be.PutUint32(a[:], uint32(v.Lo))
		return netip.AddrFrom4(a).String()
	case flow.IPv6:
		var a [16]byte
		be.PutUint64(a[:], v.Hi)
		be.PutUint64(a[8:], v.Lo)
		return netip.AddrFrom16(a).String()
	case flow.Hex:
		if v.Hi != 0 {
			return fmt.Sprintf("%#x%016x", v.Hi, v.Lo)
		}
		return fmt.Sprintf("%#x", v.Lo)
	}
	return strconv.FormatUint(v.Lo, 10)
}
