package ruleset

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// profile is the proportions of a list of rules, in hundredths.
type profile struct {
	src, dst     [4]int // lengths of prefixes: 0, 1–16, 17–31, 32
	sport, dport [5]int // any, 0–1023, 1024–65535, another range, one port
	proto        [4]int // TCP, UDP, ICMP, any
	drop         int    // rules that drop
}

// profiles are rounded from the figures that ClassBench gives of its seed filter sets.
var profiles = map[string]profile{
	"acl": {
		src: [4]int{10, 15, 45, 30}, dst: [4]int{2, 8, 50, 40},
		sport: [5]int{98, 0, 1, 0, 1}, dport: [5]int{25, 1, 5, 9, 60},
		proto: [4]int{70, 12, 6, 12}, drop: 15,
	},
	"fw": {
		src: [4]int{55, 10, 20, 15}, dst: [4]int{35, 5, 30, 30},
		sport: [5]int{65, 1, 20, 2, 12}, dport: [5]int{40, 2, 10, 8, 40},
		proto: [4]int{55, 25, 8, 12}, drop: 30,
	},
	"ipc": {
		src: [4]int{25, 10, 35, 30}, dst: [4]int{20, 10, 35, 35},
		sport: [5]int{75, 1, 8, 1, 15}, dport: [5]int{55, 1, 6, 3, 35},
		proto: [4]int{50, 25, 5, 20}, drop: 20,
	},
}

// tuple is a rule on five-tuples, before its ranges become prefixes.
type tuple struct {
	src, dst     prefix
	sport, dport ports
	proto        uint8 // 0 is any
}

// services are ports that many rules are about.
var services = []uint16{80, 443, 53, 22, 25, 8080, 123, 3306, 5432, 161, 389, 6379, 179, 21, 110, 143}

var protoWords = map[uint8]string{0: "ip", TCP: "tcp", UDP: "udp", ICMP: "icmp"}

// newList makes n rules of a profile, earlier ones before later ones.
func newList(p profile, n int, rng *rand.Rand) *Set {
	s := &Set{}
	var tuples []tuple
	nets := [2]networks{{rng: rng}, {rng: rng}}
	seen := map[string]bool{}
	for len(s.Lines) < n {
		t := p.tuple(rng, &nets)
		priority := 65000 - len(s.Lines)*64000/n
		action := "output:2"
		if rng.IntN(100) < p.drop {
			action = "drop"
		}
		before := len(s.Lines)
		for _, m := range t.matches() {
			if id := fmt.Sprint(priority, m); len(s.Lines) < n && !seen[id] {
				seen[id] = true
				s.Lines = append(s.Lines, fmt.Sprintf("priority=%d,%s,actions=%s", priority, m, action))
			}
		}
		if len(s.Lines) > before {
			tuples = append(tuples, t)
		}
	}
	rng.Shuffle(len(tuples), func(i, j int) { tuples[i], tuples[j] = tuples[j], tuples[i] })
	s.draw = func(rng *rand.Rand) Packet { return tuples[favoured(rng, len(tuples))].packet(rng) }
	return s
}

func (p *profile) tuple(rng *rand.Rand, nets *[2]networks) tuple {
	t := tuple{sport: anyPort, dport: anyPort}
	t.src = nets[0].next(prefixLen(rng, p.src))
	t.dst = nets[1].next(prefixLen(rng, p.dst))
	t.proto = []uint8{TCP, UDP, ICMP, 0}[weighted(rng, p.proto[:])]
	if t.proto == TCP || t.proto == UDP {
		t.sport, t.dport = portRange(rng, p.sport), portRange(rng, p.dport)
	}
	return t
}

func prefixLen(rng *rand.Rand, weights [4]int) int {
	switch weighted(rng, weights[:]) {
	case 0:
		return 0
	case 1:
		return 8 + rng.IntN(9)
	case 2:
		return 17 + rng.IntN(15)
	}
	return 32
}

func portRange(rng *rand.Rand, weights [5]int) ports {
	switch weighted(rng, weights[:]) {
	case 0:
		return anyPort
	case 1:
		return ports{0, 1023}
	case 2:
		return ports{1024, 65535}
	case 3:
		lo := uint16(1024 + rng.IntN(60000))
		return ports{lo, lo + uint16(rng.IntN(4096))}
	}
	at := services[favoured(rng, len(services))]
	if rng.IntN(3) == 0 {
		at = uint16(rng.IntN(65536))
	}
	return ports{at, at}
}

// matches are the OpenFlow matches that the tuple is the union of.
func (t *tuple) matches() (list []string) {
	for _, sport := range t.sport.matches() {
		for _, dport := range t.dport.matches() {
			var b strings.Builder
			b.WriteString("in_port=1," + protoWords[t.proto])
			for _, f := range []struct{ name, value string }{
				{"nw_src", t.src.text()}, {"nw_dst", t.dst.text()}, {"tp_src", sport}, {"tp_dst", dport},
			} {
				if f.value != "" {
					b.WriteString("," + f.name + "=" + f.value)
				}
			}
			list = append(list, b.String())
		}
	}
	return list
}

// text is the prefix in a match, "" for any address.
func (p prefix) text() string {
	if p.n == 0 {
		return ""
	}
	return p.String()
}

// packet draws a packet of the tuple.
func (t *tuple) packet(rng *rand.Rand) Packet {
	p := Packet{
		SrcMAC: 0x020000000001, DstMAC: 0x020000000002,
		Src: t.src.within(rng), Dst: t.dst.within(rng), Proto: t.proto,
		SrcPort: t.sport.within(rng), DstPort: t.dport.within(rng),
	}
	if p.Proto == 0 {
		p.Proto = []uint8{TCP, UDP}[rng.IntN(2)]
	}
	return p
}
