package flow

import (
	"testing"

	"pgregory.net/rapid"
)

func TestFieldByName(t *testing.T) {
	for name, want := range map[string]Field{
		"nw_src": IPv4Src, "ip_src": IPv4Src, "OXM_OF_IPV4_SRC": IPv4Src, "NXM_OF_IP_SRC": IPv4Src,
		"tp_dst": TCPDst, "tun_id": TunID, "tunnel_id": TunID, "eth_type": EthType, "dl_type": EthType,
		"NXM_NX_REG3": Reg3, "reg3": Reg3, "OXM_OF_PKT_REG1": XReg1, "in_port_oxm": InPort, "ip_ecn": IPECN,
		"icmp_type": ICMPType, "icmpv6_type": ICMPv6Type, "OXM_OF_METADATA": Metadata,
	} {
		if f, ok := FieldByName(name); !ok || f != want {
			t.Errorf("%s is %s, want %s", name, f.Name(), want.Name())
		}
	}
	for f := FieldNone + 1; f < NumFields; f++ {
		for _, n := range []string{Fields[f].Name, Fields[f].OXM, Fields[f].NXM} {
			if got, ok := FieldByName(n); n != "" && (!ok || got != f) {
				t.Errorf("%s finds %s, want %s", n, got.Name(), f.Name())
			}
		}
	}
	for _, n := range []string{"", "nw", "IN_PORT", "tcp"} {
		if f, ok := FieldByName(n); ok {
			t.Errorf("%q is %s, want no field", n, f.Name())
		}
	}
}

func TestValueText(t *testing.T) {
	for _, c := range []struct {
		f      Field
		text   string
		v, m   Value
		prints string
	}{
		{Reg0, "0x10", Value{0, 16}, Ones(32), "0x10"},
		{Reg0, "16/0xf0", Value{0, 16}, Value{0, 0xf0}, "0x10/0xf0"},
		{TCPDst, "0x50", Value{0, 80}, Ones(16), "80"},
		{TCPDst, "80/0xfff0", Value{0, 80}, Value{0, 0xfff0}, "80/0xfff0"},
		{TCPDst, "010", Value{0, 8}, Ones(16), "8"},
		{IPTOS, "0xbb", Value{0, 0xb8}, Value{0, 0xfc}, "184"},
		{IPDSCP, "46", Value{0, 46}, Ones(6), "46"},
		{EthDst, "1:2:3:4:5:6", Value{0, 0x010203040506}, Ones(48), "01:02:03:04:05:06"},
		{IPv4Dst, "10.1.2.3/8", Value{0, 0x0a000000}, Value{0, 0xff000000}, "10.0.0.0/8"},
		{IPv4Dst, "10.1.2.3/0", Value{}, Value{}, "*"},
		{IPv4Dst, "10.1.2.3/32", Value{0, 0x0a010203}, Ones(32), "10.1.2.3"},
		{IPv6Dst, "2001:db8::/64", Value{0x20010db8 << 32, 0}, Value{^uint64(0), 0}, "2001:db8::/64"},
		{IPv6Dst, "::1/0", Value{}, Value{}, "*"},
		{IPv6Dst, "::1/128", Value{0, 1}, Ones(128), "::1"},
		{IPv6Dst, "1::/65", Value{1 << 48, 0}, Value{^uint64(0), 1 << 63}, "1::/65"},
		{XXReg0, "0x10000000000000002", Value{1, 2}, Ones(128), "0x10000000000000002"},
		{XXReg0, "17", Value{0, 17}, Ones(128), "0x11"},
		{InPort, "LOCAL", Value{0, uint64(PortLocal)}, Ones(32), "LOCAL"},
		{Metadata, "*", Value{}, Value{}, "*"},
		{VlanVID, "4101", Value{0, 0x1005}, Ones(13), "4101"},
		{DlVlan, "5", Value{0, 5}, Ones(12), "5"},
		{CtState, "+trk", Value{0, 0x20}, Value{0, 0x20}, "+trk"},
		{IPFrag, "first", Value{0, 1}, Value{0, 3}, "first"},
	} {
		v, m, err := ParseValue(c.f, c.text, nil)
		if err != nil || v != c.v || m != c.m {
			t.Errorf("%s=%s: %x/%x, %v; want %x/%x", c.f.Name(), c.text, v, m, err, c.v, c.m)
			continue
		}
		if got := FormatValue(c.f, v, m, nil); got != c.prints {
			t.Errorf("%s=%s is printed as %s, want %s", c.f.Name(), c.text, got, c.prints)
		}
	}
}

