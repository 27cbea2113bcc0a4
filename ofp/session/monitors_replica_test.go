package session

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"pollux/flow"
	"pollux/ofp/pipeline"
	"pollux/ofp/wire"
	"pollux/pmd"
)

// replica is the flows as one knows them who is told by a monitor alone.
type replica struct {
	flows           map[string]string
	paused          bool
	pauses, resumed int
}

// keyOf is what tells flows of a bridge apart, and valueOf what a monitor tells of one besides.
func keyOf(f *pipeline.Flow) string {
	return fmt.Sprintf("%d %d %s", f.Table, f.Priority, f.Match.Format(nil))
}

func valueOf(f *pipeline.Flow) string {
	v := fmt.Sprintf("%#x %d %d", f.Cookie, f.IdleTimeout, f.HardTimeout)
	for _, a := range f.Do.Apply {
		v += fmt.Sprintf(" %d %d", a.Kind, a.Port)
		if a.List != nil {
			v += " " + a.List.Note
		}
	}
	return v
}

// take takes in what a monitor tells, and refuses what makes no sense to it.
func (r *replica) take(u *wire.FlowUpdate) error {
	k := keyOf(&u.Flow)
	_, there := r.flows[k]
	switch u.Event {
	case wire.EventPaused:
		if r.paused {
			return fmt.Errorf("paused twice")
		}
		r.paused = true
		r.pauses++
	case wire.EventResumed:
		if !r.paused {
			return fmt.Errorf("resumed and not paused")
		}
		r.paused = false
		r.resumed++
	case wire.EventModified:
		if !there {
			return fmt.Errorf("%s is modified and was never there", k)
		}
		r.flows[k] = valueOf(&u.Flow)
	case wire.EventRemoved:
		if !there && !r.paused { // one that came in the place of another may have come since
			return fmt.Errorf("%s is removed and was never there", k)
		}
		delete(r.flows, k)
	default:
		r.flows[k] = valueOf(&u.Flow)
	}
	return nil
}

