package pipeline

import (
	"testing"

	"pollux/flow"
)

// TestTunnelFieldsAreMetadata: no packet comes in with one, flows match, write and copy them,
// and they go with the packet from table to table, not out of a clone, and not into frames.
func TestTunnelFieldsAreMetadata(t *testing.T) {
	for _, c := range []struct{ name, flows, want string }{
		{"nothing is there at first", "tun_id=0,tun_src=0.0.0.0,tun_flags=-oam,tun_ipv6_dst=::,tun_gbp_id=0 actions=2", "2"},
		{"tun_id", "actions=set_field:5->tun_id,resubmit(,1)\ntable=1,tun_id=5 actions=2", "2"},
		{"tun_id of 64 bits", "actions=set_field:0x8000000000000001->tunnel_id,resubmit(,1)\ntable=1,tun_id=0x8000000000000001 actions=2", "2"},
		{"part of it", "actions=load:0xab->NXM_NX_TUN_ID[56..63],goto_table:1\ntable=1,tun_id=0xa000000000000000/0xf000000000000000 actions=2", "2"},
		{"set_tunnel", "actions=set_tunnel:7,resubmit(,1)\ntable=1,tun_id=7 actions=3", "3"},
		{"set_tunnel64", "actions=set_tunnel64:0x700000000,resubmit(,1)\ntable=1,tun_id=0x700000000 actions=3", "3"},
		{"set_tunnel of it all", "actions=set_tunnel64:0x700000005,set_tunnel:1,resubmit(,1)\ntable=1,tun_id=1 actions=3", "3"},
		{"tun_src and tun_dst", "actions=set_field:1.2.3.4->tun_src,set_field:10.0.0.0/8->tun_dst,resubmit(,1)\ntable=1,tun_src=1.2.0.0/16,tun_dst=10.0.0.0 actions=2", "2"},
		{"tun_ipv6", "actions=set_field:fe80::1->tun_ipv6_src,set_field:2001:db8::2->tun_ipv6_dst,resubmit(,1)\ntable=1,tun_ipv6_src=fe80::/16,tun_ipv6_dst=2001:db8::2 actions=2", "2"},
		{"tun_flags", "actions=set_field:oam->tun_flags,resubmit(,1)\ntable=1,tun_flags=+oam actions=2", "2"},
		{"tun_gbp", "actions=set_field:5->tun_gbp_id,set_field:0x48->tun_gbp_flags,resubmit(,1)\ntable=1,tun_gbp_id=0x4/0x4,tun_gbp_flags=0x48 actions=2", "2"},
		{"move", "actions=set_tunnel:2,move:tun_id[0..15]->reg0[0..15],output:reg0[0..15]", "2"},
		{"move of a header", "actions=move:eth_type[]->tun_id[16..31],resubmit(,1)\ntable=1,tun_id=0x8000000 actions=2", "2"},
		{"output", "actions=set_tunnel:3,output:tun_id[0..15]", "3"},
		{"push and pop", "actions=set_tunnel:0x01020304,push:tun_id[0..31],pop:tun_src[],resubmit(,1)\ntable=1,tun_src=1.2.3.4 actions=2", "2"},
		{"kept by goto, lost after a clone", "actions=clone(set_tunnel:5,resubmit(,1)),resubmit(,1)\ntable=1,priority=2,tun_id=5 actions=goto_table:2\ntable=1,priority=1 actions=4\ntable=2,tun_id=5 actions=3", "3,4"},
		{"the action set", "actions=write_actions(set_tunnel:5,output:2)", "2"},
		{"another field than was set", "actions=set_tunnel:5,resubmit(,1)\ntable=1,tun_id=6 actions=2", "drop"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := testState(t, c.flows)
			u := translated(t, s.Snapshot(), "in_port=1,tcp,nw_dst=10.0.0.1")
			if got := u.Program.String(); got != c.want {
				t.Errorf("%s\n got %s, want %s", c.flows, got, c.want)
			}
			for w := flow.WTunID; w <= flow.WTunDstLo; w++ {
				if u.Mask.W[w] != 0 {
					t.Errorf("%s\nthe decision is for one value of what no packet has: %s", c.flows, FormatMegaflow(u.Key, &u.Mask))
				}
			}
		})
	}
}

// TestTunnelFieldsOfPacketOuts: a controller's packet may have them, and is treated by them.
func TestTunnelFieldsOfPacketOuts(t *testing.T) {
	s := testState(t, "tun_id=5/0xf,tun_ipv6_src=fe80::1 actions=2,set_tunnel:6,controller\npriority=1 actions=3")
	for packet, want := range map[string]string{
		"in_port=1,tcp,tun_id=5,tun_ipv6_src=fe80::1": "2,controller(reason=1,table=0,rule_cookie=0x0,controller_id=0,max_len=65535)",
		"in_port=1,tcp,tun_id=6,tun_ipv6_src=fe80::1": "3",
		"in_port=1,tcp,tun_id=5":                      "3",
		"in_port=1,tcp":                               "3",
	} {
		u := translated(t, s.Snapshot(), packet)
		if got := u.Program.String(); got != want {
			t.Errorf("%s: %s, want %s", packet, got, want)
		}
		for i := range u.Program.Punts {
			var k flow.Key
			u.Program.Punts[i].Key(&k)
			if id, src := flow.TunID.Get(&k), flow.TunIPv6Src.Get(&k); id.Lo != 6 || src != (flow.Value{Hi: 0xfe80 << 48, Lo: 1}) {
				t.Errorf("%s: the controller is told %x and %x", packet, id, src)
			}
		}
	}
}

// TestSetTunnelPrints as Open vSwitch prints it: what does not fit into 32 bits is set_tunnel64.
func TestSetTunnelPrints(t *testing.T) {
	for text, want := range map[string]string{
		"set_tunnel:5":             "set_tunnel:0x5",
		"set_tunnel:0":             "set_tunnel:0",
		"set_tunnel:4294967296":    "set_tunnel64:0x100000000",
		"set_tunnel64:5":           "set_tunnel64:0x5",
		"set_field:oam->tun_flags": "set_field:oam->tun_flags",
		"set_field:0->tun_flags":   "set_field:0->tun_flags",
	} {
		f, err := ParseFlow("actions="+text, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.String(); got != "actions="+want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
		roundTrip(t, &f)
	}
}
