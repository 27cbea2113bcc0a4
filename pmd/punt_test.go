package pmd_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"pollux/actions"
	"pollux/flow"
	"pollux/ipfix/cache"
	"pollux/ofp/pipeline"
	"pollux/pmd"
)

// toController is an output to the controller of so many bytes.
func toController(maxLen uint16) pipeline.Action {
	return pipeline.Action{Kind: pipeline.ActController, List: &pipeline.Lists{Controller: &pipeline.ControllerAction{MaxLen: maxLen, Reason: uint8(actions.PuntAction)}}}
}

// addPunts has some flows send packets to controllers, before or after what else they do.
func addPunts(t *rapid.T, flows []pipeline.Flow) {
	for i := range flows {
		f := &flows[i]
		if len(f.Do.Apply) > 0 && f.Do.Apply[0].Kind == pipeline.ActConjunction {
			continue
		}
		at := rapid.SampledFrom([]int{-1, -1, -1, 0, len(f.Do.Apply)}).Draw(t, "to controller")
		if at < 0 {
			continue
		}
		a := toController(rapid.SampledFrom([]uint16{0, 40, actions.WholePacket}).Draw(t, "max_len"))
		if rapid.Bool().Draw(t, "with userdata") {
			a.List.Controller.ID, a.List.Controller.UserData = 3, "\x01\x02"
		}
		f.Cookie = uint64(rapid.IntRange(0, 2).Draw(t, "cookie"))
		list := append([]pipeline.Action(nil), f.Do.Apply[:at]...)
		f.Do.Apply = append(append(list, a), f.Do.Apply[at:]...)
	}
}

// punted is what controllers were sent, in words.
func (w *world) punted() (out []string) {
	w.loop.Punts().Drain(func(p *actions.PuntedPacket) {
		out = append(out, fmt.Sprintf("controller: reason %d table %d cookie %#x id %d userdata %q in_port %d/%d fields %x full %d: %x\n",
			p.Reason, p.Table, p.Cookie, p.ID, p.UserData, p.InPort, p.PhyPort, p.Fields, p.FullLen, p.Data))
	})
	return out
}

// numbered is an IPv4 frame that says which it is.
func numbered(n int, length int) []byte {
	f := make([]byte, length)
	copy(f, []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, byte((length - 14) >> 8), byte(length - 14), 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2})
	f[40], f[41] = byte(n>>8), byte(n)
	return f
}

// flowsOfActions returns a flow for each list, all of table 0, that of in_port=i+1.
func flowsOfActions(t testing.TB, lists ...[]pipeline.Action) (flows []pipeline.Flow) {
	for i, l := range lists {
		f := mustFlows(t, fmt.Sprintf("cookie=%d,in_port=%d,actions=drop", i+1, i+1))[0]
		f.Do = pipeline.Instructions{Apply: l}
		flows = append(flows, f)
	}
	return flows
}

// closedWorld fails where law 2 does not hold, in counts or in records.
func (w *world) closedWorld(t *testing.T) pmd.LoopStats {
	t.Helper()
	s, rx, tx := w.loop.Stats()
	if err := closedSum(s, rx, tx); err != nil {
		t.Error(err)
	}
	if free := w.loop.FreeFrames(); free != worldFrames {
		t.Errorf("%d of %d frames came home", free, worldFrames)
	}
	return s
}

