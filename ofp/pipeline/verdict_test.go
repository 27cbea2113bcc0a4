package pipeline

import (
	"testing"

	"pollux/actions"
	"pollux/flow"
	"pollux/ipfix/cache"
	"pollux/pmd"
)

// TestVerdict is what the bridge's exporter is told of each packet: its fate, the rule
// that decided it, and where no rule did the table that it missed in.
func TestVerdict(t *testing.T) {
	sampling := Sampling{Bridge: &BridgeSampling{Input: true, Output: true, Attribute: true}}
	s := testState(t, `
in_port=1 cookie=0x11 actions=2
in_port=2 cookie=0x12 actions=drop
in_port=3,dl_vlan=1 cookie=0x13 actions=resubmit(,1)
in_port=3,dl_vlan=2 cookie=0x14 actions=resubmit(,2)
in_port=3,dl_vlan=3 cookie=0x15 actions=2,resubmit(,1)
in_port=3,dl_vlan=4 cookie=0x16 actions=in_port,resubmit(,9)
in_port=3,dl_vlan=5 cookie=0x17 actions=3,output:99
in_port=3,dl_vlan=6 cookie=0x18 actions=note:00
in_port=3,dl_vlan=7 cookie=0x19 actions=write_actions(output:2),goto_table:3
in_port=3,dl_vlan=8,ip,nw_ttl=1 cookie=0x1a actions=dec_ttl,2
in_port=3,dl_vlan=9 cookie=0x1b actions=resubmit(,5)
table=1 cookie=0x21 actions=1
table=2 cookie=0x22 actions=drop
table=3 cookie=0x23 actions=goto_table:4
table=5 cookie=0x25 actions=resubmit(,5)
`, func(c *Config) { c.Sampling = sampling })
	for _, c := range []struct {
		in  string
		why actions.Reason
		cause
		cookie uint64 // 0: no rule
		out    []uint64
	}{
		{"in_port=1", actions.DropNone, cause{table: 0}, 0x11, []uint64{0x11}},
		{"in_port=2", actions.DropAction, cause{table: 0}, 0x12, nil},
		{"in_port=3,dl_vlan=1", actions.DropNone, cause{table: 1}, 0x21, []uint64{0x21}},
		{"in_port=3,dl_vlan=2", actions.DropAction, cause{table: 2}, 0x22, nil},
		{"in_port=3,dl_vlan=3", actions.DropNone, cause{table: 0}, 0x15, []uint64{0x15, 0x21}},
		{"in_port=3,dl_vlan=4", actions.DropNone, cause{table: 0}, 0x16, []uint64{0x16}},
		{"in_port=3,dl_vlan=5", actions.DropToInPort, cause{table: 0}, 0x17, nil},
		{"in_port=3,dl_vlan=6", actions.DropNoOutput, cause{table: 0}, 0x18, nil},
		{"in_port=3,dl_vlan=7", actions.DropNone, cause{table: 3}, 0x23, []uint64{0x23}},
		{"in_port=3,dl_vlan=8,ip,nw_ttl=1", actions.DropTTL, cause{table: 0}, 0x1a, nil},
		{"in_port=3,dl_vlan=9", actions.DropResubmitDepth, cause{table: 5}, 0x25, nil},
		{"in_port=4", actions.DropTableMiss, cause{table: 0}, 0, nil},
	} {
		u := pmd.Upcall{Key: packetOf(t, s, c.in), Thread: -1}
		s.Snapshot().Translate(&u)
		v := u.Program.Samples[0].Point.Verdict
		want := cache.Verdict{
			Cookie: c.cookie, Table: c.table, Known: c.cookie != 0,
			Status: c.why.ForwardingStatus(), Drop: uint8(c.why),
		}
		if v != want {
			t.Errorf("%s: verdict %+v; want %+v (%v)", c.in, v, want, u.Program)
		}
		var out []uint64
		for _, x := range u.Program.Samples[1:] {
			out = append(out, x.Point.Verdict.Cookie)
			if x.Point.Verdict.Status != cache.StatusForwarded {
				t.Errorf("%s: a packet at its output port has status %d", c.in, x.Point.Verdict.Status)
			}
		}
		if len(out) != len(c.out) {
			t.Errorf("%s: outputs by %#x, want %#x", c.in, out, c.out)
			continue
		}
		for i := range out {
			if out[i] != c.out[i] {
				t.Errorf("%s: outputs by %#x, want %#x", c.in, out, c.out)
			}
		}
	}
}

// TestVerdictWithoutRule is an exporter that does not attribute: the fate alone, so
// that packets of many rules share a program.
func TestVerdictWithoutRule(t *testing.T) {
	s := testState(t, "in_port=1,cookie=1 actions=2\nin_port=2,cookie=2 actions=drop",
		func(c *Config) { c.Sampling.Bridge = &BridgeSampling{Input: true} })
	for in, want := range map[string]cache.Verdict{
		"in_port=1": {Status: 64},
		"in_port=2": {Status: actions.DropAction.ForwardingStatus(), Drop: uint8(actions.DropAction)},
	} {
		u := pmd.Upcall{Key: packetOf(t, s, in), Thread: -1}
		s.Snapshot().Translate(&u)
		if v := u.Program.Samples[0].Point.Verdict; v != want {
			t.Errorf("%s: %+v, want %+v", in, v, want)
		}
	}
}

// TestSampleIDsFromFields is sample with ids that are taken from the packet: each
// value is a point of its own, and the decision depends on those bits alone.
func TestSampleIDsFromFields(t *testing.T) {
	s := testState(t, "actions=load:7->NXM_NX_REG1[],sample(probability=40000,collector_set_id=7,obs_domain_id=NXM_NX_REG1[],obs_point_id=NXM_OF_ETH_SRC[8..23]),2",
		func(c *Config) { c.Sampling.Sets = map[uint32]SetSampling{7: {}} })
	u := pmd.Upcall{Key: packetOf(t, s, "in_port=1,dl_src=02:00:00:12:34:56"), Thread: -1}
	s.Snapshot().Translate(&u)
	want := cache.Point{Domain: 7, ID: 0x1234, Probability: 40000, Verdict: cache.Verdict{Status: 64}}
	if p := u.Program.Samples[0]; p.Point != want || p.Probability != 40000 {
		t.Errorf("point %+v, probability %d; want %+v", p.Point, p.Probability, want)
	}
	if got := flow.EthSrc.GetMask(&u.Mask); got != (flow.Value{Lo: 0xffff00}) {
		t.Errorf("the decision depends on bits %#x of eth_src", got.Lo)
	}
}
