package pipeline

import (
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
)

// golden reads pairs of a flow as a person writes it and as ovs-ofctl 3.1
// -O OpenFlow13 parse-flow prints it.
func golden(t *testing.T) (pairs [][2]string) {
	b, err := os.ReadFile("testdata/flows.golden")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	for i := 0; i+1 < len(lines); i += 2 {
		pairs = append(pairs, [2]string{lines[i], strings.TrimPrefix(lines[i+1], "\t")})
	}
	return pairs
}

// asFlowMod writes a flow as ovs-ofctl prints an OFPT_FLOW_MOD.
func asFlowMod(f *Flow) string {
	var b strings.Builder
	if f.Table != 0 {
		fmt.Fprintf(&b, "table:%d ", f.Table)
	}
	if m := f.formatMatch(nil); m != "" {
		b.WriteString(m + " ")
	}
	if f.Cookie != 0 {
		fmt.Fprintf(&b, "cookie:%#x ", f.Cookie)
	}
	if f.IdleTimeout != 0 {
		fmt.Fprintf(&b, "idle:%d ", f.IdleTimeout)
	}
	if f.HardTimeout != 0 {
		fmt.Fprintf(&b, "hard:%d ", f.HardTimeout)
	}
	return b.String() + "actions=" + f.Do.Format(nil)
}

func TestFlowsPrintAsOVSPrintsThem(t *testing.T) {
	for _, p := range golden(t) {
		f, err := ParseFlow(p[0], nil)
		if err != nil {
			t.Errorf("%s: %v", p[0], err)
			continue
		}
		if got := asFlowMod(&f); got != p[1] {
			t.Errorf("%s\n got %s\nwant %s", p[0], got, p[1])
		}
		roundTrip(t, &f)
	}
}

// roundTrip parses what is printed of f and wants f again.
func roundTrip(t *testing.T, f *Flow) {
	t.Helper()
	text := f.Format(nil)
	g, err := ParseFlow(text, nil)
	if err != nil {
		t.Fatalf("printed %q, and cannot read that: %v", text, err)
	}
	f.Line, f.Column, g.Line, g.Column = 0, 0, 0, 0
	if !reflect.DeepEqual(*f, g) {
		t.Fatalf("printed %q, read back %q", text, g.Format(nil))
	}
}

// TestGoldenIsOVS asks the ovs-ofctl of this machine for what the golden file has.
func TestGoldenIsOVS(t *testing.T) {
	path, err := exec.LookPath("ovs-ofctl")
	if err != nil {
		t.Skip("ovs-ofctl is not installed; the golden file alone is compared")
	}
	out, err := exec.Command(path, "--version").Output()
	if err != nil || !strings.Contains(string(out), " 3.1") {
		t.Skipf("golden file is of ovs-ofctl 3.1, this one says %q", strings.SplitN(string(out), "\n", 2)[0])
	}
	for _, p := range golden(t) {
		out, err := exec.Command(path, "-O", "OpenFlow13", "parse-flow", p[0]).Output()
		if err != nil {
			t.Errorf("%s: %v", p[0], err)
		}
		if !strings.Contains(string(out), ": ADD "+p[1]+"\n") {
			t.Errorf("%s\ngolden %s\novs-ofctl %s", p[0], p[1], out)
		}
	}
}

// TestFlowsPrintInTheirOwnWay is spellings that OpenFlow 1.3 cannot carry, and
// that are kept as they were written.
func TestFlowsPrintInTheirOwnWay(t *testing.T) {
	for _, c := range [][2]string{
		{"actions=mod_vlan_vid:5,mod_vlan_pcp:3,1", "actions=mod_vlan_vid:5,mod_vlan_pcp:3,output:1"},
		{"ip,actions=set_field:1.0.0.0/255.0.0.0->nw_src,1", "ip actions=set_field:1.0.0.0/8->ip_src,output:1"},
		{"actions=set_field:0x5/0xf->reg0,1", "actions=set_field:0x5/0xf->reg0,output:1"},
		{"cookie=0x5,duration=5s,table=1,n_packets=4,n_bytes=3,idle_age=2,priority=1,ip actions=1", "cookie=0x5, table=1, priority=1,ip actions=output:1"},
		{"actions=resubmit:in_port", "actions=resubmit:IN_PORT"},
		{"importance=5,no_byte_counts,hard_timeout=4,no_packet_counts,send_flow_rem,priority=3,tcp actions=1", "hard_timeout=4, send_flow_rem no_packet_counts no_byte_counts importance=5, priority=3,tcp actions=output:1"},
		{"send_flow_rem,actions=1", "send_flow_rem actions=output:1"},
		{"action=1", "actions=output:1"},
	} {
		f, err := ParseFlow(c[0], nil)
		if err != nil {
			t.Errorf("%s: %v", c[0], err)
			continue
		}
		if got := f.Format(nil); got != c[1] {
			t.Errorf("%s\n got %s\nwant %s", c[0], got, c[1])
		}
		roundTrip(t, &f)
	}
}

