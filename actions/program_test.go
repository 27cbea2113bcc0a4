package actions

import (
	"testing"

	"pgregory.net/rapid"

	"pollux/flow"
	"pollux/ipfix/cache"
)

func v(lo uint64) flow.Value { return flow.Value{Lo: lo} }

// build makes a program of the steps.
func build(steps ...func(*Builder)) *Program {
	b := NewBuilder()
	for _, s := range steps {
		s(b)
	}
	return b.Program()
}

func out(port int) func(*Builder) { return func(b *Builder) { b.Output(port-1, uint32(port)) } }

func set(f flow.Field, lo uint64) func(*Builder) {
	return func(b *Builder) { b.Set(f, v(lo), f.Full()) }
}

func masked(f flow.Field, lo, m uint64) func(*Builder) {
	return func(b *Builder) { b.Set(f, v(lo), v(m)) }
}

func sampleAt(p cache.Point) func(*Builder) {
	return func(b *Builder) { b.Sample(Sample{Point: p}) }
}

func drop(r Reason) func(*Builder) { return func(b *Builder) { b.Drop(r) } }

func v6(b *Builder) { b.EthType(0x86dd) }

func TestString(t *testing.T) {
	for _, c := range []struct {
		want string
		p    *Program
	}{
		{"drop", build()},
		{"drop", build(drop(DropTableMiss))},
		{"drop", build(set(flow.IPTTL, 3))},
		{"2", build(out(2))},
		{"1,2,LOCAL", build(out(1), out(2), func(b *Builder) { b.Output(9, 0xfffffffe) })},
		{"push_vlan(vid=5,pcp=0),2,set(ipv4(ttl=63)),3",
			build(func(b *Builder) { b.PushVLAN(0x8100, 0x1005) }, out(2), set(flow.IPTTL, 63), out(3))},
		{"push_vlan(tpid=0x88a8,vid=4095,pcp=7),pop_vlan,1",
			build(func(b *Builder) { b.PushVLAN(0x88a8, 0xffff) }, (*Builder).PopVLAN, out(1))},
		{"push_mpls(label=16,tc=5,ttl=64,bos=1,eth_type=0x8847),1,pop_mpls(eth_type=0x800),2",
			build(func(b *Builder) { b.PushMPLS(0x8847, 16<<12|5<<9|1<<8|64) }, out(1), func(b *Builder) { b.PopMPLS(0x800) }, out(2))},
		{"set(eth(src=02:00:00:00:00:01,dst=02:00:00:00:00:02)),set(ipv4(src=10.0.0.1,tos=0x28/0xfc,tos=0x1/0x3)),1",
			build(set(flow.EthSrc, 0x020000000001), set(flow.EthDst, 0x020000000002), set(flow.IPv4Src, 0x0a000001), set(flow.IPDSCP, 10), set(flow.IPECN, 1), out(1))},
		{"set(ipv4(dst=10.1.0.0/255.255.0.0)),set(tcp(dst=80/0xfff0)),1",
			build(masked(flow.IPv4Dst, 0x0a010203, 0xffff0000), masked(flow.TCPDst, 80, 0xfff0), out(1))},
		{"set(ipv6(src=2001:db8::1,label=0x1f,tclass=0x4,hlimit=2)),1",
			build(v6, func(b *Builder) {
				b.Set(flow.IPv6Src, flow.Value{Hi: 0x20010db8 << 32, Lo: 1}, flow.Ones(128))
			}, set(flow.IPv6Label, 31), set(flow.IPTOS, 4), set(flow.IPTTL, 2), out(1))},
		{"set(vlan(vid=7,pcp=3)),set(arp(op=2,sha=00:00:00:00:00:05)),1",
			build(set(flow.VlanVID, 0x1007), set(flow.DlVlanPCP, 3), set(flow.ARPOp, 2), set(flow.ARPSHA, 5), out(1))},
		{"set(nd(target=::1,sll=00:00:00:00:00:09)),set(nd_ext(nd_reserved=0x1,nd_options_type=2)),1",
			build(func(b *Builder) { b.Set(flow.NDTarget, v(1), flow.Ones(128)) }, set(flow.NDSLL, 9), set(flow.NDReserved, 1), set(flow.NDOptionsType, 2), out(1))},
		{"set(field(reg0=0x5)),1", build(set(flow.Reg0, 5), out(1))},
		{"ipfix(exporter=0,obs_domain_id=1,obs_point_id=2),drop",
			build(sampleAt(cache.Point{Domain: 1, ID: 2}))},
		{"ipfix(exporter=0,obs_domain_id=1,obs_point_id=2,output_port=3),3",
			build(sampleAt(cache.Point{Dir: cache.Egress, Egress: 3, Domain: 1, ID: 2}), out(3))},
		{"ipfix(exporter=0,obs_domain_id=1,obs_point_id=2,output_port=LOCAL),LOCAL",
			build(sampleAt(cache.Point{Dir: cache.Egress, Egress: flow.PortLocal, Domain: 1, ID: 2}), func(b *Builder) { b.Output(0, flow.PortLocal) })},
		{"3,set(ipv4(ttl=1)),ipfix(exporter=0,obs_domain_id=0,obs_point_id=0)",
			build(out(3), set(flow.IPTTL, 1), sampleAt(cache.Point{}), (*Builder).PopVLAN)},
	} {
		if got := c.p.String(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
	// What follows the last output of a program that no builder made is not run and
	// not shown.
	p := &Program{Ops: []Op{{Code: OpOutput, B: 1}, {Code: OpPopVLAN}}, Last: 0}
	if got := p.String(); got != "1" {
		t.Errorf("got %s, want 1", got)
	}
	p = &Program{Ops: []Op{{Code: OpPopVLAN}, {Code: OpDrop, A: uint32(DropTTL)}, {Code: OpPopVLAN}}, Last: -1}
	if got := p.String(); got != "pop_vlan,drop" {
		t.Errorf("got %s, want pop_vlan,drop", got)
	}
}

func TestBuilder(t *testing.T) {
	ttl := set(flow.IPTTL, 63)
	in := sampleAt(cache.Point{ID: 1})
	for _, c := range []struct {
		name string
		p    *Program
		ops  int
		last int
		drop Reason
	}{
		{"empty", build(), 0, -1, DropNoOutput},
		{"dropped", build(drop(DropTTL)), 0, -1, DropTTL},
		{"changes for nobody", build(out(1), ttl, (*Builder).PopVLAN), 1, 0, DropNone},
		{"the last output", build(out(1), ttl, out(2)), 3, 2, DropNone},
		{"one field twice", build(ttl, set(flow.IPTTL, 9), out(1)), 2, 1, DropNone},
		{"one field, two parts", build(masked(flow.IPv4Src, 1, 0xff), masked(flow.IPv4Src, 0x200, 0xff00), out(1)), 2, 1, DropNone},
		{"nothing set", build(masked(flow.IPv4Src, 1, 0), out(1)), 1, 0, DropNone},
		{"after drop", build(out(1), drop(DropTTL), ttl, out(2), in), 1, 0, DropNone},
		{"sample after output", build(out(1), in), 2, 0, DropNone},
		{"sample of a changed packet after output", build(out(1), ttl, in, ttl), 3, 0, DropNone},
	} {
		if len(c.p.Ops) != c.ops || c.p.Last != c.last || c.p.Drop != c.drop {
			t.Errorf("%s: %v: %d ops, last %d, drop %v; want %d, %d, %v", c.name, c.p,
				len(c.p.Ops), c.p.Last, c.p.Drop, c.ops, c.last, c.drop)
		}
	}
	if p := build(in, ttl, in, out(1)); p.Samples[0].Rewritten || !p.Samples[1].Rewritten {
		t.Errorf("samples %+v: want the second one rewritten", p.Samples)
	}
	if p := build(masked(flow.IPv4Src, 1, 0xff), masked(flow.IPv4Src, 0x203, 0xff02), out(1)); p.Ops[0].V != v(0x203) || p.Ops[0].M != v(0xffff) {
		t.Errorf("merged into %+v", p.Ops[0])
	}
	b := NewBuilder()
	out(1)(b)
	first := b.Program()
	b.Reset()
	out(2)(b)
	ttl(b)
	if b.Program(); first.String() != "1" {
		t.Errorf("a program changed after Reset: %v", first)
	}
}

func TestEqual(t *testing.T) {
	a := build(sampleAt(cache.Point{ID: 1}), set(flow.IPTTL, 3), out(1))
	if !Equal(a, build(sampleAt(cache.Point{ID: 1}), set(flow.IPTTL, 3), out(1))) || !Equal(a, a) || !Equal(nil, nil) {
		t.Error("equal programs are not equal")
	}
	for _, p := range []*Program{
		nil,
		build(sampleAt(cache.Point{ID: 2}), set(flow.IPTTL, 3), out(1)),
		build(sampleAt(cache.Point{ID: 1}), set(flow.IPTTL, 4), out(1)),
		build(sampleAt(cache.Point{ID: 1}), set(flow.IPTTL, 3), out(2)),
		build(sampleAt(cache.Point{ID: 1}), set(flow.IPTTL, 3)),
		build(out(1)),
	} {
		if Equal(a, p) || Equal(p, a) {
			t.Errorf("%v equals %v", a, p)
		}
	}
	if Equal(build(drop(DropTTL)), build(drop(DropAction))) {
		t.Error("drops for different reasons are equal")
	}
	rapid.Check(t, func(t *rapid.T) {
		p := drawProgram(t)
		q := *p
		q.Ops = append([]Op(nil), p.Ops...)
		if !Equal(p, &q) || p.String() != q.String() {
			t.Fatalf("%v differs from its copy", p)
		}
	})
}

func TestReasons(t *testing.T) {
	seen := map[string]bool{}
	for r := range NumReasons {
		if r.String() == "" || r.Sentence() == "" || seen[r.String()] {
			t.Errorf("reason %d is %q: %q", r, r.String(), r.Sentence())
		}
		seen[r.String()] = true
	}
	if NumReasons.String() != "invalid" || NumReasons.Sentence() != "invalid reason" {
		t.Error("a reason past the last has a name")
	}
}
