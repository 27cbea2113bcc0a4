package pipeline

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"pollux/actions"
	"pollux/flow"
	"pollux/pmd"
)

func dump(s *State) string {
	var lines []string
	for _, f := range s.DumpFlows() {
		lines = append(lines, f.String())
	}
	return strings.Join(lines, "\n")
}

// hit translates a packet and credits it n times.
func hit(t *testing.T, s *State, text string, n uint64) {
	t.Helper()
	u := pmd.Upcall{Key: packetOf(t, s, text), Thread: 0}
	s.Snapshot().Translate(&u)
	u.Credit.Credit(n, n*100, s.now())
}

func TestReplaceKeepsWhatStays(t *testing.T) {
	now := int64(0)
	s := testState(t, "cookie=1,in_port=1 actions=2\nin_port=2,actions=resubmit(,1)\ntable=1 actions=3", func(c *Config) { c.Now = func() int64 { return now } })
	hit(t, s, "in_port=1", 7)
	hit(t, s, "in_port=2", 3)
	now = 5e9
	flows, err := ParseFlows("cookie=1,in_port=1 actions=2\nin_port=2,actions=resubmit(,1),4\ntable=1 actions=3\nin_port=3 actions=drop", nil)
	if err != nil {
		t.Fatal(err)
	}
	gen := s.Snapshot().Generation()
	if err := s.Replace(flows); err != nil {
		t.Fatal(err)
	}
	if g := s.Snapshot().Generation(); g != gen+1 {
		t.Errorf("generation %d after one change of %d", g, gen)
	}
	hit(t, s, "in_port=3", 2)
	want := ` cookie=0x1, duration=5.000s, table=0, n_packets=7, n_bytes=700, idle_age=5, in_port=1 actions=output:2
 cookie=0x0, duration=0.000s, table=0, n_packets=0, n_bytes=0, idle_age=0, in_port=2 actions=resubmit(,1),output:4
 cookie=0x0, duration=0.000s, table=0, n_packets=2, n_bytes=200, idle_age=0, in_port=3 actions=drop
 cookie=0x0, duration=5.000s, table=1, n_packets=3, n_bytes=300, idle_age=5, actions=output:3`
	if got := dump(s); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if err := s.Replace(nil); err != nil || dump(s) != "" {
		t.Errorf("%v; left:\n%s", err, dump(s))
	}
}

