package pmd_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"pollux/flow"
	"pollux/ofp/pipeline"
)

// choiceDoes is what flows do that choose by hashes.
var choiceDoes = []string{
	"group:1", "group:2", "group:3", "group:1,group:2", "group:4,output:1", "multipath(symmetric_l4,0,hrw,3,0,NXM_NX_REG1[]),resubmit(,2)",
	"multipath(symmetric_l3l4+udp,0,modulo_n,2,0,NXM_NX_REG0[]),resubmit(,1)", "bundle(nw_src,0,hrw,ofport,members:1,2,3)",
	"check_pkt_larger(58)->NXM_NX_REG0[0],group:1", "group:2,check_pkt_larger(58)->NXM_NX_REG0[0],resubmit(,1)", "ip, set_field:10.0.0.1->nw_src,group:1",
	"push_vlan:0x8100,bundle(symmetric_l4,1,hrw,ofport,members:2,3,4)", "mpls, pop_mpls:0x0800,group:1", "output:2", "resubmit(,1),resubmit(,2)", "NORMAL",
}

// known are two switches with the same tables, and the few packets that come to them again and again, so
// that the exact cache of one knows them. The other one forgets all before every packet.
type known struct {
	cached, fresh *world
	pool          []arrival
}

func newKnown(t *rapid.T, flows []pipeline.Flow) *known {
	verify := rapid.SampledFrom([]uint32{0, 0, 3}).Draw(t, "verify")
	k := &known{newWorldVerified(t, flows, nil, 64, nil, verify), newWorldVerified(t, flows, nil, 64, nil, verify),
		make([]arrival, rapid.IntRange(1, 8).Draw(t, "pool"))}
	for i := range k.pool {
		k.pool[i] = arrival{rapid.IntRange(0, 1).Draw(t, "in"), genFrame(t)}
	}
	return k
}

// send draws a batch of up to most packets and has it come to both.
func (k *known) send(t *rapid.T, most int) {
	var batch []arrival
	for range rapid.IntRange(1, most).Draw(t, "batch") {
		batch = append(batch, k.pool[rapid.IntRange(0, len(k.pool)-1).Draw(t, "frame")])
	}
	slices.SortStableFunc(batch, func(a, b arrival) int { return a.in - b.in }) // as the loop polls them
	a, b := k.cached.send(t, batch...), k.fresh.sendApart(t, batch...)
	if a != b {
		t.Fatalf("%s\nby caches:\n%sby translation:\n%s", words(batch), a, b)
	}
}

// round sends up to so many batches, and then has both take in what was learned.
func (k *known) round(t *rapid.T, times, most int) {
	for range rapid.IntRange(1, times).Draw(t, "times") {
		k.send(t, most)
	}
	k.cached.state.Tick()
	k.fresh.state.Tick()
}

