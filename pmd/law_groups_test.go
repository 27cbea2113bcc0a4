package pmd_test

import (
	"fmt"
	"strings"

	"pgregory.net/rapid"

	"pollux/ofp/pipeline"
)

// buckets are the lists of actions that groups of random tables have. A group leads to groups
// of lower numbers alone.
var buckets = []string{
	"output:1", "output:2", "output:4", "drop", "NORMAL", "IN_PORT", "resubmit(,2)", "load:1->NXM_NX_REG0[],resubmit(,2)",
	"mod_vlan_vid:20,output:3", "strip_vlan,output:2", "push_mpls:0x8847,output:1", "set_field:02:00:00:00:00:01->eth_dst,NORMAL",
	"group:1", "mod_vlan_vid:10,group:2",
}

// moreDoes is what flows do beside does; before a space is what packets must be.
var moreDoes = append([]string{
	"group:1", "group:2", "group:3,output:1", "clone(group:4),output:2", "mod_vlan_vid:10,group:4", "write_actions(output:3,group:2),goto_table:2",
	"meter:1,output:2", "clone(set_field:02:00:00:00:00:01->eth_dst,output:2),NORMAL", "clone(push_vlan:0x8100,resubmit(,2)),output:1",
	"push_mpls:0x8847,output:2", "push_mpls:0x8847,resubmit(,1)", "mpls, pop_mpls:0x0800,output:3", "mpls, dec_mpls_ttl,output:1", "ip, dec_ttl,output:2", "ip, mod_nw_tos:32,group:2",
	"multipath(symmetric_l4,0,hrw,3,0,NXM_NX_REG1[]),resubmit(,2)", "bundle(nw_src,0,hrw,ofport,members:1,2,3)", "ip, set_field:10.0.0.1->nw_src,group:1", "push_vlan:0x8100,bundle(symmetric_l4,1,hrw,ofport,members:2,3,4)",
}, does...)

var moreMatches = append([]string{"mpls,", "mpls,mpls_label=17,", "reg1=1,"}, matches...)

// genMoreFlows is genFlows of moreDoes, and of conjunctions.
func genMoreFlows(t *rapid.T, label string) []pipeline.Flow {
	return genFlowsOf(t, label, moreMatches, moreDoes, genConjunction(t)...)
}

// genLearningFlows is genMoreFlows of which many learn: each port what it has seen, as of two packets
// that learn different actions for one match the last counts, and that of a cached decision is
// learned once.
func genLearningFlows(t *rapid.T, label string) []pipeline.Flow {
	return genFlowsOf(t, label, moreMatches, append([]string{learnsFlow + ",resubmit(,2)", learnsFlow + ",output:2", "resubmit(,2)", "group:2," + learnsFlow, "resubmit(,1),resubmit(,2)"}, moreDoes[:12]...))
}

// lawGroups is how many groups there are, numbered from 1, and meters.
const lawGroups, lawMeters = 4, 1

// genGroup draws a group.
func genGroup(t *rapid.T, id uint32) pipeline.Group {
	g := pipeline.Group{ID: id, Type: pipeline.GroupType(rapid.IntRange(0, 3).Draw(t, "type"))}
	n := rapid.IntRange(0, 3).Draw(t, "buckets")
	if g.Type == pipeline.GroupIndirect {
		n = 1
	}
	for i := range n {
		b := pipeline.Bucket{ID: uint32(i), WatchPort: pipeline.AnyPort, WatchGroup: pipeline.AnyGroup}
		list := rapid.SampledFrom(buckets).Draw(t, "bucket")
		for to := id; to <= lawGroups; to++ {
			list = strings.ReplaceAll(list, fmt.Sprintf("group:%d", to), "output:3")
		}
		f, err := pipeline.ParseFlow("actions="+list, nil)
		if err != nil {
			t.Fatal(err)
		}
		b.Actions = f.Do.Apply
		switch g.Type {
		case pipeline.GroupSelect:
			b.Weight = uint16(rapid.IntRange(0, 2).Draw(t, "weight"))
		case pipeline.GroupFastFailover:
			b.WatchPort = uint32(rapid.IntRange(1, 4).Draw(t, "watched port"))
			if id > 1 && rapid.Bool().Draw(t, "watches a group") {
				b.WatchPort, b.WatchGroup = pipeline.AnyPort, uint32(rapid.IntRange(1, int(id)-1).Draw(t, "watched group"))
			}
		}
		g.Buckets = append(g.Buckets, b)
	}
	return g
}

