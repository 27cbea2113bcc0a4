package pipeline

import (
	"errors"
	"testing"

	"pollux/actions"
	"pollux/flow"
	"pollux/ofp/ofperr"
	"pollux/pmd"
)

// TestResumedChanged: what a controller gives back need not be what it got: the packet and its
// metadata are as it says, and what is left to do is as it was.
func TestResumedChanged(t *testing.T) {
	s := testState(t, "ip,cookie=0x5 actions=load:5->NXM_NX_REG0[],push:NXM_NX_REG0[],resubmit(,1),pop:NXM_NX_REG1[],output:NXM_NX_REG1[],write_actions(output:4)\n"+
		"table=1,ip,cookie=0x6 actions=controller(pause),resubmit(,2)\n"+
		"table=2,ip,nw_dst=10.0.0.9,reg0=7 actions=2\ntable=2,priority=1 actions=3")
	u := pmd.Upcall{Key: packetOf(t, s, "in_port=1,ip,nw_dst=10.0.0.2"), Thread: 0}
	s.Snapshot().Translate(&u)
	if u.Program.Drop != actions.Punted || len(u.Program.Punts) != 1 || u.Program.Punts[0].Frozen == nil {
		t.Fatalf("%v", u.Program)
	}
	p := u.Program.Punts[0]
	if !p.Pause || p.Cookie != 6 || p.Table != 1 || p.MaxLen != actions.WholePacket {
		t.Errorf("%+v", p)
	}
	k := packetOf(t, s, "in_port=1,ip,nw_dst=10.0.0.9,reg0=7")
	again := pmd.Upcall{Key: k, Thread: 0}
	s.Snapshot().TranslateResumed(&again, p.Frozen.(*Frozen))
	if got := again.Program.String(); got != "2,4" {
		t.Errorf("resumed: %s; want what is in table 2, nothing to port 5, and the action set", got)
	}
	// Twice the same is the same.
	twice := pmd.Upcall{Key: u.Key, Thread: -1}
	s.Snapshot().Translate(&twice)
	if !actions.Equal(u.Program, twice.Program) {
		t.Error("one packet, two programs")
	}
}

// TestResumedOnce: the rules on the way to a pause count the packet once, those after it once.
func TestResumedOnce(t *testing.T) {
	s := testState(t, "ip actions=controller(pause),resubmit(,1)\ntable=1 actions=2")
	u := pmd.Upcall{Key: packetOf(t, s, "in_port=1,ip"), Thread: 0}
	s.Snapshot().Translate(&u)
	u.Credit.Credit(1, 100, 1)
	again := pmd.Upcall{Key: u.Key, Thread: 0}
	s.Snapshot().TranslateResumed(&again, u.Program.Punts[0].Frozen.(*Frozen))
	again.Credit.Credit(1, 100, 1)
	for _, f := range s.DumpFlows() {
		if f.Packets != 1 {
			t.Errorf("%s: %d packets", f.Match, f.Packets)
		}
	}
}

// TestCheckResume: a controller may make up what is left to do, but not anything.
func TestCheckResume(t *testing.T) {
	s := testState(t, "actions=drop").Snapshot()
	out := []Action{{Kind: ActOutput, Port: 2}}
	for _, c := range []struct {
		f    Frozen
		want error
	}{
		{Frozen{Steps: []FrozenStep{{Table: 3, Actions: out, Rest: Instructions{Goto: 4}}}, Set: out, Stack: []flow.Value{{Lo: 1}}}, nil},
		{Frozen{Steps: []FrozenStep{{Table: 254, Actions: out}}}, ofperr.InstructionBadTable},
		{Frozen{Steps: []FrozenStep{{Table: 3, Rest: Instructions{Goto: 3}}}}, ofperr.InstructionBadTable},
		{Frozen{Steps: []FrozenStep{{Table: 3, Rest: Instructions{Goto: 254}}}}, ofperr.InstructionBadTable},
		{Frozen{Steps: []FrozenStep{{Actions: []Action{{Kind: ActResubmit, Table: 254}}}}}, ofperr.ActionBadArgument},
		{Frozen{Steps: []FrozenStep{{Actions: []Action{{Kind: ActGroup, Group: 1}}}}}, ofperr.ActionBadOutGroup},
		{Frozen{Set: []Action{{Kind: ActExit}}}, ofperr.ActionUnsupportedOrder},
		{Frozen{Stack: make([]flow.Value, maxStack+1)}, ofperr.ActionBadArgument},
	} {
		if err := s.CheckResume(&c.f); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v, want %v", c.f, err, c.want)
		}
	}
}

// TestResumedTowardsAPort: a packet that paused in the egress tables leaves by the port that
// they are for as that is then: not there any more, or never, or not to be forwarded to.
func TestResumedTowardsAPort(t *testing.T) {
	s := testState(t, "actions=drop", func(c *Config) {
		c.Ports[2].NoFwd, c.Ports[3].Up = true, false
	})
	for port, want := range map[uint32]string{2: "2", 77: "drop", 3: "drop", 4: "drop"} {
		u := pmd.Upcall{Key: packetOf(t, s, "in_port=1,ip"), Thread: 0}
		s.Snapshot().TranslateResumed(&u, &Frozen{Set: []Action{{Kind: ActOutput, Port: port}}, Port: port})
		if got := u.Program.String(); got != want {
			t.Errorf("port %d: %s, want %s", port, got, want)
		}
	}
}

// TestResumedCopyLeaves: what a clone still has to do after a pause may send the packet to the
// egress tables, and it may pause there again: then it still leaves by its port.
func TestResumedCopyLeaves(t *testing.T) {
	s := testState(t, "ip actions=clone(controller(pause),2)\ntable=10 actions=controller(pause)")
	withEgress(t, s, 10)
	u := pmd.Upcall{Key: packetOf(t, s, "in_port=1,ip"), Thread: 0}
	s.Snapshot().Translate(&u)
	for _, want := range []string{"paused again", "2"} {
		f := u.Program.Punts[0].Frozen.(*Frozen)
		u = pmd.Upcall{Key: packetOf(t, s, "in_port=1,ip"), Thread: 0}
		s.Snapshot().TranslateResumed(&u, f)
		got := u.Program.String()
		if len(u.Program.Punts) == 1 {
			got = "paused again"
		}
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
