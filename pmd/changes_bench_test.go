package pmd_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"pollux/ofp/pipeline"
)

// changing is a rig whose tables change: each flow of the memory source has a rule and a
// megaflow of its own.
type changing struct {
	*rig
	state *pipeline.State
	mods  []pipeline.Flow // added and deleted in turn
	n     int
}

// newChanging compares one hit in verify with a translation; 0 is none.
func newChanging(tb testing.TB, flows int, verify uint32) *changing {
	return newChangingOf(tb, flows, verify, "mod_dl_dst:02:00:00:00:00:09,output:2")
}

// groups is how many groups and meters there are, numbered from 1.
const groups = 100

// newChangingOf is newChanging with what all packets meet at last.
func newChangingOf(tb testing.TB, flows int, verify uint32, last string) *changing {
	tb.Helper()
	var text strings.Builder
	text.WriteString("in_port=1 actions=write_metadata:1,goto_table:1\ntable=2 actions=" + last + "\n")
	for i := range flows {
		fmt.Fprintf(&text, "table=1,udp,nw_src=10.0.0.%d,tp_src=%d actions=load:%d->reg0[],goto_table:2\n", i>>12, 1024+i&4095, i)
	}
	all, err := pipeline.ParseFlows(text.String(), nil)
	if err != nil {
		tb.Fatal(err)
	}
	c := &changing{}
	c.state, err = pipeline.New(pipeline.Config{Name: "br0", Threads: 1,
		Ports: []pipeline.Port{{OFPort: 1, Slot: 0, Name: "p1", Up: true}, {OFPort: 2, Slot: 1, Name: "p2", Up: true}, {OFPort: 3, Slot: 2, Name: "p3", Up: true}}})
	if err != nil {
		tb.Fatal(err)
	}
	for id := uint32(1); id <= groups; id++ {
		c.groupMod(tb, pipeline.GroupAdd, id)
		if err := c.state.MeterMod(wideMeter(pipeline.MeterAdd, id, 0)); err != nil {
			tb.Fatal(err)
		}
	}
	if err := c.state.Replace(all); err != nil {
		tb.Fatal(err)
	}
	for i := range 64 {
		f, err := pipeline.ParseFlow(fmt.Sprintf("table=1,udp,nw_src=10.9.9.%d,tp_src=9 actions=drop", i), nil)
		if err != nil {
			tb.Fatal(err)
		}
		c.mods = append(c.mods, f)
	}
	c.rig = newRigOf(tb, c.state.Snapshot(), rigSpec{flows: flows, masks: 1, verify: verify})
	c.state.OnPublish(func(s *pipeline.Snapshot) { c.pub.Store(s) })
	for n := 0; n < 2*flows+64; n += 64 {
		c.loop.Iterate()
	}
	return c
}

// mod changes one rule, which matches no packet.
func (c *changing) mod(tb testing.TB) {
	f := c.mods[c.n/2%len(c.mods)]
	err := error(nil)
	if c.n%2 == 0 {
		err = c.state.Add(f)
	} else {
		err = c.state.Delete(f.Table, f.Priority, f.Match)
	}
	if c.n++; err != nil {
		tb.Fatal(err)
	}
}

// measure calls change every so many packets (0: every 10,000, and nothing changes), and reports the
// loop's own time a packet, without what the changes cost.
func (c *changing) measure(b *testing.B, every int, change func(n int)) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var spent int64
	start, _ := c.sink.Taken()
	turn := every
	if turn == 0 {
		turn = 10_000
	}
	for n := 0; b.Loop(); n++ {
		if every != 0 {
			change(n)
		}
		at := threadTime()
		for n := 0; n < turn; n += 64 {
			c.loop.Iterate()
		}
		spent += threadTime() - at
	}
	end, _ := c.sink.Taken()
	b.ReportMetric(float64(spent)/float64(end-start), "ns/pkt")
	b.ReportMetric(0, "ns/op")
}

