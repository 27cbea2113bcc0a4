package session

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
	"pollux/ofp/wire"
)

// watcher is a peer that has monitors.
type watcher struct{ *bundlePeer }

func newWatcher(f *floor, i int, v wire.Version) watcher {
	return watcher{&bundlePeer{f.peers[i], v}}
}

const everyMonitor = wire.MonitorInitial | wire.MonitorAdded | wire.MonitorRemoved | wire.MonitorModified | wire.MonitorInstructions | wire.MonitorNoAbbrev

// monitorAll is a request to be told of everything, with other flags if some are given.
func monitorAll(id uint32, flags ...wire.MonitorFlags) wire.FlowMonitor {
	m := wire.FlowMonitor{ID: id, Flags: everyMonitor, Table: pipeline.AllTables, OutPort: pipeline.AnyPort, OutGroup: pipeline.AnyGroup}
	if len(flags) > 0 {
		m.Flags = flags[0]
	}
	return m
}

func appendMonitors(v wire.Version, xid uint32, list ...wire.FlowMonitor) []byte {
	m := monitorHead(v)
	for i := range list {
		m.Body = list[i].Append(m.Body, v)
	}
	return wire.AppendMultipartRequest(nil, v, xid, m)
}

// event is a change as a line of words.
func event(u *wire.FlowUpdate) string {
	name := [...]string{"initial", "added", "removed", "modified", "abbrev", "paused", "resumed"}[u.Event]
	switch {
	case u.Event == wire.EventAbbrev:
		return fmt.Sprintf("%s %d", name, u.XID)
	case u.Event > wire.EventAbbrev:
		return name
	case u.Event == wire.EventRemoved:
		name = fmt.Sprint(name, " for ", u.Reason)
	}
	return name + " " + strings.ReplaceAll(u.Flow.String(), ", ", ",")
}

// updatesOf reads what a message tells of flows; false if it is none that does.
func (p watcher) updatesOf(msg []byte) (list []*wire.FlowUpdate, ok bool) {
	p.t.Helper()
	body := msg[wire.HeaderLen:]
	switch wire.KindOf(p.v, msg[1]) {
	case wire.Experimenter:
		e, err := wire.ParseExtension(p.v, body)
		if err != nil {
			p.t.Fatal(err)
		}
		switch e.Subtype {
		case wire.NXTMonitorPaused, wire.ONFMonitorPaused:
			return []*wire.FlowUpdate{{Event: wire.EventPaused}}, true
		case wire.NXTMonitorResumed, wire.ONFMonitorResumed:
			return []*wire.FlowUpdate{{Event: wire.EventResumed}}, true
		}
	case wire.MultipartReply:
		m, err := wire.ParseMultipart(p.v, body)
		if err != nil {
			p.t.Fatal(err)
		}
		for b := m.Body; len(b) > 0; {
			u, rest, err := wire.ParseFlowUpdate(p.v, b)
			if err != nil {
				p.t.Fatal(err)
			}
			list, b = append(list, u), rest
		}
		return list, true
	}
	return nil, false
}

// told is what came up to the answer to a barrier, a word or a line each.
func (p watcher) told() string {
	p.t.Helper()
	p.write(wire.AppendMessage(nil, p.v, wire.BarrierRequest, 9, nil))
	var lines []string
	for {
		msg := p.read()
		k := wire.KindOf(p.v, msg[1])
		switch k {
		case wire.BarrierReply:
			return strings.Join(lines, "\n")
		case wire.ErrorMsg:
			lines = append(lines, p.errorOf(msg).Error())
			continue
		case wire.BundleControl:
			lines = append(lines, "bundle")
			continue
		}
		list, ok := p.updatesOf(msg)
		switch {
		case !ok && k == wire.Experimenter: // that of 1.3
			lines = append(lines, "bundle")
			continue
		case !ok:
			p.t.Fatalf("%x tells of no flows", msg)
		}
		if len(list) == 0 {
			lines = append(lines, "nothing")
		}
		for _, u := range list {
			lines = append(lines, event(u))
		}
	}
}

