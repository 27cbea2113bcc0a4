package pmd_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"pollux/ofp/pipeline"
)

// choiceDoes is what flows do that choose by hashes.
var choiceDoes = []string{
	"group:1", "group:2", "group:3", "group:1,group:2", "group:4,output:1", "multipath(symmetric_l4,0,hrw,3,0,NXM_NX_REG1[]),resubmit(,2)",
	"multipath(symmetric_l3l4+udp,0,modulo_n,2,0,NXM_NX_REG0[]),resubmit(,1)", "bundle(nw_src,0,hrw,ofport,members:1,2,3)",
	"check_pkt_larger(58)->NXM_NX_REG0[0],group:1", "group:2,check_pkt_larger(58)->NXM_NX_REG0[0],resubmit(,1)", "ip, set_field:10.0.0.1->nw_src,group:1",
	"push_vlan:0x8100,bundle(symmetric_l4,1,hrw,ofport,members:2,3,4)", "mpls, pop_mpls:0x0800,group:1", "output:2", "resubmit(,1),resubmit(,2)", "NORMAL",
}

// TestEquivalenceOfChoices is law 1 for decisions that ask by hashes, of few flows whose packets come
// again and again, so that the exact cache knows them, while groups, ports and flows change. The
// switch has the exact cache keep what was found with answers, once with hits verified and once
// without, and the other one forgets all before every packet.
func TestEquivalenceOfChoices(t *testing.T) {
	var asked, exact uint64
	rapid.Check(t, func(t *rapid.T) {
		gen := func(t *rapid.T, label string) []pipeline.Flow { return genFlowsOf(t, label, moreMatches, choiceDoes) }
		flows := gen(t, "flows")
		verify := rapid.SampledFrom([]uint32{0, 0, 3}).Draw(t, "verify")
		cached, fresh := newWorldVerified(t, flows, nil, 64, nil, verify), newWorldVerified(t, flows, nil, 64, nil, verify)
		pool := make([]arrival, rapid.IntRange(1, 8).Draw(t, "pool"))
		for i := range pool {
			pool[i] = arrival{rapid.IntRange(0, 1).Draw(t, "in"), genFrame(t)}
		}
		for n := range 40 {
			change(t, gen, cached, fresh)
			for range rapid.IntRange(1, 3).Draw(t, "times") {
				var batch []arrival
				for range rapid.IntRange(1, 6).Draw(t, "batch") {
					batch = append(batch, pool[rapid.IntRange(0, len(pool)-1).Draw(t, "frame")])
				}
				slices.SortStableFunc(batch, func(a, b arrival) int { return a.in - b.in }) // as the loop polls them
				a, b := cached.send(t, batch...), fresh.sendApart(t, batch...)
				if a != b {
					t.Fatalf("batch %d, %s\nby caches:\n%sby translation:\n%s", n, words(batch), a, b)
				}
			}
			cached.state.Tick()
			fresh.state.Tick()
		}
		for _, w := range []*world{cached, fresh} {
			w.loop.Ask(w.loop.PushAll())
			s, rx, tx := w.loop.Stats()
			if err := closedSum(s, rx, tx); err != nil {
				t.Fatal(err)
			}
			if s.Differed != 0 {
				t.Fatalf("of %d decisions verified %d differed", s.Verified, s.Differed)
			}
		}
		if a, b := dump(cached.state), dump(fresh.state); a != b {
			t.Fatalf("flows by caches:\n%sby translation:\n%s", a, b)
		}
		for id := uint32(1); id <= lawGroups; id++ {
			a, b := cached.state.GroupStats(id)[0], fresh.state.GroupStats(id)[0]
			if a.Packets != b.Packets || a.Bytes != b.Bytes {
				t.Fatalf("group %d: by caches %d packets, by translation %d", id, a.Packets, b.Packets)
			}
			for i := range a.Buckets {
				if a.Buckets[i] != b.Buckets[i] {
					t.Fatalf("group %d, bucket %d: by caches %+v, by translation %+v", id, i, a.Buckets[i], b.Buckets[i])
				}
			}
		}
		s := cached.loop.Counts()
		asked += s.Asked
		exact += s.ExactHits
	})
	if asked == 0 || exact == 0 {
		t.Errorf("%d packets asked, %d found in the exact cache", asked, exact)
	}
}
