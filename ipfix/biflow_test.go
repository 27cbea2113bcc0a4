package ipfix

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"pollux/ipfix/cache"
	"pollux/ipfix/internal/frames"
)

func tcpKey(client, server byte, port uint16) cache.Key {
	return cache.Key{
		InPort: uint32(client), EthSrc: [6]byte{2, 0, 0, 0, 0, client}, EthDst: [6]byte{2, 0, 0, 0, 0, server},
		EthType: 0x0800, Class: cache.IPv4, Proto: 6, Src: [16]byte{10, 0, 0, client}, Dst: [16]byte{10, 0, 0, server},
		SrcPort: port, DstPort: 80, Point: cache.Point{Domain: 1, Verdict: cache.Verdict{Cookie: uint64(client), Known: true}},
	}
}

// turned returns the key of the other direction, as another port of the switch sees it.
func turned(k cache.Key) cache.Key {
	k.Src, k.Dst = k.Dst, k.Src
	k.SrcPort, k.DstPort = k.DstPort, k.SrcPort
	k.EthSrc, k.EthDst = k.EthDst, k.EthSrc
	k.InPort, k.Point.Egress = 77, 0
	k.Point.Verdict.Cookie = 1000
	k.Label = 12345
	return k
}

func rec(k cache.Key, packets uint64, first int64, flags uint16) *cache.Record {
	c := cache.Counters{Packets: packets, Octets: 100 * packets, L2Octets: 114 * packets, First: first, Last: first + 10, TCPFlags: flags}
	c.Total = cache.Total{Began: first, Packets: packets}
	return &cache.Record{Key: k, Counters: c, End: cache.EndIdle}
}

func TestOpposite(t *testing.T) {
	base := tcpKey(1, 2, 5000)
	icmp := base
	icmp.Proto, icmp.SrcPort, icmp.DstPort = 1, 8, 0
	v6 := icmp
	v6.Class, v6.EthType, v6.Proto, v6.SrcPort = cache.IPv6, 0x86dd, 58, 128
	out := base
	out.Point.Dir, out.Point.Egress = cache.Egress, 2
	back := turned(out)
	back.InPort, back.Point.Egress = 2, out.InPort
	reply := func(k cache.Key, t uint16) cache.Key {
		k = turned(k)
		k.SrcPort, k.DstPort = t, 0
		return k
	}
	with := func(k cache.Key, f func(*cache.Key)) cache.Key { f(&k); return k }
	for name, row := range map[string]struct {
		a, b cache.Key
		want bool
	}{
		"tcp":                       {base, turned(base), true},
		"itself":                    {base, base, false},
		"echo":                      {icmp, reply(icmp, 0), true},
		"echo both asking":          {icmp, reply(icmp, 8), false},
		"unreachable":               {with(icmp, func(k *cache.Key) { k.SrcPort = 3 }), reply(icmp, 3), false},
		"timestamp":                 {with(icmp, func(k *cache.Key) { k.SrcPort = 13 }), reply(icmp, 14), true},
		"echo of IPv6":              {v6, reply(v6, 129), true},
		"neighbours of IPv6":        {with(v6, func(k *cache.Key) { k.SrcPort = 135 }), reply(v6, 136), false},
		"another VLAN":              {base, with(turned(base), func(k *cache.Key) { k.VLAN = 0x1064 }), false},
		"another domain":            {base, with(turned(base), func(k *cache.Key) { k.Point.Domain = 9 }), false},
		"another type of service":   {base, with(turned(base), func(k *cache.Key) { k.TOS = 4 }), false},
		"another port":              {base, with(turned(base), func(k *cache.Key) { k.SrcPort = 81 }), false},
		"another host of Ethernet":  {base, with(turned(base), func(k *cache.Key) { k.EthSrc[5] = 9 }), false},
		"out of the same ports":     {out, back, true},
		"out of another port":       {out, with(back, func(k *cache.Key) { k.Point.Egress = 3 }), false},
		"in and out":                {base, with(turned(base), func(k *cache.Key) { k.Point.Dir = cache.Egress }), false},
		"one half in another class": {base, with(turned(base), func(k *cache.Key) { k.Class = cache.IPv6 }), false},
	} {
		if got := opposite(&row.a, &row.b); got != row.want {
			t.Errorf("%s: %v", name, got)
		}
		if got := opposite(&row.b, &row.a); got != row.want {
			t.Errorf("%s, the other way: %v", name, got)
		}
		m := newMerger(1, 8, BiflowInitiator)
		if row.want && m.hash(&row.a) != m.hash(&row.b) {
			t.Errorf("%s: hashes differ", name)
		}
	}
}

