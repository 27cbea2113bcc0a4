package pipeline

import "testing"

// TestActionSetOrder is OpenFlow 1.5.1 section 5.6: what is written to the set, over tables,
// and what is executed.
func TestActionSetOrder(t *testing.T) {
	for _, c := range []struct{ written, want string }{
		{"output:2", "output:2"},
		{"dec_ttl,mod_nw_tos:16", ""},
		{"output:2,output:3", "output:3"},
		{"output:2,group:7", "group:7"},
		{"group:6,output:2,group:7,output:3", "group:7"},
		{"CONTROLLER:65535,output:2", "output:2"},
		{"output:2,CONTROLLER:100", "CONTROLLER:100"},
		{"output:reg0[0..15],push_vlan:0x88a8,push_vlan:0x8100", "push_vlan:0x8100,output:NXM_NX_REG0[0..15]"},
		{"output:2,mod_nw_tos:16,dec_ttl,push_vlan:0x8100,pop_vlan", "pop_vlan,push_vlan:0x8100,dec_ttl,set_field:4->ip_dscp,output:2"},
		{"dec_ttl(1,2),output:2,dec_ttl", "dec_ttl,output:2"},
		{"dec_ttl,dec_ttl(1,2),output:2", "dec_ttl(1,2),output:2"},
		{"set_field:1->reg0,set_field:2->reg1,set_field:3->reg0,output:2", "set_field:0x1->reg0,set_field:0x2->reg1,set_field:0x3->reg0,output:2"},
		{"set_queue:4,output:2,set_queue:5,load:1->reg0,move:reg0[]->reg1[],mod_nw_ttl:9,mod_vlan_vid:5,mod_vlan_pcp:1",
			"load:0x1->NXM_NX_REG0[],move:NXM_NX_REG0[]->NXM_NX_REG1[],mod_nw_ttl:9,mod_vlan_vid:5,mod_vlan_pcp:1,set_queue:5,output:2"},
		{"push_vlan:0x8100,push_mpls:0x8847,output:2,copy_ttl_out,set_field:9->mpls_label,dec_mpls_ttl,set_mpls_ttl:4,copy_ttl_in,pop_mpls:0x0800,dec_ttl,pop_vlan",
			"copy_ttl_in,pop_vlan,pop_mpls:0x0800,push_mpls:0x8847,push_vlan:0x8100,copy_ttl_out,dec_ttl,dec_mpls_ttl,set_field:9->mpls_label,set_mpls_ttl(4),output:2"},
	} {
		f, err := ParseFlow("ip actions=write_actions("+c.written+")", nil)
		if err != nil {
			t.Errorf("%s: %v", c.written, err)
			continue
		}
		if got := formatList(orderSet(nil, f.Do.Write), nil); got != c.want {
			t.Errorf("%s: executed as %s\nwant %s", c.written, got, c.want)
		}
	}
}

// TestActionSetGathers is a set written by several tables, cleared by one of them.
func TestActionSetGathers(t *testing.T) {
	s := testState(t, `
ip actions=write_actions(output:2,mod_nw_tos:16),goto_table:1
table=1,ip,nw_dst=10.0.0.1 actions=write_actions(output:3,dec_ttl),goto_table:2
table=1,ip,nw_dst=10.0.0.2 actions=clear_actions,write_actions(mod_nw_tos:32),goto_table:2
table=1,priority=1 actions=clear_actions,write_actions(output:4)
table=2,ip,nw_dst=10.0.0.1 actions=write_actions(mod_nw_tos:64)
`)
	for in, want := range map[string]string{
		"in_port=1,ip,nw_dst=10.0.0.1,nw_ttl=9": "set(ipv4(tos=0x40/0xfc,ttl=8)),3",
		"in_port=1,ip,nw_dst=10.0.0.2,nw_ttl=9": "drop",
		"in_port=1,ip,nw_dst=10.0.0.3,nw_ttl=9": "4",
	} {
		r, err := s.Snapshot().TraceText(in)
		if err != nil {
			t.Fatal(err)
		}
		if r.Actions != want {
			t.Errorf("%s: %s, want %s\n%s", in, r.Actions, want, r)
		}
	}
}
