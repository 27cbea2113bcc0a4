package collector

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// half is one direction of a conversation.
type half struct {
	packets, octets, l2 uint64
	first, last         uint64
	flags               uint16
}

// reverse returns the specs with the enterprise number of reverse elements.
func reverse(fs []spec) []spec {
	r := make([]spec, len(fs))
	for i, f := range fs {
		r[i] = spec{reversePEN, f.id, f.length}
	}
	return r
}

var (
	tupleSpecs = []spec{{0, 8, 4}, {0, 12, 4}, {0, 4, 1}, {0, 7, 2}, {0, 11, 2}}
	countSpecs = []spec{{0, 2, 8}, {0, 1, 8}, {0, 352, 8}, {0, 152, 8}, {0, 153, 8}, {0, 6, 2}}
	endSpec    = spec{0, 136, 1}
)

func (h half) values() []byte { return values(h.packets, h.octets, h.l2, h.first, h.last, h.flags) }

// TestBiflowsAddUpAsUniflows: a conversation sent as biflow records (RFC 5103) gives the
// same flows as its directions sent apart.
func TestBiflowsAddUpAsUniflows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		genHalf := rapid.Custom(func(t *rapid.T) half {
			first := rapid.Uint64Range(1, 1e6).Draw(t, "first")
			return half{
				packets: rapid.Uint64Range(1, 1e6).Draw(t, "packets"), octets: rapid.Uint64Range(0, 1e9).Draw(t, "octets"),
				l2: rapid.Uint64Range(0, 1e9).Draw(t, "l2"), first: first, last: first + rapid.Uint64Range(0, 1e6).Draw(t, "ms"),
				flags: rapid.Uint16Range(0, 0x3f).Draw(t, "flags"),
			}
		})
		bi, uni := New(), New()
		bi.Handle(from, message(1, 0, template(300, 0, append(append(append([]spec{}, tupleSpecs...), endSpec), append(countSpecs, reverse(countSpecs)...)...)...)))
		uni.Handle(from, message(1, 0, template(300, 0, append(append(append([]spec{}, tupleSpecs...), endSpec), countSpecs...)...)))
		var seqBi, seqUni uint32
		for range rapid.IntRange(1, 10).Draw(t, "records") {
			a, b := byte(rapid.IntRange(1, 3).Draw(t, "a")), byte(rapid.IntRange(4, 6).Draw(t, "b"))
			pa, pb := uint16(rapid.IntRange(1, 2).Draw(t, "pa")), uint16(rapid.IntRange(1, 2).Draw(t, "pb"))
			there, back := genHalf.Draw(t, "there"), genHalf.Draw(t, "back")
			if rapid.Bool().Draw(t, "silent") {
				back = half{}
			}
			end := uint8(rapid.IntRange(1, 5).Draw(t, "end"))
			key := values([]byte{10, 0, 0, a}, []byte{10, 0, 0, b}, uint8(6), pa, pb, end)
			turned := values([]byte{10, 0, 0, b}, []byte{10, 0, 0, a}, uint8(6), pb, pa, end)
			bi.Handle(from, message(1, seqBi, setOf(300, append(append(key, there.values()...), back.values()...)...)))
			seqBi++
			uni.Handle(from, message(1, seqUni, setOf(300, append(append([]byte{}, key...), there.values()...)...)))
			seqUni++
			if back.packets > 0 {
				uni.Handle(from, message(1, seqUni, setOf(300, append(turned, back.values()...)...)))
				seqUni++
			}
		}
		got, want := bi.Flows(), uni.Flows()
		for k, f := range want { // how often each was told is another matter
			f.Records = got[k].Records
			want[k] = f
		}
		if d := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
			t.Fatalf("flows (-uniflows +biflows):\n%s", d)
		}
		g, w := bi.Totals(), uni.Totals()
		if g.Packets != w.Packets || g.Octets != w.Octets || g.L2Octets != w.L2Octets || g.Flows != w.Flows || g.Missing+g.Errors != 0 || g.Biflows != g.Records {
			t.Fatalf("biflows %+v\nuniflows %+v", g, w)
		}
	})
}

