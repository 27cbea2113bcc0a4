package pipeline

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"

	"pollux/flow"
)

// world is a random switch for property tests.
type world struct {
	lines []string
	state *State
	or    *oracle
	clock int64
	first uint8 // egress table; 0: none
}

// line writes a random flow that the switch may have.
func (w *world) line(r *rand.Rand) string {
	if w.first != 0 && r.IntN(3) == 0 {
		return randomEgressLine(r)
	}
	return randomLine(r)
}

// randomEgressLine is randomLine for tables 4 and 5 as egress tables: there nothing leads back,
// and no other port is chosen.
func randomEgressLine(r *rand.Rand) string {
	for {
		line := randomLine(r)
		if table := line[6]; table != '2' && table != '3' {
			continue
		}
		line = writeActions.ReplaceAllStringFunc(egressLine.Replace(line), func(w string) string { return writtenOut.ReplaceAllString(w, "mod_vlan_vid:6") })
		if r.IntN(6) == 0 && !strings.Contains(line, "actset_output") {
			line = strings.Replace(line, " actions=", fmt.Sprintf(",actset_output=%d actions=", 1+r.IntN(4)), 1)
		}
		return line
	}
}

// egressLine moves tables, and writeActions are where outputs have to go.
var (
	egressLine = strings.NewReplacer(
		"table=2,p", "table=4,p", "table=3,p", "table=5,p", "goto_table:3", "goto_table:5",
		"resubmit(,1)", "resubmit(,4)", "resubmit(,2)", "resubmit(,5)", "resubmit(,3)", "resubmit(,5)", "resubmit(2,3)", "resubmit(2,4)", "resubmit(1,2)", "resubmit(1,4)", "resubmit(3,1)", "resubmit(3,5)",
	)
	writeActions = regexp.MustCompile(`write_actions\([^)]*\)`)
	writtenOut   = regexp.MustCompile(`output:(\d|reg0\[0\.\.15\])|NORMAL|CONTROLLER:50|group:\d`)
)

