package pipeline

import (
	"encoding/hex"
	"testing"

	"pollux/actions"
)

// A TCP packet to 10.0.0.2 with TTL 64, and what stands before it.
const (
	macs      = "020000000002020000000001"
	ipPacket  = "450000280001000040060000" + "0a0000010a000002" + "04000050000000010000000050020000" + "00000000"
	arpPacket = "00010800060400010200000000010a0000010000000000000a000002"
	ipv6Addrs = "20010db8000000000000000000000001" + "20010db8000000000000000000000002"
	label16   = "00010140" // label 16, last, TTL 64
	label17   = "00011020" // label 17, not last, TTL 32
)

func frameOf(tb testing.TB, text string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// TestLabels is pushing and popping: the program, the frame it makes when the executor runs
// it, and what can be asked for afterwards.
func TestLabels(t *testing.T) {
	ip, one, two := macs+"0800"+ipPacket, macs+"8847"+label16+ipPacket, macs+"8847"+label17+label16+ipPacket
	three := macs + "8847" + label17 + label17 + label17 + label17 + label16 + ipPacket
	tagged := macs + "81000005" + "8847" + label17 + label16 + ipPacket
	for _, c := range []struct {
		name, flows, frame, want string
		drop                     actions.Reason
	}{
		{"push on IP takes the TTL", "ip actions=push_mpls:0x8847,2", ip, macs + "8847" + "00000140" + ipPacket, 0},
		{"push on IP takes the low bits of its DSCP", "ip actions=push_mpls:0x8847,2", macs + "0800" + "45b80028" + ipPacket[8:], macs + "8847" + "00000d40" + "45b80028" + ipPacket[8:], 0},
		{"push on IPv6 takes label 2", "ipv6 actions=push_mpls:0x8847,2", macs + "86dd" + "6b80000000003b07" + ipv6Addrs, macs + "8847" + "00002d07" + "6b80000000003b07" + ipv6Addrs, 0},
		{"push on ARP", "arp actions=push_mpls:0x8847,2", macs + "0806" + arpPacket, macs + "8847" + "00000140" + arpPacket, 0},
		{"push on a label copies it", "mpls actions=push_mpls:0x8848,2", one, macs + "8848" + "00010040" + label16 + ipPacket, 0},
		{"push and set", "ip actions=push_mpls:0x8847,set_mpls_label:17,set_mpls_tc:5,set_mpls_ttl:9,2", ip, macs + "8847" + "00011b09" + ipPacket, 0},
		{"edit, then push", "ip actions=mod_nw_dst:10.0.0.3,push_mpls:0x8847,2", ip, macs + "8847" + "00000140" + "450000280001000040060000" + "0a0000010a000003" + ipPacket[40:], 0},
		{"push twice, pop once", "ip actions=push_mpls:0x8847,set_mpls_label:17,push_mpls:0x8847,set_mpls_label:18,pop_mpls:0x8847,resubmit(,1)\ntable=1,mpls,mpls_label=17,mpls_bos=1,mpls_ttl=64 actions=2",
			ip, macs + "8847" + "00011140" + ipPacket, 0},
		{"push and pop show IP again", "ip actions=mod_nw_src:10.0.0.9,push_mpls:0x8847,pop_mpls:0x0800,resubmit(,1)\ntable=1,tcp,nw_src=10.0.0.9,tp_dst=80,nw_ttl=64 actions=dec_ttl,2",
			ip, macs + "0800" + "45000028000100003f060000" + "0a0000090a000002" + ipPacket[40:], 0},
		{"push and pop to another type", "ip actions=push_mpls:0x8847,pop_mpls:0x86dd,resubmit(,1)\ntable=1,ipv6,nw_ttl=64 actions=2", ip, "", actions.DropHidden},
		{"pop the last", "mpls actions=pop_mpls:0x0800,2", one, ip, 0},
		{"pop the last, look at the type alone", "mpls actions=pop_mpls:0x0800,resubmit(,1)\ntable=1,ip actions=mod_dl_dst:02:00:00:00:00:03,2", one, "0200000000030200000000010800" + ipPacket, 0},
		{"pop the last, look under it", "mpls actions=pop_mpls:0x0800,1,resubmit(,1)\ntable=1,ip,nw_dst=10.0.0.2 actions=2\ntable=1,priority=1 actions=3", one, ip, 0},
		{"pop the last, look far under it", "mpls actions=pop_mpls:0x0800,resubmit(,1)\ntable=1,tcp,tp_dst=80,tcp_flags=+syn-ack actions=dec_ttl,2\ntable=1,priority=1 actions=3", one,
			macs + "0800" + "45000028000100003f060000" + "0a0000010a000002" + ipPacket[40:], 0},
		{"pop the last to what it is not", "mpls actions=pop_mpls:0x86dd,resubmit(,1)\ntable=1,ipv6,nw_ttl=0 actions=2\ntable=1,priority=1 actions=3", one, macs + "86dd" + ipPacket, 0},
		{"pop, look, and do otherwise on a copy", "mpls actions=clone(pop_mpls:0x0800,resubmit(,3)),set_mpls_label:19,resubmit(,1)\ntable=3,ip,nw_dst=10.0.0.9 actions=4\ntable=1,mpls,mpls_label=19 actions=pop_mpls:0x0800,resubmit(,2)\n" +
			"table=2,tcp,tp_src=1024 actions=2", one, ip, 0},
		{"pop, write, push, pop, look", "mpls actions=pop_mpls:0x0800,mod_nw_dst:10.0.0.3,push_mpls:0x8847,pop_mpls:0x0800,resubmit(,1)\ntable=1,tcp,nw_dst=10.0.0.3,tp_dst=80 actions=2", one,
			macs + "0800" + "450000280001000040060000" + "0a0000010a000003" + ipPacket[40:], 0},
		{"pop, write, push, pop to another type, look", "mpls actions=pop_mpls:0x0800,mod_nw_dst:10.0.0.3,push_mpls:0x8847,pop_mpls:0x86dd,resubmit(,1)\ntable=1,ipv6,nw_ttl=1 actions=2", one, "", actions.DropHidden},
		{"pop to two types at once, look", "mpls actions=clone(pop_mpls:0x0800,resubmit(,1)),pop_mpls:0x86dd,resubmit(,1)\ntable=1,ip,nw_ttl=1 actions=2\ntable=1,ipv6,nw_ttl=1 actions=2", one, "", actions.DropHidden},
		{"pop the last, write under it", "mpls actions=pop_mpls:0x0800,mod_nw_ttl:9,mod_nw_dst:10.0.0.3,2", one,
			macs + "0800" + "450000280001000009060000" + "0a0000010a000003" + ipPacket[40:], 0},
		{"what was written can be asked for", "mpls actions=pop_mpls:0x0800,mod_nw_ttl:9,resubmit(,1)\ntable=1,ip,nw_ttl=9 actions=dec_ttl,2", one,
			macs + "0800" + "450000280001000008060000" + "0a0000010a000002" + ipPacket[40:], 0},
		{"pop the last, decrement under it", "mpls actions=pop_mpls:0x0800,dec_ttl,2", one,
			macs + "0800" + "45000028000100003f060000" + "0a0000010a000002" + ipPacket[40:], 0},
		{"a field of a protocol that is not known", "mpls actions=pop_mpls:0x0800,resubmit(,1)\ntable=1,tcp actions=mod_tp_dst:81,2", one, macs + "0800" + ipPacket[:40] + "04000051" + ipPacket[48:], 0},
		{"pop one of two", "mpls actions=pop_mpls:0x8847,resubmit(,1)\ntable=1,mpls,mpls_label=16,mpls_ttl=64,mpls_bos=1 actions=dec_mpls_ttl,2", two, macs + "8847" + "0001013f" + ipPacket, 0},
		{"pop two of two", "mpls actions=pop_mpls:0x8847,pop_mpls:0x0800,2", two, ip, 0},
		{"pop one of two, under a tag", "mpls actions=pop_mpls:0x8847,dec_mpls_ttl,pop_vlan,2", tagged, macs + "8847" + "0001013f" + ipPacket, 0},
		{"swap", "mpls actions=pop_mpls:0x8847,push_mpls:0x8847,set_mpls_label:18,2", two, macs + "8847" + "00012040" + label16 + ipPacket, 0},
		{"three are known", "mpls actions=pop_mpls:0x8847,pop_mpls:0x8847,dec_mpls_ttl,2", three, macs + "8847" + "0001101f" + label17 + label16 + ipPacket, 0},
		{"the fourth is asked for", "mpls actions=pop_mpls:0x8847,pop_mpls:0x8847,pop_mpls:0x8847,dec_mpls_ttl,2", three, macs + "8847" + "0001101f" + label16 + ipPacket, 0},
		{"and all to the last", "mpls actions=pop_mpls:0x8847,pop_mpls:0x8847,pop_mpls:0x8847,pop_mpls:0x8847,dec_mpls_ttl,pop_mpls:0x0800,dec_ttl,resubmit(,1)\ntable=1,tcp,nw_ttl=63 actions=2", three,
			macs + "0800" + "45000028000100003f060000" + "0a0000010a000002" + ipPacket[40:], 0},
		{"the fourth can be popped as the last", "mpls actions=pop_mpls:0x8847,pop_mpls:0x8847,pop_mpls:0x8847,set_mpls_label:19,2", three, macs + "8847" + "00013020" + label16 + ipPacket, 0},
		{"the last to a label", "mpls actions=pop_mpls:0x8847,dec_mpls_ttl,2", one, macs + "8847" + "45000027" + ipPacket[8:], 0},
		{"pop where there is none", "ip actions=resubmit(,1)\ntable=1,mpls actions=drop\ntable=1,priority=1 actions=push_mpls:0x8847,pop_mpls:0x0800,2", ip, ip, 0},
		{"too many", "ip actions=push_mpls:0x8847,resubmit(,1)\ntable=1 actions=push_mpls:0x8847,push_mpls:0x8847,push_mpls:0x8847,push_mpls:0x8847,push_mpls:0x8847,push_mpls:0x8847,push_mpls:0x8847,push_mpls:0x8847,2", ip, "", actions.DropTranslate},
		{"copy a TTL in, and pop", "mpls actions=set_mpls_ttl:9,copy_ttl_in,pop_mpls:0x0800,dec_ttl,2", one,
			macs + "0800" + "450000280001000008060000" + "0a0000010a000002" + ipPacket[40:], 0},
		{"copy a TTL into a label", "mpls actions=copy_ttl_in,2", two, macs + "8847" + label17 + "00010120" + ipPacket, 0},
		{"copy a TTL into a label, and look at it", "mpls actions=copy_ttl_in,pop_mpls:0x8847,dec_mpls_ttl,2", two, macs + "8847" + "0001011f" + ipPacket, 0},
		{"copy a TTL into IP that was there", "ip actions=push_mpls:0x8847,set_mpls_ttl:9,copy_ttl_in,pop_mpls:0x0800,dec_ttl,2", ip,
			macs + "0800" + "450000280001000008060000" + "0a0000010a000002" + ipPacket[40:], 0},
		{"copy a TTL out of a label", "mpls actions=copy_ttl_out,dec_mpls_ttl,2", two, macs + "8847" + "0001103f" + label16 + ipPacket, 0},
		{"copy a TTL out of IP that was there", "ip actions=mod_nw_ttl:7,push_mpls:0x8847,set_mpls_ttl:9,copy_ttl_out,2", ip,
			macs + "8847" + "00000107" + "450000280001000007060000" + "0a0000010a000002" + ipPacket[40:], 0},
		{"copy a TTL out of IP under the packet's own label", "mpls actions=set_mpls_ttl:9,copy_ttl_out,2", one, one, 0},
		{"copy a TTL out of nothing", "mpls actions=set_mpls_ttl:9,copy_ttl_out,2", macs + "8847" + label16 + "00000000", macs + "8847" + "00010109" + "00000000", 0},
		{"copy a TTL in and out", "mpls actions=set_mpls_ttl:9,copy_ttl_in,set_mpls_ttl:3,copy_ttl_out,2", one,
			macs + "8847" + "00010109" + "450000280001000009060000" + "0a0000010a000002" + ipPacket[40:], 0},
		{"ARP has no TTL", "arp actions=push_mpls:0x8847,copy_ttl_in,copy_ttl_out,2", macs + "0806" + arpPacket, macs + "8847" + "00000140" + arpPacket, 0},
		{"labels in the action set", "ip actions=write_actions(output:2,push_mpls:0x8847,set_field:17->mpls_label)", ip, macs + "8847" + "00011140" + ipPacket, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := testState(t, c.flows)
			frame := frameOf(t, c.frame)
			k, err := s.Snapshot().ParsePacket("in_port=1 " + c.frame)
			if err != nil {
				t.Fatal(err)
			}
			u, _ := settle(s.Snapshot(), k, frame, false)
			if u.Program.Drop != c.drop {
				t.Fatalf("drop %v, want %v\n%s", u.Program.Drop, c.drop, s.Snapshot().Trace(k))
			}
			got := blank(newRig(s.Snapshot().Ports()).run(u.Program, frame, 1))
			if c.want == "" {
				if len(got) > 0 {
					t.Errorf("sent %s", showSent(got))
				}
				return
			}
			if want := blank([]sent{{2, string(frameOf(t, c.want))}}); !sameSent(got, want) {
				t.Errorf("sent %s\nwant %s\n%s", showSent(got), showSent(want), s.Snapshot().Trace(k))
			}
		})
	}
}

// TestLabelMasks is which bits of the labels a decision depends on.
func TestLabelMasks(t *testing.T) {
	two := macs + "8847" + label17 + label16 + ipPacket
	for _, c := range []struct{ flows, want string }{
		{"mpls actions=pop_mpls:0x0800,2", "recirc_id=0,eth,mpls,in_port=1"},
		{"mpls actions=pop_mpls:0x8847,2", "recirc_id=0,eth,mpls,in_port=1,mpls_bos=0"},
		{"mpls actions=push_mpls:0x8847,set_mpls_label:5,2", "recirc_id=0,eth,mpls,in_port=1,mpls_label=17,mpls_tc=0,mpls_ttl=32"},
	} {
		r, err := testState(t, c.flows).Snapshot().TraceText("in_port=1 " + two)
		if err != nil {
			t.Fatal(err)
		}
		if r.Megaflow != c.want {
			t.Errorf("%s: %s\nwant %s", c.flows, r.Megaflow, c.want)
		}
	}
}
