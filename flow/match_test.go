package flow

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// names is a PortNames of a few ports.
type names map[string]uint32

func (n names) Number(name string) (uint32, bool) { v, ok := n[name]; return v, ok }

func (n names) Name(port uint32) (string, bool) {
	for k, v := range n {
		if v == port {
			return k, true
		}
	}
	return "", false
}

func TestMatchPortNames(t *testing.T) {
	ports := names{"up0": 1, "veth-a": 2, "LOCAL": PortLocal, `q"uo,te`: 4}
	for text, want := range map[string]string{
		"in_port=up0":             "in_port=up0",
		"in_port=1":               "in_port=up0",
		"in_port=veth-a":          `in_port="veth-a"`,
		`in_port="veth-a",tcp`:    `tcp,in_port="veth-a"`,
		"in_port=LOCAL":           "in_port=LOCAL",
		"in_port=3":               "in_port=3",
		`in_port="q\"uo,te"`:      `in_port="q\"uo,te"`,
		"actset_output=up0":       "actset_output=up0",
		"in_port=0xfffffffe":      "in_port=LOCAL",
		"in_port=4294967293":      "in_port=CONTROLLER",
		"in_port=65528":           "in_port=IN_PORT",
		"in_port=up0,in_port=up0": "in_port=up0",
	} {
		m, err := ParseMatch(text, ports)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := m.Format(ports); got != want {
			t.Errorf("%s: printed as %s, want %s", text, got, want)
		}
	}
}

// TestMatchErrors: each text is refused at a place, with words that help.
func TestMatchErrors(t *testing.T) {
	for _, c := range []struct {
		text string
		at   string // the culprit
		says string
	}{
		{"tp_dst=80", "tp_dst=80", "tp_dst needs tcp or tcp6, or udp"},
		{"ip,tcp_dst=80", "tcp_dst=80", "tcp_dst needs tcp or tcp6"},
		{"udp,tcp_dst=80", "tcp_dst=80", "tcp_dst needs tcp or tcp6"},
		{"nw_src=1.2.3.4", "nw_src=1.2.3.4", "nw_src needs ip, or arp or rarp"},
		{"ip,ipv6_src=::1", "ipv6_src=::1", "needs ipv6"},
		{"nw_proto=6", "nw_proto=6", "needs ip or ipv6, or arp or rarp"},
		{"ip,arp_op=1", "arp_op=1", "needs arp or rarp"},
		{"icmp6,nd_target=::1", "nd_target=::1", "icmpv6_type=135 or 136"},
		{"icmp6,icmp_type=136,nd_sll=0:0:0:0:0:1", "nd_sll=0:0:0:0:0:1", "icmpv6_type=135"},
		{"icmp6,icmp_type=135,nd_tll=0:0:0:0:0:1", "nd_tll=0:0:0:0:0:1", "icmpv6_type=136"},
		{"icmp6,icmp_type=135,icmp_code=1,nd_target=::1", "nd_target=::1", "icmpv6_code=0"},
		{"mpls_label=3", "mpls_label=3", "mpls or mplsm"},
		{"ip,ct_nw_src=1.2.3.4", "ct_nw_src=1.2.3.4", "ct_state=+trk"},
		{"foo=1", "foo", "unknown field"},
		{"nw_sorc=1", "nw_sorc", "did you mean nw_src?"},
		{"tpc,tp_dst=80", "tpc", "did you mean tcp?"},
		{"in_port", "in_port", "lacks a value"},
		{"in_port=", "", "no value"},
		{"in_port=eth7", "eth7", "no such port"},
		{"ip,nw_dst=1.2.3", "1.2.3", "not an IPv4 address"},
		{"ip,nw_dst=::1", "::1", "not an IPv4 address"},
		{"ip,nw_dst=1.2.3.4/33", "33", "32 is the most"},
		{"ipv6,ipv6_dst=1.2.3.4", "1.2.3.4", "not an IPv6 address"},
		{"ipv6,ipv6_dst=::1/129", "129", "128 is the most"},
		{"ip,nw_ttl=300", "300", "too large for 8 bits; the most is 255"},
		{"reg0=0x123456789", "0x123456789", "too large for 32 bits"},
		{"xxreg0=0x123456789abcdef0123456789abcdef01", "0x123456789abcdef0123456789abcdef01", "too large for 128 bits"},
		{"dl_vlan=4096", "4096", "too large for 12 bits"},
		{"dl_vlan=5/0xff", "/0xff", "takes no mask"},
		{"icmp,icmp_type=8/0xf", "/0xf", "takes no mask"},
		{"dl_src=00:11:22:33:44", "00:11:22:33:44", "not an Ethernet address"},
		{"dl_src=00:11:22:33:44:100", "00:11:22:33:44:100", "not an Ethernet address"},
		{"tcp,tp_dst=http", "http", "not a number"},
		{"tcp,tp_dst=1_0", "1_0", "not a number"},
		{"tcp,tcp_flags=+foo", "foo", "unknown TCP flag"},
		{"tcp,tcp_flags=+syn-syn", "-syn", "given twice"},
		{"tcp,tcp_flags=0x1000", "0x1000", "0xfff are all"},
		{"ct_state=+trk+eth", "eth", "it may be new, est"},
		{"ct_state=0x100", "0x100", "0xff are all"},
		{"tun_flags=+key", "key", "unknown tunnel flag"},
		{"ip,nw_frag=1", "1", "no, yes, first, later, not_later"},
		{"packet_type=1", "1", "it would be like (1,0x800)"},
		{"ip,ipv6", "ipv6", "contradicts"},
		{"tcp,udp", "udp", "contradicts what the match asks of nw_proto before (6)"},
		{"in_port=1,in_port=2", "in_port=2", "contradicts"},
		{"dl_vlan=5,dl_vlan=6", "dl_vlan=6", "contradicts"},
		{"dl_vlan=0xffff,dl_vlan_pcp=1", "dl_vlan_pcp=1", "contradicts"},
		{"reg0=1,xreg0=2", "xreg0=2", "contradicts"},
		{"ip,nw_src=10.0.0.0/8,nw_src=11.0.0.0/8", "nw_src=11.0.0.0/8", "contradicts"},
		{"icmp,tp_src=256", "256", "too large for 8 bits"},
	} {
		_, err := ParseMatch(c.text, nil)
		var e *ParseError
		if !errors.As(err, &e) {
			t.Errorf("%s: %v, want a ParseError", c.text, err)
			continue
		}
		if got := e.Text[e.Off : e.Off+e.Len]; got != c.at || e.Text != c.text {
			t.Errorf("%s: blames %q of %q, want %q", c.text, got, e.Text, c.at)
		}
		if !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: says %q, want %q in it", c.text, err, c.says)
		}
	}
}

