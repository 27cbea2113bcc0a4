package pipeline

import (
	"fmt"
	"maps"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"
)

// countedDoes is what flows do that somebody counts.
var countedDoes = []string{
	"learn(table=1,cookie=0x1,limit=2,priority=9,NXM_OF_ETH_SRC[])",
	"learn(table=1,cookie=0x2,limit=3,NXM_OF_IN_PORT[]),learn(table=1,cookie=0x1,limit=3,NXM_OF_IN_PORT[])",
	"learn(table=2,cookie=0x3,limit=1,delete_learned,NXM_OF_ETH_SRC[])",
	"clone(learn(table=2,cookie=0x0,limit=9,NXM_OF_ETH_SRC[]))",
	"learn(table=2,cookie=0x2,NXM_OF_ETH_SRC[])",
	"drop", "2",
}

// counter is a switch whose counts are compared with what there is.
type counter struct {
	s   *State
	now int64
}

// genCountedMod is genMod of flows that do what is counted.
func genCountedMod(t *rapid.T, does []string) FlowMod {
	m := genMod(t)
	f, err := ParseFlow("actions="+rapid.SampledFrom(does).Draw(t, "does"), nil)
	if err != nil {
		t.Fatal(err)
	}
	f.Do.Goto, m.Flow.Do = m.Flow.Do.Goto, f.Do
	return m
}

// givenUp counts bundles that were given up, in all runs.
var givenUp atomic.Int64

// genCountedRequest is a request that changes flows, groups or meters.
func genCountedRequest(t *rapid.T, does []string) Mod {
	switch rapid.IntRange(0, 5).Draw(t, "kind") {
	case 5:
		f, err := ParseFlow("actions="+rapid.SampledFrom(countedDoes).Draw(t, "out"), nil)
		if err != nil {
			t.Fatal(err)
		}
		return Mod{Out: &Out{List: f.Do.Apply}}
	case 0, 1:
		m := genCountedMod(t, does)
		return Mod{Flow: &m}
	case 2:
		m := Meter{ID: rapid.Uint32Range(1, 3).Draw(t, "meter"), Flags: MeterPktps, Bands: []Band{{Type: BandDrop, Rate: 9}}}
		if rapid.IntRange(0, 9).Draw(t, "all") == 0 {
			return Mod{Meter: &MeterMod{MeterDelete, Meter{ID: MeterAll}}}
		}
		return Mod{Meter: &MeterMod{rapid.SampledFrom([]MeterCommand{MeterAdd, MeterAdd, MeterModify, MeterDelete}).Draw(t, "command"), m}}
	}
	g := Group{ID: rapid.Uint32Range(1, 4).Draw(t, "group"), Type: GroupSelect}
	m := &GroupMod{Command: rapid.SampledFrom([]GroupCommand{GroupAdd, GroupAddOrModify, GroupAddOrModify, GroupModify, GroupDelete, GroupRemoveBucket, GroupInsertBucket}).Draw(t, "command"), Bucket: BucketFirst}
	if rapid.IntRange(0, 9).Draw(t, "all") == 0 {
		return Mod{Group: &GroupMod{Command: GroupDelete, Group: Group{ID: GroupAllGroups}}}
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "buckets") {
		b := Bucket{ID: rapid.Uint32Range(0, 9).Draw(t, "id")*3 + uint32(i), Weight: 1, WatchPort: AnyPort, WatchGroup: AnyGroup}
		b.Actions = []Action{{Kind: ActOutput, Port: 2}}
		if g.ID > 1 && rapid.Bool().Draw(t, "leads") {
			b.Actions = []Action{{Kind: ActGroup, Group: rapid.Uint32Range(1, g.ID-1).Draw(t, "to")}}
		}
		if g.ID > 1 && rapid.IntRange(0, 2).Draw(t, "watches") == 0 {
			b.WatchGroup = rapid.Uint32Range(1, g.ID-1).Draw(t, "watched")
		}
		g.Buckets = append(g.Buckets, b)
	}
	m.Group = g
	return Mod{Group: m}
}