// TestBiflowKeys: what the key of the other direction is made of.
func TestBiflowKeys(t *testing.T) {
	c := New()
	icmp := []spec{{0, 8, 4}, {0, 12, 4}, {0, 4, 1}, {0, 32, 2}, {0, 10, 4}, {0, 14, 4}, {0, 56, 6}, {0, 80, 6}, {0, 5, 1}, {0, 2, 8}, {reversePEN, 2, 8}, {reversePEN, 5, 1}}
	for _, tt := range []struct{ asked, answered uint16 }{{8, 0}, {0, 8}, {13, 14}, {18, 17}, {3, 3}} {
		c.Handle(from, message(1, 0, template(300, 0, icmp...), setOf(300, values([]byte{10, 0, 0, 1}, []byte{10, 0, 0, 2}, uint8(1), tt.asked<<8,
			uint32(3), uint32(4), []byte("abcdef"), []byte("ghijkl"), uint8(1), uint64(5), uint64(6), uint8(7))...)))
		want := Key{
			Domain: 1, VLAN: -1, Src: netip.MustParseAddr("10.0.0.2"), Dst: netip.MustParseAddr("10.0.0.1"), Proto: 1,
			SrcPort: tt.answered, InPort: 4, OutPort: 3, EthSrc: [6]byte([]byte("ghijkl")), EthDst: [6]byte([]byte("abcdef")), TOS: 7,
		}
		if f, ok := c.Flows()[want]; !ok || f.Packets != 6 {
			t.Errorf("type %d: no flow %+v with 6 packets: %+v", tt.asked, want, c.Flows())
		}
		if d := c.Details()[want]; d.Reverse != 1 {
			t.Errorf("type %d: %+v", tt.asked, d)
		}
		c = New()
	}
}

// TestVendorReverse: an enterprise's own elements have reverse ones too, which it has
// to tell of (RFC 5103 section 6.2).
func TestVendorReverse(t *testing.T) {
	c := New()
	const pen = 32473
	tpl := template(300, 0, append(append([]spec{}, tupleSpecs...), spec{0, 2, 8}, spec{reversePEN, 2, 8},
		spec{pen, 1, 8}, spec{pen, 0x4001, 8}, spec{pen, 2, 1}, spec{pen, 0x4002, 1}, spec{pen, 12, 4})...)
	c.Handle(from, message(1, 0, tpl, typeTemplate,
		typeInfo(pen, 1, 4, "ruleCookie"), typeInfo(pen, 0x4001, 4, "reverseRuleCookie"),
		typeInfo(pen, 2, 1, "ruleTable"), typeInfo(pen, 0x4002, 1, "reverseRuleTable"), typeInfo(pen, 12, 3, "reverseEgressInterface"),
		setOf(300, values([]byte{10, 0, 0, 1}, []byte{10, 0, 0, 2}, uint8(17), uint16(1), uint16(2), uint64(5), uint64(6),
			uint64(0xc0ffee), uint64(0xbeef), uint8(0), uint8(255), uint32(77))...)))
	if got := c.Totals(); got.Errors != 0 || got.Flows != 2 {
		t.Fatalf("totals %+v", got)
	}
	for k, d := range c.Details() {
		want := Details{Cookie: 0xc0ffee, Rule: true, Ends: [6]uint64{1}}
		out := uint32(0)
		if k.SrcPort == 2 {
			want, out = Details{Cookie: 0xbeef, Table: 255, Reverse: 1, Ends: [6]uint64{1}}, 77
		}
		if d != want || k.OutPort != out {
			t.Errorf("%v: %+v, want %+v and port %d", k, d, want, out)
		}
	}
}

var typeTemplate = template(400, 2, spec{0, 346, 4}, spec{0, 303, 2}, spec{0, 339, 1}, spec{0, 344, 1}, spec{0, 345, 2},
	spec{0, 342, 8}, spec{0, 343, 8}, spec{0, 341, 0xffff}, spec{0, 340, 0xffff})

// typeInfo is a record of typeTemplate.
func typeInfo(pen uint32, id uint16, kind Type, name string) []byte {
	return setOf(400, values(pen, id, uint8(kind), uint8(4), uint16(3), uint64(1), uint64(9), name, "about "+name)...)
}

