package pipeline

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"pollux/flow"
	"pollux/ofp/ofperr"
	"pollux/pmd"
)

// TestConjunction is the example of ovs-fields(7): flows of clauses, and the flow for packets
// that fulfil all of them, with their counters.
func TestConjunction(t *testing.T) {
	s := testState(t, `
priority=100,ip,nw_src=10.0.0.1 actions=conjunction(1234,1/2)
priority=100,ip,nw_src=10.0.0.4 actions=conjunction(1234,1/2)
priority=100,ip,nw_src=10.0.0.6 actions=conjunction(1234,1/2),note:00
priority=100,tcp,tp_dst=80 actions=conjunction(1234,2/2)
priority=100,tcp,tp_dst=443 actions=conjunction(1234,2/2)
priority=100,conj_id=1234,ip cookie=0x9 actions=2
priority=50,ip,nw_src=10.0.0.4 actions=3
priority=200,tcp,tp_dst=443,nw_src=10.0.0.6 actions=4
`)
	for in, want := range map[string]string{
		"in_port=1,tcp,nw_src=10.0.0.1,tp_dst=80":  "2",
		"in_port=1,tcp,nw_src=10.0.0.4,tp_dst=443": "2",
		"in_port=1,tcp,nw_src=10.0.0.2,tp_dst=443": "drop",
		"in_port=1,tcp,nw_src=10.0.0.1,tp_dst=81":  "drop",
		"in_port=1,tcp,nw_src=10.0.0.4,tp_dst=81":  "3",
		"in_port=1,tcp,nw_src=10.0.0.6,tp_dst=443": "4",
		"in_port=1,udp,nw_src=10.0.0.1,tp_dst=80":  "drop",
	} {
		k := packetOf(t, s, in)
		u := pmd.Upcall{Key: k, Thread: -1}
		s.Snapshot().Translate(&u)
		if got := u.Program.String(); got != want {
			t.Errorf("%s: %s, want %s\n%s", in, got, want, s.Snapshot().Trace(k))
		}
		if want == "2" {
			u.Credit.Credit(1, 60, 0)
			if !flow.ConjID.GetMask(&u.Mask).IsZero() {
				t.Errorf("%s: the decision depends on conj_id", in)
			}
		}
	}
	for _, f := range s.DumpFlows() {
		want := uint64(0)
		if f.Cookie == 9 {
			want = 2
		}
		if f.Packets != want {
			t.Errorf("%s: want %d packets", f.String(), want)
		}
	}
}

// TestConjunctionIsRefused is what ofpacts_verify of Open vSwitch refuses, too.
func TestConjunctionIsRefused(t *testing.T) {
	for _, c := range []string{
		"actions=conjunction(1,1/2),2", "actions=conjunction(1,1/2),goto_table:1", "actions=conjunction(1,1/2),write_metadata:1",
		"actions=clone(conjunction(1,1/2))",
	} {
		f, err := ParseFlow(c, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := testState(t, "").Add(f); !errors.Is(err, ofperr.BadConjunction) {
			t.Errorf("%s: %v", c, err)
		}
	}
}

// TestConjunctionDependsOnLesserRules is a conj_id flow whose priority is not that of the
// clauses: whatever changes down to the lesser of both has the decision made again.
func TestConjunctionDependsOnLesserRules(t *testing.T) {
	for _, c := range []struct {
		clauses, flow int
		change        string // "-" removes
		want          bool
	}{
		{10, 100, "-priority=10,in_port=1", true},
		{10, 100, "priority=50,in_port=1 actions=3", true},
		{10, 100, "priority=50,in_port=1 actions=conjunction(2,1/2)", true},
		{10, 100, "priority=9,in_port=1 actions=3", false},
		{100, 10, "priority=50,in_port=1 actions=3", true},
		{100, 10, "priority=9,in_port=1 actions=3", false},
		{100, 10, "priority=200,in_port=1 actions=3", true},
	} {
		s := testState(t, fmt.Sprintf("priority=%d,in_port=1 actions=conjunction(1,1/2)\npriority=%d,tcp actions=conjunction(1,2/2)\npriority=%d,conj_id=1 actions=2", c.clauses, c.clauses, c.flow))
		u := pmd.Upcall{Key: packetOf(t, s, "in_port=1,tcp"), Thread: -1}
		s.Snapshot().Translate(&u)
		gen := s.Snapshot().Generation()
		var err error
		if match, ok := strings.CutPrefix(c.change, "-priority=10,"); ok {
			err = s.Delete(0, 10, flowMatch(t, match))
		} else {
			var f Flow
			if f, err = ParseFlow(c.change, nil); err == nil {
				err = s.Add(f)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Snapshot().Changes().Touched(gen, 0, u.Key, &u.Mask, u.Path, u.Credit); got != c.want || u.Program.String() != "2" {
			t.Errorf("%+v: touched %v; program %v", c, got, u.Program)
		}
	}
}

// TestConjunctionsManyFlows is 30 addresses, 30 addresses and 30 ports, in 90 flows and not
// 27,000, against a walk through the sets.
func TestConjunctionsManyFlows(t *testing.T) {
	const n = 30
	var lines []string
	for i := range n {
		lines = append(lines,
			fmt.Sprintf("priority=10,ip,nw_src=10.0.0.%d actions=conjunction(7,1/3)", i*2),
			fmt.Sprintf("priority=10,ip,nw_dst=10.1.0.%d actions=conjunction(7,2/3)", i*2),
			fmt.Sprintf("priority=10,tcp,tp_dst=%d actions=conjunction(7,3/3)", 1000+i*2))
	}
	s := testState(t, strings.Join(append(lines, "priority=10,conj_id=7 actions=2"), "\n"))
	r := rand.New(rand.NewPCG(1, 1))
	hits := 0
	for range 3000 {
		a, b, c := r.IntN(2*n), r.IntN(2*n), r.IntN(2*n)
		res, err := s.Snapshot().TraceText(fmt.Sprintf("in_port=1,tcp,nw_src=10.0.0.%d,nw_dst=10.1.0.%d,tp_dst=%d", a, b, 1000+c))
		if err != nil {
			t.Fatal(err)
		}
		want := "drop"
		if a%2 == 0 && b%2 == 0 && c%2 == 0 {
			want, hits = "2", hits+1
		}
		if res.Actions != want {
			t.Fatalf("%s, want %s\n%s", res.Actions, want, res)
		}
	}
	if hits < 200 {
		t.Errorf("%d packets fulfilled all clauses", hits)
	}
}
