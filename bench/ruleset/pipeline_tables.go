package ruleset

import "fmt"

// The tables. Between them a register says: reg0 the network, reg1 the sending host, reg2
// the class of service, reg3 that the packet is the router's, reg4 the service, reg6 the
// network it goes to, reg7 the receiving host.
const (
	tClassify   = 0
	tSender     = 1
	tSenderIP   = 2
	tNeighbours = 3
	tFragments  = 4
	tClass      = 5
	tSend       = 6 // to 13: lists of what hosts may send
	tMarked     = 14
	tService    = 15
	tRouter     = 16
	tRoute      = 17
	tRoute6     = 18
	tPolicy     = 19
	tNextHop    = 20
	tResponder  = 21
	tReceiver   = 22
	tUnknown    = 23
	tMulticast  = 24
	tReceive    = 25 // to 34: lists of what they may receive
	tMark       = 35
	tFlags      = 36
	tReceiverIP = 37
	tLabel      = 38
	tOutput     = 39
)

// admission says which packets are of which host, and drops those of none.
func (p *network) admission() {
	for n := range p.networks {
		p.add("table=%d,priority=100,in_port=1,dl_vlan=%d,actions=load:%d->NXM_NX_REG0[],write_metadata:%d,goto_table:%d", tClassify, vlan(n), n, n, tSender)
		p.add("table=%d,priority=110,in_port=1,dl_vlan=%d,dl_vlan_pcp=5,actions=load:%d->NXM_NX_REG0[],load:1->NXM_NX_PKT_MARK[],write_metadata:%d,goto_table:%d", tClassify, vlan(n), n, n, tSender)
	}
	p.eachHost(func(h host) {
		mac := macText(h.mac())
		p.add("table=%d,priority=90,metadata=%d,dl_src=%s,actions=load:%d->NXM_NX_REG1[],goto_table:%d", tSender, h.n, mac, h.id(), tSenderIP)
		p.add("table=%d,priority=90,reg1=%d,ip,nw_src=%v,actions=goto_table:%d", tSenderIP, h.id(), addr4(h.ip()), tFragments)
		p.add("table=%d,priority=90,reg1=%d,ipv6,ipv6_src=%v,actions=goto_table:%d", tSenderIP, h.id(), h.ip6(), tFragments)
		p.add("table=%d,priority=90,reg1=%d,arp,arp_sha=%s,arp_spa=%v,actions=goto_table:%d", tNeighbours, h.id(), mac, addr4(h.ip()), tResponder)
	})
	p.add("table=%d,priority=80,arp,actions=goto_table:%d", tSenderIP, tNeighbours)
	p.add("table=%d,priority=80,icmp6,icmp_type=136,nd_target=2001:db8::1,actions=drop", tNeighbours)
	p.add("table=%d,priority=70,icmp6,icmp_type=135,icmp_code=0,actions=goto_table:%d", tNeighbours, tReceiver)
	p.add("table=%d,priority=100,ip,nw_frag=later,actions=drop", tFragments)
	p.add("table=%d,priority=90,ip,nw_ttl=0,actions=drop", tFragments)
	p.add("table=%d,priority=0,actions=goto_table:%d", tFragments, tClass)
	for class := range 8 {
		p.add("table=%d,priority=50,ip,nw_tos=%d,actions=load:%d->NXM_NX_REG2[],goto_table:%d", tClass, class<<2, class, tSend)
	}
	p.add("table=%d,priority=60,ip,nw_ecn=3,actions=load:9->NXM_NX_REG2[],goto_table:%d", tClass, tSend)
	p.add("table=%d,priority=0,actions=goto_table:%d", tClass, tSend)
}

// routing brings packets for the router to the network and the host that they are for.
func (p *network) routing() {
	for n := range p.networks {
		p.add("table=%d,priority=50,metadata=%d,dl_dst=%s,actions=load:1->NXM_NX_REG3[],goto_table:%d", tRouter, n, macText(routerMAC), tRoute)
		p.add("table=%d,priority=20,metadata=%d,tcp,nw_dst=192.0.2.1,tp_dst=443,actions=load:%d->NXM_NX_REG4[],goto_table:%d", tService, n, n+1, tRouter)
		seen := map[int]bool{}
		for j := range peersPer {
			m := p.peer(n, j)
			if seen[m] {
				continue
			}
			seen[m] = true
			p.add("table=%d,priority=%d,metadata=%d,reg3=1,ip,nw_dst=%v,actions=load:%d->NXM_NX_REG6[],dec_ttl,goto_table:%d",
				tRoute, 27, n, prefix{10<<24 | uint32(m)<<5, 27}, m, tPolicy)
		}
		p.add("table=%d,priority=10,reg6=%d,ip,nw_src=172.16.0.0/12,actions=drop", tPolicy, n)
	}
	p.add("table=%d,priority=10,reg3=1,ipv6,actions=goto_table:%d", tRoute, tRoute6)
	p.add("table=%d,priority=10,ipv6,ipv6_dst=2001:db8::/32,actions=drop", tRoute6)
	p.add("table=%d,priority=20,pkt_mark=2/2,actions=drop", tMarked)
	p.add("table=%d,priority=0,actions=goto_table:%d", tMarked, tService)
	p.add("table=%d,priority=0,actions=goto_table:%d", tService, tRouter)
	p.add("table=%d,priority=0,actions=goto_table:%d", tRouter, tReceiver)
	p.add("table=%d,priority=0,actions=goto_table:%d", tPolicy, tNextHop)
	p.eachHost(func(h host) {
		p.add("table=%d,priority=50,reg6=%d,ip,nw_dst=%v,actions=mod_dl_src:%s,mod_dl_dst:%s,write_metadata:%d,goto_table:%d",
			tNextHop, h.n, addr4(h.ip()), macText(routerMAC), macText(h.mac()), h.n, tReceiver)
	})
}