func TestTableCountersAddUp(t *testing.T) {
	s := testState(t, "in_port=1 actions=resubmit(,2),resubmit(,3)\ntable=2 actions=2\ntable=3,in_port=2 actions=3")
	hit(t, s, "in_port=1", 5)
	hit(t, s, "in_port=2", 3)
	want := []TableStats{{0, 1, 8, 5}, {2, 1, 5, 5}, {3, 1, 5, 0}}
	if got := s.Snapshot().DumpTables(); !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestCreditAndLearningDoNotAllocate is what loops do here besides translating.
func TestCreditAndLearningDoNotAllocate(t *testing.T) {
	b := newBridge(t)
	b.send(aToB)
	b.Tick()
	u := pmd.Upcall{Key: packetOf(t, b.State, aToB), Thread: 0, Now: 1}
	b.Snapshot().Translate(&u)
	if n := testing.AllocsPerRun(100, func() { u.Credit.Credit(1, 60, 5) }); n != 0 {
		t.Errorf("a credit allocates %v times", n)
	}
	ring := b.loops.notes[0]
	if n := testing.AllocsPerRun(100, func() { ring.Push(note{1, 1, 1}) }); n != 0 {
		t.Errorf("a note allocates %v times", n)
	}
	if n := testing.AllocsPerRun(100, func() { b.Snapshot().Translate(&u) }); n > 3 {
		t.Errorf("a translation allocates %v times, want 3 at most: program, credit, steps", n)
	}
}

func TestAddAndDelete(t *testing.T) {
	s := testState(t, "priority=0 actions=drop")
	f, _ := ParseFlow("ip,nw_dst=10.0.0.0/8 actions=2", nil)
	if err := s.Add(f); err != nil {
		t.Fatal(err)
	}
	if got := s.Snapshot().Trace(packetOf(t, s, "in_port=1,ip,nw_dst=10.1.1.1")).Actions; got != "2" {
		t.Errorf("an added flow is not used: %s", got)
	}
	if err := s.Delete(0, f.Priority, f.Match); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(0, f.Priority, f.Match); !errors.Is(err, ErrNoFlow) {
		t.Errorf("deleting it again: %v, want ErrNoFlow", err)
	}
	if got := s.Snapshot().Trace(packetOf(t, s, "in_port=1,ip,nw_dst=10.1.1.1")).Actions; got != "drop" {
		t.Errorf("a deleted flow is used: %s", got)
	}
}

func TestTimeouts(t *testing.T) {
	now := int64(0)
	s := testState(t, "idle_timeout=10,in_port=1 actions=2\nhard_timeout=15,in_port=2 actions=1\nin_port=3 actions=1", func(c *Config) { c.Now = func() int64 { return now } })
	for _, step := range []struct {
		at      int64
		expired int
	}{{8e9, 0}, {14e9, 0}, {15e9, 1}, {24e9 - 1, 0}, {24e9, 1}, {1000e9, 0}} {
		now = step.at
		if now <= 14e9 {
			hit(t, s, "in_port=1", 1)
		}
		if n := s.Expire(now); n != step.expired {
			t.Errorf("at %d s: %d expired, want %d\n%s", now/1e9, n, step.expired, dump(s))
		}
	}
	if st := s.Expired(); st != (ExpiryStats{Idle: 1, Hard: 1}) {
		t.Errorf("got %+v", st)
	}
	if n := len(s.DumpFlows()); n != 1 {
		t.Errorf("%d flows left, want 1", n)
	}
}

// TestCreditsHeldBackCount has loops hold credits: what had traffic is not idle.
func TestCreditsHeldBackCount(t *testing.T) {
	b := newBridge(t)
	f, _ := ParseFlow("priority=40000,idle_timeout=10,in_port=3 actions=2", nil)
	if err := b.Add(f); err != nil {
		t.Fatal(err)
	}
	b.send(aToB)
	b.Tick()
	var held []func()
	b.OnIdle(func() {
		for _, give := range held {
			give()
		}
	})
	for _, text := range []string{"in_port=3", aToB} {
		u := pmd.Upcall{Key: packetOf(t, b.State, text), Thread: 0, Now: b.now}
		b.Snapshot().Translate(&u)
		used := int64(290e9)
		held = append(held, func() { u.Credit.Credit(1, 60, used) })
	}
	b.now = 295e9
	b.Tick()
	if n := len(b.DumpFlows()); n != 2 {
		t.Errorf("a flow with traffic 5 s ago expired; left:\n%s", dump(b.State))
	}
	b.now = 301e9
	b.Tick()
	if n := len(b.DumpFlows()); n != 1 {
		t.Errorf("%d flows after 11 s without traffic, want 1", n)
	}
	if n := b.FDBStats().Current; n != 1 {
		t.Errorf("%d addresses 11 s after the last packet of one, want 1", n)
	}
}

// TestNothingIsHalfApplied gives changes of which one part is wrong.
func TestNothingIsHalfApplied(t *testing.T) {
	s := testState(t, "actions=2")
	before, gen := dump(s), s.Snapshot().Generation()
	sample, _ := ParseFlows("actions=sample(probability=65535,collector_set_id=7,obs_domain_id=0,obs_point_id=0),3", nil)
	other, _ := ParseFlows("actions=3", nil)
	for what, c := range map[string]Change{
		"unknown collector set": {Flows: sample},
		"two ports of a number": {Flows: other, Ports: []Port{{OFPort: 1}, {OFPort: 1, Name: "x"}}},
		"port 0":                {Flows: other, Ports: []Port{{OFPort: 0}}},
		"two ports of a name":   {Flows: other, Ports: []Port{{OFPort: 1, Name: "x"}, {OFPort: 2, Name: "x"}}},
		"backward goto":         {Flows: []Flow{{Table: 3, Do: Instructions{Goto: 2}}}},
	} {
		if err := s.Apply(c); err == nil {
			t.Errorf("%s: accepted", what)
		}
		got := dump(s)
		if s.Snapshot().Generation() != gen || strings.Fields(got)[len(strings.Fields(got))-1] != strings.Fields(before)[len(strings.Fields(before))-1] || len(s.Snapshot().Ports()) != 4 {
			t.Errorf("%s: refused, and yet something changed:\n%s", what, got)
		}
	}
}

// TestErrorsSayWhichFlow: what only the whole can tell of flows is said of each of
// them, with the line it was written in, or with its text if there is none.
func TestErrorsSayWhichFlow(t *testing.T) {
	s := testState(t, "actions=2")
	const sample = "sample(probability=1,collector_set_id=%d,obs_domain_id=0,obs_point_id=0)"
	flows, err := ParseFlows(fmt.Sprintf("in_port=1 actions=2\n\n  in_port=2 actions="+sample+"\nin_port=3 actions="+sample+",3", 7, 8), nil)
	if err != nil {
		t.Fatal(err)
	}
	err = s.Apply(Change{Flows: flows})
	var all ParseErrors
	if !errors.As(err, &all) || err.Error() != "line 3, column 3: collector set 7 has no exporter\nline 4, column 1: collector set 8 has no exporter" {
		t.Errorf("got %v", err)
	}
	err = s.Apply(Change{Flows: []Flow{{Line: 5, Column: 2, Table: 3, Do: Instructions{Goto: 2}}}})
	var one *ParseError
	if !errors.As(err, &one) || one.Line != 5 || one.Column != 2 {
		t.Errorf("got %v", err)
	}
	flows[1].Line = 0
	err = s.Apply(Change{Flows: flows})
	if err == nil || !strings.HasPrefix(err.Error(), `flow "in_port=2 actions=sample(`) {
		t.Errorf("got %v", err)
	}
}

func TestDropReasons(t *testing.T) {
	s := testState(t, `
in_port=1 actions=drop
in_port=2 actions=9
in_port=3 actions=3
in_port=4,dl_vlan=1 actions=output:2
in_port=4,dl_vlan=2 actions=resubmit(,1)
in_port=4,dl_vlan=3 actions=resubmit(,3)
in_port=4,dl_vlan=4 actions=write_metadata:5
in_port=4,dl_vlan=5 actions=load:1->reg0[],1,resubmit(,4)
in_port=4,dl_vlan=6,ip actions=dec_ttl,2
in_port=4,dl_vlan=7 actions=write_actions(set_field:1->reg0)
table=3 actions=resubmit(,3)
table=4 actions=resubmit(,5),resubmit(,5)
table=5 actions=resubmit(,6),resubmit(,6)
table=6 actions=resubmit(,7),resubmit(,7)
table=7 actions=resubmit(,8),resubmit(,8)
table=8 actions=resubmit(,9),resubmit(,9)
table=9 actions=resubmit(,10),resubmit(,10)
table=10 actions=resubmit(,11),resubmit(,11)
table=11 actions=resubmit(,12),resubmit(,12)
table=12 actions=resubmit(,13),resubmit(,13)
table=13 actions=resubmit(,14),resubmit(,14)
table=14 actions=resubmit(,15),resubmit(,15)
table=15 actions=resubmit(,16),resubmit(,16)
table=16 actions=2
`, func(c *Config) {
		c.Ports[1].Up = false
		c.Ports = append(c.Ports, Port{OFPort: 5, Up: true, NoRecv: true})
	})
	for _, c := range []struct {
		in   string
		want actions.Reason
	}{
		{"in_port=1", actions.DropAction},
		{"in_port=2", actions.DropNoPort},
		{"in_port=3", actions.DropToInPort},
		{"in_port=4", actions.DropTableMiss},
		{"in_port=4,dl_vlan=1", actions.DropPortDown},
		{"in_port=4,dl_vlan=2", actions.DropTableMiss},
		{"in_port=4,dl_vlan=3", actions.DropResubmitDepth},
		{"in_port=4,dl_vlan=4", actions.DropNoOutput},
		{"in_port=4,dl_vlan=5", actions.DropResubmitCount},
		{"in_port=4,dl_vlan=6,ip,nw_ttl=1", actions.DropTTL},
		{"in_port=4,dl_vlan=7", actions.DropNoOutput},
		{"in_port=5", actions.DropNoRecv},
		{"in_port=77", actions.DropTableMiss},
	} {
		u := pmd.Upcall{Key: packetOf(t, s, c.in), Thread: -1}
		s.Snapshot().Translate(&u)
		if u.Program.Last != -1 || u.Program.Drop != c.want || len(u.Program.Ops) != 0 {
			t.Errorf("%s: %v, drop %v; want drop %v", c.in, u.Program, u.Program.Drop, c.want)
		}
	}
}

// TestSampling is where the translation puts the accounting of packets.
func TestSampling(t *testing.T) {
	sampling := Sampling{
		Bridge: &BridgeSampling{Exporter: 0, Domain: 1, Point: 2, Input: true, Output: true},
		Sets:   map[uint32]SetSampling{7: {Exporter: 1}},
	}
	s := testState(t, `
in_port=1 actions=2,mod_dl_src:00:00:00:00:00:01,3
in_port=2 actions=drop
in_port=3 actions=resubmit(,1)
in_port=4 actions=mod_dl_dst:00:00:00:00:00:02,sample(probability=65535,collector_set_id=7,obs_domain_id=8,obs_point_id=9,sampling_port=5,egress),1
table=1 actions=resubmit(,1)
`, func(c *Config) { c.Sampling = sampling })
	for _, c := range []struct{ in, want, rewritten string }{
		{"in_port=1", "ipfix(exporter=0,obs_domain_id=1,obs_point_id=2),ipfix(exporter=0,obs_domain_id=1,obs_point_id=2,output_port=2),2,set(eth(src=00:00:00:00:00:01)),ipfix(exporter=0,obs_domain_id=1,obs_point_id=2,output_port=3),3", "--+"},
		{"in_port=2", "ipfix(exporter=0,obs_domain_id=1,obs_point_id=2),drop", "-"},
		{"in_port=3", "ipfix(exporter=0,obs_domain_id=1,obs_point_id=2),drop", "-"}, // a failed translation
		{"in_port=4", "ipfix(exporter=0,obs_domain_id=1,obs_point_id=2),set(eth(dst=00:00:00:00:00:02)),ipfix(exporter=1,obs_domain_id=8,obs_point_id=9,output_port=5),ipfix(exporter=0,obs_domain_id=1,obs_point_id=2,output_port=1),1", "-++"},
	} {
		u := pmd.Upcall{Key: packetOf(t, s, c.in), Thread: -1}
		s.Snapshot().Translate(&u)
		rewritten := ""
		for _, x := range u.Program.Samples {
			if x.Rewritten {
				rewritten += "+"
			} else {
				rewritten += "-"
			}
		}
		if got := u.Program.String(); got != c.want || rewritten != c.rewritten {
			t.Errorf("%s\n got %s %s\nwant %s %s", c.in, got, rewritten, c.want, c.rewritten)
		}
	}
}

// TestSnapshotsAreImmutable changes everything while threads translate; the race
// detector watches.
func TestSnapshotsAreImmutable(t *testing.T) {
	s := testState(t, "in_port=1 actions=NORMAL\nin_port=2,actions=2", func(c *Config) { c.Threads = 2 })
	first := s.Snapshot()
	want := first.Trace(packetOf(t, s, aToB)).String()
	var wg sync.WaitGroup
	var published []uint64
	s.OnPublish(func(n *Snapshot) { published = append(published, n.Generation()+n.FDBGeneration()) })
	stop := make(chan struct{})
	for thread := range 2 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			var k flow.Key
			k.Set(flow.WPort, 1)
			u := pmd.Upcall{Key: &k, Thread: thread, Commit: true}
			for i := uint64(0); ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				flow.EthSrc.Set(&k, flow.Value{Lo: i % 1000})
				s.Snapshot().Translate(&u)
				u.Credit.Credit(1, 60, int64(i))
			}
		}()
	}
	f, _ := ParseFlow("in_port=3 actions=4", nil)
	for i := range 200 {
		s.Tick()
		if err := s.Add(f); err != nil {
			t.Fatal(err)
		}
		if err := s.SetPortUp(4, i%2 == 0); err != nil {
			t.Fatal(err)
		}
		s.DumpFlows()
		s.DumpFDB()
	}
	close(stop)
	wg.Wait()
	if got := first.Trace(packetOf(t, s, aToB)).String(); got != want {
		t.Errorf("an old snapshot answers differently:\n%s\nbefore:\n%s", got, want)
	}
	for i := 1; i < len(published); i++ {
		if published[i] <= published[i-1] {
			t.Fatalf("snapshot %d was published with generations adding to %d after %d", i, published[i], published[i-1])
		}
	}
}