// step does something to the switch, which it may refuse.
func (c *counter) step(t *rapid.T, does []string) {
	s := c.s
	mods := func() (list []FlowMod) {
		for range rapid.IntRange(1, 6).Draw(t, "mods") {
			list = append(list, genCountedMod(t, does))
		}
		return list
	}
	switch rapid.IntRange(0, 12).Draw(t, "step") {
	case 10, 11, 12: // a bundle, which is refused mostly for its last request
		var list []Mod
		for range rapid.IntRange(1, 5).Draw(t, "requests") {
			list = append(list, genCountedRequest(t, does))
		}
		if _, err := s.Mods(list, nil, nil); err != nil {
			givenUp.Add(1)
		}
		for _, m := range list {
			if m.Out != nil && m.Out.By != nil {
				checkLimited(t, m.Out.By)
				checkAsked(t, m.Out)
			}
		}
	case 0, 1:
		_, _ = s.FlowMods(mods(), nil)
	case 2, 3:
		_ = s.FlowModEach(mods(), nil)
	case 4:
		c.now += int64(rapid.IntRange(1, 6).Draw(t, "seconds")) * 1e9
		s.Tick()
	case 5, 6:
		for range rapid.IntRange(1, 5).Draw(t, "packets") {
			in := fmt.Sprintf("in_port=%d,dl_src=02:00:00:00:00:%02x", rapid.IntRange(1, 2).Draw(t, "in"), rapid.IntRange(1, 9).Draw(t, "src"))
			sendIn(t, s, in, c.now)
		}
		s.Snapshot().Settle()
	case 7:
		evict := rapid.SampledFrom([]Switch{On, Off}).Draw(t, "evict")
		if err := s.TableMod(&TableMod{Table: AllTables, Eviction: evict, MaxFlows: rapid.IntRange(3, 9).Draw(t, "max")}); err != nil {
			t.Fatal(err)
		}
	case 8:
		var flows []Flow
		for _, m := range mods() {
			flows = append(flows, m.Flow)
		}
		if rapid.Bool().Draw(t, "all") {
			_ = s.Replace(flows)
		} else {
			_ = s.Apply(Change{Flows: flows})
		}
	case 9:
		_ = s.SetPipeline(&PipelineMod{
			Command: rapid.SampledFrom([]PipelineCommand{PipelineEnable, PipelineDisable}).Draw(t, "command"),
			Tables:  []PipelineTable{{Table: 1}},
		})
	}
}

// checkLimited compares a snapshot's counts, of cookies that it has some of, with its flows.
func checkLimited(t *rapid.T, snap *Snapshot) {
	for id, tab := range snap.tables {
		for i, l := range tab.limited {
			n := 0
			for c := range tab.rules.Rules() {
				if c.Data.(*Rule).Flow.Cookie == l.cookie {
					n++
				}
			}
			if l.flows != n || i > 0 && tab.limited[i-1].cookie >= l.cookie {
				t.Fatalf("table %d: counts are %v, and there are %d flows of cookie %d", id, tab.limited, n, l.cookie)
			}
		}
	}
}

// checkAsked checks that the tables that a packet-out meets count what its limits and those of
// flows that it may meet ask for.
func checkAsked(t *rapid.T, o *Out) {
	counted := func(k learnerKey) {
		if _, ok := o.By.tables[k.table].learnedBy(k.cookie); !ok {
			t.Fatalf("a packet-out learns by %v, and that is not counted", k)
		}
	}
	for _, k := range o.limits(nil) {
		counted(k)
	}
	for _, tab := range o.By.tables {
		for r := range tab.rules.Rules() {
			r.Data.(*Rule).Flow.Do.limits(counted)
		}
	}
}

// checkCookies compares the counts that limits ask for with the flows.
func (c *counter) checkCookies(t *rapid.T) {
	snap, learners := c.s.Snapshot(), map[learnerKey]int{}
	var have [NumTables]map[uint64]int
	for id, tab := range snap.tables {
		have[id] = map[uint64]int{}
		for r := range tab.rules.Rules() {
			r := r.Data.(*Rule)
			have[id][r.Flow.Cookie]++
			r.Flow.Do.eachLearn(func(l *Learn) {
				if l.Limit != 0 {
					learners[learnerKey{l.Table, l.Cookie}]++
				}
			})
		}
	}
	if !maps.Equal(learners, c.s.cookies.learners) {
		t.Fatalf("learners are counted as %v and are %v", c.s.cookies.learners, learners)
	}
	n := 0
	for id, tab := range snap.tables {
		if m := c.s.cookies.tables[id]; m != nil && !maps.Equal(m, have[id]) {
			t.Fatalf("table %d: cookies are counted as %v and are %v", id, m, have[id])
		} else if m != nil != (len(tab.limited) > 0) {
			t.Fatalf("table %d: all cookies are counted: %v, and asked for are %v", id, m != nil, tab.limited)
		}
		for _, l := range tab.limited {
			key := learnerKey{uint8(id), l.cookie}
			n++
			if _, asked := c.s.cookies.asked[key]; asked && learners[key] == 0 {
				n--
			} else if learners[key] == 0 {
				t.Fatalf("table %d: cookie %d is counted, and nobody asks for it", id, l.cookie)
			}
		}
	}
	checkLimited(t, snap)
	if n != len(learners) {
		t.Fatalf("%d cookies are counted and %d asked for", n, len(learners))
	}
}

