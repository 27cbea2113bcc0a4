package pipeline

import (
	"fmt"
	"slices"
	"testing"

	"pollux/pmd"
)

// doOut does what a packet-out's list says, as a loop does.
func doOut(t testing.TB, s *State, list, in string) *pmd.Upcall {
	t.Helper()
	do, err := ParseFlow("actions="+list, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Snapshot().CheckOut(do.Do.Apply); err != nil {
		t.Fatal(err)
	}
	o := &Out{List: do.Do.Apply}
	u := &pmd.Upcall{Key: packetOf(t, s, in), Now: 1, Commit: true}
	o.Translate(s.Snapshot(), u)
	s.Snapshot().Settle()
	return u
}

// TestPacketOutLearns: what a packet-out's own list has the switch learn is learned, before the
// packet leaves, though there is no flow whose action it is.
func TestPacketOutLearns(t *testing.T) {
	const learns = "learn(table=1,idle_timeout=5,priority=7,dl_dst=dl_src,output:NXM_OF_IN_PORT[])"
	const learned = "table=1, idle_timeout=5, priority=7,dl_dst=02:00:00:00:00:01 actions=output:3"
	for name, list := range map[string]string{
		"itself":      learns + ",2",
		"in a clone":  "clone(" + learns + "),2",
		"behind":      "resubmit(,2)," + learns + ",2",
		"by the flow": "resubmit(,3),2",
	} {
		t.Run(name, func(t *testing.T) {
			s := testState(t, "actions=drop\ntable=2 actions=note:00\ntable=3 actions="+learns)
			u := doOut(t, s, list, "in_port=3,tcp,dl_src=02:00:00:00:00:01,tp_src=1")
			if got := u.Program.String(); got != "2" {
				t.Errorf("%s is sent", got)
			}
			if got := texts(s, 1); !slices.Equal(got, []string{learned}) {
				t.Errorf("learned %q", got)
			}
		})
	}
}

// TestPacketOutLimits: limits hold for packet-outs, alone and in bundles, their own and those of
// flows of the bundle, and result_dst says whether they are reached.
func TestPacketOutLimits(t *testing.T) {
	const first = "learn(table=1,cookie=0x5,limit=2,result_dst=reg0[0],NXM_OF_ETH_SRC[])"
	parse := func(text string) Flow {
		f, err := ParseFlow(text, nil)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	for name, c := range map[string]struct {
		list   string
		before []string // flows that the bundle adds
		after  []string // and that it deletes
		bundle bool
	}{
		"alone":                 {list: first + ",resubmit(,2)"},
		"in a bundle":           {list: first + ",resubmit(,2)", bundle: true},
		"by a bundle's flow":    {list: "resubmit(,3)", before: []string{"table=3,actions=" + first + ",resubmit(,2)"}, bundle: true},
		"by a flow of before":   {list: "resubmit(,4)"},
		"in a clone":            {list: "clone(" + first + ",load:1->reg1[]),resubmit(,5)"},
		"and flows that go too": {list: first + ",resubmit(,2)", before: []string{"table=9,actions=" + first}, after: []string{"table=9"}, bundle: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := testState(t, "actions=drop\ntable=2,reg0=1,actions=2\ntable=2,priority=1,actions=4\ntable=4,actions="+first+",resubmit(,2)\n"+
				"table=5,reg0=0,actions=2")
			if name != "by a flow of before" {
				if err := s.Delete(4, DefaultPriority, parse("table=4,actions=drop").Match); err != nil {
					t.Fatal(err)
				}
			}
			var mods []Mod
			for _, text := range c.before {
				mods = append(mods, Mod{Flow: &FlowMod{Command: FlowAdd, Flow: parse(text)}})
			}
			o := &Out{List: parse("actions=" + c.list).Do.Apply}
			mods = append(mods, Mod{Out: o})
			for _, text := range c.after {
				mods = append(mods, Mod{Flow: &FlowMod{Command: FlowDelete, Flow: parse(text + ",actions=drop"), OutPort: AnyPort, OutGroup: AnyGroup}})
			}
			var sent []string
			for src := 1; src <= 4; src++ {
				do := func(o *Out) error {
					in := packetOf(t, s, "in_port=3,dl_src=02:00:00:00:00:0"+string(rune('0'+src)))
					u := &pmd.Upcall{Key: in, Now: 1, Commit: true}
					o.Translate(s.Snapshot(), u)
					s.Snapshot().Settle()
					sent = append(sent, u.Program.String())
					return nil
				}
				var err error
				if c.bundle {
					_, err = s.Mods(mods, nil, func() { _ = do(o) })
				} else {
					err = s.SendOut(o, do)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			want := []string{"2", "2", "4", "4"}
			if name == "in a clone" { // where nothing of it is left behind
				want = []string{"2", "2", "2", "2"}
			}
			if !slices.Equal(sent, want) {
				t.Errorf("sent to %q, want %q", sent, want)
			}
			if got := texts(s, 1); len(got) != 2 {
				t.Errorf("learned %q", got)
			}
		})
	}
}

// TestPacketOutsAskForAWhile: what packet-outs ask for is counted on for some that come again, and
// for no more; a bundle that is given up leaves nothing behind.
func TestPacketOutsAskForAWhile(t *testing.T) {
	s := testState(t, "actions=drop")
	list := func(cookie int) []Action {
		f, err := ParseFlow(fmt.Sprintf("actions=learn(table=1,cookie=%d,limit=2,NXM_OF_ETH_SRC[])", cookie), nil)
		if err != nil {
			t.Fatal(err)
		}
		return f.Do.Apply
	}
	counted := func(cookie int) bool {
		_, ok := s.Snapshot().tables[1].learnedBy(uint64(cookie))
		return ok
	}
	none := func(*Out) error { return nil }
	for cookie := 1; cookie <= 2*mostIdle; cookie++ {
		err := s.SendOut(&Out{List: list(cookie)}, func(*Out) error {
			if !counted(cookie) {
				t.Errorf("cookie %d is not counted while it is asked for", cookie)
			}
			return s.SendOut(&Out{List: list(1)}, none) // does not grow old
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var have []int
	for cookie := 1; cookie <= 2*mostIdle; cookie++ {
		if counted(cookie) {
			have = append(have, cookie)
		}
	}
	if len(have) != mostIdle || have[0] != 1 || have[1] != mostIdle+2 {
		t.Errorf("counted are %v", have)
	}
	gen := s.Snapshot().Generation()
	if err := s.SendOut(&Out{List: list(1)}, none); err != nil || s.Snapshot().Generation() != gen {
		t.Errorf("%v; what is counted already makes new tables", err)
	}
	if _, err := s.Mods([]Mod{{Out: &Out{List: list(999)}}, {Out: &Out{List: []Action{{Kind: ActGroup, Group: 9}}}}}, nil, nil); err == nil {
		t.Error("a group that is not there")
	}
	if k := &s.cookies; counted(999) || len(k.asked) != mostIdle || len(k.idle) != mostIdle {
		t.Errorf("%d cookies are asked for, %d of them by nobody", len(k.asked), len(k.idle))
	}
}

// TestResumedLimit: the limit of a learn action that is left to do when a packet has paused.
func TestResumedLimit(t *testing.T) {
	s := testState(t, "actions=drop")
	f, err := ParseFlow("actions=learn(table=1,cookie=0x5,limit=1,result_dst=reg0[0],NXM_OF_ETH_SRC[]),output:reg0", nil)
	if err != nil {
		t.Fatal(err)
	}
	left := &Frozen{Steps: []FrozenStep{{Cookie: 7, Actions: f.Do.Apply}}}
	for src, want := range []string{"1", "drop"} {
		err := s.SendResumed(left, func() error {
			u := &pmd.Upcall{Key: packetOf(t, s, fmt.Sprintf("in_port=3,dl_src=02:00:00:00:00:%02x", src)), Now: 1, Commit: true}
			Resume(left)(s.Snapshot(), u)
			s.Snapshot().Settle()
			if got := u.Program.String(); got != want {
				t.Errorf("packet %d: %s, want %s", src, got, want)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := texts(s, 1); len(got) != 1 {
		t.Errorf("learned %q", got)
	}
}