// TestBiflowRules: whichever direction's record comes first, the rule says which is
// forward, and what belongs to a direction stays with it.
func TestBiflowRules(t *testing.T) {
	client := rec(tcpKey(1, 2, 5000), 7, 100, 0x1b)
	server := rec(turned(client.Key), 5, 100, 0x1b)
	late := func(r *cache.Record, by int64) *cache.Record {
		c := *r
		c.First, c.Last, c.Total.Began = c.First+by, c.Last+by, c.Total.Began+by
		return &c
	}
	syn := func(r *cache.Record) *cache.Record { c := *r; c.QoS.SYN = 1; return &c }
	flags := func(r *cache.Record, f uint16) *cache.Record { c := *r; c.TCPFlags = f; return &c }
	high := func(r *cache.Record) *cache.Record { c := *r; c.SrcPort, c.DstPort = 80, 5000; return &c }
	highBack := func(r *cache.Record) *cache.Record { c := *r; c.SrcPort, c.DstPort = 5000, 80; return &c }
	for name, row := range map[string]struct {
		rule           BiflowRule
		client, server *cache.Record
		clientForward  bool
		direction      uint8
	}{
		"first packet":            {BiflowInitiator, client, late(server, 5), true, 1},
		"first packet of server":  {BiflowInitiator, late(client, 5), server, false, 1},
		"SYN seen":                {BiflowInitiator, syn(late(client, 5)), server, true, 1},
		"SYN flag":                {BiflowInitiator, flags(late(client, 5), 2), flags(server, 0x14), true, 1},
		"one batch: lower port":   {BiflowInitiator, client, server, true, 1},
		"reverse":                 {BiflowReverse, client, late(server, 5), false, 2},
		"reverse of server":       {BiflowReverse, late(client, 5), server, true, 2},
		"lower port":              {BiflowLowerPort, late(client, 5), server, true, 0},
		"lower port, other roles": {BiflowLowerPort, high(client), highBack(server), false, 0},
	} {
		for _, order := range [][2]*cache.Record{{row.client, row.server}, {row.server, row.client}} {
			m := newMerger(10, 8, row.rule)
			if m.add(order[0], nil, 0) != held || m.add(order[1], nil, 1) != merged {
				t.Fatalf("%s: not paired", name)
			}
			r := m.pop()
			if !m.empty() || !r.Biflow {
				t.Fatalf("%s: %+v", name, r)
			}
			fwd, rev := row.client, row.server
			if !row.clientForward {
				fwd, rev = rev, fwd
			}
			if r.Key != fwd.Key || r.Counters != fwd.Counters || r.Rev != rev.Counters ||
				r.RevVerdict != rev.Point.Verdict || r.RevEgress != rev.Point.Egress || r.Direction != row.direction {
				t.Errorf("%s: got %+v", name, r)
			}
			if n := r.totals(); n.Packets != 12 || n.Records != 1 || n.Octets != 1200 {
				t.Errorf("%s: totals %+v", name, n)
			}
		}
	}
}

