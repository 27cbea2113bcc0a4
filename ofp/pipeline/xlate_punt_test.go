package pipeline

import (
	"errors"
	"strings"
	"testing"

	"pollux/actions"
	"pollux/flow"
	"pollux/ipfix/cache"
	"pollux/ofp/ofperr"
	"pollux/pmd"
)

// plainController is output to the controller.
var plainController = Action{Kind: ActController, List: &Lists{Controller: &ControllerAction{MaxLen: 100, Reason: uint8(actions.PuntAction)}}}

// flowOf is the flow of a text without instructions, with these.
func flowOf(t *testing.T, match string, do Instructions) Flow {
	t.Helper()
	f, err := ParseFlow(match+",actions=drop", nil)
	if err != nil {
		t.Fatal(err)
	}
	f.Do = do
	return f
}

func apply(list ...Action) Instructions { return Instructions{Apply: list} }

// puntState is testState with these flows.
func puntState(t *testing.T, flows ...Flow) *State {
	t.Helper()
	s := testState(t, "")
	if err := s.Replace(flows); err != nil {
		t.Fatal(err)
	}
	return s
}

// translated is the answer about a packet in a trace's words.
func translated(t *testing.T, s *Snapshot, packet string) *pmd.Upcall {
	t.Helper()
	k, err := s.ParsePacket(packet)
	if err != nil {
		t.Fatal(err)
	}
	u := &pmd.Upcall{Key: k, Thread: -1}
	s.Translate(u)
	return u
}

// load is an ActLoad of a whole field.
func load(f flow.Field, v uint64) Action {
	return Action{Kind: ActLoad, Dst: Subfield{Field: f, Bits: uint8(flow.Fields[f].Bits)}, Value: flow.Value{Lo: v}}
}

// TestPuntReasons: what a controller is told of why, where, and by which rule.
func TestPuntReasons(t *testing.T) {
	full := ControllerAction{MaxLen: 7, ID: 4, Reason: uint8(actions.PuntNoMatch), UserData: "ab"}
	resubmit := Action{Kind: ActResubmit, Port: PortKeep, Table: 1}
	s := puntState(t,
		flowOf(t, "cookie=1,priority=5,in_port=1", apply(plainController)),
		flowOf(t, "cookie=2,priority=0", apply(plainController)),
		flowOf(t, "cookie=3,priority=5,in_port=2", Instructions{Write: []Action{plainController}, Goto: 1}),
		flowOf(t, "cookie=4,priority=5,in_port=3", apply(Action{Kind: ActController, List: &Lists{Controller: &full}})),
		flowOf(t, "cookie=5,table=1,priority=9,in_port=2", Instructions{Write: []Action{load(flow.Reg1, 1)}}),
		flowOf(t, "cookie=6,priority=5,in_port=4", apply(resubmit)),
		flowOf(t, "cookie=7,priority=5,in_port=5", Instructions{Goto: 1}),
	)
	group := GroupMod{Command: GroupAdd, Group: Group{ID: 1, Type: GroupIndirect, Buckets: []Bucket{{Actions: []Action{plainController}, WatchPort: AnyPort, WatchGroup: AnyGroup}}}}
	if err := s.GroupMod(&group, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Add(flowOf(t, "cookie=8,priority=5,in_port=6", apply(Action{Kind: ActGroup, Group: 1}))); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ packet, miss, want string }{
		{"in_port=1", "", "controller(reason=1,table=0,rule_cookie=0x1,controller_id=0,max_len=65535)"},
		{"in_port=9", "", "controller(reason=6,table=0,rule_cookie=0x2,controller_id=0,max_len=65535)"},
		{"in_port=2", "", "controller(reason=3,table=1,rule_cookie=0x5,controller_id=0,max_len=65535)"},
		{"in_port=3", "", "controller(reason=0,table=0,rule_cookie=0x4,controller_id=4,max_len=65535,userdata=6162)"},
		{"in_port=6", "", "controller(reason=4,table=0,rule_cookie=0x8,controller_id=0,max_len=65535)"},
		{"in_port=4", "", "drop"},
		{"in_port=4", "resubmits are silent", "drop"},
		{"in_port=5", "", "drop"},
		{"in_port=5", "goto is not", "controller(reason=7,table=1,controller_id=0,max_len=128)"},
	} {
		s.SetPunting(Punting{Miss: c.miss != "", MissLen: 128})
		u := translated(t, s.Snapshot(), c.packet)
		if got := u.Program.String(); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.packet, c.miss, got, c.want)
		}
		if want := map[bool]actions.Reason{true: actions.DropTableMiss, false: actions.Punted}[c.want == "drop"]; u.Program.Drop != want {
			t.Errorf("%s: %v, want %v", c.packet, u.Program.Drop, want)
		}
	}
}

