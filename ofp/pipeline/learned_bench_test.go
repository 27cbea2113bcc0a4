package pipeline

import (
	"fmt"
	"testing"

	"pollux/flow"
	"pollux/pmd"
)

// BenchmarkLearnAction is packets that each have the switch learn a flow, which then goes again: the
// time is not to depend on how many flows there are in the table, limit or no limit.
func BenchmarkLearnAction(b *testing.B) {
	for _, flows := range []int{1000, 100_000} {
		for _, limit := range []string{"", "limit=1000000,"} {
			name := "none"
			if limit != "" {
				name = "some"
			}
			b.Run(fmt.Sprintf("flows=%d/limit=%s", flows, name), func(b *testing.B) {
				s := testState(b, "actions=learn(table=1,cookie=0x5,hard_timeout=1000,"+limit+"NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[]),2")
				learnMany(b, s, flows)
				k := *packetOf(b, s, "in_port=1,dl_src=02:00:00:ff:00:00")
				u := pmd.Upcall{Key: &k, Commit: true}
				n := 0
				for b.Loop() {
					n++
					flow.EthSrc.Set(&k, flow.Value{Lo: 0x020000ff0000 + uint64(n)&0xffff})
					s.Snapshot().Translate(&u)
					s.Snapshot().Settle()
				}
			})
		}
	}
}

// learnMany gives the switch of BenchmarkLearnAction so many flows as it learns.
func learnMany(tb testing.TB, s *State, flows int) {
	mods := make([]FlowMod, flows)
	for i := range mods {
		f := &mods[i].Flow
		f.Table, f.Cookie, f.Priority, f.HardTimeout = 1, 5, DefaultPriority, 1000
		f.Match.SetMasked(flow.EthSrc, flow.Value{Lo: 0x020000000000 + uint64(i)}, flow.EthSrc.Full())
		f.Do.Apply = []Action{{Kind: ActOutput, Port: 1}}
	}
	if _, err := s.FlowMods(mods, nil); err != nil {
		tb.Fatal(err)
	}
}