func TestWrongFlowsSayWhereAndWhy(t *testing.T) {
	for _, c := range []struct {
		text   string
		column int
		msg    string // a part of it
	}{
		{"in_port=1", 10, "no actions"},
		{"", 1, "no actions"},
		{"in_port=1,actoins=drop", 11, `unknown field; did you mean actions?`},
		{"in_port=1 acton=output:1,2", 11, `unknown field; did you mean action`},
		{"in_port=1, Actions=drop", 12, `unknown field; did you mean actions?`},
		{"in_port=1,actions:drop", 11, `it needs a =`},
		{"in_port=1,actions", 11, `it needs a =`},
		{"in_port=1,actions =drop", 11, `it needs a =`},
		{"in_prot=1", 1, `unknown field; did you mean in_port?`},
		{"pirority=1,actoins=drop", 1, `unknown word; did you mean priority?`},
		{"table=254 actions=1", 7, "tables 0 to 253"},
		{"priority=70000 actions=1", 10, "0 to 65535"},
		{"priority=1,priority=2 actions=1", 12, "given twice"},
		{"cookie=1/2 actions=1", 8, "no mask"},
		{"send_flow_rem=1 actions=1", 15, "takes no value"},
		{"check_overlap actions=1", 1, "for adding one flow"},
		{"out_port=1 actions=1", 1, "selects flows to delete"},
		{"importance=65536 actions=1", 12, "0 to 65535"},
		{"send_flow_re actions=1", 1, ""},
		{"actions=bogus:2", 9, "neither an action nor a port"},
		{"actions=outptu:2", 9, "did you mean output?"},
		{"actions=output:0", 16, "not a port to send to"},
		{"actions=p7", 9, "neither an action nor a port"},
		{"actions=output:p7", 16, "no such port"},
		{"actions=drop,1", 9, "drop must not be accompanied"},
		{"actions=1,drop", 11, "drop must not be accompanied"},
		{"actions=set_field:80->tcp_dst,1", 9, "the match needs tcp"},
		{"udp actions=set_field:80->tcp_dst,1", 13, "the match needs tcp"},
		{"actions=dec_ttl", 9, "the match needs ip"},
		{"actions=set_field:5->vlan_pcp", 9, "VLAN tag"},
		{"dl_vlan=5 actions=pop_vlan,set_field:5->vlan_pcp", 28, "VLAN tag"},
		{"dl_vlan=5 actions=set_field:5->vlan_vid", 29, "4101 for VLAN 5"},
		{"ip actions=set_field:6->nw_proto", 25, "read-only"},
		{"actions=set_field:5->bogus", 22, "unknown field"},
		{"actions=set_field:5->tun_tos", 22, "read-only"},
		{"actions=set_tunnel", 9, "value is missing"},
		{"actions=set_tunnel64:0x1ffffffffffffffff", 22, "not a number"},
		{"actions=delete_field:tun_metadata0", 9, "options of tunnels"},
		{"tun_metadata0=1 actions=1", 1, ""},
		{"actions=set_field:5->ct_mark", 22, "no connection tracking"},
		{"tun_ttl=5 actions=1", 1, "matching on tun_ttl is not supported"},
		{"tun_flags=+df actions=1", 12, "unknown tunnel flag"},
		{"ct_state=+trk actions=1", 1, "matching on ct_state is not supported"},
		{"actions=load:0x123->reg0[0..7]", 14, "does not fit into 8 bits"},
		{"actions=load:1->reg0[8..32]", 22, "bits 0 to 31"},
		{"actions=load:1->reg0[8..7]", 22, "7..8"},
		{"actions=load:1->reg0[8", 21, "bracket"},
		{"actions=move:reg0->reg1[0..3]", 14, "one width"},
		{"actions=mod_nw_tos:3", 20, "ECN"},
		{"actions=goto_table:0", 20, "only goes forward"},
		{"table=5 actions=goto_table:5", 28, "only goes forward"},
		{"actions=goto_table:300", 20, "from 1 to 253"},
		{"actions=write_metadata:5,output:3", 26, "plain actions must appear before write_metadata"},
		{"actions=goto_table:1,clear_actions", 22, "must appear before goto_table"},
		{"actions=clear_actions,clear_actions", 23, "given twice"},
		{"actions=apply_actions(1)", 9, "write them without it"},
		{"actions=write_actions(resubmit(,1))", 23, "action set"},
		{"actions=write_actions()", 9, "no action to write"},
		{"actions=write_actions:1", 9, "parentheses"},
		{"actions=resubmit()", 9, "value is missing"},
		{"actions=resubmit(,254)", 19, "tables 0 to 253"},
		{"actions=push_vlan:0x1234", 19, "0x8100 or 0x88a8"},
		{"actions=note:0", 14, "hexadecimal"},
		{"actions=sample(probability=0,collector_set_id=1)", 9, "probability is missing or 0"},
		{"actions=sample(probability=65535)", 9, "collector_set_id is missing"},
		{"actions=sample(bogus=1)", 16, "unknown in sample"},
		{"actions=sample(probability=1,collector_set_id=1,obs_domain_id=reg0)", 49, "nor a field as"},
		{"actions=sample(probability=1,collector_set_id=1,obs_point_id=NXM_NX_XXREG0[])", 49, "do not go into an id of 32"},
		{"actions=sample(probability=1,collector_set_id=1,obs_point_id=bogus[])", 62, "unknown field"},
		{"actions=sample(probability=1,collector_set_id=1,obs_point_id=NXM_OF_TCP_SRC[])", 49, "the match needs"},
		{"actions=write_actions(1", 9, "not closed"},
		{"actions=1)", 9, "neither an action"},
		{"actions=resubmit(,1)2", 21, "comma"},
		{"tcp,tp_dst=99999 actions=1", 12, ""},
		{"tcp,bogus=1 actions=1", 5, "unknown field"},
		{"tcp,prioritee=1 actions=1", 5, "unknown word; did you mean priority?"},
		{"hard_time=1,tcp actions=1", 1, "unknown word; did you mean hard_timeout?"},
		{"tcp,tp_dts=1 actions=1", 5, "unknown field; did you mean tp_dst?"},
		{"tp_dst=80 actions=1", 1, "needs"},
		{"actions=mod_vlan_vid:4096", 22, "0 to 4095"},
		{"actions=mod_tp_dst:80", 9, "the match needs tcp"},
		{"actions=pop_vlan:3", 18, "takes no value"},
		{"actions=push_mpls:0x800", 19, "0x8847 or 0x8848"},
		{"actions=pop_mpls:0x800", 9, "the match needs mpls"},
		{"mpls actions=pop_mpls:0x8100", 23, "VLAN tag"},
		{"mpls actions=pop_mpls:0x5ff", 23, "not an EtherType"},
		{"mpls actions=pop_mpls:0x86dd,set_field:1.2.3.4->nw_src", 30, "the match needs ip"},
		{"ip actions=push_mpls:0x8847,set_field:1.2.3.4->nw_src", 29, "the match needs ip"},
		{"ip actions=copy_ttl_out", 12, "the match needs mpls"},
		{"actions=clone:2", 9, "parentheses"},
		{"actions=clone(drop,1)", 15, "drop must not be accompanied"},
		{"actions=" + strings.Repeat("clone(", 100) + "1" + strings.Repeat(")", 100), 8 + 99*6 + 1, "99 clones inside each other"},
		{"actions=clone(bogus)", 15, "neither an action nor a port"},
		{"actions=push:bogus", 14, "unknown field"},
		{"actions=pop:in_port[0..1],pop:eth_type", 31, "read-only"},
		{"actions=output(port=1)", 9, "both are needed"},
		{"actions=output(port=1,max_len=13)", 31, "14 bytes at least"},
		{"actions=output(port=normal,max_len=100)", 21, "not a port to send part"},
		{"actions=output(prt=1,max_len=100)", 16, "known are port, max_len"},
		{"actions=check_pkt_larger(1500)", 9, "it would be check_pkt_larger"},
		{"actions=check_pkt_larger(1500)->reg0[0..1]", 33, "one bit"},
		{"actions=fin_timeout(idle_timeout=1)", 9, "the match needs tcp"},
		{"tcp actions=fin_timeout(idle=1)", 25, "unknown in fin_timeout"},
		{"actions=conjunction(1,1/1)", 21, "2 to 64"},
		{"actions=conjunction(1,3/2)", 21, "1 to 2"},
		{"actions=conjunction(1)", 9, "it would be conjunction"},
		{"actions=multipath(eth_src,0,modulo_n,1,0)", 9, "six operands"},
		{"actions=multipath(eth,0,modulo_n,1,0,reg0)", 19, "not one of eth_src"},
		{"actions=multipath(eth_src,0,modulo_n,5,0,reg0[0..1])", 42, "do not hold the numbers of 5"},
		{"actions=bundle(eth_src,0,hrw,ofport,1,2)", 37, "follow members:"},
		{"actions=bundle(eth_src,0,hrw,port,members:1)", 30, "the members are ports"},
		{"actions=learn(tabel=1)", 15, "unknown in learn"},
		{"actions=learn(table=254)", 21, "0 to 253"},
		{"actions=learn(nw_dst=1.2.3.4)", 15, "the match needs ip"},
		{"actions=learn(eth_type=0x800,nw_dst=nw_src)", 30, "the match needs ip"},
		{"actions=learn(eth_dst=eth_src[0..3])", 23, "one width"},
		{"actions=learn(load:300->reg0[0..7])", 20, "does not fit"},
		{"actions=learn(result_dst=reg0)", 26, "one bit"},
		{"actions=learn(output:xxreg0)", 15, "32 bits at most"},
		{"actions=controller(reason=bogus)", 20, "not one of the reasons"},
		{"actions=controller(userdata=0)", 29, "hexadecimal"},
		{"actions=controller(bogus)", 20, "unknown in controller"},
		{"actions=meter:0", 9, "from 1 to"},
		{"actions=1,meter:0xffff0001", 11, "from 1 to"},
		{"actions=enqueue:1", 9, "port and queue"},
		{"actions=enqueue:flood:1", 17, "not a port with queues"},
		{"actions=write_actions(clone(1))", 23, "action set"},
		{"actions=write_actions(controller(id=1))", 23, "action set"},
		{"actions=dec_ttl(1,2)", 9, "the match needs ip"},
		{"ip actions=dec_ttl(x)", 20, "controller's id"},
		{"actions=ct(commit)", 9, "no connection tracking"},
		{"actions=encap(nsh)", 9, "Ethernet frames"},
	} {
		_, err := ParseFlow(c.text, nil)
		pe, ok := err.(*ParseError)
		if !ok {
			t.Errorf("%s: got %v, want an error at column %d", c.text, err, c.column)
			continue
		}
		if pe.Column != c.column || !strings.Contains(pe.Msg, c.msg) {
			t.Errorf("%s: got column %d: %s, want column %d with %q", c.text, pe.Column, pe.Msg, c.column, c.msg)
		}
	}
}