// TestMissAtRunTime: what becomes of packets without a flow changes with the configuration,
// and decisions of before are not used any more.
func TestMissAtRunTime(t *testing.T) {
	s := puntState(t)
	gen := s.Snapshot().Generation()
	if got := translated(t, s.Snapshot(), "in_port=1").Program.String(); got != "drop" {
		t.Errorf("at first: %s", got)
	}
	s.SetPunting(Punting{Miss: true, MissLen: actions.WholePacket})
	if got := translated(t, s.Snapshot(), "in_port=1").Program.String(); got != "controller(reason=7,table=0,controller_id=0,max_len=65535)" {
		t.Errorf("then: %s", got)
	}
	if s.Snapshot().Generation() == gen {
		t.Error("a change of what misses do is no new generation")
	}
	if err := s.UpdatePort(1, func(p *Port) { p.NoPacketIn = true }); err != nil {
		t.Fatal(err)
	}
	if u := translated(t, s.Snapshot(), "in_port=1"); u.Program.String() != "drop" || u.Program.Drop != actions.DropTableMiss {
		t.Errorf("of a port without packet-ins: %v %v", u.Program, u.Program.Drop)
	}
	if got := translated(t, s.Snapshot(), "in_port=2").Program.String(); got == "drop" {
		t.Error("of another port: drop")
	}
	// The table-miss flow is silent too, and others are not.
	if err := s.Replace([]Flow{flowOf(t, "priority=0", apply(plainController)), flowOf(t, "priority=1,tcp", apply(plainController))}); err != nil {
		t.Fatal(err)
	}
	if got := translated(t, s.Snapshot(), "in_port=1").Program.String(); got != "drop" {
		t.Errorf("of a port without packet-ins, the table-miss flow: %s", got)
	}
	if got := translated(t, s.Snapshot(), "in_port=1,tcp").Program.String(); got == "drop" {
		t.Error("of a port without packet-ins, another flow: drop")
	}
}

// TestPuntTellsFields: the fields are those of that moment, and the decision holds for packets
// that have them alone.
func TestPuntTellsFields(t *testing.T) {
	move := Action{Kind: ActMove, Src: Subfield{Field: flow.TCPDst, Bits: 16}, Dst: Subfield{Field: flow.Reg2, Lo: 8, Bits: 16}}
	s := puntState(t, flowOf(t, "tcp", apply(
		plainController, load(flow.Reg0, 5), load(flow.Metadata, 0x77), move, load(flow.InPort, 9), plainController,
		Action{Kind: ActSetField, Dst: Subfield{Field: flow.IPTTL, Bits: 8}, Value: flow.Value{Lo: 3}, Mask: flow.IPTTL.Full()}, plainController,
	)))
	u := translated(t, s.Snapshot(), "in_port=1,tcp,tp_dst=80")
	p := u.Program
	if len(p.Punts) != 3 || p.Taker != len(p.Ops)-1 || p.Ops[2].Code != actions.OpSet {
		t.Fatalf("%v", p)
	}
	var k flow.Key
	p.Punts[0].Key(&k)
	if k.Map != 1<<flow.WPort || k.InPort() != 1 {
		t.Errorf("the first: %+v", k)
	}
	p.Punts[1].Key(&k)
	if k.InPort() != 9 || flow.Reg0.Get(&k).Lo != 5 || flow.Metadata.Get(&k).Lo != 0x77 || flow.Reg2.Get(&k).Lo != 80<<8 {
		t.Errorf("the second: %+v", k)
	}
	if m := flow.TCPDst.GetMask(&u.Mask); m != flow.TCPDst.Full() {
		t.Errorf("tp_dst is told, and %v of it was looked at", m)
	}
	if m := flow.TunID.GetMask(&u.Mask); !m.IsZero() {
		t.Errorf("%v of tun_id was looked at, which is 0 in all packets", m)
	}
	if m := flow.TCPSrc.GetMask(&u.Mask); !m.IsZero() {
		t.Errorf("%v of tp_src was looked at", m)
	}
}

