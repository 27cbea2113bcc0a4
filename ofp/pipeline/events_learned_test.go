package pipeline

import (
	"fmt"
	"slices"
	"testing"
)

// TestLoopsTellNobody: what a packet has the switch learn is told by the control plane, in order
// with what else changes, and not by Settle, which loops call.
func TestLoopsTellNobody(t *testing.T) {
	const vacancy = "few are free"
	for _, c := range []struct {
		name string
		do   func(*State) error
		more []string // that do itself brings
	}{
		{"Tick", func(s *State) error { s.Tick(); return nil }, nil},
		{"TellChanges", func(s *State) error { s.TellChanges(); return nil }, nil},
		{"Still", func(s *State) error { s.Still(func(uint64) {}); return nil }, nil},
		{"deletion of it", func(s *State) error {
			return s.Delete(1, DefaultPriority, flowMatch(t, "dl_src=02:00:00:00:00:01"))
		}, []string{"deleted 1"}},
		{"another change", func(s *State) error {
			return s.Add(Flow{Table: 3, Cookie: 9, Priority: 5})
		}, []string{"added 9"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := testState(t, "actions=learn(table=1,cookie=0x1,NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[]),2")
			if err := s.TableMod(&TableMod{Table: 1, MaxFlows: 100, Vacancy: On, VacancyDown: 1, VacancyUp: 1}); err != nil {
				t.Fatal(err)
			}
			var told []string
			number := uint64(0)
			s.OnFlowChange(func(f *FlowChange) {
				flow := f.Flow()
				told = append(told, fmt.Sprintf("%s %d", [...]string{"added", "modified", "deleted"}[f.Kind], flow.Cookie))
				if !f.Last || f.Number < number || f.By != nil {
					t.Errorf("%+v, after number %d", f, number)
				}
				number = f.Number
			})
			s.OnTableStatus(func(TableStatus) { told = append(told, vacancy) })
			var want []string
			for n := 1; n <= 100; n++ { // more than are told at once
				send(t, s, fmt.Sprintf("in_port=3,dl_src=02:00:00:00:00:%02x", n), 0)
				s.Snapshot().Settle()
				want = append(want, "added 1")
			}
			if got := texts(s, 1); len(got) != 100 {
				t.Fatalf("%d flows are learned", len(got))
			}
			if told != nil {
				t.Fatalf("a loop tells %q", told)
			}
			if err := c.do(s); err != nil {
				t.Fatal(err)
			}
			want = append(append(want, vacancy), c.more...)
			if !slices.Equal(told, want) {
				t.Errorf("told:\n%q\nwant:\n%q", told, want)
			}
			s.TellChanges()
			if !slices.Equal(told, want) {
				t.Error("something is told twice")
			}
			if q := &s.learned; len(q.list) != 0 || q.told != 0 {
				t.Errorf("%d changes are left of %d", q.told, len(q.list))
			}
		})
	}
}