// TestMatchWith: words of a flow that are not of its match go to the caller.
func TestMatchWith(t *testing.T) {
	const text = "table=3, priority=7,tcp,tp_dst=80,actions=output:1"
	var seen []string
	m, err := ParseMatchWith(text, nil, func(key, value string, off int) (bool, error) {
		if !strings.HasPrefix(text[off:], key) {
			t.Errorf("%s is not at %d", key, off)
		}
		switch key {
		case "table", "priority", "actions":
			seen = append(seen, key+"="+value)
			return true, nil
		}
		return false, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(seen, " "); got != "table=3 priority=7 actions=output:1" {
		t.Errorf("the caller was given %s", got)
	}
	if got := m.String(); got != "tcp,tp_dst=80" {
		t.Errorf("the match is %s", got)
	}
	want := errors.New("no")
	if _, err := ParseMatchWith(text, nil, func(string, string, int) (bool, error) { return false, want }); err != want {
		t.Errorf("the caller's error came back as %v", err)
	}
}

// checkRoundTrip holds for whatever ParseMatch takes.
func checkRoundTrip(t interface{ Fatalf(string, ...any) }, text string) {
	m, err := ParseMatch(text, nil)
	if err != nil {
		var e *ParseError
		if !errors.As(err, &e) || e.Off < 0 || e.Off+e.Len > len(text) || e.Text != text || err.Error() == "" {
			t.Fatalf("%q: %#v is no good error", text, err)
		}
		return
	}
	printed := m.String()
	again, err := ParseMatch(printed, nil)
	if err != nil {
		t.Fatalf("%q is printed as %q: %v", text, printed, err)
	}
	if again != m {
		t.Fatalf("%q is printed as %q, which is read as %q", text, printed, again.String())
	}
	for w := range m.Key.W {
		if m.Key.W[w]&^m.Mask.W[w] != 0 {
			t.Fatalf("%q: word %d of the key is not masked", text, w)
		}
		if (m.Key.Map>>w&1 != 0) != (m.Key.W[w] != 0) || (m.Mask.Map>>w&1 != 0) != (m.Mask.W[w] != 0) {
			t.Fatalf("%q: word %d and its Map bit differ", text, w)
		}
	}
}

// fuzzMatches start FuzzParseMatch: each a different way of writing something.
var fuzzMatches = []string{
	"tcp,tp_dst=80/0xfff0", "in_port=LOCAL,dl_vlan=5", "ct_state=+trk-est,ip", "packet_type=(1,0x800)",
	`in_port="a,b",xxreg0=0x10000000000000000/0x30000000000000000`, "tcp,tcp_flags=+[800]", "ip,nw_frag=not_later",
	"udp tp_src=*", "dl_vlan=0xffff", "vlan_tci=0x2000/0xe000", "icmp6,icmp_type=135,nd_target=fe80::/10",
	"ipv6,ipv6_src=::1.2.3.4/::ff", "arp,arp_sha=0:0:0:0:0:1/0:0:0:0:0:ff", "reg0=1,xreg0=0x100000002", "*", "tp_dst=80",
	"tcp_flags=0x", "ip,nw_dst=1.2.3.4/33", "dl_vlan_pcp=3,vlan_vid=0x1000/0x1000", "ip,ip_dscp=46,ip_ecn=2",
}

func FuzzParseMatch(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) { checkRoundTrip(t, text) })
}

