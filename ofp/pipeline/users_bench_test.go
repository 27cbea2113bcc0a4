package pipeline

import "testing"

// BenchmarkUsers is what asks who uses a group or a meter, where 100,000 flows use 1,000 of each:
// statistics of one and of all, and the deletion of all one by one, which takes the flows along.
func BenchmarkUsers(b *testing.B) {
	const flows, each = 100_000, 1000
	s := usedState(b, flows)
	b.Run("stats=group", func(b *testing.B) {
		for b.Loop() {
			if st := s.GroupStats(7); len(st) != 1 || st[0].Refs != flows/each {
				b.Fatalf("%+v", st)
			}
		}
	})
	b.Run("stats=groups", func(b *testing.B) {
		for b.Loop() {
			if st := s.GroupStats(GroupAllGroups); len(st) != each {
				b.Fatal(len(st))
			}
		}
	})
	b.Run("stats=meter", func(b *testing.B) {
		for b.Loop() {
			if st, err := s.MeterStats(7); err != nil || st[0].Flows != flows/each {
				b.Fatalf("%+v", st)
			}
		}
	})
	for _, c := range []struct {
		name string
		mod  func(id uint32) Mod
	}{
		{"delete=group", func(id uint32) Mod { return Mod{Group: &GroupMod{Command: GroupDelete, Group: Group{ID: id}}} }},
		{"delete=meter", func(id uint32) Mod { return Mod{Meter: &MeterMod{MeterDelete, Meter{ID: id}}} }},
	} {
		b.Run(c.name, func(b *testing.B) {
			id := uint32(1)
			for b.Loop() {
				if id > each {
					b.StopTimer()
					if n := len(s.DumpFlows()); n != 0 {
						b.Fatalf("%d flows are left", n)
					}
					s, id = usedState(b, flows), 1
					b.StartTimer()
				}
				if _, err := s.Mods([]Mod{c.mod(id)}, nil, nil); err != nil {
					b.Fatal(err)
				}
				id++
			}
			s = usedState(b, flows)
		})
	}
}

// usedState has 1,000 groups and meters, and so many of usingFlows.
func usedState(tb testing.TB, flows int) *State {
	s := testState(tb, "")
	var mods []Mod
	for id := uint32(1); id <= 1000; id++ {
		mods = append(mods,
			Mod{Group: &GroupMod{Command: GroupAdd, Group: Group{ID: id, Buckets: []Bucket{{WatchPort: AnyPort, WatchGroup: AnyGroup, Actions: []Action{{Kind: ActOutput, Port: 1}}}}}}},
			Mod{Meter: &MeterMod{MeterAdd, Meter{ID: id, Flags: MeterPktps}}})
	}
	for i := range flows {
		mods = append(mods, Mod{Flow: &FlowMod{Command: FlowAdd, Flow: usingFlows(i)}})
	}
	if _, err := s.Mods(mods, nil, nil); err != nil {
		tb.Fatal(err)
	}
	return s
}