// TestPunts: packets for a controller alone, and also for a port: every one is accounted once,
// in order, and those that find the ring full are dropped by name while others go on.
func TestPunts(t *testing.T) {
	w := newWorld(t, flowsOfActions(t,
		[]pipeline.Action{toController(actions.WholePacket)},
		[]pipeline.Action{toController(60), {Kind: pipeline.ActOutput, Port: 1}},
		[]pipeline.Action{{Kind: pipeline.ActOutput, Port: 1}},
	), nil)
	order := func(from, want int) {
		t.Helper()
		n := from
		got := w.loop.Punts().Drain(func(p *actions.PuntedPacket) {
			if at := int(p.Data[40])<<8 | int(p.Data[41]); at != n {
				t.Fatalf("packet %d arrived, want %d", at, n)
			}
			n++
		})
		if got != want {
			t.Errorf("%d packets arrived, want %d", got, want)
		}
	}
	inject := func(port, from, n int) {
		for i := from; i < from+n; i++ {
			if w.ports[port].Inject(numbered(i, 100)) != 1 {
				t.Fatal("no room")
			}
			if i%32 == 31 {
				for w.loop.Iterate() > 0 {
				}
			}
		}
		for w.loop.Iterate() > 0 {
		}
	}
	inject(0, 0, 200)
	order(0, 200)
	if s := w.closedWorld(t); s.Consumed.Packets != 200 || s.Punts.Packets != 200 || s.Clones.Packets != 0 {
		t.Errorf("consumed %d, punts %d, copied %d", s.Consumed.Packets, s.Punts.Packets, s.Clones.Packets)
	}
	// The ring has 512 slots: the rest is dropped, and ports are sent all.
	inject(0, 0, 600)
	if s := w.closedWorld(t); s.Consumed.Packets != 200+512 || s.Drops[actions.DropPuntFull].Packets != 88 {
		t.Errorf("consumed %d, punt_full %d", s.Consumed.Packets, s.Drops[actions.DropPuntFull].Packets)
	}
	inject(1, 0, 50)
	inject(2, 0, 50)
	s := w.closedWorld(t)
	if s.Drops[actions.DropPuntFull].Packets != 88+50 || s.Clones.Packets != 50 {
		t.Errorf("punt_full %d, copied %d", s.Drops[actions.DropPuntFull].Packets, s.Clones.Packets)
	}
	if frames, _ := w.ports[0].Captured(); len(frames) != 100 {
		t.Errorf("port 1 was sent %d frames, want 100", len(frames))
	}
	order(0, 512)
	inject(1, 7, 3)
	order(7, 3)
	w.closedWorld(t)
	if s.Differed != 0 {
		t.Errorf("%d decisions differed", s.Differed)
	}
}

