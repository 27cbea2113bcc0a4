package pipeline

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pollux/flow"
	"pollux/ofp/ofperr"
	"pollux/pmd"
)

// TestRemovedFlowsAreToldInFull: a flow that goes, however that comes about, is told with all
// that was counted for it, also with what loops hand over only afterwards.
func TestRemovedFlowsAreToldInFull(t *testing.T) {
	for _, c := range []struct {
		name  string
		flow  string
		end   func(*modRig)
		want  string // "" is nothing
		after int64  // ns
	}{
		{"delete", "send_flow_rem,in_port=1 actions=2", func(m *modRig) { m.do(mod(m.t, FlowDelete, "")) }, "removed send_flow_rem in_port=1 actions=output:2, reason 2, 9 packets, 4 s", 4e9},
		{"idle", "send_flow_rem,idle_timeout=4,in_port=1 actions=2", func(m *modRig) { m.Expire(m.at) }, "removed idle_timeout=4, send_flow_rem in_port=1 actions=output:2, reason 0, 9 packets, 7 s", 7e9},
		{"hard", "send_flow_rem,hard_timeout=4,in_port=1 actions=2", func(m *modRig) { m.Expire(m.at) }, "removed hard_timeout=4, send_flow_rem in_port=1 actions=output:2, reason 1, 9 packets, 4 s", 4e9},
		{"not idle after all", "send_flow_rem,idle_timeout=4,in_port=1 actions=2", func(m *modRig) { m.Expire(m.at) }, "", 5e9},
		{"another in its place", "send_flow_rem,in_port=1 actions=2", func(m *modRig) { m.do(mod(m.t, FlowAdd, "in_port=1 actions=3")) }, "", 4e9},
		{"not wanted", "in_port=1 actions=2", func(m *modRig) { m.do(mod(m.t, FlowDelete, "")) }, "", 4e9},
		{"not counted", "send_flow_rem,no_packet_counts,in_port=1 actions=2", func(m *modRig) { m.do(mod(m.t, FlowDelete, "")) }, "removed send_flow_rem no_packet_counts in_port=1 actions=output:2, reason 2, 0 packets, 4 s", 4e9},
		{"meter", "send_flow_rem,in_port=1 actions=2", func(m *modRig) {
			err := m.MeterMod(&MeterMod{MeterDelete, Meter{ID: 5}})
			if err != nil {
				m.t.Fatal(err)
			}
		}, "removed send_flow_rem in_port=1 actions=" + metered5 + ", reason 4, 9 packets, 4 s", 4e9},
		{"reload", "send_flow_rem,in_port=1 actions=2", func(m *modRig) {
			if err := m.Replace(nil); err != nil {
				m.t.Fatal(err)
			}
		}, "removed send_flow_rem in_port=1 actions=output:2, reason 2, 9 packets, 4 s", 4e9},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newModRig(t, "")
			if err := m.MeterMod(&MeterMod{MeterAdd, drop1000(5)}); err != nil {
				t.Fatal(err)
			}
			add := mod(t, FlowAdd, c.flow)
			if c.name == "meter" {
				add.Flow.Do.Meter = 5
			}
			m.do(add)
			u := pmd.Upcall{Key: packetOf(t, m.State, "in_port=1"), Thread: 0}
			m.Snapshot().Translate(&u)
			u.Credit.Credit(4, 400, 1e9)
			settled := 0
			m.OnIdle(func() {
				if settled++; settled == 1 {
					u.Credit.Credit(5, 500, 2e9) // what a loop still had
				}
			})
			m.at = c.after
			m.log = nil
			c.end(m)
			m.log = slices.DeleteFunc(m.log, func(s string) bool { return strings.HasPrefix(s, "removed") })
			changes := len(m.log)
			m.TellRemoved()
			m.TellRemoved() // once is enough
			if got := strings.Join(m.log[changes:], "\n"); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// metered5 is how the actions of a flow with a meter are written.
var metered5 = (&Instructions{Meter: 5, Apply: []Action{{Kind: ActOutput, Port: 2}}}).Format(nil)

// TestTimeoutsCostTheirOwnRules: rules without timeouts are not looked at, those that are gone
// do not pile up, and what had traffic meanwhile stays.
func TestTimeoutsCostTheirOwnRules(t *testing.T) {
	m := newModRig(t, "")
	m.log = nil
	for i := range 3000 {
		f := manyFlows(i % 100)
		f.IdleTimeout = uint16(1 + i%7)
		if i%3 == 0 {
			f = manyFlows(1000 + i)
		}
		m.do(FlowMod{Command: FlowAdd, Flow: f})
		if i%11 == 0 {
			m.do(FlowMod{Command: FlowDeleteStrict, Flow: manyFlows(i % 100), OutPort: AnyPort, OutGroup: AnyGroup})
		}
	}
	timed := 0
	for _, f := range m.DumpFlows() {
		if f.Idle != 0 {
			timed++
		}
	}
	if n := len(m.due.h); timed == 0 || n > 2*timed+64 || n-m.due.dead != timed {
		t.Errorf("%d flows with timeouts: the heap has %d, of which %d are said to be dead", timed, n, m.due.dead)
	}
	for m.at = 0; m.at <= 7e9; m.at += 5e8 {
		want := 0
		for _, f := range m.DumpFlows() {
			if f.Idle != 0 && int64(f.Idle)*1e9 <= m.at {
				want++
			}
		}
		if n := m.Expire(m.at); n != want {
			t.Fatalf("at %d ms %d expired, want %d", m.at/1e6, n, want)
		}
	}
	if len(m.due.h) != 0 || m.due.dead != 0 {
		t.Errorf("the heap has %d left, %d dead", len(m.due.h), m.due.dead)
	}
	if len(m.dos.by) == 0 {
		t.Error("no instructions are shared")
	}
	m.do(mod(t, FlowDelete, "", inTable(AllTables)))
	if len(m.dos.by) != 0 {
		t.Errorf("%d instructions outlive their rules", len(m.dos.by))
	}
}

// TestSharedInstructionsAreCounted by abandoned and by committed changes alike.
func TestSharedInstructionsAreCounted(t *testing.T) {
	m := newModRig(t, "in_port=1 actions=1\nin_port=2 actions=1\nin_port=3 actions=2\nin_port=4 actions=drop")
	refs := func() (n int) {
		for _, e := range m.dos.by {
			for ; e != nil; e = e.next {
				n += e.refs
			}
		}
		return n
	}
	if refs() != 3 || len(m.dos.by) != 2 {
		t.Fatalf("%d rules share %d instructions", refs(), len(m.dos.by))
	}
	if _, err := m.FlowMods([]FlowMod{mod(t, FlowAdd, "in_port=5 actions=1"), mod(t, FlowModify, "actions=7"), mod(t, FlowAdd, "", inTable(AllTables))}, nil); err == nil {
		t.Fatal("accepted")
	}
	if refs() != 3 || len(m.dos.by) != 2 {
		t.Errorf("a change that failed leaves %d rules with %d instructions", refs(), len(m.dos.by))
	}
	m.do(mod(t, FlowModify, "actions=7"))
	if refs() != 4 || len(m.dos.by) != 1 {
		t.Errorf("%d rules share %d instructions; want 4, 1", refs(), len(m.dos.by))
	}
}

// TestEviction: the least important goes, then what would go soonest, and nothing that stays
// for good.
func TestEviction(t *testing.T) {
	m := newModRig(t, "")
	if err := m.TableMod(&TableMod{Table: 0, MaxFlows: 3}); err != nil {
		t.Fatal(err)
	}
	m.do(mod(t, FlowAdd, "in_port=1,idle_timeout=9,importance=2 actions=1"), mod(t, FlowAdd, "in_port=2,hard_timeout=8,importance=1 actions=1"), mod(t, FlowAdd, "in_port=3 actions=1"))
	full := func(text string) {
		t.Helper()
		if _, err := m.FlowMods([]FlowMod{mod(t, FlowAdd, text)}, nil); !errors.Is(err, ofperr.FlowModTableFull) {
			t.Errorf("%s: %v", text, err)
		}
	}
	full("in_port=4 actions=1")
	if err := m.TableMod(&TableMod{Table: AllTables, Eviction: On}); err != nil {
		t.Fatal(err)
	}
	// One that is refused evicts nothing.
	if _, err := m.FlowMods([]FlowMod{mod(t, FlowAdd, "in_port=4 actions=1"), mod(t, FlowAdd, "in_port=4", inTable(AllTables))}, nil); err == nil {
		t.Fatal("accepted")
	}
	m.log = nil
	m.do(mod(t, FlowAdd, "in_port=4,hard_timeout=7,importance=2 actions=1"))
	m.do(mod(t, FlowAdd, "in_port=5,send_flow_rem,hard_timeout=7,importance=3 actions=1"))
	m.do(mod(t, FlowAdd, "in_port=6 actions=1"))
	m.do(mod(t, FlowAdd, "in_port=7 actions=1"))
	full("in_port=8 actions=1")
	m.TellRemoved()
	want := `deleted5 hard_timeout=8, importance=1, in_port=2 actions=output:1 by me
added hard_timeout=7, importance=2, in_port=4 actions=output:1 by me
deleted5 hard_timeout=7, importance=2, in_port=4 actions=output:1 by me
added hard_timeout=7, send_flow_rem importance=3, in_port=5 actions=output:1 by me
deleted5 idle_timeout=9, importance=2, in_port=1 actions=output:1 by me
added in_port=6 actions=output:1 by me
deleted5 hard_timeout=7, send_flow_rem importance=3, in_port=5 actions=output:1 by me
added in_port=7 actions=output:1 by me
removed hard_timeout=7, send_flow_rem importance=3, in_port=5 actions=output:1, reason 5, 0 packets, 0 s`
	if got := strings.Join(m.log, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if err := m.TableMod(&TableMod{Table: 0, Eviction: Off}); err != nil {
		t.Fatal(err)
	}
	if c, err := m.TableConfigs(0); err != nil || len(c) != 1 || c[0].Eviction || c[0].MaxFlows != 3 || c[0].Flows != 3 {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestVacancy: the news come when a bound is passed, and then not until the other is.
func TestVacancy(t *testing.T) {
	m := newModRig(t, "")
	if err := m.TableMod(&TableMod{Table: 2, MaxFlows: 10, Vacancy: On, VacancyDown: 20, VacancyUp: 50}); err != nil {
		t.Fatal(err)
	}
	var news []string
	m.OnTableStatus(func(st TableStatus) {
		news = append(news, fmt.Sprintf("%d %d: %d%%", st.Reason, st.Config.Table, st.Config.Free()))
	})
	fill := func(n int) {
		have := len(m.DumpFlows())
		for ; have < n; have++ {
			f := manyFlows(have)
			f.Table = 2
			m.do(FlowMod{Command: FlowAdd, Flow: f})
		}
		for ; have > n; have-- {
			f := manyFlows(have - 1)
			f.Table = 2
			m.do(FlowMod{Command: FlowDeleteStrict, Flow: f, OutPort: AnyPort, OutGroup: AnyGroup})
		}
	}
	for _, n := range []int{8, 9, 10, 5, 9, 4, 10} {
		fill(n)
	}
	if got, want := strings.Join(news, ", "), "3 2: 10%, 4 2: 60%, 3 2: 10%"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestTableModErrors(t *testing.T) {
	long := strings.Repeat("x", 32)
	short := long[:31]
	s := testState(t, "")
	for _, c := range []struct {
		m    TableMod
		want error
	}{
		{TableMod{Table: 254}, ofperr.TableModBadTable},
		{TableMod{Miss: MissController}, ofperr.TableModBadConfig},
		{TableMod{Miss: MissContinue}, ofperr.TableModBadConfig},
		{TableMod{Vacancy: On, VacancyDown: 50, VacancyUp: 40}, ofperr.TableModBadConfig},
		{TableMod{Vacancy: On, VacancyUp: 101}, ofperr.TableModBadConfig},
		{TableMod{MaxFlows: -1}, ofperr.TableModBadConfig},
		{TableMod{Name: &long}, ofperr.TableModBadConfig},
		{TableMod{Table: 253, Name: &short}, nil},
		{TableMod{Table: AllTables, Miss: MissDrop}, nil},
	} {
		if err := s.TableMod(&c.m); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v, want %v", c.m, err, c.want)
		}
	}
	if _, err := s.TableConfigs(254); !errors.Is(err, ofperr.BadTable) {
		t.Error(err)
	}
	if c, err := s.TableConfigs(AllTables); err != nil || len(c) != NumTables || c[253].MaxFlows != DefaultMaxFlows || c[253].Name != short || c[0].Name != "" {
		t.Errorf("%d tables, %v", len(c), err)
	}
	for _, ask := range []func() error{
		func() error { _, err := s.FlowStats(&FlowFilter{Table: 254}); return err },
		func() error { _, err := s.Aggregate(&FlowFilter{Table: 254}); return err },
	} {
		if err := ask(); !errors.Is(err, ofperr.BadTable) {
			t.Error(err)
		}
	}
}

// TestAReloadLeavesControllersFlows, and makes good what they did to the configuration's.
func TestAReloadLeavesControllersFlows(t *testing.T) {
	const config = "in_port=1 actions=1\nin_port=2 actions=1\nin_port=3 actions=1\nin_port=4 actions=1"
	m := newModRig(t, config)
	hit(t, m.State, "in_port=1", 3)
	m.do(
		mod(t, FlowAdd, "in_port=9 actions=9"), mod(t, FlowModifyStrict, "in_port=2 actions=9"),
		mod(t, FlowAdd, "in_port=3 actions=9"), mod(t, FlowDelete, "in_port=4"), mod(t, FlowAdd, "in_port=5 actions=1"))
	flows, err := ParseFlows(config+"\nin_port=5 actions=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	hit(t, m.State, "in_port=5", 2)
	var put []int
	if err := m.Apply(Change{Flows: flows, Put: &put}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(put, []int{1, 2, 3}) { // modified, added over, deleted
		t.Errorf("put flows %v, want 1 to 3", put)
	}
	put = nil
	if err := m.Apply(Change{Flows: flows, Put: &put}); err != nil || put != nil {
		t.Errorf("the same once more: put %v, error %v", put, err)
	}
	got := strings.Split(m.flows(), "\n")
	slices.Sort(got)
	want := []string{"0: in_port=2 actions=output:1", "0: in_port=3 actions=output:1", "0: in_port=4 actions=output:1", "0: in_port=9 actions=output:9", "2: in_port=5 actions=output:1", "3: in_port=1 actions=output:1"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	// The flow that was added by both is the configuration's by now.
	if err := m.Apply(Change{Flows: []Flow{}}); err != nil {
		t.Fatal(err)
	}
	m.expect("0: in_port=9 actions=output:9")
	if err := m.Replace(nil); err != nil {
		t.Fatal(err)
	}
	m.expect("")
}

// TestExportersOfControllersFlowsMayGo: the configuration may take away an exporter that only
// a controller's flow names, and not one that a flow of its own does.
func TestExportersOfControllersFlowsMayGo(t *testing.T) {
	with := func(c *Config) { c.Sampling.Sets = map[uint32]SetSampling{7: {}, 8: {}} }
	sample := "sample(probability=1,collector_set_id=%d,obs_domain_id=0,obs_point_id=0)"
	m := newModRig(t, "in_port=1 actions="+fmt.Sprintf(sample, 7), with)
	m.do(mod(t, FlowAdd, "in_port=2 actions="+fmt.Sprintf(sample, 8)))
	if err := m.SetSampling(Sampling{Sets: map[uint32]SetSampling{7: {}}}); err != nil {
		t.Error(err)
	}
	if err := m.SetSampling(Sampling{Sets: map[uint32]SetSampling{8: {}}}); err == nil {
		t.Error("the exporter of a configured flow is gone")
	}
	// It samples for nobody now, and is no harm.
	if p := programOf(t, m.State, "in_port=2"); len(p.Samples) != 0 {
		t.Errorf("%v", p)
	}
}

// TestStatsOrderAndFilter: by table, the highest priority first, then the oldest.
func TestStatsOrderAndFilter(t *testing.T) {
	m := newModRig(t, "table=2 actions=1\npriority=1,in_port=1 actions=1\npriority=9,in_port=2 actions=1\npriority=9,in_port=3 actions=1\npriority=9,ip,in_port=2 actions=1")
	m.do(mod(t, FlowModify, "priority=9,in_port=2 actions=2"))
	order := func(f FlowFilter) string {
		f.OutPort, f.OutGroup = AnyPort, AnyGroup
		var out []string
		for _, e := range statsOf(t, m.State, &f) {
			out = append(out, e.Flow.Match.String())
		}
		return strings.Join(out, " ")
	}
	match := func(text string) flow.Match { return mod(t, FlowDelete, text).Flow.Match }
	for _, c := range []struct {
		f    FlowFilter
		want string
	}{
		{FlowFilter{Table: AllTables}, "in_port=2 in_port=3 ip,in_port=2 in_port=1 "},
		{FlowFilter{Table: 0, Match: match("in_port=2")}, "in_port=2 ip,in_port=2"},
		{FlowFilter{Table: 0, Match: match("in_port=2"), Strict: true, Priority: 9}, "in_port=2"},
		{FlowFilter{Table: 0, Match: match("in_port=2"), Strict: true, Priority: 8}, ""},
		{FlowFilter{Table: 1}, ""},
	} {
		if got := order(c.f); got != c.want {
			t.Errorf("%+v: got %q, want %q", c.f, got, c.want)
		}
	}
	if all := m.TableStats(); len(all) != NumTables || all[0].Active != 4 || all[2].Active != 1 || all[1].Active != 0 {
		t.Errorf("%+v", all[:3])
	}
}