// TestDetails: sums, last totals and the rest.
func TestDetails(t *testing.T) {
	c := New()
	const pen = 32473
	fields := append(append([]spec{}, tupleSpecs...), spec{0, 2, 8}, spec{0, 86, 8}, spec{0, 133, 8}, spec{0, 135, 4}, spec{0, 198, 8},
		spec{0, 136, 1}, spec{0, 89, 1}, spec{0, 218, 2}, spec{0, 354, 8}, spec{0, 302, 8},
		spec{pen, 3, 1}, spec{pen, 7, 8}, spec{pen, 6, 4}, spec{tunnelPEN, 891, 1}, spec{tunnelPEN, 892, 0xffff}, spec{tunnelPEN, 893, 4},
		spec{tunnelPEN, 894, 4}, spec{tunnelPEN, 895, 1}, spec{tunnelPEN, 896, 2}, spec{tunnelPEN, 897, 2}, spec{tunnelPEN, 898, 0xffff})
	rec := func(packets, total uint64, drop, end uint8) []byte {
		return setOf(300, values([]byte{10, 0, 0, 1}, []byte{10, 0, 0, 2}, uint8(6), uint16(1), uint16(2), packets, total, uint64(drop), uint32(drop),
			packets*10, end, uint8(64), uint16(3), total, uint64(2), drop, uint64(1), uint32(1500),
			uint8(1), string([]byte{1, 2, 3}), []byte{192, 0, 2, 1}, []byte{192, 0, 2, 2}, uint8(17), uint16(5000), uint16(4789), "edge")...)
	}
	c.Handle(from, message(1, 0, template(300, 0, fields...), typeTemplate,
		typeInfo(pen, 3, Unsigned8, nameDrop), typeInfo(pen, 7, Unsigned64, nameRetransmit), typeInfo(pen, 6, Unsigned32, nameHandshake),
		rec(10, 10, 4, 2), rec(7, 17, 0, 3)))
	if got := c.Totals(); got.Errors != 0 || got.Flows != 1 {
		t.Fatalf("totals %+v", got)
	}
	for k, d := range c.Details() {
		want := Details{
			SumSq: 170, Dropped: 4, Retransmit: 2, TotalPackets: 17, TotalUnicast: 17, TotalTCP: [6]uint64{1: 3},
			Ends: [6]uint64{2: 1, 3: 1}, Status: 64, Drop: 4, Handshake: 1500 * time.Microsecond, Selector: 2, VirtualObsID: "edge",
		}
		if d != want {
			t.Errorf("got  %+v\nwant %+v", d, want)
		}
		tun := Tunnel{Type: 1, Proto: 17, ID: 0x010203, Src: netip.MustParseAddr("192.0.2.1"), Dst: netip.MustParseAddr("192.0.2.2"), SrcPort: 5000, DstPort: 4789}
		if k.Tunnel != tun {
			t.Errorf("tunnel %+v, want %+v", k.Tunnel, tun)
		}
	}
}

// ExampleRecord_Line shows what people see.
func ExampleRecord_Line() {
	c := New()
	c.OnRecord(func(r *Record) {
		if r.Scope == 0 {
			fmt.Println(r.Line()[13:]) // without the time, which is local
		}
	})
	fields := append(append([]spec{}, tupleSpecs...), spec{0, 10, 4}, spec{0, 2, 4}, spec{0, 1, 8}, spec{0, 136, 1}, spec{reversePEN, 2, 4}, spec{reversePEN, 1, 4},
		spec{0, 133, 4}, spec{32473, 3, 1}, spec{tunnelPEN, 898, 0xffff})
	c.Handle(from, message(1, 0, template(300, 0, fields...), typeTemplate, typeInfo(32473, 3, Unsigned8, nameDrop), typeInfo(32473, 4, String, nameDropName),
		template(401, 1, spec{32473, 3, 1}, spec{32473, 4, 0xffff}), setOf(401, values(uint8(9), "ttl")...),
		setOf(300, values([]byte{10, 0, 0, 1}, []byte{10, 0, 0, 2}, uint8(6), uint16(40000), uint16(443), uint32(3), uint32(12), uint64(3456), uint8(3),
			uint32(10), uint32(9000), uint32(2), uint8(9), "edge 1")...)))
	// Output:
	// end          12       3456 in    3   -    - tcp    10.0.0.1:40000 > 10.0.0.2:443 < packets=10 octets=9000 dropped=2 why=ttl at="edge 1"
}