// addGroups gives a switch the groups and meters that its flows lead to. The meter is too wide
// for any packet to be dropped.
func addGroups(tb rapid.TB, s *pipeline.State) {
	for id := uint32(1); id <= lawGroups; id++ {
		if err := s.GroupMod(&pipeline.GroupMod{Command: pipeline.GroupAdd, Group: pipeline.Group{ID: id}}, nil); err != nil {
			tb.Fatal(err)
		}
	}
	for id := uint32(1); id <= lawMeters; id++ {
		if err := s.MeterMod(wideMeter(pipeline.MeterAdd, id, 0)); err != nil {
			tb.Fatal(err)
		}
	}
}

func wideMeter(c pipeline.MeterCommand, id, less uint32) *pipeline.MeterMod {
	return &pipeline.MeterMod{Command: c, Meter: pipeline.Meter{ID: id, Flags: pipeline.MeterPktps, Bands: []pipeline.Band{{Type: pipeline.BandDrop, Rate: 1<<32 - 1 - less}}}}
}

// changeBeside draws a change of a group, a meter or a port.
func changeBeside(t *rapid.T, each func(what string, fn func(s *pipeline.State) error)) {
	switch rapid.IntRange(0, 5).Draw(t, "of what") {
	case 0, 1, 2:
		g := genGroup(t, uint32(rapid.IntRange(1, lawGroups).Draw(t, "group")))
		each("group", func(s *pipeline.State) error {
			return s.GroupMod(&pipeline.GroupMod{Command: pipeline.GroupModify, Group: g}, nil)
		})
	case 3:
		m := wideMeter(pipeline.MeterModify, uint32(rapid.IntRange(1, lawMeters).Draw(t, "meter")), uint32(rapid.IntRange(0, 1).Draw(t, "less")))
		each("meter", func(s *pipeline.State) error { return s.MeterMod(m) })
	default:
		n, how := uint32(rapid.IntRange(1, 4).Draw(t, "port")), rapid.IntRange(0, 2).Draw(t, "how")
		each("port", func(s *pipeline.State) error {
			return s.UpdatePort(n, func(p *pipeline.Port) {
				switch how {
				case 0:
					p.Up = !p.Up
				case 1:
					p.NoFlood = !p.NoFlood
				case 2:
					p.NoRecv = !p.NoRecv
				}
			})
		})
	}
}

// genConjunction draws the flows of a conjunction of two clauses, or none.
func genConjunction(t *rapid.T) []string {
	if rapid.IntRange(0, 3).Draw(t, "conjunction") != 0 {
		return nil
	}
	table := rapid.IntRange(0, 2).Draw(t, "table")
	return []string{
		fmt.Sprintf("table=%d,priority=20,%s,actions=conjunction(1,1/2)", table, rapid.SampledFrom([]string{"ip,nw_src=10.0.0.1", "in_port=1", "ip,nw_dst=10.0.0.0/8"}).Draw(t, "clause 1")),
		fmt.Sprintf("table=%d,priority=20,%s,actions=conjunction(1,2/2)", table, rapid.SampledFrom([]string{"tcp,tp_dst=2000/0xfff0", "udp", "dl_dst=02:00:00:00:00:01"}).Draw(t, "clause 2")),
		fmt.Sprintf("table=%d,priority=21,conj_id=1,actions=%s", table, rapid.SampledFrom([]string{"output:1", "drop", "group:2"}).Draw(t, "together")),
	}
}
