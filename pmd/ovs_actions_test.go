package pmd_test

import (
	"fmt"
	"slices"
	"strings"

	"pollux/flow"
)

// actions draws a flow's actions and instructions.
func (m *caseMaker) actions(x *flow.Match, table int) string {
	var list []string
	m.pushed, m.popped, m.pushedLabel = false, false, false
	for range m.IntN(6) {
		list = append(list, m.action(x, table, 0))
	}
	if m.IntN(3) > 0 {
		list = append(list, m.output())
	}
	if m.IntN(10) == 0 {
		list = append(list, "clear_actions")
	}
	if m.IntN(6) == 0 && !m.exits && !m.clones && !m.back {
		list = append(list, "write_actions("+m.set(x, table)+")")
	}
	if m.IntN(8) == 0 {
		list = append(list, fmt.Sprintf("write_metadata:%#x/%#x", m.IntN(8), 7))
	}
	if table < m.tables-1 && m.IntN(3) == 0 {
		list = append(list, fmt.Sprintf("goto_table:%d", table+1+m.IntN(m.tables-table-1)))
	}
	if m.popped { // nor may they follow: Open vSwitch has the packet go through table 0 again, for want of other actions
		list = slices.DeleteFunc(list, func(a string) bool { return strings.HasPrefix(a, "note") })
	}
	if len(list) == 0 {
		return "drop"
	}
	return strings.Join(list, ",")
}

// set draws what is written to the action set.
func (m *caseMaker) set(x *flow.Match, table int) string {
	list := []string{m.pickText("output:1", "output:2", "output:3", "output:4", "in_port", "all", "flood")}
	if m.groups > 0 && m.IntN(3) == 0 {
		list = append(list, fmt.Sprintf("group:%d", 1+m.IntN(m.groups)))
	}
	all := []string{m.tag(x, table), m.label(x, table), m.setField(x), m.setField(x)}
	all = append(all, "dec_ttl", "mod_nw_ttl:9", "set_mpls_ttl:9")
	if flow.PreIP.Met(&x.Key) {
		all = append(all, "mod_nw_tos:32")
	}
	for range m.IntN(3) {
		if a := all[m.IntN(len(all))]; !strings.HasPrefix(a, "note") {
			list = append(list, a)
		}
	}
	m.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return strings.Join(list, ",")
}

func (m *caseMaker) exit() string {
	if m.exits {
		return "exit"
	}
	return "note:06"
}

func (m *caseMaker) pickText(v ...string) string { return v[m.IntN(len(v))] }

func (m *caseMaker) output() string {
	if m.cuts && m.IntN(3) == 0 {
		return fmt.Sprintf("output(port=%s,max_len=%d)", m.pickText("2", "3", "5", "LOCAL"), 14+m.IntN(80))
	}
	if m.normal && m.IntN(3) > 0 {
		return "normal"
	}
	return m.pickText("1", "2", "3", "4", "5", "1", "2", "3", "4", "output:9", "in_port", "LOCAL", "all", "flood",
		"output:reg0[0..15]", "output:reg1[0..2]", "output:reg0[0..15]",
		"output:NXM_OF_IN_PORT[]", "output:metadata[0..1]")
}

