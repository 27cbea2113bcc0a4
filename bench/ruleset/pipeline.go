package ruleset

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
)

// network is 40 tables of a switch that serves many virtual networks: a VLAN is a
// network, which has hosts in a subnet of its own, a router to some others, and lists of
// what may be sent and received. A packet of a host passes about 30 of them.
type network struct {
	rng      *rand.Rand
	lines    []string
	networks int
	policies [][]tuple // what the lists of a network are about
}

// hostsPer is how many hosts a network has, in a subnet of 32 addresses.
const hostsPer = 25

// peersPer is how many other networks a network's router reaches.
const peersPer = 8

// routerMAC is the address of every network's router.
const routerMAC = 0x02ffff000001

// hostShare is how many rules there are to one host, of which about 7 are its own.
const hostShare = 20

func newPipeline(rules int, rng *rand.Rand) *Set {
	p := &network{rng: rng, networks: min(max(rules/hostShare/hostsPer, 1), 4000)}
	p.policies = make([][]tuple, p.networks)
	p.admission()
	p.routing()
	p.delivery()
	p.rest()
	p.lists(max(rules-len(p.lines), 0))
	return &Set{Lines: p.lines, draw: p.draw}
}

// host is host k of network n.
type host struct{ n, k int }

func (h host) id() int     { return h.n*hostsPer + h.k + 1 }
func (h host) mac() uint64 { return 0x020000000000 + uint64(h.id()) }
func (h host) ip() uint32  { return 10<<24 | uint32(h.n)<<5 | uint32(h.k+2) }
func (h host) ip6() netip.Addr {
	a := [16]byte{0x20, 0x01, 0x0d, 0xb8}
	be.PutUint32(a[8:], uint32(h.n))
	be.PutUint32(a[12:], uint32(h.k+2))
	return netip.AddrFrom16(a)
}

// vlan is the VLAN of a network.
func vlan(n int) int { return n%4000 + 1 }

// peer is the j'th network that n's router reaches.
func (p *network) peer(n, j int) int { return (n*7 + j*13 + 1) % p.networks }

func macText(m uint64) string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", byte(m>>40), byte(m>>32), byte(m>>24), byte(m>>16), byte(m>>8), byte(m))
}

func (p *network) add(format string, args ...any) {
	p.lines = append(p.lines, fmt.Sprintf(format, args...))
}

// eachHost calls f with every host.
func (p *network) eachHost(f func(h host)) {
	for n := range p.networks {
		for k := range hostsPer {
			f(host{n, k})
		}
	}
}

// draw makes a packet that a host sends to another, of its own network or by the router.
func (p *network) draw(rng *rand.Rand) Packet {
	n := favoured(rng, p.networks)
	from, to := host{n, rng.IntN(hostsPer)}, host{n, rng.IntN(hostsPer)}
	pkt := Packet{
		SrcMAC: from.mac(), DstMAC: to.mac(), VLAN: uint16(vlan(n)), PCP: uint8(rng.IntN(2) * 5),
		Src: addr4(from.ip()), Dst: addr4(to.ip()), Proto: TCP, TOS: uint8(rng.IntN(8) << 2),
		SrcPort: uint16(32768 + rng.IntN(28000)), DstPort: services[favoured(rng, len(services))],
	}
	switch x := rng.IntN(10); {
	case x < 3: // by the router
		to = host{p.peer(n, rng.IntN(peersPer)), rng.IntN(hostsPer)}
		pkt.DstMAC, pkt.Dst = routerMAC, addr4(to.ip())
	case x < 4: // IPv6 stays within the network
		pkt.Src, pkt.Dst = from.ip6(), to.ip6()
	}
	switch x := rng.IntN(20); {
	case x < 5:
		pkt.Proto = UDP
	case x < 6 && pkt.Src.Is4():
		pkt.Proto = ICMP
	}
	if list := p.policies[n]; len(list) > 0 && rng.IntN(2) == 0 {
		if t := list[favoured(rng, len(list))]; t.proto == TCP || t.proto == UDP {
			pkt.Proto, pkt.DstPort = t.proto, t.dport.within(rng)
		}
	}
	return pkt
}