// checkUsers compares who is known to use groups and meters with who does.
func (c *counter) checkUsers(t *rapid.T) {
	snap := c.s.Snapshot()
	groups, meters := map[uint32]*users{}, map[uint32]*users{}
	of := func(m map[uint32]*users, id uint32) *users {
		if m[id] == nil {
			m[id] = &users{flows: map[*Rule]struct{}{}}
		}
		return m[id]
	}
	for _, tab := range snap.tables {
		for r := range tab.rules.Rules() {
			r := r.Data.(*Rule)
			book := func(u *users) { u.times++; u.flows[r] = struct{}{} }
			r.Flow.Do.some(func(a *Action) bool {
				if a.Kind == ActGroup {
					book(of(groups, a.Group))
				}
				return false
			})
			r.Flow.Do.eachMeter(func(id uint32) { book(of(meters, id)) })
		}
	}
	for _, e := range snap.groups.all() {
		for i := range e.Buckets {
			eachGroup(e.Buckets[i].Actions, func(id uint32) { of(groups, id).buckets++ })
			if w := e.Buckets[i].WatchGroup; w != AnyGroup {
				of(groups, w).watches++
			}
		}
	}
	same := func(a, b *users) bool {
		return maps.Equal(a.flows, b.flows) && a.times == b.times && a.buckets == b.buckets && a.watches == b.watches
	}
	if !maps.EqualFunc(groups, c.s.users.groups, same) || !maps.EqualFunc(meters, c.s.users.meters, same) {
		t.Fatalf("users of groups are known as %+v and are %+v; of meters %+v and %+v", c.s.users.groups, groups, c.s.users.meters, meters)
	}
	for _, st := range c.s.GroupStats(GroupAllGroups) {
		if u := of(groups, st.Group.ID); st.Refs != u.times+u.buckets {
			t.Fatalf("group %d is used %d times, and %+v use it", st.Group.ID, st.Refs, u)
		}
	}
	stats, err := c.s.MeterStats(MeterAll)
	if err != nil {
		t.Fatal(err)
	}
	for _, st := range stats {
		if u := of(meters, st.Meter.ID); st.Flows != u.times {
			t.Fatalf("meter %d is used %d times, and %+v use it", st.Meter.ID, st.Flows, u)
		}
	}
}

// provide has most groups and meters there, so that flows can use them.
func (c *counter) provide(t *rapid.T) {
	for id := uint32(1); id <= 4; id++ {
		if rapid.IntRange(0, 9).Draw(t, "there") > 0 {
			_ = c.s.GroupMod(&GroupMod{Command: GroupAdd, Group: Group{ID: id, Type: GroupSelect}}, nil)
			_ = c.s.MeterMod(&MeterMod{MeterAdd, Meter{ID: id, Flags: MeterPktps}})
		}
	}
}

// TestUsersAreKnown: who uses a group or a meter is what a look at all flows and groups gives,
// however these come and go, and of bundles that are refused as well.
func TestUsersAreKnown(t *testing.T) {
	does := append([]string{
		"group:1", "group:2,group:1", "write_actions(group:1)", "group:3,group:3", "clone(group:4)", "meter:1,2", "meter:2,group:1", "meter:3,write_actions(group:2)",
		"clone(meter:1,2),meter:1,2",
	}, countedDoes...)
	used := 0
	rapid.Check(t, func(t *rapid.T) {
		c := newCounter(t)
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			c.provide(t)
			c.step(t, does)
			c.checkUsers(t)
			used += len(c.s.users.groups) + len(c.s.users.meters)
		}
		c.checkCookies(t)
	})
	if used == 0 || givenUp.Load() == 0 {
		t.Errorf("%d were used, and %d bundles refused; want some", used, givenUp.Load())
	}
	t.Logf("%d used, %d bundles refused", used, givenUp.Load())
}

func newCounter(t *rapid.T) *counter {
	c := &counter{}
	s, err := New(Config{Threads: 1, Now: func() int64 { return c.now }, Ports: []Port{{OFPort: 1, Up: true}, {OFPort: 2, Slot: 1, Up: true}}})
	if err != nil {
		t.Fatal(err)
	}
	c.s = s
	return c
}

// TestCookiesAreCounted: what limits of learn actions ask for is what a look at all flows gives,
// however flows come and go.
func TestCookiesAreCounted(t *testing.T) {
	asked := 0
	rapid.Check(t, func(t *rapid.T) {
		c := newCounter(t)
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			c.step(t, countedDoes)
			c.checkCookies(t)
			asked += len(c.s.cookies.learners)
		}
	})
	if asked == 0 {
		t.Error("nobody asked")
	}
}