// action draws one action, or a few that belong together.
func (m *caseMaker) action(x *flow.Match, table, depth int) string {
	n := m.tables
	all := []func() string{
		m.output, m.output,
		func() string { return m.setField(x) }, func() string { return m.setField(x) }, func() string { return m.setField(x) },
		func() string { return m.load(x) }, func() string { return m.load(x) }, func() string { return m.move(x) }, func() string { return m.move(x) },
		func() string { return m.resubmit(table) },
		func() string { return m.tag(x, table) }, func() string { return m.label(x, table) },
		func() string { return m.pickText(m.exit(), "note:00.01", "set_field:1->reg0", "load:2->NXM_NX_REG1[]") },
		func() string {
			return m.pickText("mod_dl_src:02:00:00:00:00:01", "mod_dl_dst:02:00:00:00:00:02", "controller", "controller(max_len=40)")
		},
		func() string {
			f, g := m.field(x, false), m.field(x, true)
			if f == flow.DlVlanPCP || g == flow.DlVlanPCP {
				f, g = flow.EthDst, flow.EthSrc
			}
			return fmt.Sprintf("push:%s,pop:%s", m.part(f, 0), m.part(g, 0))
		},
		func() string {
			return m.pickText("multipath(eth_src,1,modulo_n,1,0,NXM_NX_REG0[0..3])", "multipath(symmetric_l4,1,hrw,1,0,reg1[])",
				"bundle(eth_src,0,active_backup,ofport,members:9,3,2)", "bundle(nw_src,0,hrw,ofport,members:4)", "bundle_load(eth_src,0,active_backup,ofport,reg0[],members:9,2,3)", "bundle_load(eth_src,0,hrw,ofport,reg1[0..15],members:9)")
		},
		func() string {
			if table == 0 && depth == 0 && !m.loops && m.IntN(3) == 0 { // where Open vSwitch restores nothing behind it
				return fmt.Sprintf("check_pkt_larger(%d)->reg0[%d]", 14+m.IntN(100), m.IntN(4))
			}
			return m.pickText("set_tunnel:2", "set_tunnel64:0x300000001", "set_queue:1", "set_queue:1,pop_queue", "enqueue:2:1")
		},
	}
	if depth < 2 && m.clones {
		all = append(all, func() string {
			var list []string
			m.deep++
			for range 1 + m.IntN(3) {
				list = append(list, m.action(x, table, depth+1))
			}
			m.deep--
			return "clone(" + strings.Join(list, ",") + ")"
		})
	}
	if m.groups > 0 {
		g := func() string { return fmt.Sprintf("group:%d", 1+m.IntN(m.groups)) }
		all = append(all, g, g)
	}
	if m.learns {
		all = append(all, func() string {
			return fmt.Sprintf("learn(table=%d,priority=%d,hard_timeout=300,%s)", m.IntN(n), 300+m.IntN(10), m.pickText(
				"NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[]", "eth_src=02:00:00:00:00:01,load:NXM_OF_ETH_DST[0..15]->NXM_NX_REG0[16..31],load:3->reg0[0..15],output:reg0[0..15]",
				"NXM_OF_VLAN_TCI[0..11],load:1->reg1[],output:NXM_OF_IN_PORT[]", "in_port=2,load:0x020000000004->NXM_OF_ETH_DST[],output:NXM_OF_IN_PORT[]",
				"limit=2,result_dst=reg0[0],NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[]", "limit=1,NXM_OF_ETH_SRC[],load:NXM_OF_IN_PORT[]->metadata[0..15]", "send_flow_rem,delete_learned,eth_type=0x800,ip_proto=6,NXM_OF_IP_SRC[]=NXM_OF_IP_DST[],output:reg0[0..15]"))
		})
	}
	switch {
	case flow.PreIP.Met(&x.Key):
		ttl := func() string {
			return m.pickText("dec_ttl", "dec_ttl(1,2)", "mod_nw_ttl:9", "mod_nw_tos:32", "mod_nw_ecn:2", "dec_ttl,2")
		}
		all = append(all, ttl, ttl)
	case flow.PreMPLS.Met(&x.Key):
		label := func() string {
			return m.pickText("dec_mpls_ttl", "set_mpls_ttl:9", "set_mpls_label:77", "set_mpls_tc:5", m.label(x, table), m.label(x, table))
		}
		all = append(all, label, label, label)
	}
	if flow.PreARP.Met(&x.Key) && x.Key.EthType() == 0x0806 {
		all = append(all, func() string { return m.pickText("set_field:2->arp_op", "load:3->arp_op[]") })
	}
	if flow.PreTCP.Met(&x.Key) || flow.PreUDP.Met(&x.Key) {
		all = append(all, func() string { return m.pickText("mod_tp_dst:443", "mod_tp_src:1024") })
	}
	return all[m.IntN(len(all))]()
}

// resubmit draws a resubmit to a later table, where flows of loops are not wanted. There is an
// empty one behind the last.
func (m *caseMaker) resubmit(table int) string {
	to := table + 1 + m.IntN(m.tables-table)
	if m.loops {
		to = m.IntN(m.tables)
		if m.IntN(3) == 0 {
			return fmt.Sprintf("resubmit:%d", 1+m.IntN(5))
		}
	}
	if m.IntN(3) == 0 {
		return fmt.Sprintf("resubmit(%d,%d)", 1+m.IntN(5), to)
	}
	return fmt.Sprintf("resubmit(,%d)", to)
}