// TestValueRandom: what FormatValue writes, ParseValue reads.
func TestValueRandom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := Field(rapid.IntRange(1, int(NumFields)-1).Draw(t, "field"))
		i := &Fields[f]
		v := Value{rapid.Uint64().Draw(t, "hi"), rapid.Uint64().Draw(t, "lo")}.And(f.Full())
		m := f.Full()
		if i.Maskable && rapid.Bool().Draw(t, "masked") {
			m = Value{rapid.Uint64().Draw(t, "mhi"), rapid.Uint64().Draw(t, "mlo")}.And(m)
		}
		switch {
		case i.Format.flags() != nil:
			m.Lo &= i.Format.flags().all
		case f == IPTOS:
			m.Lo = 0xfc
		case f == IPFrag:
			m.Lo &= 3
			if v.Lo &= m.Lo; v.Lo&FragLater != 0 {
				v.Lo |= m.Lo // a later fragment is a fragment
			}
			if m.Lo == FragLater && v.Lo != 0 {
				m.Lo = 0
			}
		case i.Format == OFPort && v.Lo >= 0xfff7 && v.Lo <= 0xffff:
			v.Lo = 0 // OpenFlow 1.0's names for others
		}
		v = v.And(m)
		text := FormatValue(f, v, m, nil)
		gv, gm, err := ParseValue(f, text, nil)
		if err != nil || gv != v || gm != m {
			t.Fatalf("%s %x/%x is written %s and read as %x/%x, %v", i.Name, v, m, text, gv, gm, err)
		}
	})
}

// TestPrereqMaskSuffices: whatever a packet's key, Met depends on nothing that
// Mask leaves out, and each of the bits that Mask names can matter to some packet.
func TestPrereqMaskSuffices(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Prereq(rapid.IntRange(0, int(PreCtIPv6)).Draw(t, "prereq"))
		var k Key
		k.Set(WEthDst, rapid.Uint64().Draw(t, "eth")<<16|uint64(rapid.SampledFrom([]uint16{0x800, 0x86dd, 0x806, 0x8847, 0x8848, 0x8035}).Draw(t, "type")))
		proto := uint64(rapid.SampledFrom([]uint8{1, 6, 17, 58, 132, 2}).Draw(t, "proto"))
		k.Set(WIP, proto<<56|rapid.Uint64().Draw(t, "ip")&^(0xff<<56))
		k.Set(WL4, uint64(rapid.SampledFrom([]uint16{135, 136, 128}).Draw(t, "icmp"))<<48|rapid.Uint64Range(0, 1).Draw(t, "code")<<32)
		k.Set(WVLAN, rapid.Uint64().Draw(t, "vlan"))
		k.Set(WCt, rapid.Uint64().Draw(t, "ct"))
		var m Mask
		p.Mask(&m)
		var masked Key
		m.Apply(&masked, &k)
		if p.Met(&k) != p.Met(&masked) {
			t.Fatalf("%d: %v of the key, %v of what the mask leaves", p, p.Met(&k), p.Met(&masked))
		}
	})
}

func TestPrereqs(t *testing.T) {
	m, err := ParseMatch("tcp", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []Field{TCPDst, TCPFlags, IPv4Src, IPTTL, InPort, EthSrc, Reg0} {
		if err := Prereqs(f, &m.Key, &m.Mask); err != nil {
			t.Errorf("tcp: %v", err)
		}
	}
	for _, f := range []Field{UDPDst, IPv6Src, ARPOp, ICMPType, DlVlanPCP, MPLSLabel, NDTarget, CtNwSrc} {
		if err := Prereqs(f, &m.Key, &m.Mask); err == nil {
			t.Errorf("tcp: %s is let pass", f.Name())
		}
	}
	if err := Prereqs(UDPDst, &m.Key, &m.Mask); err == nil || err.Error() != "udp_dst needs udp or udp6" {
		t.Errorf("the error says %v", err)
	}
	var k Key
	k.Set(WEthDst, etherIPv4)
	k.Set(WIP, protoTCP<<56)
	if !PreTCP.Met(&k) {
		t.Error("a TCP packet is none")
	}
	k.Set(WIP, protoTCP<<56|maskLater)
	if PreTCP.Met(&k) {
		t.Error("a later fragment has ports")
	}
}