// teach adds a flow of which packets have the switch learn flows, some of which others change.
func teach(t *rapid.T, tables *pipeline.State) {
	f, err := pipeline.ParseFlow("priority=65535 actions=learn(table=1,priority=3,cookie=0x2,hard_timeout=2,NXM_OF_ETH_SRC[0..1],output:NXM_OF_IN_PORT[])", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := tables.Add(f); err != nil {
		t.Fatal(err)
	}
}

// learn is a packet of that source, as a loop treats it.
func learn(tables *pipeline.State, source uint64) {
	var k flow.Key
	flow.InPort.Set(&k, flow.Value{Lo: 1})
	flow.EthSrc.Set(&k, flow.Value{Lo: source})
	tables.Snapshot().Translate(&pmd.Upcall{Key: &k, Commit: true})
}

// read reads messages until the barrier's answer, and beyond it until nothing is paused.
func (r *replica) read(t *rapid.T, p watcher) {
	for answered := false; !answered || r.paused; {
		r.readOne(t, p, &answered)
	}
}

func (r *replica) readOne(t *rapid.T, p watcher, answered *bool) {
	msg := p.read()
	if msg == nil {
		t.Fatal("the session has ended")
	}
	if wire.KindOf(p.v, msg[1]) == wire.BarrierReply {
		*answered = true
		return
	}
	list, _ := p.updatesOf(msg)
	for _, u := range list {
		if err := r.take(u); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAMonitorsReplicaIsTheTable: who knows of the flows by a monitor alone knows what the
// tables have, whatever changes in them and however slowly he reads.
func TestAMonitorsReplicaIsTheTable(t *testing.T) {
	pauses := 0
	rapid.Check(t, func(t2 *rapid.T) {
		now := int64(0)
		tables, err := pipeline.New(pipeline.Config{Now: func() int64 { return now }, Threads: 1, Ports: []pipeline.Port{{OFPort: 1, Up: true}}})
		if err != nil {
			t2.Fatal(err)
		}
		v := rapid.SampledFrom(spoken).Draw(t2, "version")
		end, s := pipe(t, Config{Switch: box(), Tables: tables, SendTimeout: time.Minute})
		defer s.Close()
		defer end.conn.Close()
		p := watcher{&bundlePeer{end, v}}
		p.greet(v)
		change := func() {
			var mods []pipeline.FlowMod
			big := rapid.IntRange(0, 2).Draw(t2, "big") == 2
			n := rapid.IntRange(1, 5).Draw(t2, "mods")
			if big {
				n = 150
			}
			first := rapid.IntRange(0, 30).Draw(t2, "first")
			command := rapid.SampledFrom([]pipeline.FlowCommand{
				pipeline.FlowAdd, pipeline.FlowAdd, pipeline.FlowModify, pipeline.FlowModifyStrict, pipeline.FlowDelete, pipeline.FlowDeleteStrict,
			}).Draw(t2, "command")
			cookie, port := rapid.Uint64Range(0, 3).Draw(t2, "cookie"), rapid.Uint32Range(0, 2).Draw(t2, "port")
			hard := rapid.SampledFrom([]uint16{0, 0, 2}).Draw(t2, "hard")
			for i := range n {
				m := pipeline.FlowMod{Command: command, OutPort: pipeline.AnyPort, OutGroup: pipeline.AnyGroup, AddsMissing: cookie == 0, ResetCounts: cookie == 1, SetsCookie: cookie == 2}
				f := &m.Flow
				f.Table, f.Priority, f.Cookie, f.HardTimeout = uint8(i%2), uint16(first+i), cookie, hard
				f.Match.SetMasked(flow.InPort, flow.Value{Lo: uint64(1 + i%3)}, flow.InPort.Full())
				if command == pipeline.FlowDelete && !big {
					f.Match = flow.Match{}
				}
				if port != 0 { // a long record: few flows are much to tell
					f.Do.Apply = []pipeline.Action{{Kind: pipeline.ActOutput, Port: port}, {Kind: pipeline.ActNote, List: &pipeline.Lists{Note: strings.Repeat("x", 998)}}}
				}
				mods = append(mods, m)
			}
			if rapid.Bool().Draw(t2, "at once") {
				_, _ = tables.FlowMods(mods, nil)
			} else {
				_ = tables.FlowModEach(mods, nil)
			}
		}
		teach(t2, tables)
		change()
		m := monitorAll(1)
		if rapid.Bool().Draw(t2, "filtered") {
			m.Table = 1
			m.Match.SetMasked(flow.InPort, flow.Value{Lo: 2}, flow.InPort.Full())
		}
		p.write(appendMonitors(v, 1, m))
		r := &replica{flows: map[string]string{}}
		barrier := func() { p.write(wire.AppendMessage(nil, v, wire.BarrierRequest, 9, nil)) }
		barrier()
		r.read(t2, p)
		for range rapid.IntRange(1, 12).Draw(t2, "steps") {
			switch rapid.IntRange(0, 7).Draw(t2, "step") {
			case 0: // he reads it all
				barrier()
				r.read(t2, p)
			case 1: // or something, if there is something
				barrier()
				for answered := false; !answered; {
					r.readOne(t2, p, &answered)
				}
			case 2:
				now += 3e9
				tables.Tick()
			case 3, 4:
				for n := range rapid.IntRange(1, 5).Draw(t2, "packets") {
					learn(tables, uint64(rapid.IntRange(1, 9).Draw(t2, "source")))
					if n == 0 { // the others at once
						tables.Snapshot().Settle()
					}
				}
				tables.Snapshot().Settle()
			default:
				change()
			}
		}
		barrier()
		r.read(t2, p)
		want := map[string]string{}
		flows, err := tables.FlowStats(&pipeline.FlowFilter{Table: m.Table, Match: m.Match, OutPort: pipeline.AnyPort, OutGroup: pipeline.AnyGroup})
		if err != nil {
			t2.Fatal(err)
		}
		for f := range flows {
			want[keyOf(&f.Flow)] = valueOf(&f.Flow)
		}
		for k, w := range want {
			if r.flows[k] != w {
				t2.Fatalf("flow %s is known as %q and is %q", k, r.flows[k], w)
			}
		}
		if len(r.flows) != len(want) {
			t2.Fatalf("%d flows are known and there are %d", len(r.flows), len(want))
		}
		pauses += r.pauses
	})
	if pauses == 0 {
		t.Error("nobody was ever slow enough")
	}
	t.Log(pauses, "pauses")
}