// each changes both.
func (k *known) each(t *rapid.T, what string, fn func(s *pipeline.State) error) {
	for _, w := range []*world{k.cached, k.fresh} {
		if err := fn(w.state); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
}

// end compares what both have counted.
func (k *known) end(t *rapid.T) {
	for _, w := range []*world{k.cached, k.fresh} {
		w.loop.Ask(w.loop.PushAll())
		s, rx, tx := w.loop.Stats()
		if err := closedSum(s, rx, tx); err != nil {
			t.Fatal(err)
		}
		if s.Differed != 0 {
			t.Fatalf("of %d decisions verified %d differed", s.Verified, s.Differed)
		}
	}
	if a, b := dump(k.cached.state), dump(k.fresh.state); a != b {
		t.Fatalf("flows and groups by caches:\n%sby translation:\n%s", a, b)
	}
}

// TestEquivalenceOfChoices is law 1 for decisions that ask by hashes, of few flows whose packets come
// again and again, while groups, ports and flows change. The switch has the exact cache keep what was
// found with answers, once with hits verified and once without.
func TestEquivalenceOfChoices(t *testing.T) {
	var asked, exact uint64
	rapid.Check(t, func(t *rapid.T) {
		gen := func(t *rapid.T, label string) []pipeline.Flow { return genFlowsOf(t, label, moreMatches, choiceDoes) }
		k := newKnown(t, gen(t, "flows"))
		for range 40 {
			change(t, gen, k.cached, k.fresh)
			k.round(t, 3, 6)
		}
		k.end(t)
		s := k.cached.loop.Counts()
		asked += s.Asked
		exact += s.ExactHits
	})
	if asked == 0 || exact == 0 {
		t.Errorf("%d packets asked, %d found in the exact cache", asked, exact)
	}
}

// besideDoes is what flows do that choose by hashes, and learn, ask controllers and meters, and write
// what is hashed.
var besideDoes = append([]string{
	learnsFlow + ",resubmit(,2)", "group:2," + learnsFlow, learnsLimited + ",group:1", "group:1," + learnsLimited + ",resubmit(,1)",
	"multipath(symmetric_l4,0,hrw,3,0,NXM_NX_REG1[])," + learnsFlow + ",resubmit(,2)", "controller,group:1", "meter:1,group:2,group:3",
	"mpls, pop_mpls:0x8847,group:1", "push_mpls:0x8847,group:2", "mpls, dec_mpls_ttl,group:1", "mpls, set_mpls_label:17,group:2,output:1",
	"ip, dec_ttl,group:1", "ip, mod_nw_tos:32,group:2", "mod_vlan_vid:10,group:1", "strip_vlan,group:2",
}, choiceDoes...)

const (
	learnsFlow    = "learn(table=2,priority=100,NXM_OF_IN_PORT[],NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],load:1->NXM_NX_REG1[],output:NXM_OF_IN_PORT[])"
	learnsLimited = "learn(table=1,priority=100,cookie=0x7,limit=2,NXM_OF_IN_PORT[],NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[])"
)

// besideEgress is flows of egress tables that choose by hashes, too.
var besideEgress = []string{
	"table=3,priority=1,actions=drop",
	"table=3,priority=2,ip,actions=multipath(symmetric_l4,0,hrw,3,0,NXM_NX_REG2[]),resubmit(,4)",
	"table=3,priority=3,ip,nw_src=10.0.0.1,actions=bundle_load(nw_src,0,hrw,ofport,NXM_NX_REG2[],members:1,2),resubmit(,4)",
	"table=4,priority=1,actions=drop",
	"table=4,priority=2,reg2=1,actions=mod_dl_dst:02:00:00:00:00:77",
	"table=4,priority=3,reg2=2,ip,actions=mod_nw_src:1.2.3.4",
}

// hashedFields are fields that groups name to be hashed: of all layers, written by some flows, and of
// which packets know nothing.
var hashedFields = []flow.Field{
	flow.EthSrc, flow.EthDst, flow.EthType, flow.VlanVID, flow.VlanTCI, flow.DlVlanPCP, flow.IPv4Src, flow.IPv4Dst, flow.IPTTL, flow.IPDSCP, flow.IPProto,
	flow.IPFrag, flow.IPv6Src, flow.MPLSLabel, flow.MPLSTTL, flow.MPLSBOS, flow.TCPDst, flow.UDPSrc, flow.UDPDst, flow.Reg1, flow.InPort, flow.ARPSPA,
}

// TestEquivalenceOfChoicesBesideAll is TestEquivalenceOfChoices where all else happens at the same time: egress tables,
// flows that learn, conjunctions, packets for controllers, groups that hash named fields, labels, tags and
// TTLs that are written, and fragments that are seen otherwise. Packets come one at a time, as what one
// of a batch teaches is not for the others.
func TestEquivalenceOfChoicesBesideAll(t *testing.T) {
	var asked, exact, flows uint64
	rapid.Check(t, func(t *rapid.T) {
		gen := func(t *rapid.T, label string) []pipeline.Flow {
			return genFlowsOf(t, label, moreMatches, besideDoes, append(genConjunction(t), besideEgress...)...)
		}
		k := newKnown(t, gen(t, "flows"))
		if rapid.Bool().Draw(t, "egress") {
			k.each(t, "egress", func(s *pipeline.State) error {
				return s.SetPipeline(&pipeline.PipelineMod{Command: pipeline.PipelineModify, Tables: []pipeline.PipelineTable{{Table: 3, FirstEgress: true}}})
			})
		}
		for range 25 {
			change(t, gen, k.cached, k.fresh)
			changeHashed(t, k)
			k.round(t, 5, 1)
		}
		k.end(t)
		s := k.cached.loop.Counts()
		asked += s.Asked
		exact += s.ExactHits
		for _, f := range k.cached.state.DumpFlows() {
			if f.Priority == 100 {
				flows++
			}
		}
	})
	if asked == 0 || exact == 0 || flows == 0 {
		t.Errorf("%d packets asked, %d found in the exact cache, %d flows learned", asked, exact, flows)
	}
}

// changeHashed draws a change of the fields that a group hashes, of how fragments are seen, or none.
func changeHashed(t *rapid.T, k *known) {
	if rapid.IntRange(0, 3).Draw(t, "fields") == 0 {
		g := genGroup(t, uint32(rapid.IntRange(1, 2).Draw(t, "group")))
		if g.Type == pipeline.GroupSelect {
			g.Selection = "hash"
			for range rapid.IntRange(1, 3).Draw(t, "n") {
				f := rapid.SampledFrom(hashedFields).Draw(t, "field")
				g.Fields = append(g.Fields, pipeline.GroupField{Field: f, Mask: f.Full()})
			}
		}
		k.each(t, "group", func(s *pipeline.State) error {
			return s.GroupMod(&pipeline.GroupMod{Command: pipeline.GroupModify, Group: g}, nil)
		})
	}
	if rapid.IntRange(0, 15).Draw(t, "fragments") == 0 {
		f := rapid.SampledFrom([]pipeline.Fragments{pipeline.FragNormal, pipeline.FragDrop, pipeline.FragMatch}).Draw(t, "how")
		k.each(t, "fragments", func(s *pipeline.State) error { s.SetFragments(f); return nil })
	}
}
