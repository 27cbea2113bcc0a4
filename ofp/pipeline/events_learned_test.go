package pipeline

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
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

// TestTellChangesEnds: loops that learn as fast as is told of it do not keep TellChanges, for which
// barriers wait.
func TestTellChangesEnds(t *testing.T) {
	s := testState(t, "actions=learn(table=1,NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[]),2")
	sent, told := 0, 0
	learn := func() {
		sent++
		send(t, s, fmt.Sprintf("in_port=3,dl_src=02:00:00:00:%02x:%02x", sent>>8, sent&0xff), 0)
	}
	const first, enough = 3 * tellAtOnce / 2, 5000
	s.OnFlowChange(func(*FlowChange) {
		if told++; told < enough {
			learn() // and the flow is made when the mutex is free
		}
	})
	for range first {
		learn()
	}
	s.Snapshot().Settle()
	s.TellChanges()
	if told != first {
		t.Errorf("told of %d flows, of which %d were learned before", told, first)
	}
	s.TellChanges()
	if told != 2*first {
		t.Errorf("then of %d, want those that were learned meanwhile, %d", told-first, first)
	}
	if got := len(texts(s, 1)); got != 3*first {
		t.Errorf("%d flows are learned, want %d", got, 3*first)
	}
}

// TestLearnedQueue: what is added is taken in order, and what has been taken is not kept for long.
func TestLearnedQueue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q learnedChanges
		added, taken := uint64(0), uint64(0)
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			for range rapid.IntRange(0, 300).Draw(t, "added") {
				added++
				q.add(learnedChange{number: added})
			}
			n := rapid.IntRange(0, len(q.list)-q.told).Draw(t, "taken")
			for i := range n {
				if taken++; q.list[q.told+i].number != taken {
					t.Fatalf("%d is taken, want %d", q.list[q.told+i].number, taken)
				}
			}
			q.take(n)
			left := int(added - taken)
			if q.last() != added || q.taken != taken || len(q.list)-q.told != left {
				t.Fatalf("%d were added, and the last is %d; %d are left, %d in the queue", added, q.last(), left, len(q.list)-q.told)
			}
			if len(q.list) > 2*left+1 || cap(q.list) > max(mostKept, 8*len(q.list)) {
				t.Fatalf("%d are left, and kept are %d, with room for %d", left, len(q.list), cap(q.list))
			}
			for _, c := range q.list[:q.told] {
				if c.number != 0 {
					t.Fatal("what was taken is kept")
				}
			}
		}
	})
}
