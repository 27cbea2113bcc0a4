package pipeline

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pollux/actions"
	"pollux/flow"
)

// TestCopies is what clone, truncated outputs and the stack become, and what decisions then
// depend on.
func TestCopies(t *testing.T) {
	const in = "in_port=1,ip,nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_ttl=64"
	any := "recirc_id=0,eth,ip,in_port=1,nw_frag=no"
	for _, c := range []struct{ flows, program, megaflow string }{
		// What a clone does is undone.
		{"ip actions=clone(mod_nw_dst:1.1.1.1,2),3", "clone(set(ipv4(dst=1.1.1.1)),2),3", any},
		{"ip actions=mod_nw_dst:2.2.2.2,clone(mod_nw_dst:1.1.1.1,2),3", "clone(set(ipv4(dst=1.1.1.1)),2),set(ipv4(dst=2.2.2.2)),3", any},
		{"actions=clone(load:3->reg0[],output:reg0[0..15]),output:reg0[0..15],2", "3,2", ""},
		{"actions=clone(write_no)", "", ""},
		{"actions=clone(resubmit(,1)),2\ntable=1 actions=write_actions(output:3)", "2", "recirc_id=0,eth,in_port=1"},
		{"actions=clone(exit,2),3", "3", ""},
		{"ip actions=clone(dec_ttl,2),3", "clone(set(ipv4(ttl=63)),2),3", ""},
		{"actions=push:in_port[],clone(pop:reg0[0..15]),pop:reg0[0..15],resubmit(,1)\ntable=1,reg0=1 actions=2", "2", ""},
		// No copy is needed where nothing changes, or nothing follows.
		{"actions=clone(2,3),4", "2,3,4", ""},
		{"actions=2,clone(mod_dl_dst:02:00:00:00:00:01,3)", "2,set(eth(dst=02:00:00:00:00:01)),3", ""},
		{"actions=clone(mod_dl_dst:02:00:00:00:00:01)", "drop", ""},
		{"actions=clone(3,mod_dl_dst:02:00:00:00:00:01),2", "3,2", ""},
		{"actions=clone(pop_vlan,clone(mod_dl_dst:02:00:00:00:00:01,2)),3", "clone(set(eth(dst=02:00:00:00:00:01)),2),3", ""},
		{"actions=clone(push_vlan:0x8100,4,clone(mod_dl_dst:02:00:00:00:00:01,2),3),3",
			"clone(push_vlan(vid=0,pcp=0),4,clone(set(eth(dst=02:00:00:00:00:01)),2),3),3", ""},
		// The stack.
		{"actions=push:eth_src[],push:reg0[],pop:reg1[],pop:eth_dst[],2", "set(eth(dst=00:00:00:00:00:00)),2", "recirc_id=0,eth,ip,in_port=1,dl_src=00:00:00:00:00:00,nw_frag=no"},
		{"actions=pop:eth_dst[],2", "2", "recirc_id=0,eth,in_port=1"},
		{"actions=push:NXM_OF_IN_PORT[],pop:eth_dst[0..3],2", "set(eth(dst=00:00:00:00:00:01/00:00:00:00:00:0f)),2", ""},
		// Parts of packets.
		{"actions=output(port=2,max_len=60),3", "trunc(60),2,3", "recirc_id=0,eth,in_port=1"},
		{"actions=output(port=in_port,max_len=60),output(port=1,max_len=60)", "trunc(60),1", ""},
	} {
		s, err := tryState(t, c.flows)
		if c.program == "" {
			if err == nil {
				t.Errorf("%s: accepted", c.flows)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.flows, err)
			continue
		}
		r, err := s.Snapshot().TraceText(in)
		if err != nil {
			t.Fatal(err)
		}
		if r.Actions != c.program || c.megaflow != "" && r.Megaflow != c.megaflow {
			t.Errorf("%s:\n%s  %s\nwant\n%s  %s\n%s", c.flows, r.Actions, r.Megaflow, c.program, c.megaflow, r)
		}
	}
}

// tryState is testState for flows that may be refused.
func tryState(t *testing.T, text string) (*State, error) {
	t.Helper()
	flows, err := ParseFlows(text, nil)
	if err != nil {
		return nil, err
	}
	s := testState(t, "")
	return s, s.Replace(flows)
}

