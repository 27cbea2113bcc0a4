package pipeline

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"pollux/flow"
	"pollux/pmd"
)

// state makes a switch of four plain ports with the given flows.
func testState(tb testing.TB, flows string, change ...func(*Config)) *State {
	tb.Helper()
	c := Config{Name: "br0", Threads: 1}
	for n := uint32(1); n <= 4; n++ {
		c.Ports = append(c.Ports, Port{OFPort: n, Slot: n + 10, Name: fmt.Sprintf("p%d", n), Up: true})
	}
	for _, fn := range change {
		fn(&c)
	}
	var err error
	if c.Flows, err = ParseFlows(flows, nil); err != nil {
		tb.Fatal(err)
	}
	s, err := New(c)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// packetOf makes a key from a flow's text.
func packetOf(tb fataler, s *State, text string) *flow.Key {
	k, err := s.Snapshot().ParsePacket(text)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

// TestMasksAreMinimal is design law 4: the number of megaflows that many random
// packets make is that of the decisions the rules distinguish, not of hosts.
func TestMasksAreMinimal(t *testing.T) {
	const packets = 20000
	for _, c := range []struct {
		name, flows string
		most        int
	}{
		{"a prefix", "ip,nw_dst=10.0.0.0/8 actions=2", 9},
		{"two prefixes", "ip,nw_dst=10.0.0.0/8 actions=2\npriority=40000,ip,nw_dst=10.1.0.0/16 actions=3", 17},
		{"a port", "tcp,tp_dst=80 actions=2\npriority=0 actions=drop", 34},
		{"rewriting", "ip actions=mod_nw_dst:1.2.3.4,mod_dl_src:00:00:00:00:00:01,mod_vlan_vid:5,2", 4},
		{"matching what was written", "ip actions=load:7->reg0[],mod_nw_dst:1.2.3.4,resubmit(,1)\ntable=1,reg0=7,ip,nw_dst=1.2.3.4 actions=2", 2},
		{"no rule looks", "actions=2", 2},
		{"push", "actions=push_vlan:0x8100,set_field:4101->vlan_vid,resubmit(,1)\ntable=1,dl_vlan=5 actions=2", 2},
		{"metadata", "actions=write_metadata:5,goto_table:1\ntable=1,metadata=5 actions=2", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := testState(t, c.flows)
			r := rand.New(rand.NewPCG(1, 1))
			k := packetOf(t, s, "in_port=1,tcp,nw_ttl=64,dl_src=00:00:00:00:00:01")
			seen := map[string]bool{}
			for range packets {
				k.Set(flow.WIPv4, r.Uint64())
				k.Set(flow.WL4, r.Uint64()>>32<<32)
				k.Set(flow.WEthSrc, r.Uint64()>>16<<16)
				k.Set(flow.WEthDst, r.Uint64()>>16<<16|0x0800)
				if r.IntN(2) == 0 {
					k.Set(flow.WVLAN, (r.Uint64()>>48|flow.VlanCFI)<<48|0x8100<<32)
				} else {
					k.Set(flow.WVLAN, 0)
				}
				u := pmd.Upcall{Key: k, Thread: -1}
				s.Snapshot().Translate(&u)
				seen[FormatMegaflow(k, &u.Mask)] = true
			}
			if len(seen) > c.most {
				var some []string
				for m := range seen {
					if some = append(some, m); len(some) == 5 {
						break
					}
				}
				t.Errorf("%d megaflows of %d packets, want at most %d; some:\n%s", len(seen), packets, c.most, strings.Join(some, "\n"))
			}
		})
	}
}