// TestMatchRandom builds matches of random fields and values.
func TestMatchRandom(t *testing.T) {
	protos := []string{"", "ip", "tcp", "udp", "icmp", "ipv6", "tcp6", "icmp6,icmp_type=135,icmp_code=0", "icmp6,icmp_type=136", "sctp6", "arp", "mpls", "dl_type=0x88cc", "ip,ct_state=+trk"}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom(protos).Draw(t, "proto")
		for range rapid.IntRange(0, 6).Draw(t, "n") {
			f := Field(rapid.IntRange(1, int(NumFields)-1).Draw(t, "field"))
			v := Value{rapid.Uint64().Draw(t, "hi"), rapid.Uint64().Draw(t, "lo")}.And(f.Full())
			m := f.Full()
			if Fields[f].Maskable && rapid.Bool().Draw(t, "masked") {
				m = Value{rapid.Uint64().Draw(t, "mhi"), rapid.Uint64().Draw(t, "mlo")}.And(m)
			}
			if fl := Fields[f].Format.flags(); fl != nil {
				m.Lo &= fl.all
			}
			with := text + "," + Fields[f].Name + "=" + FormatValue(f, v.And(m), m, nil)
			if _, err := ParseMatch(with, nil); err == nil {
				text = with
			}
		}
		checkRoundTrip(t, text)
	})
}

func TestSetMasked(t *testing.T) {
	var m Match
	m.SetMasked(EthType, Value{0, 0x800}, EthType.Full())
	m.SetMasked(IPv4Dst, Value{0, 0x0a000000}, Value{0, 0xff000000})
	m.SetMasked(IPv4Dst, Value{0, 0x00ff0003}, Value{0, 0x000000ff})
	want, err := ParseMatch("ip,nw_dst=10.0.0.3/255.0.0.255", nil)
	if err != nil {
		t.Fatal(err)
	}
	if m != want {
		t.Errorf("%s, want %s", m.String(), want.String())
	}
	var k Key
	EthType.Set(&k, Value{0, 0x800})
	IPv4Dst.Set(&k, Value{0, 0x0a123403})
	if !m.Matches(&k) {
		t.Error("a packet of the match does not match")
	}
	IPv4Dst.Set(&k, Value{0, 0x0a123404})
	if m.Matches(&k) {
		t.Error("a packet that is not of the match does")
	}
}