// TestMultipathSpreads is every algorithm over many flows: links are chosen evenly, within six
// standard deviations, and hrw, hash_threshold and iter_hash move few flows when a link is added.
func TestMultipathSpreads(t *testing.T) {
	const flows, links = 40000, 5
	for alg, name := range multipathAlgorithms {
		m, more := actions.Choice{Algorithm: uint16(alg), Links: links, Arg: 8}, actions.Choice{Algorithm: uint16(alg), Links: links + 1, Arg: 8}
		var n [links]int
		moved := 0
		for i := range uint64(flows) {
			h := hashValues(0, []uint64{i})
			l := m.By(h)
			n[l]++
			if more.By(h) != l {
				moved++
			}
		}
		const want = flows / links
		for l, got := range n {
			if math.Abs(float64(got-want)) > 6*math.Sqrt(want) {
				t.Errorf("%s: link %d is chosen by %d of %d flows, want %d", name, l, got, flows, want)
			}
		}
		most := map[string]int{"modulo_n": flows, "hash_threshold": flows * 6 / 10, "hrw": flows / 5, "iter_hash": flows / 5}[name]
		if moved > most {
			t.Errorf("%s: %d of %d flows moved to another link, want at most %d", name, moved, flows, most)
		}
	}
}

// TestBundleFollowsPorts is a bundle whose members go down and come back.
func TestBundleFollowsPorts(t *testing.T) {
	s := testState(t, `in_port=1 actions=bundle(eth_src,0,active_backup,ofport,members:4,2,3)
in_port=2 actions=bundle_load(eth_src,0,hrw,ofport,reg0[],members:3,4),resubmit(,1)
table=1,reg0=0xffff actions=1
table=1,priority=1 actions=output:reg0`)
	out := func(in string) string {
		r, err := s.Snapshot().TraceText(in)
		if err != nil {
			t.Fatal(err)
		}
		return r.Actions
	}
	for _, step := range []struct {
		down, up uint32
		want     string
	}{{0, 0, "4"}, {4, 0, "2"}, {2, 0, "3"}, {3, 0, "drop"}, {0, 2, "2"}, {0, 4, "4"}} {
		for n, up := range map[uint32]bool{step.down: false, step.up: true} {
			if n != 0 {
				if err := s.SetPortUp(n, up); err != nil {
					t.Fatal(err)
				}
			}
		}
		if got := out("in_port=1"); got != step.want {
			t.Errorf("%+v: %s", step, got)
		}
	}
	// Members that are up are chosen by the hash, and one that is the only one, always.
	counts := map[string]int{}
	for i := range 200 {
		counts[out(fmt.Sprintf("in_port=2,dl_src=02:00:00:00:00:%02x", i))]++
	}
	if counts["4"] != 200 {
		t.Errorf("port 3 is down, and packets went to %v", counts)
	}
	if err := s.SetPortUp(3, true); err != nil {
		t.Fatal(err)
	}
	counts = map[string]int{}
	for i := range 200 {
		counts[out(fmt.Sprintf("in_port=2,dl_src=02:00:00:00:00:%02x", i))]++
	}
	if counts["3"] < 60 || counts["4"] < 60 || counts["3"]+counts["4"] != 200 {
		t.Errorf("both are up, and packets went to %v", counts)
	}
}

// TestHashMasks is that a hash depends on its fields alone, and that a decision that asks for it on
// none of them.
func TestHashMasks(t *testing.T) {
	for fields, want := range map[string]string{
		"eth_src":            "recirc_id=0,eth,tcp,in_port=1,dl_src=02:00:00:00:00:01,nw_frag=no",
		"symmetric_l4":       "recirc_id=0,eth,tcp,in_port=1,vlan_tci=0x0000/0x1fff,dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02,nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_frag=no,tp_src=1,tp_dst=2",
		"symmetric_l3l4":     "recirc_id=0,eth,tcp,in_port=1,nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_frag=no,tp_src=1,tp_dst=2",
		"symmetric_l3l4+udp": "recirc_id=0,eth,tcp,in_port=1,nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_frag=no,tp_src=1,tp_dst=2",
		"symmetric_l3":       "recirc_id=0,eth,ip,in_port=1,nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_frag=no",
		"nw_src":             "recirc_id=0,eth,ip,in_port=1,nw_src=10.0.0.1,nw_frag=no",
		"nw_dst":             "recirc_id=0,eth,ip,in_port=1,nw_dst=10.0.0.2,nw_frag=no",
	} {
		if fields == "eth_src" {
			want = "recirc_id=0,eth,ip,in_port=1,dl_src=02:00:00:00:00:01,nw_frag=no"
		}
		h := actions.Hash{Of: actions.HashOf(slices.Index(hashFieldNames, fields)), Basis: 7}
		s := testState(t, "actions=multipath("+fields+",0,hrw,2,0,reg0[]),mod_dl_dst:02:00:00:00:00:09,2")
		k := packetOf(t, s, "in_port=1,tcp,dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02,nw_src=10.0.0.1,nw_dst=10.0.0.2,tp_src=1,tp_dst=2")
		var m flow.Mask
		h.Needs(k, &m)
		m.Or(flow.WPort, ^uint64(0)) // as all decisions are
		m.Or(flow.WEthDst, 0xffff)
		m.Or(flow.WIP, 0xff<<32)
		if got := FormatMegaflow(k, &m); got != want {
			t.Errorf("%s: %s\nwant %s", fields, got, want)
		}
		got := s.Snapshot().Trace(k).Megaflow
		if want := "recirc_id=0,eth,ip,in_port=1,nw_frag=no,hash(" + fields + ")="; got != want+"0" && got != want+"1" {
			t.Errorf("%s: %s\nwant %s0 or 1", fields, got, want)
		}
		// And both directions of a symmetric hash go the same way.
		back := *k
		for _, p := range [][2]flow.Field{{flow.EthSrc, flow.EthDst}, {flow.IPv4Src, flow.IPv4Dst}, {flow.TCPSrc, flow.TCPDst}} {
			a, b := p[0].Get(k), p[1].Get(k)
			p[0].Set(&back, b)
			p[1].Set(&back, a)
		}
		if same := h.Sum(k) == h.Sum(&back); same != (len(fields) > 8) {
			t.Errorf("%s: the hash of the way back is the same: %v", fields, same)
		}
	}
}

