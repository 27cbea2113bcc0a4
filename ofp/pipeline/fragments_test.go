package pipeline

import (
	"fmt"
	"testing"

	"pollux/actions"
	"pollux/flow"
)

// TestFragments: by each way to treat them, which flow a fragment meets; and that what is decided
// for a kind of fragment is not for another.
func TestFragments(t *testing.T) {
	to := func(port uint32) Instructions { return apply(Action{Kind: ActOutput, Port: port}) }
	s := puntState(t,
		flowOf(t, "priority=9,udp,tp_dst=53", to(2)),
		flowOf(t, "priority=8,udp,tp_dst=0", to(3)),
		flowOf(t, "priority=7,udp", to(4)),
	)
	kinds := []string{"no", "first", "later"}
	for _, c := range []struct {
		way  Fragments
		want string // of each kind: the port
	}{
		{FragNormal, "[2 3 3]"},
		{FragDrop, "[2 fragment fragment]"},
		{FragMatch, "[2 2 3]"},
	} {
		s.SetFragments(c.way)
		var got []string
		var masks []flow.Mask
		var keys []*flow.Key
		for _, kind := range kinds {
			packet := "udp,in_port=1,ip_frag=" + kind
			if kind != "later" {
				packet += ",tp_src=1000,tp_dst=53"
			}
			u := translated(t, s.Snapshot(), packet)
			is := u.Program.String()
			if u.Program.Drop != actions.DropNone {
				is = u.Program.Drop.String()
			}
			got, masks, keys = append(got, is), append(masks, u.Mask), append(keys, u.Key)
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("way %d: %v, want %s", c.way, got, c.want)
		}
		for i := range keys {
			for j := range keys {
				if got[i] != got[j] && masks[i].Match(keys[i], keys[j]) {
					t.Errorf("way %d: the decision for ip_frag=%s is one for %s, too", c.way, kinds[i], kinds[j])
				}
			}
		}
	}
}
