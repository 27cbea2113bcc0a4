package pipeline

import (
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