func (p watcher) expect(what, want string) {
	p.t.Helper()
	if got := p.told(); got != want {
		p.t.Errorf("%s, %s: told\n%s\nwant\n%s", p.v, what, got, want)
	}
}

// mod sends a flow mod with a transaction id.
func (p watcher) mod(xid uint32, c pipeline.FlowCommand, text string) {
	p.t.Helper()
	p.write(p.modMessage(xid, c, text))
}

func (p watcher) modMessage(xid uint32, c pipeline.FlowCommand, text string) []byte {
	p.t.Helper()
	fm, err := pipeline.ParseFlowMod(text, c, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	if c != pipeline.FlowAdd {
		fm.Flow.Table = 0
	}
	return wire.AppendFlowMod(nil, p.v, xid, &fm, wire.NoBuffer, wire.Style{})
}

// A monitor tells what there is, then what changes, before the barrier that follows is
// answered; own changes by their ids alone, unless it is asked for more.
func TestMonitorsTellOfChanges(t *testing.T) {
	for _, v := range spoken {
		f := newFloor(t, v, v)
		p, other := newWatcher(f, 0, v), newWatcher(f, 1, v)
		initial := "initial"
		if v < wire.V14 {
			initial = "added"
		}
		p.mod(1, pipeline.FlowAdd, "cookie=5,in_port=1,actions=output:2")
		p.expect("no monitor yet", "")
		p.write(appendMonitors(v, 2, monitorAll(1)))
		p.expect("the first answer", initial+" cookie=0x5,in_port=1 actions=output:2")

		p.mod(3, pipeline.FlowAdd, "priority=7,idle_timeout=60,actions=drop")
		p.expect("own in full", "added idle_timeout=60,priority=7 actions=drop")
		other.mod(4, pipeline.FlowAdd, "cookie=6,in_port=1,actions=output:3")
		other.expect("who has no monitor", "")
		p.expect("in the place of another", "added cookie=0x6,in_port=1 actions=output:3")
		other.mod(5, pipeline.FlowModify, "actions=output:3")
		other.told()
		p.expect("modified, the one that differs", "modified idle_timeout=60,priority=7 actions=output:3")
		other.mod(6, pipeline.FlowModify, "actions=output:3")
		other.told()
		p.expect("modified to what it was", "")

		p.write(appendMonitors(v, 7, monitorAll(1)))
		p.expect("the same again", ofperr.MonitorExists.Error())
		brief := monitorAll(2, wire.MonitorAdded|wire.MonitorRemoved)
		p.cancel(1, 8)
		p.write(appendMonitors(v, 9, brief))
		nothing := "nothing" // of this request
		if v >= wire.V14 {
			nothing += "\nnothing" // and of that which ended the other
		}
		p.expect("without what there is", nothing)

		p.write(append(p.modMessage(10, pipeline.FlowAdd, "priority=1,actions=drop"), p.modMessage(11, pipeline.FlowAdd, "priority=2,actions=drop")...))
		p.expect("own, by their ids", "abbrev 10\nabbrev 11")
		other.mod(12, pipeline.FlowDelete, "in_port=1")
		other.told()
		p.expect("removed, without instructions", "removed for 2 cookie=0x6,in_port=1 actions=drop")
		p.mod(13, pipeline.FlowDelete, "")
		p.expect("many by one", "abbrev 13")
		p.cancel(2, 14)
		p.told()
		p.mod(15, pipeline.FlowAdd, "priority=1,actions=drop")
		p.expect("no monitor any more", "")
		p.cancel(2, 16)
		p.expect("one that is gone", ofperr.MonitorUnknown.Error())
	}
}

// cancel ends a monitor.
func (p watcher) cancel(id, xid uint32) {
	p.t.Helper()
	if p.v < wire.V14 {
		p.write(wire.AppendMonitorCancel(nil, p.v, xid, id))
		return
	}
	m := wire.FlowMonitor{ID: id, Command: wire.MonitorDelete}
	p.write(appendMonitors(p.v, xid, m))
}

// A monitor is of the flows that its filters select, each of which also tells of what no longer
// leads where it asks.
func TestMonitorsSelect(t *testing.T) {
	const v = wire.V14
	f := newFloor(t, v, v)
	p, other := newWatcher(f, 0, v), newWatcher(f, 1, v)
	other.write(wire.AppendGroupMod(nil, v, 1, &pipeline.GroupMod{Command: pipeline.GroupAdd, Group: pipeline.Group{ID: 4}}))
	for _, text := range []string{
		"table=0,in_port=1,actions=output:2", "table=1,in_port=1,actions=output:3", "table=1,in_port=2,tcp,actions=group:4", "table=1,in_port=2,actions=write_actions(output:2)",
	} {
		other.mod(2, pipeline.FlowAdd, text)
	}
	if told := other.told(); told != "" {
		t.Fatal(told)
	}
	port2, err := pipeline.ParseFlow("in_port=2 actions=drop", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what string
		set  func(*wire.FlowMonitor)
		want string
	}{
		{"a table", func(m *wire.FlowMonitor) { m.Table = 0 }, "initial in_port=1 actions=output:2"},
		{"a match", func(m *wire.FlowMonitor) { m.Match = port2.Match }, "initial table=1,tcp,in_port=2 actions=group:4\ninitial table=1,in_port=2 actions=write_actions(output:2)"},
		{"a port", func(m *wire.FlowMonitor) { m.OutPort = 2 }, "initial in_port=1 actions=output:2\ninitial table=1,in_port=2 actions=write_actions(output:2)"},
		{"a group", func(m *wire.FlowMonitor) { m.OutGroup = 4 }, "initial table=1,tcp,in_port=2 actions=group:4"},
		{"all of it", func(m *wire.FlowMonitor) { m.Table, m.Match, m.OutPort = 1, port2.Match, 3 }, "nothing"},
	} {
		m := monitorAll(1)
		c.set(&m)
		p.write(appendMonitors(v, 3, m))
		p.expect(c.what, c.want)
		p.cancel(1, 4)
		p.told()
	}
	// Two monitors of a session tell of a flow once, with what either asks for.
	one, two := monitorAll(1, wire.MonitorInitial|wire.MonitorModified), monitorAll(2, everyMonitor&^wire.MonitorModified)
	one.OutPort, two.Match = 2, port2.Match
	p.write(appendMonitors(v, 5, one, two))
	p.expect("two", "initial in_port=1 actions=drop\ninitial table=1,in_port=2 actions=write_actions(output:2)\ninitial table=1,tcp,in_port=2 actions=group:4")
	other.mod(6, pipeline.FlowModify, "in_port=1,actions=output:1")
	other.told()
	p.expect("what led there until now", "modified in_port=1 actions=drop")
	other.mod(7, pipeline.FlowModify, "in_port=1,actions=output:4")
	other.told()
	p.expect("what never did", "")
	// The end of a group is that of the flows which lead to it.
	other.write(wire.AppendGroupMod(nil, v, 8, &pipeline.GroupMod{Command: pipeline.GroupDelete, Group: pipeline.Group{ID: 4}}))
	other.told()
	p.expect("a group's end", "removed for 3 table=1,tcp,in_port=2 actions=group:4")
}

// Each misuse of monitors has its error, and then nothing of the request is done.
func TestMonitorsThatAreRefused(t *testing.T) {
	for _, v := range []wire.Version{wire.V10, wire.V13, wire.V14, wire.V15} {
		f := newFloor(t, v)
		p := newWatcher(f, 0, v)
		badTable := ofperr.BadTable
		if v >= wire.V14 {
			badTable = ofperr.MonitorBadTable
		}
		for _, c := range []struct {
			what  string
			since wire.Version
			set   func(*wire.FlowMonitor)
			want  ofperr.Error
		}{
			{"no flags", 0, func(m *wire.FlowMonitor) { m.Flags = wire.MonitorInstructions }, ofperr.MonitorBadFlags},
			{"table 254", 0, func(m *wire.FlowMonitor) { m.Table = 254 }, badTable},
			{"a port that is none", wire.V14, func(m *wire.FlowMonitor) { m.OutPort = 0xffffff07 }, ofperr.MonitorBadOut},
			{"a group that is none", wire.V14, func(m *wire.FlowMonitor) { m.OutGroup = 0xffffff07 }, ofperr.MonitorBadOut},
			{"one to change that there is not", wire.V14, func(m *wire.FlowMonitor) { m.Command = wire.MonitorModify }, ofperr.MonitorUnknown},
			{"one to end that there is not", wire.V14, func(m *wire.FlowMonitor) { m.Command = wire.MonitorDelete }, ofperr.MonitorUnknown},
			{"a command that is none", wire.V14, func(m *wire.FlowMonitor) { m.Command = 9 }, ofperr.MonitorBadCommand},
			{"the same id", 0, func(m *wire.FlowMonitor) { m.ID = 1 }, ofperr.MonitorExists},
		} {
			if v < c.since {
				continue
			}
			bad := monitorAll(2)
			c.set(&bad)
			p.write(appendMonitors(v, 1, monitorAll(1), bad))
			p.expect(c.what, c.want.Error())
		}
		p.write(appendMonitors(v, 2, monitorAll(1)))
		p.expect("none of them is there", "nothing")
		var many []wire.FlowMonitor
		for i := range uint32(maxMonitors) {
			many = append(many, monitorAll(10+i))
		}
		p.write(appendMonitors(v, 3, many...))
		if told := p.told(); told == "nothing" || v >= wire.V14 && told != ofperr.MonitorFailed.Error() {
			t.Errorf("%s, too many: %s", v, told)
		}
	}
	// Each version has its own place for monitors.
	f := newFloor(t, wire.V10, wire.V13, wire.V14)
	for i, v := range []wire.Version{wire.V10, wire.V13, wire.V14} {
		p := newWatcher(f, i, v)
		for _, as := range []wire.Version{wire.V10, wire.V13, wire.V14} {
			if as == v || as == wire.V13 && v == wire.V10 {
				continue
			}
			want := ofperr.BadExperimenterType
			if as == wire.V14 {
				want = ofperr.BadMultipart
			}
			m := monitorHead(as)
			p.write(wire.AppendMultipartRequest(nil, v, 1, m))
			p.expect("as "+as.String(), want.Error())
		}
	}
}

// What ONLY_OWN is depends on the flag beside it: Open vSwitch takes it for NO_ABBREV.
func TestMonitorsOfOwnChanges(t *testing.T) {
	for _, v := range []wire.Version{wire.V14, wire.V15} {
		f := newFloor(t, v, v)
		p, other := newWatcher(f, 0, v), newWatcher(f, 1, v)
		p.write(appendMonitors(v, 1, monitorAll(1, everyMonitor|wire.MonitorOnlyOwn)))
		p.expect("nothing is there", "nothing")
		other.mod(2, pipeline.FlowAdd, "priority=1,actions=drop")
		other.told()
		p.mod(3, pipeline.FlowAdd, "priority=2,actions=drop")
		p.expect("only own", "added priority=2 actions=drop")
		change := monitorAll(1, everyMonitor&^(wire.MonitorNoAbbrev|wire.MonitorInitial)|wire.MonitorOnlyOwn)
		change.Command = wire.MonitorModify
		p.write(appendMonitors(v, 4, change))
		p.expect("nothing is asked for", "nothing")
		other.mod(5, pipeline.FlowAdd, "priority=3,actions=drop")
		other.told()
		p.mod(6, pipeline.FlowAdd, "priority=4,actions=drop")
		p.expect("own in full", "added priority=3 actions=drop\nadded priority=4 actions=drop")
	}
}

// What a bundle does is told before its commit is answered, each of its requests by its own id;
// what a failed one would have done is not. What the switch does by itself is told as well.
func TestMonitorsOfBundlesAndTimeouts(t *testing.T) {
	for _, v := range spoken[1:] {
		now := int64(0)
		tables, err := pipeline.New(pipeline.Config{Now: func() int64 { return now }})
		if err != nil {
			t.Fatal(err)
		}
		o := newOffice(t)
		s := New(Config{Switch: box(), Tables: tables, dial: o.dial})
		t.Cleanup(func() { s.Close() })
		try(t, s, Controller{Target: "tcp:c0"})
		p := watcher{&bundlePeer{o.meet(v), v}}
		p.write(appendMonitors(v, 1, monitorAll(1, wire.MonitorAdded|wire.MonitorRemoved)))
		p.expect("nothing is there", "nothing")
		bundle := func(end wire.BundleType, mods ...[]byte) {
			for i, m := range mods {
				p.write(wire.AppendBundle(nil, v, wire.BundleAdd, uint32(20+i), &wire.BundleMsg{ID: 5, Message: m}))
			}
			p.write(wire.AppendBundle(nil, v, wire.BundleControl, 30, &wire.BundleMsg{ID: 5, Type: end}))
		}
		good := [][]byte{p.modMessage(20, pipeline.FlowAdd, "priority=1,idle_timeout=5,actions=drop"), p.modMessage(21, pipeline.FlowAdd, "priority=2,hard_timeout=5,actions=drop")}
		bundle(wire.BundleCommit, append(slices.Clone(good), p.modMessage(22, pipeline.FlowAdd, "priority=3,actions=group:9"))...)
		p.expect("one that fails", ofperr.ActionBadOutGroup.Error()+"\n"+ofperr.BundleMessageFailed.Error())
		bundle(wire.BundleCommit, good...)
		p.expect("one that is done", "abbrev 20\nabbrev 21\nbundle")
		now += 6e9
		tables.Tick()
		if got := strings.Split(p.told(), "\n"); !slices.Equal(slices.Sorted(slices.Values(got)), []string{
			"removed for 0 idle_timeout=5,priority=1 actions=drop", "removed for 1 hard_timeout=5,priority=2 actions=drop",
		}) {
			t.Errorf("%s: flows that time out: %q", v, got)
		}
	}
}

// The answer to a request for monitors is split as any other is, and nothing is missing.
func TestMonitorsOfManyFlows(t *testing.T) {
	const n = 3000
	f := newFloor(t, wire.V13)
	p := newWatcher(f, 0, wire.V13)
	var mods []pipeline.FlowMod
	for i := range n {
		fm, err := pipeline.ParseFlowMod(fmt.Sprintf("priority=%d,actions=output:2,output:3", i+1), pipeline.FlowAdd, nil)
		if err != nil {
			t.Fatal(err)
		}
		mods = append(mods, fm)
	}
	if _, err := f.s.cfg.Tables.FlowMods(mods, nil); err != nil {
		t.Fatal(err)
	}
	p.write(appendMonitors(wire.V13, 77, monitorAll(1)))
	seen, messages := map[uint16]bool{}, 0
	for more := true; more; messages++ {
		msg := p.read()
		m, err := wire.ParseMultipart(wire.V13, msg[wire.HeaderLen:])
		if err != nil || xidOf(msg) != 77 {
			t.Fatalf("%v; id %d", err, xidOf(msg))
		}
		more = m.More
		list, _ := p.updatesOf(msg)
		for _, u := range list {
			seen[u.Flow.Priority] = true
		}
	}
	if len(seen) != n || messages < 4 {
		t.Errorf("%d flows in %d messages, want %d", len(seen), messages, n)
	}
}