// randomLine writes a random flow of the universe that randomFrame draws from.
func randomLine(r *rand.Rand) string {
	pick := func(v ...string) string { return v[r.IntN(len(v))] }
	proto := pick("", "", "ip", "ip", "tcp", "udp", "ipv6", "tcp6", "arp", "mpls")
	match := []string{fmt.Sprintf("table=%d,priority=%d", r.IntN(4), r.IntN(60))}
	add := func(chance int, s ...string) {
		if r.IntN(chance) == 0 {
			match = append(match, s[r.IntN(len(s))])
		}
	}
	if proto != "" {
		match = append(match, proto)
	}
	add(4, "in_port=1", "in_port=2", "in_port=3")
	add(6, "dl_dst=02:00:00:00:00:01", "dl_dst=01:00:00:00:00:00/01:00:00:00:00:00", "dl_src=02:00:00:00:00:02")
	vlan := false
	if r.IntN(5) == 0 {
		v := pick("dl_vlan=5", "dl_vlan=6", "vlan_tci=0x0000", "vlan_tci=0x1000/0x1000", "dl_vlan=5,dl_vlan_pcp=3", "vlan_tci=0x1004/0x1004")
		vlan = v != "vlan_tci=0x0000"
		match = append(match, v)
	}
	add(12, "actset_output=2", "actset_output=3", "actset_output=UNSET", "actset_output=CONTROLLER")
	add(6, "reg0=5", "reg0=0x2/0x3", "metadata=0x1/0xf", "reg1=0x50", "metadata=0", "reg0=0")
	add(8, "tun_id=5", "tun_id=0x2/0x3", "tun_id=0", "tun_src=0.0.0.0/1")
	v4 := proto == "ip" || proto == "tcp" || proto == "udp"
	v6 := proto == "ipv6" || proto == "tcp6"
	l4 := proto == "tcp" || proto == "udp" || proto == "tcp6"
	if v4 {
		add(2, "nw_dst=10.0.0.0/8", "nw_dst=10.0.0.1", "nw_dst=10.1.0.0/16", "nw_src=10.0.0.0/9", "nw_src=0.0.0.1/0.0.0.1")
		add(6, "nw_frag=no", "nw_frag=later", "nw_ttl=64", "nw_tos=16", "nw_ecn=1")
	}
	if v6 {
		add(2, "ipv6_dst=2001:db8::/32", "ipv6_dst=2001:db8::1", "ipv6_src=2001:db8:0:1::/64", "ipv6_label=0x5")
	}
	if l4 {
		add(2, "tp_dst=80", "tp_dst=443", "tp_dst=80/0xfff0", "tp_src=1024/0xfc00")
	}
	if proto == "tcp" {
		add(5, "tcp_flags=+syn", "tcp_flags=+ack-syn")
	}
	if proto == "arp" {
		add(2, "arp_op=1", "arp_tpa=10.0.0.0/8", "arp_sha=02:00:00:00:00:01")
	}
	any := []string{
		"1", "2", "3", "4", "output:9", "in_port", "all", "flood", "NORMAL", "NORMAL", "LOCAL",
		"resubmit(,1)", "resubmit(,2)", "resubmit(2,3)", "resubmit(1,2)", "resubmit(3,1)", "resubmit:3",
		"load:5->NXM_NX_REG0[]", "load:2->reg0[0..1]", "load:0x50->reg1[]", "set_field:0x1/0xf->metadata",
		"move:NXM_OF_IN_PORT[]->NXM_NX_REG0[0..15]", "move:reg0[0..7]->reg1[4..11]", "output:reg0[0..15]",
		"load:0->NXM_OF_IN_PORT[]", "set_field:02:00:00:00:00:01->eth_dst", "set_field:00:00:00:00:00:07/00:00:00:00:00:0f->eth_src",
		"move:eth_src[]->eth_dst[]", "move:eth_dst[0..7]->reg0[0..7]", "mod_dl_src:02:00:00:00:00:02",
		"mod_vlan_vid:6", "mod_vlan_pcp:2", "push_vlan:0x8100", "pop_vlan", "push_vlan:0x88a8,set_field:4101->vlan_vid",
		"load:0x1005->NXM_OF_VLAN_TCI[]", "load:0->NXM_OF_VLAN_TCI[]", "load:7->NXM_OF_VLAN_TCI[0..3]", "exit", "note:00",
		"sample(probability=65535,collector_set_id=7,obs_domain_id=1,obs_point_id=NXM_OF_ETH_SRC[0..7])",
		"sample(probability=300,collector_set_id=7,obs_domain_id=NXM_NX_REG0[],obs_point_id=0,sampling_port=2,egress)",
	}
	any = append(any, "set_tunnel:5", "load:2->tun_id[0..1],resubmit(,2)", "move:tun_id[0..7]->reg0[0..7]", "move:eth_src[0..7]->tun_id[0..7],resubmit(,1)",
		"set_tunnel64:0x500000002,set_field:10.0.0.0/8->tun_src", "clone(set_tunnel:2,resubmit(,1)),3")
	if vlan {
		any = append(any, "set_field:4102->vlan_vid", "set_field:1->vlan_pcp", "move:NXM_OF_VLAN_TCI[0..11]->reg0[0..11]", "load:3->OXM_OF_VLAN_VID[0..3]")
	}
	if v4 || v6 {
		any = append(any, "dec_ttl", "dec_ttl", "mod_nw_tos:16", "mod_nw_ecn:1", "mod_nw_ttl:9", "move:nw_ttl[]->reg0[0..7]")
	}
	if v4 {
		any = append(any, "mod_nw_src:10.0.0.1", "mod_nw_dst:10.1.2.3", "set_field:10.9.0.0/255.255.0.0->nw_dst", "move:nw_src[]->nw_dst[]", "load:1->nw_src[0]")
	}
	if v6 {
		any = append(any, "set_field:2001:db8::2->ipv6_dst", "set_field:0x5->ipv6_label", "move:ipv6_src[0..31]->ipv6_dst[0..31]")
	}
	if proto == "arp" {
		any = append(any, "set_field:2->arp_op", "move:arp_sha[]->arp_tha[]", "set_field:10.0.0.1->arp_spa")
	}
	if l4 && strings.Contains(strings.Join(match, ","), "nw_frag=no") || proto == "tcp6" {
		any = append(any, "mod_tp_dst:443", "mod_tp_src:1024", "move:tp_src[]->tp_dst[]")
	}
	if r.IntN(2) == 0 {
		if r.IntN(6) == 0 {
			any = append(any, "learn(table=3,priority=5,hard_timeout=10,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[])",
				"learn(table=2,priority=7,limit=2,cookie=0x7,result_dst=reg0[0],reg1=reg0,load:eth_src[0..7]->reg1[0..7]),output:reg0[0..15]")
		}
		any = append(any, "clone(2,3)", "clone(load:5->reg0[],mod_dl_src:02:00:00:00:00:03,2),3", "clone(pop_vlan,3,clone(mod_vlan_vid:6,4),in_port),1",
			"clone(push_vlan:0x88a8,resubmit(,2)),resubmit(,3)", "clone(exit,2),3", "clone(push_mpls:0x8847,2),1", "clone(drop)", "clone(mod_dl_dst:02:00:00:00:00:02,NORMAL)",
			"push:NXM_NX_REG0[],pop:NXM_NX_REG1[]", "push:eth_src[],push:eth_dst[0..7],pop:reg0[0..7],pop:eth_dst[]", "push:in_port[]", "pop:reg0[0..15],output:reg0[0..15]", "clone(push:reg1[],2),pop:reg1[]",
			"output(port=2,max_len=60)", "output(port=in_port,max_len=14),mod_vlan_vid:5,output(port=3,max_len=30)",
			"multipath(eth_src,1,hrw,4,0,NXM_NX_REG0[0..3]),output:reg0[0..15]", "multipath(symmetric_l4,1,modulo_n,4,0,reg1[0..3]),output:reg1", "multipath(symmetric_l3l4,1,hash_threshold,3,0,reg0[]),output:reg0",
			"multipath(symmetric_l3l4+udp,1,iter_hash,5,7,reg0[]),output:reg0", "multipath(symmetric_l3,0,hrw,100,0,reg0[0..7]),output:reg0",
			"bundle(nw_src,0,hrw,ofport,members:1,2,3)", "bundle(nw_dst,0,hrw,ofport,members:4,in_port,9)", "bundle(symmetric_l4,0,active_backup,ofport,members:9,3,2)", "bundle(eth_src,0,hrw,ofport,members:9)",
			"mod_dl_src:02:00:00:00:00:03,multipath(eth_src,1,modulo_n,4,0,reg0[]),output:reg0", "pop_vlan,bundle(symmetric_l4,0,hrw,ofport,members:1,2,3)", "mod_vlan_vid:6,bundle(symmetric_l4,1,hrw,ofport,members:2,3,4)",
			"bundle_load(symmetric_l3l4,0,hrw,ofport,reg0[0..15],members:1,2,3,4),output:reg0[0..15]", "bundle_load(eth_src,0,active_backup,ofport,reg1[],members:9),output:reg1")
		if v4 {
			any = append(any, "mod_nw_src:10.0.0.1,bundle(nw_src,0,hrw,ofport,members:1,2,3)", "set_field:0.0.0.2/0.0.0.3->nw_dst,multipath(symmetric_l3,0,modulo_n,4,0,reg0[]),output:reg0")
		}
		if v4 || v6 {
			any = append(any, "push_mpls:0x8847,set_mpls_ttl:7,copy_ttl_in,1,pop_mpls:0x0800,dec_ttl,2", "push_mpls:0x8847,set_mpls_ttl:7,copy_ttl_out,1", "dec_ttl(1,2)", "clone(dec_ttl,2),3", "clone(dec_ttl,dec_ttl,resubmit(,1)),mod_nw_ttl:7,1", "clone(mod_nw_tos:32,1,mod_nw_ttl:9)")
		}
	}
	any = append(any, "push_mpls:0x8847", "push_mpls:0x8848,set_mpls_label:16", "push_mpls:0x8847,set_mpls_ttl:9,set_mpls_tc:3,2", "push_mpls:0x8847,2,pop_mpls:0x0800,3")
	if proto == "mpls" {
		any = append(any, "pop_mpls:0x0800", "pop_mpls:0x8847", "pop_mpls:0x0800,mod_nw_dst:10.0.0.1,mod_nw_ttl:9,3", "pop_mpls:0x86dd,set_field:2001:db8::2->ipv6_dst,2",
			"copy_ttl_in,pop_mpls:0x0800,dec_ttl,3", "copy_ttl_in,pop_mpls:0x8847,dec_mpls_ttl,1", "copy_ttl_out,2", "push_mpls:0x8847,set_mpls_ttl:7,copy_ttl_in,2,pop_mpls:0x8847,dec_mpls_ttl", "push_mpls:0x8847,set_mpls_ttl:7,copy_ttl_out,2",
			"pop_mpls:0x8847,set_mpls_label:16,2", "dec_mpls_ttl,pop_mpls:0x8848,dec_mpls_ttl,1", "push_mpls:0x8847,pop_mpls:0x8847,dec_mpls_ttl")
		add(2, "mpls_label=16", "mpls_tc=3", "mpls_ttl=64", "mpls_bos=1")
		any = append(any, "set_field:17->mpls_label", "set_mpls_tc:1", "set_mpls_ttl:9", "dec_mpls_ttl", "dec_mpls_ttl,1", "move:mpls_label[]->reg0[0..19]", "load:5->OXM_OF_MPLS_LABEL[]", "load:1->OXM_OF_MPLS_LABEL[3..5],2")
	}
	any = append(any, "group:1", "group:2", "group:3", "group:4,2", "group:5", "group:6", "clone(group:5,mod_vlan_vid:6,group:3),1")
	any = append(any, "set_queue:1", "set_queue:2,2", "pop_queue", "pop_queue,3", "enqueue:2:1", "enqueue:in_port:2", "enqueue(3,7)", "clone(set_queue:1,2),3", "set_queue:7,1,2,3,4")
	any = append(any, "CONTROLLER:65535", "controller(max_len=40)", "controller(id=3,max_len=100,userdata=01.02)", "load:7->reg5[],controller", "clone(load:1->reg0[],controller),1",
		"controller(id=4,pause)", "load:5->reg0[],controller(pause,userdata=05,max_len=20),output:reg0[0..15]", "clone(mod_dl_src:02:00:00:00:00:03,controller(pause),2,exit),3", "push:eth_src[],controller(pause),pop:eth_dst[],2",
		"clone(clone(controller(pause),2),3),1")
	any = append(any, "check_pkt_larger(128)->reg0[0]", "check_pkt_larger(131)->reg1[3],resubmit(,1)", "check_pkt_larger(0)->reg0[1],push_vlan:0x8100,check_pkt_larger(132)->metadata[0],2",
		"check_pkt_larger(149)->xxreg0[100],clone(check_pkt_larger(128)->reg0[0],output:reg0[0..15]),3")
	if l4 {
		any = append(any, "mod_tp_dst:80", "mod_tp_src:80")
	}
	switch r.IntN(18) {
	case 0, 1:
		// A clause of conjunction 1 of two, or 2 of three.
		id := 1 + r.IntN(2)
		match[0] = fmt.Sprintf("table=%d,priority=%d", r.IntN(4), 20+10*r.IntN(3))
		return strings.Join(match, ",") + fmt.Sprintf(" actions=conjunction(%d,%d/%d)", id, 1+r.IntN(id+1), id+1)
	case 2:
		match = append(match, fmt.Sprintf("conj_id=%d", 1+r.IntN(2)))
	}
	var acts []string
	for range r.IntN(5) {
		acts = append(acts, pick(any...))
	}
	table := int(match[0][6] - '0')
	if r.IntN(8) == 0 {
		acts = append(acts, "clear_actions")
	}
	if r.IntN(4) == 0 {
		w := pick("output:2", "set_tunnel:5,output:2", "output:3,pop_vlan", "mod_vlan_vid:5", "push_vlan:0x8100,output:4", "output:reg0[0..15]", "NORMAL", "CONTROLLER:50", "group:3,output:2", "mod_vlan_vid:5,group:6", "group:4", "set_queue:1,output:2", "set_queue:2,output:3")
		if v4 || v6 {
			w += pick("", ",dec_ttl", ",mod_nw_tos:32")
		}
		if proto == "mpls" {
			w += pick("", ",dec_mpls_ttl", ",set_mpls_ttl:7", ",pop_mpls:0x0800,copy_ttl_in", ",push_mpls:0x8847,set_mpls_label:3", ",pop_mpls:0x8847,copy_ttl_in")
		}
		acts = append(acts, "write_actions("+w+")")
	}
	if r.IntN(5) == 0 {
		acts = append(acts, "write_metadata:0x1/0x3")
	}
	if table < 3 && r.IntN(3) == 0 {
		acts = append(acts, fmt.Sprintf("goto_table:%d", table+1+r.IntN(3-table)))
	}
	if len(acts) == 0 {
		acts = []string{"drop"}
	}
	return strings.Join(match, ",") + " actions=" + strings.Join(acts, ",")
}

