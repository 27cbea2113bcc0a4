package pipeline

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"pollux/actions"
	"pollux/flow"
	"pollux/ofp/ofperr"
	"pollux/pmd"
)

// bucketOf parses a bucket's actions as those of a flow.
func bucketOf(t testing.TB, id uint32, text string) Bucket {
	t.Helper()
	f, err := ParseFlow("ip,actions="+text, nil)
	if err != nil {
		t.Fatal(err)
	}
	return Bucket{ID: id, WatchPort: AnyPort, WatchGroup: AnyGroup, Actions: f.Do.Apply}
}

func addGroup(t testing.TB, s *State, g Group) {
	t.Helper()
	if err := s.GroupMod(&GroupMod{Command: GroupAdd, Group: g}, nil); err != nil {
		t.Fatal(err)
	}
}

func addFlow(t testing.TB, s *State, text string) {
	t.Helper()
	f, err := ParseFlow(text, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Add(f); err != nil {
		t.Fatal(err)
	}
}

// A group of all is a clone for each bucket, an indirect one a clone; what follows sees the
// packet as it was before.
func TestGroupsAreClones(t *testing.T) {
	lists := []string{
		"2", "mod_dl_dst:02:00:00:00:00:07,2", "push_vlan:0x8100,set_field:4101->vlan_vid,3", "dec_ttl,2", "resubmit(,1)",
		"mod_nw_tos:16,in_port", "pop_vlan,3", "load:5->NXM_NX_REG0[],resubmit(,1)", "NORMAL",
	}
	packets := []string{"in_port=1,ip,nw_ttl=9", "in_port=1,tcp,nw_ttl=1,dl_vlan=7", "in_port=3,arp"}
	for _, a := range lists {
		for _, b := range lists {
			for _, c := range []struct {
				g    Group
				same string
			}{
				{Group{Type: GroupAll, Buckets: []Bucket{bucketOf(t, 0, a), bucketOf(t, 1, b)}}, fmt.Sprintf("clone(%s),clone(%s)", a, b)},
				{Group{Type: GroupIndirect, Buckets: []Bucket{bucketOf(t, 0, a)}}, "clone(" + a + ")"},
			} {
				const rest = "table=1,reg0=5 actions=in_port\ntable=1,priority=1 actions=2"
				s, o := testState(t, rest), testState(t, rest)
				c.g.ID = 9
				addGroup(t, s, c.g)
				prefix := ""
				if strings.Contains(a+b, "ttl") || strings.Contains(a+b, "nw_") {
					prefix = "ip,"
				}
				addFlow(t, s, prefix+"actions=group:9,3")
				addFlow(t, o, prefix+"actions="+c.same+",3")
				for _, p := range packets {
					got, want := programOf(t, s, p), programOf(t, o, p)
					if !actions.Equal(got, want) {
						t.Errorf("%s, %s: %s, want %s", c.same, p, got, want)
					}
				}
			}
		}
	}
}

// udpFlows calls f with the program of n UDP flows.
func udpFlows(t testing.TB, s *State, n int, f func(i int, p *actions.Program, u *pmd.Upcall)) {
	k := packetOf(t, s, "in_port=1,udp,nw_src=10.0.0.0,nw_dst=10.1.0.0,tp_src=1000,tp_dst=2000")
	base := *k
	for i := range n {
		k := base
		flow.IPv4Src.Set(&k, flow.Value{Lo: 0x0a000000 + uint64(i)*7})
		u, _ := settle(s.Snapshot(), &k, nil, false)
		f(i, u.Program, u)
	}
}

// TestSelectSpreadsByWeight: 50,000 flows are within 5 % of what the weights say, and when a
// bucket goes, only its flows move.
func TestSelectSpreadsByWeight(t *testing.T) {
	s := testState(t, "")
	weights := []uint16{1, 2, 0, 4, 3}
	g := Group{ID: 1, Type: GroupSelect}
	for i, w := range weights {
		b := bucketOf(t, uint32(i), fmt.Sprintf("load:%d->NXM_NX_REG0[],resubmit(,%d)", i, i+1))
		b.Weight = w
		g.Buckets = append(g.Buckets, b)
		addFlow(t, s, fmt.Sprintf("table=%d actions=set_field:02:00:00:00:00:0%d->eth_dst,2", i+1, i))
	}
	addGroup(t, s, g)
	addFlow(t, s, "table=0 actions=group:1")
	const n = 50_000
	took := map[string]int{}
	before := make([]string, n)
	udpFlows(t, s, n, func(i int, p *actions.Program, u *pmd.Upcall) {
		before[i] = p.String()
		took[before[i]]++
		u.Credit.Credit(1, 100, 1)
	})
	total := 0.0
	for _, w := range weights {
		total += float64(w)
	}
	name := func(i int) string { return fmt.Sprintf("set(eth(dst=02:00:00:00:00:0%d)),2", i) }
	for i, w := range weights {
		want := n * float64(w) / total
		if got := float64(took[name(i)]); math.Abs(got-want) > 0.05*want {
			t.Errorf("bucket %d of weight %d: %.0f flows, want %.0f", i, w, got, want)
		}
	}
	// Statistics are exact.
	st := s.GroupStats(1)
	if len(st) != 1 || st[0].Packets != n || st[0].Bytes != 100*n || st[0].Refs != 1 {
		t.Fatalf("%+v", st)
	}
	for i := range weights {
		if b := st[0].Buckets[i]; b.Packets != uint64(took[name(i)]) || b.Bytes != 100*b.Packets {
			t.Errorf("bucket %d counts %+v, it had %d", i, b, took[name(i)])
		}
	}
	if err := s.GroupMod(&GroupMod{Command: GroupRemoveBucket, Group: Group{ID: 1}, Bucket: 3}, nil); err != nil {
		t.Fatal(err)
	}
	udpFlows(t, s, n, func(i int, p *actions.Program, _ *pmd.Upcall) {
		if was := before[i]; was != name(3) && p.String() != was {
			t.Fatalf("flow %d moved from %s to %s", i, was, p)
		}
	})
	// Those that stay count on.
	if again := s.GroupStats(1)[0]; again.Packets != n || len(again.Buckets) != 4 || again.Buckets[0] != st[0].Buckets[0] {
		t.Errorf("%+v", again)
	}
}

// TestSelectByFields: the hash looks at the fields that the group names, and at no other: where a
// field was written before, so that the packet cannot be asked, at the others themselves.
func TestSelectByFields(t *testing.T) {
	s := testState(t, "")
	g := Group{ID: 1, Type: GroupSelect, Selection: "hash", Fields: []GroupField{
		{flow.IPv4Src, flow.IPv4Src.Full()}, {flow.IPv4Dst, flow.Value{Lo: 0xffff0000}}}}
	for i := range 2 {
		b := bucketOf(t, uint32(i), fmt.Sprint(2+i))
		b.Weight = 1
		g.Buckets = append(g.Buckets, b)
	}
	addGroup(t, s, g)
	addFlow(t, s, "in_port=1 actions=group:1")
	addFlow(t, s, "in_port=2,ip actions=set_field:10.9.0.0->nw_dst,group:1")
	in := map[string]string{}
	for _, c := range []struct{ packet, megaflow string }{
		{"in_port=1,udp,nw_src=10.0.0.1,nw_dst=10.9.8.7,tp_src=7", "recirc_id=0,eth,ip,in_port=1,nw_frag=no,hash(fields(nw_src,nw_dst=0xffff0000))="},
		{"in_port=2,udp,nw_src=10.0.0.1,nw_dst=1.2.3.4,tp_src=7", "recirc_id=0,eth,ip,in_port=2,nw_src=10.0.0.1,nw_frag=no"},
	} {
		r := s.Snapshot().Trace(packetOf(t, s, c.packet))
		if got := r.Megaflow; got != c.megaflow && got != c.megaflow+"0" && got != c.megaflow+"1" {
			t.Errorf("%s: %s\nwant %s", c.packet, r.Megaflow, c.megaflow)
		}
		in[c.packet] = r.Actions[len(r.Actions)-1:]
	}
	// Both have the same fields when the group sees them, and so the same bucket.
	if len(in) != 2 || in["in_port=1,udp,nw_src=10.0.0.1,nw_dst=10.9.8.7,tp_src=7"] != in["in_port=2,udp,nw_src=10.0.0.1,nw_dst=1.2.3.4,tp_src=7"] {
		t.Errorf("%v", in)
	}
}

func TestFastFailover(t *testing.T) {
	s := testState(t, "in_port=1 actions=drop")
	watch := func(id uint32, text string, port, group uint32) Bucket {
		b := bucketOf(t, id, text)
		b.WatchPort, b.WatchGroup = port, group
		return b
	}
	addGroup(t, s, Group{ID: 2, Type: GroupFastFailover, Buckets: []Bucket{watch(0, "4", 4, AnyGroup)}})
	addGroup(t, s, Group{ID: 1, Type: GroupFastFailover, Buckets: []Bucket{
		watch(0, "2", 2, AnyGroup), watch(1, "3", 3, AnyGroup), watch(2, "group:2", AnyPort, 2)}})
	addFlow(t, s, "in_port=1 actions=group:1")
	for _, step := range []struct {
		port uint32
		up   bool
		want string
	}{{2, true, "2"}, {2, false, "3"}, {3, false, "4"}, {4, false, "drop"}, {3, true, "3"}, {2, true, "2"}} {
		if err := s.SetPortUp(step.port, step.up); err != nil {
			t.Fatal(err)
		}
		if got := programOf(t, s, "in_port=1,ip").String(); got != step.want {
			t.Errorf("port %d up=%v: %s, want %s", step.port, step.up, got, step.want)
		}
	}
}

// Removing a group removes its flows; of a set of groups that lead to each other the last
// goes first.
func TestRemovedGroupsTakeTheirFlows(t *testing.T) {
	s := testState(t, "in_port=3 actions=2")
	addGroup(t, s, Group{ID: 2, Type: GroupAll, Buckets: []Bucket{bucketOf(t, 0, "2")}})
	addGroup(t, s, Group{ID: 1, Type: GroupIndirect, Buckets: []Bucket{bucketOf(t, 0, "group:2")}})
	addFlow(t, s, "in_port=1 actions=clone(group:1)")
	addFlow(t, s, "in_port=2 actions=write_actions(group:2)")
	if st := s.GroupStats(GroupAllGroups); len(st) != 2 || st[0].Refs != 1 || st[1].Refs != 2 {
		t.Errorf("%+v", st)
	}
	var why []RemovedReason
	s.OnFlowChange(func(c *FlowChange) {
		if c.Kind == FlowDeleted {
			why = append(why, c.Reason)
		}
	})
	if err := s.GroupMod(&GroupMod{Command: GroupDelete, Group: Group{ID: 2}}, nil); !errors.Is(err, ofperr.GroupModChained) {
		t.Errorf("a group that another leads to: %v", err)
	}
	if err := s.GroupMod(&GroupMod{Command: GroupDelete, Group: Group{ID: 1}}, nil); err != nil || len(s.DumpFlows()) != 2 {
		t.Errorf("%v; %s", err, dump(s))
	}
	if err := s.GroupMod(&GroupMod{Command: GroupDelete, Group: Group{ID: GroupAllGroups}}, nil); err != nil || len(s.DumpFlows()) != 1 {
		t.Errorf("%v; %s", err, dump(s))
	}
	if len(why) != 2 || why[0] != RemovedGroupDelete || why[1] != RemovedGroupDelete {
		t.Errorf("%v", why)
	}
}

func TestGroupsThatAreRefused(t *testing.T) {
	s := testState(t, "")
	one := func(text string) []Bucket { return []Bucket{bucketOf(t, 0, text)} }
	addGroup(t, s, Group{ID: 1, Type: GroupAll, Buckets: one("2")})
	addGroup(t, s, Group{ID: 2, Type: GroupAll, Buckets: one("group:1")})
	weighty, watching := one("2"), one("2")
	weighty[0].Weight, watching[0].WatchPort = 1, 2
	nowhere, noGroup := one("2"), one("2")
	nowhere[0].WatchPort, noGroup[0].WatchGroup = 77, 77
	gen := s.Snapshot().Generation()
	for _, c := range []struct {
		mod  GroupMod
		want ofperr.Error
	}{
		{GroupMod{GroupAdd, Group{ID: 1}, 0}, ofperr.GroupModExists},
		{GroupMod{GroupModify, Group{ID: 7}, 0}, ofperr.GroupModUnknown},
		{GroupMod{GroupInsertBucket, Group{ID: 7}, BucketLast}, ofperr.GroupModUnknown},
		{GroupMod{9, Group{ID: 7}, 0}, ofperr.GroupModBadCommand},
		{GroupMod{GroupAdd, Group{ID: GroupMax + 1}, 0}, ofperr.GroupModInvalid},
		{GroupMod{GroupDelete, Group{ID: GroupMax + 1}, 0}, ofperr.GroupModInvalid},
		{GroupMod{GroupAdd, Group{ID: 7, Type: 9}, 0}, ofperr.GroupModBadType},
		{GroupMod{GroupAdd, Group{ID: 7, Type: GroupIndirect}, 0}, ofperr.GroupModInvalid},
		{GroupMod{GroupAdd, Group{ID: 7, Type: GroupAll, Buckets: weighty}, 0}, ofperr.GroupModInvalid},
		{GroupMod{GroupAdd, Group{ID: 7, Type: GroupAll, Buckets: watching}, 0}, ofperr.GroupModWatchUnsupported},
		{GroupMod{GroupAdd, Group{ID: 7, Type: GroupFastFailover, Buckets: one("2")}, 0}, ofperr.GroupModInvalid},
		{GroupMod{GroupAdd, Group{ID: 7, Type: GroupFastFailover, Buckets: nowhere}, 0}, ofperr.GroupModBadWatch},
		{GroupMod{GroupAdd, Group{ID: 7, Type: GroupFastFailover, Buckets: noGroup}, 0}, ofperr.GroupModBadWatch},
		{GroupMod{GroupAdd, Group{ID: 7, Type: GroupAll, Buckets: append(one("2"), one("3")...)}, 0}, ofperr.GroupModBucketExists},
		{GroupMod{GroupAdd, Group{ID: 7, Type: GroupAll, Buckets: one("group:77")}, 0}, ofperr.ActionBadOutGroup},
		{GroupMod{GroupAdd, Group{ID: 7, Type: GroupAll, Buckets: one("group:7")}, 0}, ofperr.GroupModLoop},
		{GroupMod{GroupModify, Group{ID: 1, Type: GroupAll, Buckets: one("group:2")}, 0}, ofperr.GroupModLoop},
		{GroupMod{GroupAdd, Group{ID: 7, Type: GroupAll, Buckets: one("exit")}, 0}, ofperr.ActionUnsupportedOrder},
		{GroupMod{GroupAdd, Group{ID: 7, Type: GroupSelect, Selection: "dice"}, 0}, ofperr.PropertyBadValue},
		{GroupMod{GroupInsertBucket, Group{ID: 1, Buckets: one("3")}, BucketLast}, ofperr.GroupModBucketExists},
		{GroupMod{GroupRemoveBucket, Group{ID: 1}, 5}, ofperr.GroupModBucketUnknown},
	} {
		var e ofperr.Error
		if err := s.GroupMod(&c.mod, nil); !errors.As(err, &e) || e != c.want {
			t.Errorf("%+v: %v, want %s", c.mod, err, c.want.Name())
		}
	}
	if s.Snapshot().Generation() != gen {
		t.Error("something that was refused was published")
	}
	f, err := ParseFlow("actions=group:77", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Add(f); !errors.Is(err, ofperr.ActionBadOutGroup) {
		t.Errorf("a flow to no group: %v", err)
	}
}

// Buckets are inserted before, after and behind others, and removed by number or place.
func TestBucketsComeAndGo(t *testing.T) {
	s := testState(t, "")
	addGroup(t, s, Group{ID: 1, Type: GroupAll, Buckets: []Bucket{bucketOf(t, 5, "2")}})
	for _, c := range []struct {
		mod  GroupMod
		want string
	}{
		{GroupMod{GroupInsertBucket, Group{ID: 1, Buckets: []Bucket{bucketOf(t, 1, "2")}}, BucketFirst}, "1 5"},
		{GroupMod{GroupInsertBucket, Group{ID: 1, Buckets: []Bucket{bucketOf(t, 9, "2")}}, BucketLast}, "1 5 9"},
		{GroupMod{GroupInsertBucket, Group{ID: 1, Buckets: []Bucket{bucketOf(t, 6, "2"), bucketOf(t, 7, "3")}}, 5}, "1 5 6 7 9"},
		{GroupMod{GroupRemoveBucket, Group{ID: 1}, 6}, "1 5 7 9"},
		{GroupMod{GroupRemoveBucket, Group{ID: 1}, BucketFirst}, "5 7 9"},
		{GroupMod{GroupRemoveBucket, Group{ID: 1}, BucketLast}, "5 7"},
		{GroupMod{GroupAddOrModify, Group{ID: 1, Buckets: []Bucket{bucketOf(t, 3, "2")}}, 0}, "3"},
		{GroupMod{GroupRemoveBucket, Group{ID: 1}, BucketAll}, ""},
	} {
		if err := s.GroupMod(&c.mod, nil); err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, b := range s.Groups(1)[0].Buckets {
			ids = append(ids, fmt.Sprint(b.ID))
		}
		if got := strings.Join(ids, " "); got != c.want {
			t.Errorf("%+v: buckets %s, want %s", c.mod, got, c.want)
		}
	}
}

// A bundle of groups and flows is done whole: a flow may use a group that comes before it,
// and if one fails nothing is left of the others.
func TestBundlesOfGroupsAndFlows(t *testing.T) {
	s := testState(t, "")
	group := Mod{Group: &GroupMod{Command: GroupAdd, Group: Group{ID: 1, Buckets: []Bucket{bucketOf(t, 0, "2")}}}}
	flow := func(text string) Mod {
		f, err := ParseFlow(text, nil)
		if err != nil {
			t.Fatal(err)
		}
		return Mod{Flow: &FlowMod{Command: FlowAdd, Flow: f, OutPort: AnyPort, OutGroup: AnyGroup}}
	}
	gen := s.Snapshot().Generation()
	if n, err := s.Mods([]Mod{group, flow("in_port=1 actions=group:1"), flow("in_port=2 actions=group:2")}, nil, nil); n != 2 || !errors.Is(err, ofperr.ActionBadOutGroup) {
		t.Errorf("%d, %v", n, err)
	}
	if len(s.DumpFlows()) != 0 || len(s.Groups(GroupAllGroups)) != 0 || s.Snapshot().Generation() != gen {
		t.Errorf("something is left: %s, %v", dump(s), s.Groups(GroupAllGroups))
	}
	if n, err := s.Mods([]Mod{group, flow("in_port=1 actions=group:1"), flow("in_port=2 actions=3")}, nil, nil); n != -1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if s.Snapshot().Generation() != gen+1 || programOf(t, s, "in_port=1,ip").String() != "2" || len(s.DumpFlows()) != 2 {
		t.Errorf("generation %d after %d; %s", s.Snapshot().Generation(), gen, dump(s))
	}
}