func TestParseFlowsReportsEveryLine(t *testing.T) {
	_, err := ParseFlows("# a comment\n\n  in_port=1 actions=2 # to p2\nactions=bogus\nin_port=1,actions=3\n  priority=x actions=1\n", nil)
	want := `line 4, column 9: "bogus": neither an action nor a port
line 5, column 1: an earlier flow has the same table, priority and match; keep one of them (the first stands in line 3)
line 6, column 12: "x": not a number from 0 to 65535`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	flows, err := ParseFlows("# a comment\n\n  in_port=1 actions=2 # to p2\nactions=drop", nil)
	if err != nil || len(flows) != 2 || flows[0].Line != 3 || flows[0].Column != 3 || flows[1].Line != 4 {
		t.Errorf("got %+v, %v", flows, err)
	}
}

func TestPortNamesInFlows(t *testing.T) {
	s := testState(t, "")
	f, err := ParseFlow("in_port=p1 actions=p2,output:p3,resubmit(p4,1)", s.Snapshot().PortNames())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := f.Format(nil), "in_port=1 actions=output:2,output:3,resubmit(4,1)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := f.Format(s.Snapshot().PortNames()), "in_port=p1 actions=output:p2,output:p3,resubmit(p4,1)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// FuzzParseFlow asks of any text: no panic, an error within the text, and what is
// accepted prints so that it reads back as the same flow.
func FuzzParseFlow(f *testing.F) {
	b, err := os.ReadFile("testdata/flows.golden")
	if err != nil {
		f.Fatal(err)
	}
	for i, line := range strings.Split(string(b), "\n") {
		if i%2 == 0 {
			f.Add(line)
		}
	}
	f.Add("actions=load:5->reg0[1..3],set_field:1.0.0.0/8->nw_src")
	f.Add("table=1,actions=write_actions(1,write_actions(2))")
	f.Add("actions=1),((")
	f.Add("send_flow_rem,no_packet_counts,importance=5 actions=1")
	f.Fuzz(func(t *testing.T, s string) {
		fl, err := ParseFlow(s, nil)
		if err != nil {
			pe, ok := err.(*ParseError)
			if !ok || pe.Column < 1 || pe.Column-1+pe.Len > len(s) || pe.Msg == "" {
				t.Fatalf("error %#v does not lie in %q", err, s)
			}
			return
		}
		roundTrip(t, &fl)
	})
}

// TestWhatMatchesHaveToPromise: an action set passes over headers that are not there, and the VID
// of no tag reads as 0. All else needs a match that promises it.
func TestWhatMatchesHaveToPromise(t *testing.T) {
	for _, c := range []struct {
		flow string
		ok   bool
	}{
		{"actions=move:vlan_vid[]->reg0[0..11]", true},
		{"actions=push:vlan_vid[0..3],output:vlan_vid[]", true},
		{"actions=learn(table=1,load:vlan_vid[]->reg0[0..11],output:vlan_vid[])", true},
		{"actions=move:vlan_pcp[]->reg0[0..2]", false},
		{"actions=move:reg0[0..11]->vlan_vid[]", false},
		{"actions=pop:vlan_vid[]", false},
		{"actions=load:5->vlan_vid[]", false},
		{"dl_vlan=5 actions=load:5->vlan_vid[]", true},
		{"actions=dec_ttl", false},
		{"actions=write_actions(dec_ttl,mod_nw_ttl:3)", true},
		{"ip actions=write_actions(push_mpls:0x8847,dec_ttl)", true},
		{"ip actions=write_actions(push_mpls:0x8847,dec_ttl),goto_table:1", true},
		{"ip actions=push_mpls:0x8847,dec_ttl", false},
		{"actions=write_actions(pop_mpls:0x800,set_mpls_ttl:3,dec_mpls_ttl,copy_ttl_in,copy_ttl_out)", true},
		{"actions=write_actions(mod_nw_tos:32)", false},
		{"actions=write_actions(set_field:10.0.0.1->nw_dst)", false},
		{"actions=clone(dec_ttl)", false},
	} {
		if _, err := ParseFlow(c.flow, nil); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.flow, err)
		}
	}
}