func randomPorts(r *rand.Rand) []Port {
	ports := []Port{{OFPort: flow.PortLocal, Slot: 99, Name: "br0", Up: true}}
	for n := uint32(1); n <= 5; n++ {
		p := Port{OFPort: n, Slot: n - 1, Name: fmt.Sprintf("p%d", n), Up: r.IntN(8) != 0, NoFlood: r.IntN(8) == 0, NoRecv: r.IntN(16) == 0,
			Down: r.IntN(16) == 0, NoFwd: r.IntN(16) == 0}
		switch r.IntN(4) {
		case 0:
			p.Mode, p.Tag = Access, 5
		case 1:
			p.Mode, p.Tag, p.Trunks = NativeUntagged, 5, VLANs(6)
		case 2:
			p.Mode, p.Tag = NativeTagged, 6
		}
		if r.IntN(2) == 0 {
			p.Queues = NewQueues([][]Queue{{{ID: 0}}, {{ID: 1}, {ID: 0}}, {{ID: 1}, {ID: 2}}, {{ID: 7}}}[r.IntN(4)])
		}
		ports = append(ports, p)
	}
	return ports
}

// fataler is what testing's and rapid's T have in common here.
type fataler interface {
	Fatal(...any)
	Fatalf(string, ...any)
}

// newWorld makes a switch of n random flows.
func newWorld(tb fataler, r *rand.Rand, n int) *world {
	w := &world{}
	if r.IntN(3) == 0 {
		w.first = 4
	}
	seen := map[ruleID]bool{}
	var flows []Flow
	for range n {
		line := w.line(r)
		f, err := ParseFlow(line, nil)
		if err != nil {
			// A match can contradict itself by chance, and only that.
			if strings.Contains(line, "nw_frag=later") || strings.Contains(err.Error(), "tag") || strings.Contains(err.Error(), "VLAN") || strings.Contains(err.Error(), "twice") || strings.Contains(err.Error(), "two values") || strings.Contains(line, "_mpls:") {
				continue
			}
			tb.Fatalf("%s\n%v", line, err)
		}
		if seen[f.id()] || f.Do.clauses() == nil && conflicting(flows, &f) {
			continue
		}
		seen[f.id()] = true
		throughMeters(r, &f)
		flows = append(flows, f)
		w.lines = append(w.lines, line)
	}
	ports := randomPorts(r)
	sampling := Sampling{Sets: map[uint32]SetSampling{7: {Exporter: 1, Attribute: r.IntN(2) == 0}}}
	if r.IntN(2) == 0 {
		sampling.Bridge = &BridgeSampling{Input: r.IntN(2) == 0, Output: r.IntN(2) == 0, Attribute: r.IntN(2) == 0}
	}
	s, err := New(Config{Name: "br0", Ports: ports, Threads: 1, Sampling: sampling, Now: func() int64 { return w.clock }})
	if err != nil {
		tb.Fatal(err)
	}
	if w.first != 0 {
		err = s.SetPipeline(&PipelineMod{Command: PipelineModify, Tables: []PipelineTable{{Table: w.first, FirstEgress: true}}})
		if err != nil {
			tb.Fatal(err)
		}
	}
	w.state = s
	// Addresses that were learned before.
	frags := []Fragments{FragNormal, FragNormal, FragDrop, FragMatch}[r.IntN(4)]
	s.SetFragments(frags)
	w.or = &oracle{first: w.first, ports: ports, flows: flows, fdb: map[fdbKey]uint32{}, frags: frags}
	w.addGroups(tb, r)
	if err := s.Apply(Change{Flows: flows}); err != nil {
		tb.Fatal(err)
	}
	for _, vlan := range []uint16{0, 5, 6} {
		for mac := uint64(0x020000000001); mac <= 0x020000000003; mac++ {
			if r.IntN(2) == 0 {
				s.loops.notes[0].Push(note{makeFDBKey(vlan, mac), uint32(1 + r.IntN(5)), 0})
			}
		}
	}
	s.Tick()
	s.Snapshot().fdb.each(func(e *fdbEntry) { w.or.fdb[e.key] = e.port })
	return w
}

// conflicting says whether an overlapping flow has the same priority, where
// OpenFlow leaves open which one wins.
func conflicting(flows []Flow, f *Flow) bool {
	for i := range flows {
		g := &flows[i]
		if g.Table != f.Table || g.Priority != f.Priority || g.Do.clauses() != nil {
			continue
		}
		differ := false
		for w := range f.Match.Mask.W {
			if (f.Match.Key.W[w]^g.Match.Key.W[w])&f.Match.Mask.W[w]&g.Match.Mask.W[w] != 0 {
				differ = true
			}
		}
		if !differ {
			return true
		}
	}
	return false
}
