package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestTriggers is when flows are told of: t is the time, n packets of 100 bytes each come, by
// then, and ! is where a threshold is told of as passed.
func TestTriggers(t *testing.T) {
	const second = int64(time.Second)
	for _, c := range []struct{ trigger, script, want string }{
		{"packets=10", "1s+9 2s+1 3s+100", "2s:10"},
		{"packets=10,periodic", "1s+9 2s+1 3s+5 4s+25 5s 6s+1", "2s:10 4s:40 "},
		{"packets=10,bytes=500", "1s+5 2s+5 3s+50", "1s:5 2s:10"},
		{"packets=10,bytes=500,only_first", "1s+5 2s+5 3s+50", "1s:5"},
		{"packets=10,bytes=500,periodic,only_first", "1s+7 2s+4 3s+1 4s+5 5s", "1s:7 3s:12 4s:17"},
		{"duration=3s", "1s 2s 3s 4s 9s", "3s:0"},
		{"duration=3s,periodic", "1s 3s 5s 6s 12s 13s", "3s:0 6s:0 12s:0"},
		{"duration=3s,packets=10,periodic,only_first", "1s+10 3s 4s+5 5s+5 7s 8s", "1s:10 4s:15 7s:20"},
		{"idle=2s", "1s 2s+1 3s 4s 5s 6s+1 7s 8s 9s", "4s:1 8s:2"},
		{"idle=2s,periodic", "1s 2s 3s 4s 6s+1 7s 8s", "2s:0 4s:0 8s:1"},
		{"idle=2s,periodic,only_first", "2s 3s 4s", "2s:0 4s:0"},
		{"periodic", "1s+100", ""},
	} {
		t.Run(c.trigger, func(t *testing.T) {
			now := int64(0)
			s := testState(t, "", func(cf *Config) { cf.Now = func() int64 { return now } })
			settled := 0
			s.OnIdle(func() { settled++ })
			var told []string
			s.OnStatTrigger(func(e StatsTriggered) {
				told = append(told, fmt.Sprintf("%ds:%d", now/second, e.Packets))
				if e.Duration != now {
					t.Errorf("duration %d at %d", e.Duration, now)
				}
			})
			f, err := ParseFlow("actions=2,stat_trigger("+c.trigger+")", nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Add(f); err != nil {
				t.Fatal(err)
			}
			var r *Rule
			for rule := range s.Snapshot().tables[0].rules.Rules() {
				r = rule.Data.(*Rule)
			}
			for _, w := range strings.Fields(c.script) {
				at, packets, n := int64(0), uint64(0), 0
				if n, _ = fmt.Sscanf(w, "%ds+%d", &at, &packets); n < 1 {
					t.Fatal(w)
				}
				now = at * second
				if packets > 0 {
					r.credit(packets, packets*100, now)
				}
				s.Tick()
			}
			if got := strings.Join(told, " "); got != strings.TrimSpace(c.want) {
				t.Errorf("told of %q, want %q", got, c.want)
			}
			if settled == 0 {
				t.Error("loops were not asked for what they counted")
			}
		})
	}
}

// TestTriggersCountFromNowOn: what a flow has counted already, before a modification gave it
// the trigger, is not told of; nor is a flow that has gone, or that does not count.
func TestTriggersCountFromNowOn(t *testing.T) {
	now := int64(0)
	s := testState(t, "", func(c *Config) { c.Now = func() int64 { return now } })
	var told []uint64
	s.OnStatTrigger(func(e StatsTriggered) { told = append(told, e.Packets) })
	tick := func() { now += triggerEvery; s.Tick() }
	mod := func(command FlowCommand, text string) {
		t.Helper()
		f, err := ParseFlow(text, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.FlowMods([]FlowMod{{Command: command, Flow: f, OutPort: AnyPort, OutGroup: AnyGroup}}, nil); err != nil {
			t.Fatal(err)
		}
	}
	count := func(n uint64) {
		for rule := range s.Snapshot().tables[0].rules.Rules() {
			rule.Data.(*Rule).credit(n, n, now)
		}
		tick()
	}
	mod(FlowAdd, "actions=2")
	count(50)
	mod(FlowModify, "actions=2,stat_trigger(packets=20)")
	count(50)
	mod(FlowModify, "actions=2,stat_trigger(packets=40,periodic)")
	count(19)
	count(1)
	mod(FlowDelete, "actions=drop")
	count(100)
	mod(FlowAdd, "no_packet_counts,actions=2,stat_trigger(packets=20)")
	count(100)
	if want := []uint64{120}; !slices.Equal(told, want) {
		t.Errorf("told at %v packets, want %v", told, want)
	}
	if len(s.watches) != 1 {
		t.Errorf("%d flows are watched, want 1", len(s.watches))
	}
}

// TestTriggerText is what is written as text, and what is not.
func TestTriggerText(t *testing.T) {
	for _, text := range []string{
		"stat_trigger(duration=1m30s,idle=2s,packets=1,bytes=18446744073709551615,periodic,only_first)",
		"load:0x1->NXM_NX_REG0[],stat_trigger(packets=7),goto_table:3",
		"stat_trigger(periodic)",
	} {
		f, err := ParseFlow("actions="+text, nil)
		if err != nil {
			t.Error(err)
		} else if got := f.Do.Format(nil); got != text {
			t.Errorf("%s comes back as %s", text, got)
		}
	}
	for _, text := range []string{
		"stat_trigger", "stat_trigger:1", "stat_trigger()", "stat_trigger(packets=0)", "stat_trigger(packets)", "stat_trigger(duration=5)", "stat_trigger(duration=-5s)",
		"stat_trigger(flows=5)", "stat_trigger(periodic=1)", "goto_table:3,stat_trigger(packets=7)", "stat_trigger(packets=7),stat_trigger(packets=7)",
	} {
		if f, err := ParseFlow("actions="+text, nil); err == nil {
			t.Errorf("%s is read as %s", text, f.Do.Format(nil))
		}
	}
	if _, err := tryState(t, "actions=conjunction(1,1/2),stat_trigger(packets=7)"); err == nil {
		t.Error("a clause of a conjunction has a trigger")
	}
}