// delivery says which host a packet is for, and sends it there.
func (p *network) delivery() {
	p.eachHost(func(h host) {
		p.add("table=%d,priority=50,metadata=%d,dl_dst=%s,actions=load:%d->NXM_NX_REG7[],goto_table:%d", tReceiver, h.n, macText(h.mac()), h.id(), tReceive)
		p.add("table=%d,priority=50,reg7=%d,ip,nw_dst=%v,actions=goto_table:%d", tReceiverIP, h.id(), addr4(h.ip()), tLabel)
		p.add("table=%d,priority=50,reg7=%d,actions=output:2", tOutput, h.id())
	})
	p.add("table=%d,priority=10,dl_dst=01:00:00:00:00:00/01:00:00:00:00:00,actions=goto_table:%d", tReceiver, tMulticast)
	p.add("table=%d,priority=40,ipv6,actions=goto_table:%d", tReceiverIP, tLabel)
	p.add("table=%d,priority=0,actions=goto_table:%d", tReceiver, tUnknown)
	p.add("table=%d,priority=0,actions=drop", tUnknown)
	p.add("table=%d,priority=0,actions=output:2", tMulticast)
}

// rest is what the fields of few rules are for.
func (p *network) rest() {
	for n := range min(p.networks, 50) {
		p.add("table=%d,priority=20,metadata=%d,arp,arp_op=1,arp_tpa=%v,actions=drop", tResponder, n, addr4(10<<24|uint32(n)<<5|1))
	}
	p.add("table=%d,priority=0,actions=goto_table:%d", tResponder, tReceiver)
	p.add("table=%d,priority=20,pkt_mark=1,reg2=7,actions=load:1->NXM_NX_REG5[],goto_table:%d", tMark, tFlags)
	p.add("table=%d,priority=0,actions=goto_table:%d", tMark, tFlags)
	p.add("table=%d,priority=20,tcp,tcp_flags=+syn+fin,actions=drop", tFlags)
	p.add("table=%d,priority=20,icmp,icmp_type=5,icmp_code=1,actions=drop", tFlags)
	p.add("table=%d,priority=10,reg4=0x100/0x100,reg5=1,udp,tp_src=0,actions=drop", tFlags)
	p.add("table=%d,priority=0,actions=goto_table:%d", tFlags, tReceiverIP)
	p.add("table=%d,priority=10,ipv6,ipv6_label=0xfffff,ipv6_dst=2001:db8:ffff::/48,actions=drop", tLabel)
	p.add("table=%d,priority=0,actions=goto_table:%d", tLabel, tOutput)
}

// lists spreads n rules over the tables of what hosts may send and receive, in the
// proportions of firewalls. Most allow: what is drawn is to get through, mostly.
func (p *network) lists(n int) {
	var tables []int
	for t := tSend; t < tSend+8; t++ {
		tables = append(tables, t)
	}
	for t := tReceive; t < tReceive+10; t++ {
		tables = append(tables, t)
	}
	next := func(t int) int {
		if t == tSend+7 {
			return tMarked
		}
		return t + 1
	}
	for _, t := range tables {
		if n > 0 {
			p.add("table=%d,priority=0,actions=goto_table:%d", t, next(t))
			n--
		}
	}
	profile := profiles["fw"]
	nets := [2]networks{{rng: p.rng}, {rng: p.rng}}
	seen := map[string]bool{}
	for n > 0 {
		of := favoured(p.rng, p.networks)
		t := profile.tuple(p.rng, &nets)
		// Addresses are those of networks here, in blocks of some size.
		t.src, t.dst = prefix{10 << 24, 8}, prefix{10<<24 | uint32(of)<<5, 27}
		if t.src.n = 8 + p.rng.IntN(20); p.rng.IntN(3) == 0 {
			t.src = prefix{}
		}
		p.policies[of] = append(p.policies[of], t)
		table := tables[p.rng.IntN(len(tables))]
		for _, m := range t.matches() {
			m = fmt.Sprintf("table=%d,priority=%d,metadata=%d,%s", table, 1000+p.rng.IntN(100), of, m[len("in_port=1,"):])
			if n == 0 || seen[m] {
				continue
			}
			seen[m] = true
			action := fmt.Sprintf("goto_table:%d", next(table))
			if p.rng.IntN(200) == 0 {
				action = "drop"
			}
			p.add("%s,actions=%s", m, action)
			n--
		}
	}
}