// tag draws an action that adds or removes a VLAN tag.
func (m *caseMaker) tag(x *flow.Match, table int) string {
	if m.cuts {
		return "note:01"
	}
	if m.plain && m.IntN(4) == 0 { // else a type that the tag had before comes back
		// Bits of no tag Open vSwitch keeps and matches.
		return m.pickText("load:0->vlan_tci[]", "load:0x1005->vlan_tci[]", "load:0xb006->vlan_tci[]", "set_field:0x3006->reg1,move:reg1[0..15]->vlan_tci[]")
	}
	switch push := m.pushes && !m.pushed && table == 0; {
	case push && m.IntN(2) == 0: // mod_vlan_vid pushes too, from OpenFlow 1.1 on
		m.pushed = true
		return m.pickText("push_vlan:0x8100", "push_vlan:0x88a8", "push_vlan:0x8100,set_field:4106->vlan_vid", "push_vlan:0x8100,pop_vlan",
			"push_vlan:0x88a8,set_field:4097->vlan_vid,set_field:5->vlan_pcp")
	case flow.PreVLAN.Met(&x.Key):
		return m.pickText("pop_vlan", "strip_vlan", "mod_vlan_vid:6", "mod_vlan_pcp:3", "mod_vlan_vid:7", "pop_vlan,push_vlan:0x88a8")
	}
	return "note:05"
}

// label draws an action that adds or removes an MPLS label.
func (m *caseMaker) label(x *flow.Match, table int) string {
	switch {
	case m.cuts:
		return "note:02"
	case m.labels && (table > 0 || m.pushedLabel) || m.loops:
		return "note:04"
	case m.labels:
		m.pushedLabel = true
		return m.pickText("push_mpls:0x8847", "push_mpls:0x8848", "push_mpls:0x8847,set_mpls_label:7", "push_mpls:0x8847,set_mpls_ttl:7,set_mpls_tc:2")
	case m.deep == 0 && flow.PreMPLS.Met(&x.Key) && !m.popped && !flow.MPLSBOS.GetMask(&x.Mask).IsZero():
		m.popped = true
		if !flow.MPLSBOS.Get(&x.Key).IsZero() {
			return m.pickText("pop_mpls:0x0800", "pop_mpls:0x86dd", "pop_mpls:0x0806")
		}
		return m.pickText("pop_mpls:0x8847", "pop_mpls:0x8848", "pop_mpls:0x8847,dec_mpls_ttl")
	}
	return "note:03"
}

// field draws a field that packets of the match have; to be written if so.
func (m *caseMaker) field(x *flow.Match, write bool) flow.Field {
	if m.IntN(3) == 0 {
		return registers[m.IntN(len(registers))]
	}
	if write {
		list := slices.DeleteFunc(m.usable(writable, x), func(f flow.Field) bool {
			if f == flow.ARPOp { // parts make operations of which Open vSwitch keeps eight bits, or for which it writes nothing
				return true
			}
			// Open vSwitch does not write RARP.
			return f >= flow.ARPOp && f <= flow.ARPTHA && x.Key.EthType() == 0x8035 || m.later && changesSums(f) ||
				(f == flow.VlanVID || f == flow.DlVlanPCP) && (m.cuts || !flow.PreVLAN.Met(&x.Key))
		})
		return list[m.IntN(len(list))]
	}
	list := m.usable(append([]flow.Field{flow.InPort, flow.EthType, flow.IPProto, flow.TCPFlags, flow.IPFrag, flow.MPLSBOS}, writable...), x)
	return list[m.IntN(len(list))]
}

// changesSums says that a field counts into checksums of payload, or is where later fragments
// have payload: Open vSwitch changes it in those too.
func changesSums(f flow.Field) bool {
	return f >= flow.IPv4Src && f <= flow.IPv6Dst || f >= flow.TCPSrc && f <= flow.NDTLL
}

// untag is for packets with and without a tag.
func (m *caseMaker) untag() string {
	if m.cuts {
		return "set_field:2->reg7"
	}
	return "pop_vlan"
}

func (m *caseMaker) address(s string) string {
	if m.later {
		return "set_field:1->reg7"
	}
	return s
}

// width is how many bits of a field can be moved.
func width(f flow.Field) int {
	switch f {
	case flow.InPort, flow.ARPOp:
		return 16
	case flow.VlanVID:
		return 12
	case flow.IPFrag:
		return 2
	}
	return int(flow.Fields[f].Bits)
}

