package pipeline

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"pollux/actions"
	"pollux/flow"
	"pollux/pmd"
)

// TestTraceSessions runs the files of testdata/trace: flows, then packets, each
// after "$ trace " and followed by what is printed; with -commit the packet itself
// went through the switch before.
func TestTraceSessions(t *testing.T) {
	files, err := os.ReadDir("testdata/trace")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		t.Run(file.Name(), func(t *testing.T) {
			b, err := os.ReadFile("testdata/trace/" + file.Name())
			if err != nil {
				t.Fatal(err)
			}
			parts := strings.Split(string(b), "$ trace ")
			s := newBridge(t, normalOrPlain(file.Name()))
			flows, err := ParseFlows(parts[0], s.Snapshot().PortNames())
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Replace(flows); err != nil {
				t.Fatal(err)
			}
			for _, p := range parts[1:] {
				text, want, _ := strings.Cut(p, "\n")
				if rest, ok := strings.CutPrefix(text, "-commit "); ok { // the packet itself first
					text = rest
					s.send(text)
					s.Tick()
				}
				r, err := s.Snapshot().TraceText(text)
				got := ""
				if err != nil {
					got = "error: " + err.Error() + "\n"
				} else {
					got = r.String()
				}
				if got != strings.TrimRight(want, "\n")+"\n" {
					t.Errorf("trace %s\ngot\n%s\nwant\n%s", text, got, want)
				}
			}
		})
	}
}

func normalOrPlain(name string) func(*Config) {
	if strings.HasPrefix(name, "normal") {
		return normalPorts
	}
	return func(*Config) {}
}

func TestTraceIsData(t *testing.T) {
	s := testState(t, "ip actions=resubmit(,1),3\ntable=1 actions=2")
	r, err := s.Snapshot().TraceText("in_port=1,ip")
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(r.Steps)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"kind":"bridge","text":"bridge(\"br0\")","subs":[{"kind":"table","text":" 0. ip, priority 32768","subs":[{"kind":"action","text":"resubmit(,1)"},{"kind":"table","text":" 1. priority 32768","subs":[{"kind":"action","text":"output:2"}]},{"kind":"action","text":"output:3"}]}]}`
	if string(b) != want {
		t.Errorf("got\n%s\nwant\n%s", b, want)
	}
}

// What is no packet is refused with what is wrong, and what would be right.
func TestTraceRefuses(t *testing.T) {
	s := testState(t, "actions=NORMAL")
	for text, want := range map[string]string{
		"in_port=1,ip,nw_dst=10.0.0.1/8":           `"nw_dst=10.0.0.1/8" at byte 13: wildcards not allowed here`,
		"in_port=1,dl_vlan=*":                      "wildcards not allowed here",
		"in_port=1,vlan_tci=0x1000/0x1000":         "wildcards not allowed here",
		"in_port=1,tpc":                            "did you mean tcp?",
		"in_port=1 ffffffffffff0200000000010":      "ffffffffffff0200000000010: an odd number of hexadecimal digits, 25; a byte has two",
		"in_port=1 ffff":                           "ffff: 2 bytes, a frame has 14 at least",
		"in_port=nix ffffffffffff0200000000010806": "in_port=nix: ",
		"ffffffffffff0200000000010806":             "a frame in hexadecimal needs the port that it comes in by before it: in_port=PORT ffffffffffff0200000000010806",
	} {
		if _, err := s.Snapshot().TraceText(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
	for _, text := range []string{"in_port=1,ip,nw_dst=10.0.0.1/32", "in_port=1,tcp,tcp_flags=+syn", "in_port=1,ip,nw_frag=first", "in_port=1,ip,nw_tos=16"} {
		if _, err := s.Snapshot().TraceText(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// FuzzTrace gives the trace any text for a packet: it never panics, and
// the translation of the loops agrees with it.
func FuzzTrace(f *testing.F) {
	f.Add("in_port=1,tcp,nw_dst=10.1.2.3,tp_dst=80,nw_ttl=64")
	f.Add("in_port=2 ffffffffffff0000000000010800450000220000000040110000010203040a00000200350035000e000000000000000000")
	f.Add("in_port=4,dl_vlan=10,dl_vlan_pcp=3,dl_src=00:00:00:00:00:0c")
	f.Add("in_port=1,icmp6,icmp_type=135,nd_target=fe80::1")
	f.Add("in_port=5,arp,arp_op=1,arp_spa=10.0.0.1/8")
	f.Add("in_port=3,vlan_tci=0x0fff/0x1000,metadata=5,reg0=3")
	s := testState(f, `
priority=10,ip actions=dec_ttl,mod_vlan_vid:5,resubmit(,1),NORMAL
priority=9,arp actions=move:arp_sha[]->arp_tha[],in_port
priority=8 actions=NORMAL
table=1,tcp,tp_dst=80/0xfff0 actions=mod_nw_src:1.2.3.4,mod_tp_dst:8080,2
table=1,ipv6 actions=set_field:2001:db8::1->ipv6_dst,flood
`, normalPorts)
	f.Fuzz(func(t *testing.T, text string) {
		k, err := s.Snapshot().ParsePacket(text)
		if err != nil {
			return
		}
		if k.EthSrc() == 0 { // to a trace an address that nobody named, to the loops one like others
			flow.EthSrc.Set(k, flow.Value{Lo: 0xa})
		}
		r := s.Snapshot().Trace(k)
		if r.String() == "" {
			t.Fatal("nothing printed")
		}
		u := pmd.Upcall{Key: k, Thread: 0}
		s.Snapshot().Translate(&u)
		if !actions.Equal(u.Program, r.Program) || u.Mask != r.Mask {
			t.Fatalf("the loops do %v, the trace says %v", u.Program, r.Program)
		}
	})
}