// TestInject: packet-outs go by their list of actions or through the tables, count for rules,
// and close the sum, samples too.
func TestInject(t *testing.T) {
	w := newWorld(t, mustFlows(t, "cookie=7,in_port=1,ip,nw_dst=10.0.0.2,actions=output:2\nmetadata=5,actions=output:3\ntun_id=7,tun_ipv6_src=fe80::1,actions=output:4\n"), nil)
	out := func(inPort uint32, fields *flow.Key, frame []byte, list ...pipeline.Action) error {
		return w.loop.Inject([]pmd.PacketOut{{Frame: frame, InPort: inPort, Fields: fields, Translate: pipeline.PacketOut(list)}})[0]
	}
	port := func(n uint32) pipeline.Action { return pipeline.Action{Kind: pipeline.ActOutput, Port: n} }
	frame := numbered(1, 80)
	var meta flow.Key
	meta.Set(flow.WMeta, 5)
	var tunnel flow.Key
	flow.TunID.Set(&tunnel, flow.Value{Lo: 7})
	flow.TunIPv6Src.Set(&tunnel, flow.Value{Hi: 0xfe80 << 48, Lo: 1})
	for _, c := range []struct {
		name   string
		inPort uint32
		fields *flow.Key
		list   []pipeline.Action
		want   string // ports
	}{
		{"a port", flow.PortController, nil, []pipeline.Action{port(4)}, "4"},
		{"two ports", flow.PortController, nil, []pipeline.Action{port(4), port(3)}, "34"},
		{"nothing", flow.PortController, nil, nil, ""},
		{"all, as of port 2", 2, nil, []pipeline.Action{port(flow.PortAll)}, "134"},
		{"flood", flow.PortController, nil, []pipeline.Action{port(flow.PortFlood)}, "1234"},
		{"in port", 3, nil, []pipeline.Action{port(flow.PortIn)}, "3"},
		{"to where it says it came from", 3, nil, []pipeline.Action{port(3)}, ""},
		{"through the tables", 1, nil, []pipeline.Action{port(flow.PortTable)}, "2"},
		{"by metadata", flow.PortController, &meta, []pipeline.Action{port(flow.PortTable)}, "3"},
		{"by a tunnel's fields", flow.PortController, &tunnel, []pipeline.Action{port(flow.PortTable)}, "4"},
		{"misses", 4, nil, []pipeline.Action{port(flow.PortTable)}, ""},
		{"normal of nowhere", flow.PortController, nil, []pipeline.Action{port(flow.PortNormal)}, "14"},
		{"changed", flow.PortController, nil, []pipeline.Action{{Kind: pipeline.ActDecTTL}, port(1), {Kind: pipeline.ActPushVLAN, EtherType: 0x8100}, port(2)}, "12"},
		{"back", 1, nil, []pipeline.Action{toController(60)}, "c"},
	} {
		if err := out(c.inPort, c.fields, frame, c.list...); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		for w.loop.Iterate() > 0 {
		}
		got := ""
		for _, line := range strings.Split(strings.TrimSuffix(w.left(t), "\n"), "\n") {
			got += line[:min(1, len(line))]
			if strings.HasPrefix(line, "controller") && (!strings.Contains(line, "reason 5 ") || !strings.Contains(line, "cookie 0xffffffffffffffff") || !strings.Contains(line, "in_port 1/1")) {
				t.Errorf("%s: %s", c.name, line)
			}
		}
		if got != c.want {
			t.Errorf("%s: ports %q, want %q", c.name, got, c.want)
		}
	}
	s := w.closedWorld(t)
	if s.Injected.Packets != 14 || s.Injected.Bytes != 14*80 || s.Packets != 0 || s.Consumed.Packets != 1 {
		t.Errorf("injected %+v, received %d, consumed %d", s.Injected, s.Packets, s.Consumed.Packets)
	}
	for _, f := range w.state.DumpFlows() {
		if f.Packets != 1 || f.Bytes != 80 {
			t.Errorf("%s has %d packets, %d bytes; want 1 and 80", f.String(), f.Packets, f.Bytes)
		}
	}
	if seen := w.flows.Stats().Seen.Packets; seen != 14+18 {
		t.Errorf("%d packets were sampled, want 14 in and 18 out", seen)
	}
	w.flows.Each(new(int), 1000, func(r *cache.Record) {
		if r.Tunnel.On {
			t.Errorf("a packet by no tunnel is recorded with %+v", r.Tunnel)
		}
	})
	if err := out(1, nil, make([]byte, 2048-255), port(4)); !errors.Is(err, pmd.ErrTooLong) {
		t.Errorf("a packet longer than a frame: %v", err)
	}
	if err := out(1, nil, make([]byte, 2048-256), port(4)); err != nil {
		t.Errorf("a packet as long as a frame: %v", err)
	}
	for w.loop.Iterate() > 0 {
	}
	w.closedWorld(t)
}