// groupMod adds or changes a group of one bucket, which outputs.
func (c *changing) groupMod(tb testing.TB, command pipeline.GroupCommand, id uint32) {
	g := pipeline.Group{ID: id, Buckets: []pipeline.Bucket{{WatchPort: pipeline.AnyPort, WatchGroup: pipeline.AnyGroup,
		Actions: []pipeline.Action{{Kind: pipeline.ActOutput, Port: 2}}}}}
	if err := c.state.GroupMod(&pipeline.GroupMod{Command: command, Group: g}, nil); err != nil {
		tb.Fatal(err)
	}
}

// BenchmarkGroupMods is BenchmarkChanges where groups change: those that no packet meets, or the
// one that all do.
func BenchmarkGroupMods(b *testing.B) {
	for _, k := range []struct {
		name  string
		every int
		used  bool
	}{{"every=never", 0, false}, {"every=1000", 1000, false}, {"every=256", 256, false}, {"every=1000/used", 1000, true}} {
		b.Run(k.name, func(b *testing.B) {
			c := newChangingOf(b, 10_000, 0, "group:1")
			c.measure(b, k.every, func(n int) {
				if k.used {
					c.groupMod(b, pipeline.GroupModify, 1)
				} else {
					c.groupMod(b, pipeline.GroupModify, 2+uint32(n)%(groups-1))
				}
			})
		})
	}
}

// BenchmarkLearnedChanges is BenchmarkChanges where each of 10,000 flows has the switch learn one
// flow, and others come and go in the table of those.
func BenchmarkLearnedChanges(b *testing.B) {
	const flows = 10_000
	for _, every := range []int{0, 1000, 256} {
		name := fmt.Sprintf("every=%d", every)
		if every == 0 {
			name = "every=never"
		}
		b.Run(name, func(b *testing.B) {
			c := newChangingOf(b, flows, 0, "learn(table=3,NXM_NX_REG0[],load:1->NXM_NX_REG1[]),output:2")
			for i := range c.mods {
				c.mods[i].Table = 3
			}
			for n := 0; n < 8*flows; n += 64 { // all that there is to learn is learned
				c.loop.Iterate()
			}
			c.measure(b, every, func(int) { c.mod(b) })
		})
	}
}

// BenchmarkSettingChanges is BenchmarkChanges where what no packet asks for is set every 1,000
// packets: whether misses are told, as when a controller comes or goes, or the name of a table.
func BenchmarkSettingChanges(b *testing.B) {
	for _, k := range []struct {
		name string
		set  func(s *pipeline.State, n int) error
	}{
		{"none", func(*pipeline.State, int) error { return nil }},
		{"misses", func(s *pipeline.State, n int) error {
			s.UpdatePunting(func(p *pipeline.Punting) { p.Miss = n%2 == 0 })
			return nil
		}},
		{"names", func(s *pipeline.State, n int) error {
			return s.SetPipeline(&pipeline.PipelineMod{Command: pipeline.PipelineModify, Tables: []pipeline.PipelineTable{{Table: 9, Name: fmt.Sprint(n)}}})
		}},
	} {
		b.Run(k.name, func(b *testing.B) {
			c := newChanging(b, 10_000, 0)
			c.measure(b, 1000, func(n int) {
				if err := k.set(c.state, n); err != nil {
					b.Fatal(err)
				}
			})
		})
	}
}

// threadTime is this thread's processor time in ns: what other programs take is not in it.
func threadTime() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		panic(err)
	}
	return t.Nano()
}

// BenchmarkChanges is the loop's time a packet with 10,000 megaflows in use, where one rule
// comes or goes every so many packets. What the change itself costs is not in it.
func BenchmarkChanges(b *testing.B) {
	for _, every := range []int{0, 100_000, 10_000, 1000, 256} {
		name := fmt.Sprintf("every=%d", every)
		if every == 0 {
			name = "every=never"
		}
		b.Run(name, func(b *testing.B) {
			c := newChanging(b, 10_000, 0)
			c.measure(b, every, func(int) { c.mod(b) })
		})
	}
}
