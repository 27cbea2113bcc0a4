package pipeline

import (
	"fmt"
	"strings"
	"testing"

	"pollux/actions"
	"pollux/pmd"
)

// nestedClones is n clones inside each other, each of which sends the packet as it was after
// what the one inside of it did was undone.
func nestedClones(n int) string {
	text := "mod_vlan_vid:1,2"
	for i := range n {
		text = fmt.Sprintf("mod_vlan_vid:%d,clone(%s),2", i+2, text)
	}
	return text
}

// TestNestedClones: as many as a flow can have, and through resubmits as many as fit; one more
// drops the packet.
func TestNestedClones(t *testing.T) {
	for _, c := range []struct {
		name, flows string
		sent        int
	}{
		{"a flow's most", "actions=" + nestedClones(maxClones), maxClones + 1},
		{"all there are", "actions=" + strings.Replace(nestedClones(64), "mod_vlan_vid:1,2", "resubmit(,1)", 1) +
			"\ntable=1 actions=" + nestedClones(actions.MaxClones-64), actions.MaxClones + 1},
		{"one too many", "actions=" + strings.Replace(nestedClones(64), "mod_vlan_vid:1,2", "resubmit(,1)", 1) +
			"\ntable=1 actions=" + nestedClones(actions.MaxClones-63), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := testState(t, c.flows)
			u := pmd.Upcall{Key: packetOf(t, s, "in_port=1,tcp"), Thread: 0}
			for range 2 {
				s.Snapshot().Translate(&u)
				if c.sent == 0 {
					if u.Program.Drop != actions.DropTranslate {
						t.Fatalf("%v", u.Program)
					}
					continue
				}
				if got := strings.Count(u.Program.String()+",", ",2,") + strings.Count(u.Program.String(), ",2)"); got != c.sent {
					t.Fatalf("%d outputs, want %d: %v", got, c.sent, u.Program)
				}
			}
		})
	}
}

// TestGroupsInGroups: 64 groups one in the other, as resubmits, and no more.
func TestGroupsInGroups(t *testing.T) {
	for n, want := range map[int]actions.Reason{64: actions.DropNone, 65: actions.DropResubmitDepth} {
		s := testState(t, "")
		addGroup(t, s, Group{ID: 1, Type: GroupAll, Buckets: []Bucket{bucketOf(t, 0, "3")}})
		for id := 2; id <= n; id++ {
			inner := bucketOf(t, 0, fmt.Sprintf("mod_nw_ttl:%d,group:%d", id, id-1))
			addGroup(t, s, Group{ID: uint32(id), Type: GroupAll, Buckets: []Bucket{inner, bucketOf(t, 1, "2")}})
		}
		addFlow(t, s, fmt.Sprintf("ip actions=group:%d", n))
		u := pmd.Upcall{Key: packetOf(t, s, "in_port=1,tcp"), Thread: 0}
		s.Snapshot().Translate(&u)
		if u.Program.Drop != want {
			t.Errorf("%d groups: dropped for %v, want %v", n, u.Program.Drop, want)
		}
		if outs := strings.Count(u.Program.String(), ",2"); want == actions.DropNone && outs != n-1 {
			t.Errorf("%d groups: %d outputs to port 2, want %d", n, outs, n-1)
		}
	}
}

// TestTranslationAllocatesNothing: what a translation makes is made once, and its memory used
// again, also where it works on copies of the packet, or executes action sets.
func TestTranslationAllocatesNothing(t *testing.T) {
	for _, c := range []struct{ name, flows string }{
		{"plain", "ip actions=dec_ttl,mod_vlan_vid:5,2"},
		{"clones", "ip actions=push:NXM_NX_REG0[],clone(dec_ttl,push:NXM_NX_REG0[],clone(mod_vlan_vid:6,3),2),4"},
		{"an action set", "ip actions=write_actions(output:2,dec_ttl),goto_table:1\ntable=1 actions=write_actions(push_vlan:0x8100)"},
		{"groups", "ip actions=group:1,4"},
		{"egress tables", "ip actions=mod_nw_ttl:9,2,write_actions(output:3,dec_ttl)\ntable=10,actset_output=2 actions=write_actions(push_vlan:0x8100)\ntable=10,priority=1 actions=drop"},
		{"labels", "ip actions=push_mpls:0x8847,clone(push_mpls:0x8847,2),3"},
	} {
		s := testState(t, "")
		addGroup(t, s, Group{ID: 1, Type: GroupAll, Buckets: []Bucket{bucketOf(t, 0, "dec_ttl,2"), bucketOf(t, 1, "mod_vlan_vid:7,3")}})
		for _, f := range strings.Split(c.flows, "\n") {
			addFlow(t, s, f)
		}
		if c.name == "egress tables" {
			withEgress(t, s, 10)
		}
		u := pmd.Upcall{Key: packetOf(t, s, "in_port=1,tcp,nw_ttl=64"), Thread: 0}
		snap := s.Snapshot()
		if n := testing.AllocsPerRun(100, func() { snap.Translate(&u) }); n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
		if u.Program.Drop != actions.DropNone {
			t.Errorf("%s: %v", c.name, u.Program)
		}
	}
}