// TestPuntInvalidTTL: controllers hear of an expired TTL where that is configured, those that
// the action names.
func TestPuntInvalidTTL(t *testing.T) {
	out := Action{Kind: ActOutput, Port: 2}
	s := puntState(t,
		flowOf(t, "in_port=1,ip", apply(Action{Kind: ActDecTTL}, out)),
		flowOf(t, "in_port=2,ip", apply(out, Action{Kind: ActDecTTLIDs, List: &Lists{IDs: []uint16{3, 8}}}, Action{Kind: ActOutput, Port: 3})),
	)
	for _, c := range []struct {
		packet string
		on     bool
		want   string
	}{
		{"in_port=1,ip,nw_ttl=1", false, "drop"},
		{"in_port=1,ip,nw_ttl=1", true, "controller(reason=2,table=0,rule_cookie=0x0,controller_id=0,max_len=65535)"},
		{"in_port=1,ip,nw_ttl=2", true, "set(ipv4(ttl=1)),2"},
		{"in_port=2,ip,nw_ttl=0", true, "controller(reason=2,table=0,rule_cookie=0x0,controller_id=3,max_len=65535),controller(reason=2,table=0,rule_cookie=0x0,controller_id=8,max_len=65535)"},
		{"in_port=2,ip,nw_ttl=9", true, "set(ipv4(ttl=8)),3"},
	} {
		s.SetPunting(Punting{InvalidTTL: c.on})
		u := translated(t, s.Snapshot(), c.packet)
		if got := u.Program.String(); got != c.want {
			t.Errorf("%s: %s, want %s", c.packet, got, c.want)
		}
	}
}

// TestPuntVerdict: a packet that goes to controllers alone is consumed, by the rule that sent it
// there; one that also leaves is forwarded.
func TestPuntVerdict(t *testing.T) {
	s := puntState(t,
		flowOf(t, "cookie=1,in_port=1", apply(plainController, Action{Kind: ActOutput, Port: 99})),
		flowOf(t, "cookie=2,in_port=2", apply(plainController, Action{Kind: ActOutput, Port: 3})),
	)
	if err := s.SetSampling(Sampling{Bridge: &BridgeSampling{Input: true, Attribute: true}}); err != nil {
		t.Fatal(err)
	}
	for packet, want := range map[string]cache.Verdict{
		"in_port=1": {Status: 193, Known: true, Cookie: 1},
		"in_port=2": {Status: 64, Known: true, Cookie: 2},
	} {
		if got := translated(t, s.Snapshot(), packet).Program.Samples[0].Point.Verdict; got != want {
			t.Errorf("%s: %+v, want %+v", packet, got, want)
		}
	}
}

// TestPuntRefusals: what cannot be done is refused.
func TestPuntRefusals(t *testing.T) {
	s := puntState(t)
	for _, c := range []struct {
		a    Action
		want ofperr.Error
		out  error // in a packet-out
	}{
		{Action{Kind: ActController, List: &Lists{Controller: &ControllerAction{Reason: 6}}}, ofperr.ActionBadArgument, ofperr.ActionBadArgument},
		{Action{Kind: ActController, List: &Lists{Controller: &ControllerAction{Meter: 5}}}, ofperr.MeterModInvalid, ofperr.MeterModInvalid},
		{Action{Kind: ActOutput, Port: flow.PortTable}, ofperr.ActionBadOutPort, nil},
		{Action{Kind: ActGroup, Group: 5}, ofperr.ActionBadOutGroup, ofperr.ActionBadOutGroup},
	} {
		for _, do := range []Instructions{apply(c.a), apply(Action{Kind: ActClone, List: &Lists{Actions: []Action{c.a}}})} {
			if err := s.Replace([]Flow{flowOf(t, "in_port=1", do)}); !errors.Is(err, c.want) {
				t.Errorf("%+v: %v", do, err)
			}
			if err := s.Snapshot().CheckOut(do.Apply); !errors.Is(err, c.out) || (err == nil) != (c.out == nil) {
				t.Errorf("packet-out %+v: %v", do, err)
			}
		}
	}
}

// TestPartsOfPuntingAreChangedAtOnce: by two threads, of which neither undoes the other's.
func TestPartsOfPuntingAreChangedAtOnce(t *testing.T) {
	s := testState(t, "")
	done := make(chan bool)
	for _, fn := range []func(*Punting){func(p *Punting) { p.MissLen++ }, func(p *Punting) { p.InvalidTTL = !p.InvalidTTL }} {
		go func() {
			for range 1001 {
				s.UpdatePunting(fn)
			}
			done <- true
		}()
	}
	<-done
	<-done
	if p := s.Snapshot().Punting(); p.MissLen != 1001 || !p.InvalidTTL {
		t.Errorf("%+v", p)
	}
}

// TestOutputToController: whichever way it is written.
func TestOutputToController(t *testing.T) {
	s := puntState(t,
		flowOf(t, "in_port=1", apply(Action{Kind: ActOutput, Port: flow.PortController})),
		flowOf(t, "in_port=2", apply(load(flow.Reg3, 0xfffd), Action{Kind: ActOutputReg, Src: Subfield{Field: flow.Reg3, Bits: 16}, MaxLen: 50})),
	)
	for packet, want := range map[string]string{"in_port=1": "max_len=65535", "in_port=2": "max_len=65535"} {
		if got := translated(t, s.Snapshot(), packet).Program.String(); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", packet, got, want)
		}
	}
}