// part names n bits of a field, or some if n is 0.
func (m *caseMaker) part(f flow.Field, n int) string {
	w := width(f)
	if n == 0 {
		if m.IntN(2) == 0 {
			return f.Name() + "[]"
		}
		n = 1 + m.IntN(w)
	}
	at := m.IntN(w - n + 1)
	switch {
	case n == w:
		return f.Name() + "[]"
	case n == 1:
		return fmt.Sprintf("%s[%d]", f.Name(), at)
	}
	return fmt.Sprintf("%s[%d..%d]", f.Name(), at, at+n-1)
}

func (m *caseMaker) setField(x *flow.Match) string {
	f := m.field(x, true)
	v, mask := flow.Value{Hi: m.Uint64(), Lo: m.Uint64()}.And(f.Full()), f.Full()
	if k := &m.keys[m.IntN(len(m.keys))]; flow.Fields[f].Pre.Met(k) && m.IntN(2) == 0 {
		v = f.Get(k)
	}
	if flow.Fields[f].Word < flow.StageL2 {
		v = flow.Value{Lo: uint64(m.IntN(6))}
	}
	if flow.Fields[f].Maskable && m.IntN(3) == 0 {
		mask = mask.And(m.mask())
	}
	if f == flow.VlanVID {
		v.Lo, mask = v.Lo|0x1000, f.Full()
	}
	name := f.Name()
	if f == flow.DlVlanPCP {
		name = "vlan_pcp"
	}
	return fmt.Sprintf("set_field:%s->%s", flow.FormatValue(f, v.And(mask), mask, nil), name)
}

func (m *caseMaker) load(x *flow.Match) string {
	f := m.field(x, true)
	if f == flow.DlVlanPCP || f == flow.VlanVID { // ovs-ofctl makes of parts of them what no switch takes
		f = flow.EthSrc
	}
	n := 1 + m.IntN(min(64, width(f)))
	v := m.Uint64()
	if m.IntN(2) == 0 {
		v = uint64(m.IntN(6))
	}
	return fmt.Sprintf("load:%#x->%s", v&(^uint64(0)>>(64-n)), m.part(f, n))
}

func (m *caseMaker) move(x *flow.Match) string {
	f, g := m.field(x, false), m.field(x, true)
	if f == flow.DlVlanPCP {
		f = flow.EthSrc
	}
	if g == flow.DlVlanPCP {
		g = flow.Reg1
	}
	most := min(width(f), width(g))
	n := 1 + m.IntN(most)
	if m.IntN(2) == 0 {
		n = most
	}
	return fmt.Sprintf("move:%s->%s", m.part(f, n), m.part(g, n))
}

// group makes a group that leads to those before it alone. Select groups choose differently in
// the two switches, and so have one bucket.
func (m *caseMaker) group() string {
	var none flow.Match
	typ := m.pickText("all", "all", "indirect", "select", "ff")
	n := 1
	if typ == "all" || typ == "ff" {
		n = m.IntN(4)
	}
	s := fmt.Sprintf("group_id=%d,type=%s", m.groups+1, typ)
	if typ == "select" { // by default Open vSwitch hashes in its datapath, and forgets what follows a clone
		s += ",selection_method=hash,fields(eth_src)"
	}
	for range n {
		var list []string
		for range m.IntN(3) {
			list = append(list, m.pickText(m.setField(&none), m.setField(&none), m.untag(), "dec_ttl", "set_mpls_ttl:4",
				"mod_nw_ttl:3", "mod_nw_tos:32", m.address("set_field:10.0.0.9->ip_src"), m.address("set_field:2001:db8::9->ipv6_dst")))
		}
		if m.groups > 0 && m.IntN(4) == 0 {
			list = append(list, fmt.Sprintf("group:%d", 1+m.IntN(m.groups)))
		} else if to := m.resubmit(m.tables - 1); m.IntN(6) == 0 {
			list, m.back = append(list, to), true
		} else if m.IntN(5) > 0 {
			list = append(list, m.pickText("output:1", "output:2", "output:3", "in_port", "all"))
		}
		if len(list) == 0 {
			list = []string{"drop"}
		}
		watch := ""
		if typ == "ff" {
			watch = fmt.Sprintf("watch_port:%d,", m.pick(1, 2, 3))
		}
		s += ",bucket=" + watch + "actions=" + strings.Join(list, ",")
	}
	m.groups++
	return s
}