// BenchmarkTranslate is a miss: the walk through the tables, the program and the
// credit, of a rule set of the given size.
func BenchmarkTranslate(b *testing.B) {
	for _, c := range []struct{ name, flows, packet string }{
		{"output", "actions=2", "in_port=1,tcp,nw_dst=10.0.0.1"},
		{"prefix", "ip,nw_dst=10.0.0.0/8 actions=2\npriority=40000,ip,nw_dst=10.1.0.0/16 actions=3\npriority=0 actions=drop", "in_port=1,tcp,nw_dst=10.0.0.1"},
		{"normal", "actions=NORMAL", aToB},
		{"route", "ip actions=dec_ttl,mod_dl_src:00:00:00:00:00:01,mod_dl_dst:00:00:00:00:00:02,resubmit(,1)\ntable=1,ip,nw_dst=10.0.0.0/8 actions=mod_vlan_vid:5,goto_table:2\ntable=2 actions=3", "in_port=1,tcp,nw_dst=10.0.0.1,nw_ttl=64"},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := testState(b, c.flows)
			u := pmd.Upcall{Key: packetOf(b, s, c.packet), Thread: 0}
			snap := s.Snapshot()
			b.ReportAllocs()
			for b.Loop() {
				snap.Translate(&u)
			}
		})
	}
}