// TestBiflowAgainstLists runs records of few hosts through a merger and compares, for
// each direction of each conversation, what came with what left. No conversation is
// split while its window is open.
func TestBiflowAgainstLists(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rule := rapid.SampledFrom([]BiflowRule{BiflowOff, BiflowInitiator, BiflowReverse, BiflowLowerPort}).Draw(t, "rule")
		m := newMerger(100, rapid.IntRange(1, 80).Draw(t, "limit"), rule)
		type way struct {
			src, dst     [16]byte
			sport, dport uint16
		}
		in, out := map[way]uint64{}, map[way]uint64{}
		wayOf := func(k *cache.Key) way { return way{k.Src, k.Dst, k.SrcPort, k.DstPort} }
		now, records, left, joined := int64(0), 0, 0, 0
		pop := func() {
			r := m.pop()
			left++
			w := wayOf(&r.Key)
			out[w] += r.Packets
			if r.Biflow {
				if rule == BiflowOff {
					t.Fatal("a biflow without a rule")
				}
				out[way{w.dst, w.src, w.dport, w.sport}] += r.Rev.Packets
			}
		}
		for range rapid.IntRange(1, 200).Draw(t, "records") {
			now += rapid.Int64Range(0, 10).Draw(t, "pass")
			for m.due(now) {
				pop()
			}
			if m.full() {
				pop()
			}
			k := tcpKey(byte(rapid.IntRange(1, 3).Draw(t, "client")), byte(rapid.IntRange(1, 3).Draw(t, "server")), uint16(rapid.IntRange(79, 81).Draw(t, "port")))
			if rapid.Bool().Draw(t, "back") {
				k = turned(k)
			}
			r := rec(k, rapid.Uint64Range(1, 9).Draw(t, "packets"), now, uint16(rapid.IntRange(0, 31).Draw(t, "flags")))
			in[wayOf(&k)] += r.Packets
			records++
			if m.add(r, nil, now) == merged {
				joined++
			}
		}
		for !m.empty() {
			pop()
		}
		if records != left+joined {
			t.Fatalf("%d records came, %d left, %d joined others", records, left, joined)
		}
		for w, n := range in {
			if out[w] != n {
				t.Fatalf("%v: %d packets came, %d left", w, n, out[w])
			}
			delete(out, w)
		}
		if len(out) != 0 {
			t.Fatalf("flows that did not come: %v", out)
		}
	})
}

// TestBiflowReachesTheCollector: both directions over two loops, some split over both;
// one record a conversation, and the collector has what each direction had.
func TestBiflowReachesTheCollector(t *testing.T) {
	l := newLab(cache.Config{}, 2)
	c := listenTCP(t, "127.0.0.1:0")
	_, stop := runExporter(t, ExporterConfig{
		Targets: []string{"tcp:" + c.Addr()}, Epoch: epoch, Biflow: BiflowInitiator, BiflowWindow: time.Minute, DrainTimeout: patience,
	}, l.caches)
	for i, s := range specs(300, 90) {
		switch s.Kind {
		case frames.UDP4, frames.TCP4, frames.UDP6, frames.TCP6, frames.SCTP6:
		default:
			continue
		}
		back := s
		back.Src, back.Dst, back.SrcPort, back.DstPort, back.Payload = s.Dst, s.Src, s.DstPort, s.SrcPort, s.Payload/2
		l.send(i%2, cache.Point{Domain: 1}, []frames.Spec{s})
		l.send((i/2)%2, cache.Point{Domain: 1}, []frames.Spec{back})
	}
	conversations := len(l.want) / 2
	l.flush(t)
	s := stop()
	checkSum(t, s)
	c.Wait(l.packets, patience)
	got := c.Totals()
	if got.Errors+got.Missing != 0 || got.Packets != l.packets || got.L2Octets != l.l2 ||
		got.Biflows != uint64(conversations) || got.Records != got.Biflows {
		t.Errorf("%d conversations of %d packets: %+v", conversations, l.packets, got)
	}
}
