package pipeline

import (
	"encoding/hex"
	"testing"

	"pollux/pmd"
)

// TestFragmentsHaveNoPorts: ports, and type and code of ICMP, are 0 to all look-ups of fragments,
// the first one too, though actions read and write them.
func TestFragmentsHaveNoPorts(t *testing.T) {
	const tcp80 = "04000050000000010000000050020000" + "00000000"
	frame := func(frag, proto, l4 string) []byte {
		return frameOf(t, macs+"0800"+"450000280001"+frag+"40"+proto+"0000"+"0a0000010a000002"+l4)
	}
	whole, first, later := frame("0000", "06", tcp80), frame("2000", "06", tcp80), frame("2010", "06", tcp80)
	for _, c := range []struct {
		name, flows string
		frame       []byte
		want        string // the ports it leaves by
	}{
		{"a whole packet", "tcp,tp_dst=80 actions=2", whole, "2"},
		{"the first", "tcp,tp_dst=80 actions=2", first, ""},
		{"the first, with port 0", "tcp,tp_dst=0 actions=2", first, "2"},
		{"a later one, with port 0", "tcp,tp_dst=0 actions=2", later, "2"},
		{"a whole one, with port 0", "tcp,tp_dst=0 actions=2", whole, ""},
		{"the first, by flags", "tcp,tcp_flags=+syn actions=2", first, "2"},
		{"ICMP", "icmp,icmp_type=8 actions=2", frame("2000", "01", "0800000000000000"+"000000000000000000000000"), ""},
		{"what was read is there", "priority=2,tcp,nw_frag=first actions=move:tcp_dst[]->reg0[0..15],resubmit(,1)\ntable=1,reg0=80 actions=2", first, "2"},
		{"what was written is not asked for", "tcp actions=load:443->tcp_dst[],resubmit(,1)\ntable=1,tcp,tp_dst=443 actions=2", first, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := testState(t, c.flows)
			x := newRig(s.Snapshot().Ports())
			k, err := s.Snapshot().ParsePacket("in_port=1 " + hex.EncodeToString(c.frame))
			if err != nil {
				t.Fatal(err)
			}
			u := pmd.Upcall{Key: k, Thread: -1}
			s.Snapshot().Translate(&u)
			got := ""
			for _, o := range x.run(u.Program, c.frame, 1) {
				got += string(rune('0' + o.port))
			}
			if got != c.want {
				t.Errorf("sent to %q, want %q", got, c.want)
			}
		})
	}
	// A decision for a fragment is none for whole packets.
	s := testState(t, "tcp,tp_dst=80 actions=2")
	k, err := s.Snapshot().ParsePacket("in_port=1 " + hex.EncodeToString(first))
	if err != nil {
		t.Fatal(err)
	}
	u := pmd.Upcall{Key: k, Thread: -1}
	s.Snapshot().Translate(&u)
	if other, err := s.Snapshot().ParsePacket("in_port=1 " + hex.EncodeToString(whole)); err != nil || u.Mask.Match(k, other) {
		t.Errorf("the mask of a fragment's decision does not tell a whole packet from it (%v)", err)
	}
}