// TestInjectOfABundle: packets of a bundle go by the tables of their place in it, though those
// that are in force do otherwise, and count for the rules they met.
func TestInjectOfABundle(t *testing.T) {
	w := newWorld(t, mustFlows(t, "priority=0,actions=drop"), nil)
	add := func(cookie uint64, priority, to int) pipeline.Mod {
		f := mustFlows(t, fmt.Sprintf("cookie=%d,priority=%d,in_port=1,actions=output:%d", cookie, priority, to))[0]
		return pipeline.Mod{Flow: &pipeline.FlowMod{Command: pipeline.FlowAdd, Flow: f, OutPort: pipeline.AnyPort, OutGroup: pipeline.AnyGroup}}
	}
	var outs []*pipeline.Out
	out := func() pipeline.Mod {
		o := &pipeline.Out{Frame: numbered(len(outs), 64), List: []pipeline.Action{{Kind: pipeline.ActOutput, Port: flow.PortTable}}}
		o.In.Set(flow.WPort, 1)
		outs = append(outs, o)
		return pipeline.Mod{Out: o}
	}
	if _, err := w.state.Mods([]pipeline.Mod{out(), add(2, 10, 2), out(), out(), add(3, 20, 3), out(), add(4, 30, 4)}, nil, nil); err != nil {
		t.Fatal(err)
	}
	var all []pmd.PacketOut
	for _, o := range outs {
		all = append(all, pmd.PacketOut{Frame: o.Frame, InPort: o.In.InPort(), Fields: &o.In, Translate: o.Translate})
	}
	for i, err := range w.loop.Inject(all) {
		if err != nil {
			t.Errorf("packet %d: %v", i, err)
		}
	}
	for port, want := range map[int][]int{1: {}, 2: {1, 2}, 3: {3}, 4: {}} {
		frames, _ := w.ports[port-1].Captured()
		if len(frames) != len(want) {
			t.Errorf("port %d sent %d frames, want those of %v", port, len(frames), want)
			continue
		}
		for i, n := range want {
			if !bytes.Equal(frames[i], numbered(n, 64)) {
				t.Errorf("port %d, frame %d: %x", port, i, frames[i])
			}
		}
	}
	for w.loop.Iterate() > 0 {
	}
	w.closedWorld(t)
	for _, f := range w.state.DumpFlows() {
		if want := map[uint64]uint64{0: 1, 2: 2, 3: 1, 4: 0}[f.Cookie]; f.Packets != want {
			t.Errorf("%s has %d packets, want %d", f.String(), f.Packets, want)
		}
	}
}

// TestInjectInSlices: many packet-outs at once are treated in order, a few each iteration.
func TestInjectInSlices(t *testing.T) {
	w := newWorld(t, nil, nil)
	all := make([]pmd.PacketOut, 200)
	for i := range all {
		all[i] = pmd.PacketOut{Frame: numbered(i, 64), InPort: flow.PortController,
			Translate: pipeline.PacketOut([]pipeline.Action{{Kind: pipeline.ActOutput, Port: 1}})}
	}
	for i, err := range w.loop.Inject(all) {
		if err != nil {
			t.Fatalf("%d: %v", i, err)
		}
	}
	frames, _ := w.ports[0].Captured()
	if len(frames) != len(all) {
		t.Fatalf("%d of %d were sent", len(frames), len(all))
	}
	for i, f := range frames {
		if !bytes.Equal(f, numbered(i, 64)) {
			t.Fatalf("frame %d is %x", i, f)
		}
	}
	for w.loop.Iterate() > 0 {
	}
	w.closedWorld(t)
}

// TestInjectWithoutFrames: a packet-out that finds no free frame is an error and no count.
func TestInjectWithoutFrames(t *testing.T) {
	w := newWorld(t, mustFlows(t, "actions=drop"), nil)
	all := make([]pmd.PacketOut, worldFrames+10)
	for i := range all {
		// Each asks for two copies more, which stay in the ports until they are reclaimed.
		all[i] = pmd.PacketOut{Frame: numbered(i, 64), InPort: flow.PortController,
			Translate: pipeline.PacketOut([]pipeline.Action{{Kind: pipeline.ActOutput, Port: 1}, {Kind: pipeline.ActOutput, Port: 2}})}
	}
	failed := uint64(0)
	for _, err := range w.loop.Inject(all) {
		if errors.Is(err, pmd.ErrNoFrame) {
			failed++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	for w.loop.Iterate() > 0 {
	}
	s := w.closedWorld(t)
	if failed == 0 || s.Injected.Packets+failed != uint64(len(all)) {
		t.Errorf("%d failed, %d of %d are counted", failed, s.Injected.Packets, len(all))
	}
}