// TestHashesOfWhatCameIn: a packet is asked by hash while what is hashed is as it came in, and after
// that the hash looks at the packet as it is. Either way it is the hash of the headers that the
// packet has at that point.
func TestHashesOfWhatCameIn(t *testing.T) {
	for _, c := range []struct {
		before, fields, packet string
		asks                   bool
		as                     string // the packet that has these headers from the start
	}{
		{"dec_ttl", "symmetric_l4", "tcp,nw_ttl=9", true, "tcp"},
		{"mod_dl_dst:02:00:00:00:00:09", "symmetric_l3l4", "tcp", true, "tcp"},
		{"mod_dl_dst:02:00:00:00:00:09", "symmetric_l4", "tcp", false, "tcp,dl_dst=02:00:00:00:00:09"},
		{"set_field:10.7.0.0/16->nw_src", "nw_src", "tcp,nw_src=1.2.3.4", false, "tcp,nw_src=10.7.3.4"},
		{"set_field:10.7.0.0/16->nw_src", "nw_dst", "tcp,nw_dst=1.2.3.4", false, "tcp,nw_dst=1.2.3.4"},
		{"mod_vlan_vid:7", "symmetric_l4", "tcp", false, "tcp,dl_vlan=7"},
		{"mod_vlan_vid:7", "symmetric_l4", "tcp,dl_vlan=9", false, "tcp,dl_vlan=7"},
		{"strip_vlan", "symmetric_l4", "tcp,dl_vlan=9", false, "tcp"},
		{"strip_vlan", "symmetric_l3l4", "tcp,dl_vlan=9", true, "tcp"},
		{"push_vlan:0x8100,strip_vlan", "symmetric_l4", "tcp,dl_vlan=9", true, "tcp,dl_vlan=9"},
		{"load:7->tcp_dst", "symmetric_l3l4", "tcp,tp_dst=9", false, "tcp,tp_dst=7"},
		{"push_mpls:0x8847", "symmetric_l4", "tcp", false, "mpls"},
	} {
		action := c.before + ",multipath(" + c.fields + ",0,modulo_n,50000,0,reg0[]),controller(userdata=00)"
		s := testState(t, strings.SplitN(c.packet, ",", 2)[0]+" actions="+action)
		got := s.Snapshot().Trace(packetOf(t, s, "in_port=1,"+c.packet))
		if asks := strings.Contains(got.Megaflow, "hash("); asks != c.asks {
			t.Errorf("%s on %s: asks is %v: %s", action, c.packet, asks, got.Megaflow)
		}
		h := actions.Hash{Of: actions.HashOf(slices.Index(hashFieldNames, c.fields))}
		want := (&actions.Choice{Hash: h, Links: 50000}).Of(packetOf(t, s, "in_port=1,"+c.as))
		var k flow.Key
		got.Program.Punts[0].Key(&k)
		if link := flow.Reg0.Get(&k).Lo; link != uint64(want) {
			t.Errorf("%s on %s: link %d, want %d as of %s", action, c.packet, link, want, c.as)
		}
	}
}