// TestSubfieldsAreAsWideAsInOpenVSwitch: how many bits a field has to load and move is what
// ovs-ofctl takes, and not what a key has.
func TestSubfieldsAreAsWideAsInOpenVSwitch(t *testing.T) {
	for _, c := range []struct {
		flow string
		ok   bool
	}{
		{"arp actions=load:2->NXM_OF_ARP_OP[],2", true},
		{"arp actions=move:arp_op[]->reg0[0..15],2", true},
		{"arp actions=move:arp_op[]->reg0[0..7],2", false},
		{"ip actions=move:nw_frag[]->reg0[0..1],2", true},
		{"ip actions=move:nw_frag[]->reg0[0..7],2", false},
		{"dl_vlan=5 actions=move:vlan_vid[]->reg0[0..11],2", true},
		{"dl_vlan=5 actions=move:vlan_vid[]->reg0[0..12],2", false},
		{"actions=move:in_port[]->reg0[0..15],2", true},
	} {
		f, err := ParseFlow(c.flow, nil)
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", c.flow, err)
			continue
		}
		if err == nil {
			if again, err := ParseFlow("actions="+f.Do.Format(nil), nil); err == nil && again.Do.Format(nil) != f.Do.Format(nil) {
				t.Errorf("%s is written as %s", c.flow, f.Do.Format(nil))
			}
		}
	}
}
