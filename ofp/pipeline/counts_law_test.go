package pipeline

import (
	"fmt"
	"maps"
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

// step does something to the switch, which it may refuse.
func (c *counter) step(t *rapid.T, does []string) {
	s := c.s
	mods := func() (list []FlowMod) {
		for range rapid.IntRange(1, 6).Draw(t, "mods") {
			list = append(list, genCountedMod(t, does))
		}
		return list
	}
	switch rapid.IntRange(0, 9).Draw(t, "step") {
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
		for i, l := range tab.limited {
			if learners[learnerKey{uint8(id), l.cookie}] == 0 {
				t.Fatalf("table %d: cookie %d is counted, and nobody asks for it", id, l.cookie)
			}
			if l.flows != have[id][l.cookie] || i > 0 && tab.limited[i-1].cookie >= l.cookie {
				t.Fatalf("table %d: counts are %v and there are %v", id, tab.limited, have[id])
			}
			n++
		}
	}
	if n != len(learners) {
		t.Fatalf("%d cookies are counted and %d asked for", n, len(learners))
	}
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
