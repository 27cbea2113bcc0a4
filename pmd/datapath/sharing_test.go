package datapath

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pollux/actions"
	"pollux/flow"
	"pollux/internal/lines"
	"pollux/internal/packet"
	"pollux/ofp/pipeline"
	"pollux/pmd"
	"pollux/pmd/port"
)

// ownership says what loops do with memory that they reach.
var ownership = lines.Rules{
	Read: map[reflect.Type]string{
		reflect.TypeFor[pipeline.Snapshot](): "immutable",
		reflect.TypeFor[pipeline.Rule]():     "immutable but for counters, which all loops add to once a round over the megaflows",
		reflect.TypeFor[actions.Sample]():    "of a program: immutable",
		reflect.TypeFor[packet.Memory]():     "the description of the memory; chunks change hands whole",
		reflect.TypeFor[pmd.Published]():     "the control plane stores, loops load",
		reflect.TypeFor[actions.Program]():   "immutable",
		reflect.TypeFor[flow.Mask]():         "a megaflow's mask is immutable",
	},
	Seldom: map[string]string{
		"pipeline.made.programs":     "written where a translation makes a program that it has not made of late",
		"classifier.subtable.packed": "immutable",
		"classifier.subtable.cur":    "written as megaflows come and go",
		"classifier.subtable.old":    "written as megaflows come and go",
		"port.memoryRx.groups":       "immutable",
		"port.memoryRx.mix":          "immutable",
		"pmd.Loop.caches":            "changes with the exporters",
		"pmd.Loop.retiring":          "changes with the exporters",
		"actions.Exec.Caches":        "changes with the exporters",
		"pmd.LoopStats.out":          "changes with the ports",
	},
	Aside: map[string]string{
		"pmd.Loop.peers":             "rings between loops are seen to by whose end is whose",
		"pmd.groups.one":             "an array that does not change, or the loop's own",
		"pipeline.made.credits":      "immutable but for counters, which all loops add to once a round over the megaflows",
		"pmd.Loop.snap":              "immutable",
		"pmd.Upcall.Key":             "points into the loop's keys",
		"pmd.Upcall.Program":         "immutable",
		"pmd.Upcall.Credit":          "counters of rules are added to by all loops, once a round over the megaflows",
		"classifier.Megaflow.Credit": "counters of rules are added to by all loops, once a round over the megaflows",
		"pmd.Loop.exited":            "a channel",
	},
}

// sides notes a ring: its producer's end, its consumer's, and what both read. Slots
// change hands.
func sides(m *lines.Map, producer, consumer, where string, ring reflect.Value) {
	ring = reflect.Indirect(ring)
	for name, owner := range map[string]string{"tail": producer, "headSeen": producer, "head": consumer, "tailSeen": consumer} {
		f := ring.FieldByName(name)
		if !f.IsValid() {
			continue // actions.PuntRing is drained whole
		}
		m.Add(owner, true, where+"."+name, f.UnsafeAddr(), f.Type().Size())
	}
	f := ring.FieldByName("slots")
	m.Add(producer, false, where, f.UnsafeAddr(), f.Type().Size())
	m.Add(consumer, false, where, f.UnsafeAddr(), f.Type().Size())
}

// footprint is all that the loops of d write, by address.
func footprint(d *Datapath, state *pipeline.State) *lines.Map {
	m := lines.New()
	r := ownership
	r.Enter = func(m *lines.Map, owner, where string, v reflect.Value) bool {
		if t := v.Type().String(); t != "actions.PuntRing" && !strings.HasPrefix(t, "ring.SPSC[") {
			return false
		}
		if strings.Contains(where, ".mail.") || strings.Contains(where, ".given") {
			sides(m, "others", owner, where, v)
		} else {
			sides(m, owner, "others", where, v)
		}
		return true
	}
	for i, l := range d.loops {
		owner := fmt.Sprint("loop ", i)
		m.Walk(owner, "Loop", reflect.ValueOf(l), &r)
		if state != nil {
			m.Walk(owner, "xlate", lines.Field(state, "loops", "scratch").Index(i), &r)
			sides(m, owner, "others", "notes", lines.Field(state, "loops", "notes").Index(i))
		}
	}
	for _, rings := range []string{"frames", "home"} {
		table := lines.Field(d.mesh, rings)
		for from := range d.loops {
			for to := range d.loops {
				if ring := table.Index(from).Index(to); !ring.IsNil() {
					sides(m, fmt.Sprint("loop ", from), fmt.Sprint("loop ", to), "Mesh."+rings, ring)
				}
			}
		}
	}
	return m
}

// TestNoWriteIsShared: after traffic by both loops, with megaflows, samples, floods and
// frames handed from loop to loop, no line of memory that one of them writes is touched
// by the other, nor could be if memory were handed out in another order.
func TestNoWriteIsShared(t *testing.T) {
	d, mem, state := runningState(t, 2, "in_port=1,udp,tp_src=0x1/0x1,actions=output:2\nin_port=1,actions=output:2,output:3\n")
	for slot, c := range []port.MemoryConfig{{Queues: 2, Flows: 500, Rate: 200_000}, {Queues: 2}, {Queues: 1}} {
		dev, err := port.OpenMemory(c, mem)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Add(&Port{Slot: slot, OFPort: uint32(slot + 1), Name: fmt.Sprint(slot), Dev: dev}); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond)
	d.StopLoops()
	for i, l := range d.Stats().Loops {
		if l.Packets == 0 || l.Megaflows == 0 {
			t.Errorf("loop %d has %d packets, %d megaflows: the test shows nothing", i, l.Packets, l.Megaflows)
		}
	}
	m := footprint(d, state)
	for _, c := range m.Conflicts() {
		t.Error(c)
	}
	for _, c := range m.Exposed() {
		t.Error(c)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}
