package pipeline

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"pollux/flow"
	"pollux/ofp/ofperr"
	"pollux/pmd"
)

// modelFlow is a flow of the model.
type modelFlow struct {
	Flow
	created, modified, used int64
	packets                 uint64
	seq                     int // order of addition
}

// model is flow tables as a list, by the words of the specification: slow and plain.
type model struct {
	flows   []*modelFlow
	max     [3]int
	evict   [3]bool
	removed []string
	seq     int
}

func (m *model) clone() *model {
	c := *m
	c.flows = nil
	for _, f := range m.flows {
		g := *f
		c.flows = append(c.flows, &g)
	}
	c.removed = slices.Clone(m.removed)
	return &c
}

// within says whether every packet of a is one of b.
func within(a, b *flow.Match) bool {
	for w := range a.Mask.W {
		if b.Mask.W[w]&^a.Mask.W[w] != 0 || (a.Key.W[w]^b.Key.W[w])&b.Mask.W[w] != 0 {
			return false
		}
	}
	return true
}

func overlap(a, b *flow.Match) bool {
	for w := range a.Mask.W {
		if (a.Key.W[w]^b.Key.W[w])&a.Mask.W[w]&b.Mask.W[w] != 0 {
			return false
		}
	}
	return true
}

func (m *model) find(f *Flow) int {
	return slices.IndexFunc(m.flows, func(o *modelFlow) bool { return o.id() == f.id() })
}

func (m *model) remove(i int, why RemovedReason, now int64) {
	f := m.flows[i]
	if f.Flags&SendFlowRem != 0 {
		m.removed = append(m.removed, fmt.Sprintf("%s reason=%d packets=%d duration=%d", f.String(), why, f.packets, now-f.created))
	}
	m.flows = slices.Delete(m.flows, i, i+1)
}

func (m *model) count(table uint8) (n int) {
	for _, f := range m.flows {
		if f.Table == table {
			n++
		}
	}
	return n
}

// end is when a flow times out; far away if it does not.
func (f *modelFlow) end() int64 {
	at := int64(1e18)
	if f.HardTimeout != 0 {
		at = min(at, f.modified+int64(f.HardTimeout)*1e9)
	}
	if f.IdleTimeout != 0 {
		at = min(at, f.used+int64(f.IdleTimeout)*1e9)
	}
	return at
}

func (m *model) add(f Flow, check, reset bool, now int64, young map[*modelFlow]bool) error {
	if f.Table == AllTables {
		return ofperr.FlowModBadTable
	}
	if f.Do.Goto != 0 && f.Do.Goto <= f.Table {
		return ofperr.InstructionBadTable
	}
	m.seq++
	n := &modelFlow{Flow: f, created: now, modified: now, used: now, seq: m.seq}
	if i := m.find(&f); i >= 0 {
		if !reset {
			n.packets = m.flows[i].packets
			n.used = max(n.used, m.flows[i].used)
		}
		m.flows[i] = n
		young[n] = true
		return nil
	}
	if check {
		for _, o := range m.flows {
			if o.Table == f.Table && o.Priority == f.Priority && overlap(&o.Match, &f.Match) {
				return ofperr.FlowModOverlap
			}
		}
	}
	if m.count(f.Table) >= m.max[f.Table] {
		// The least important goes, among those what would go soonest; not what has no timeout,
		// nor what came with this request.
		victim := -1
		for i, o := range m.flows {
			if !m.evict[f.Table] || o.Table != f.Table || o.end() == 1e18 || young[o] {
				continue
			}
			if victim < 0 || cmp.Or(cmp.Compare(o.Importance, m.flows[victim].Importance), cmp.Compare(o.end(), m.flows[victim].end()), o.seq-m.flows[victim].seq) < 0 {
				victim = i
			}
		}
		if victim < 0 {
			return ofperr.FlowModTableFull
		}
		m.remove(victim, RemovedEviction, now)
	}
	m.flows = append(m.flows, n)
	young[n] = true
	return nil
}

func (m *model) selects(f *modelFlow, r *FlowMod, strict bool) bool {
	if r.Flow.Table != AllTables && r.Flow.Table != f.Table || (f.Cookie^r.Flow.Cookie)&r.CookieMask != 0 {
		return false
	}
	if strict {
		return f.Priority == r.Flow.Priority && f.Match == r.Flow.Match
	}
	return within(&f.Match, &r.Flow.Match)
}

func (m *model) mod(r *FlowMod, now int64, young map[*modelFlow]bool) error {
	strict := r.Command == FlowModifyStrict || r.Command == FlowDeleteStrict
	switch r.Command {
	case FlowAdd:
		return m.add(r.Flow, r.CheckOverlap, r.ResetCounts, now, young)
	case FlowModify, FlowModifyStrict:
		some := false
		for i, f := range m.flows {
			if !m.selects(f, r, strict) {
				continue
			}
			some = true
			if r.Flow.Do.Goto != 0 && r.Flow.Do.Goto <= f.Table {
				return ofperr.InstructionBadTable
			}
			n := *f
			n.Do, n.modified = r.Flow.Do, now
			switch {
			case r.SetsCookie && r.CookieMask != 0:
				n.Cookie = r.NewCookie
			case r.SetsCookie:
				n.Cookie = r.Flow.Cookie
			}
			if r.ResetCounts {
				n.packets, n.used = 0, now
			}
			m.flows[i] = &n
			young[&n] = true
		}
		if !some && r.AddsMissing && r.CookieMask == 0 {
			f := r.Flow
			if f.Table == AllTables {
				f.Table = 0
			}
			return m.add(f, r.CheckOverlap, r.ResetCounts, now, young)
		}
	default:
		for i := len(m.flows) - 1; i >= 0; i-- {
			f := m.flows[i]
			if m.selects(f, r, strict) && (r.OutPort == AnyPort || len(f.Do.Apply) > 0 && f.Do.Apply[0].Port == r.OutPort) {
				m.remove(i, RemovedDelete, now)
			}
		}
	}
	return nil
}

func (m *model) expire(now int64) {
	for i := len(m.flows) - 1; i >= 0; i-- {
		f := m.flows[i]
		if f.end() > now {
			continue
		}
		why := RemovedIdle
		if f.HardTimeout != 0 && f.modified+int64(f.HardTimeout)*1e9 <= now {
			why = RemovedHard
		}
		m.remove(i, why, now)
	}
}

// genMod draws a flow mod over few values.
func genMod(t *rapid.T) FlowMod {
	matches := []string{"", "in_port=1", "in_port=2", "ip", "ip,in_port=1", "ip,nw_dst=10.0.0.0/8", "ip,nw_dst=10.1.0.0/16", "tcp", "tcp,nw_dst=10.1.0.0/16", "arp"}
	f, err := ParseFlow(rapid.SampledFrom(matches).Draw(t, "match")+" actions=drop", nil)
	if err != nil {
		t.Fatal(err)
	}
	f.Column = 0
	f.Table = rapid.SampledFrom([]uint8{0, 0, 1, 2, AllTables}).Draw(t, "table")
	f.Priority = rapid.SampledFrom([]uint16{1, 2}).Draw(t, "priority")
	f.Cookie = rapid.Uint64Range(0, 3).Draw(t, "cookie")
	f.IdleTimeout = rapid.SampledFrom([]uint16{0, 0, 3, 7}).Draw(t, "idle")
	f.HardTimeout = rapid.SampledFrom([]uint16{0, 0, 5, 11}).Draw(t, "hard")
	f.Importance = rapid.SampledFrom([]uint16{0, 1}).Draw(t, "importance")
	f.Flags = rapid.SampledFrom([]FlowFlags{0, SendFlowRem}).Draw(t, "flags")
	if port := rapid.Uint32Range(0, 3).Draw(t, "output"); port != 0 {
		f.Do.Apply = []Action{{Kind: ActOutput, Port: port}}
	}
	if rapid.IntRange(0, 7).Draw(t, "goto") == 0 {
		f.Do.Goto = 2
	}
	return FlowMod{
		Command: FlowCommand(rapid.SampledFrom([]int{0, 0, 0, 0, 1, 2, 3, 4}).Draw(t, "command")), Flow: f,
		CookieMask: rapid.SampledFrom([]uint64{0, 0, 1, 3}).Draw(t, "cookie mask"),
		SetsCookie: rapid.Bool().Draw(t, "sets cookie"), NewCookie: rapid.Uint64Range(0, 3).Draw(t, "new cookie"), OutPort: rapid.SampledFrom([]uint32{AnyPort, AnyPort, 1}).Draw(t, "out_port"), OutGroup: AnyGroup,
		CheckOverlap: rapid.IntRange(0, 3).Draw(t, "check") == 0, ResetCounts: rapid.Bool().Draw(t, "reset"), AddsMissing: rapid.Bool().Draw(t, "adds"),
	}
}

// TestFlowModsAgainstAModel: bundles of flow mods, traffic and time do to the tables what they
// do to a list of flows.
func TestFlowModsAgainstAModel(t *testing.T) {
	packets := []string{"in_port=1", "in_port=2", "in_port=1,tcp,nw_dst=10.1.0.1", "in_port=2,udp,nw_dst=10.2.0.1", "in_port=3,arp"}
	said := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		now := int64(0)
		s, err := New(Config{Threads: 1, Now: func() int64 { return now }, Ports: []Port{{OFPort: 1, Up: true}, {OFPort: 2, Slot: 1, Up: true}}})
		if err != nil {
			t.Fatal(err)
		}
		var removed []string
		s.OnFlowRemoved(func(r FlowRemoved) {
			said[fmt.Sprint("reason ", r.Reason)]++
			removed = append(removed, fmt.Sprintf("%s reason=%d packets=%d duration=%d", r.Flow.String(), r.Reason, r.Packets, r.Duration))
		})
		// What loops counted and have not handed over yet.
		var held []func()
		settle := func() {
			for _, give := range held {
				give()
			}
			held = nil
		}
		s.OnIdle(settle)
		m := &model{max: [3]int{1000, 2, 2}, evict: [3]bool{false, false, true}}
		for id := range uint8(3) {
			mod := TableMod{Table: id, MaxFlows: m.max[id]}
			if m.evict[id] {
				mod.Eviction = On
			}
			if err := s.TableMod(&mod); err != nil {
				t.Fatal(err)
			}
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 5).Draw(t, "step") {
			case 0:
				now += rapid.Int64Range(0, 4).Draw(t, "seconds") * 1e9
				s.Expire(now)
				m.expire(now)
			case 1:
				k, err := s.Snapshot().ParsePacket(rapid.SampledFrom(packets).Draw(t, "packet"))
				if err != nil {
					t.Fatal(err)
				}
				u := pmd.Upcall{Key: k, Thread: 0}
				s.Snapshot().Translate(&u)
				credit, at := u.Credit, now
				held = append(held, func() { credit.Credit(1, 60, at) })
				for _, r := range u.Credit.(interface{ hit() []*Rule }).hit() {
					whole := r.whole()
					f := m.flows[m.find(&whole)]
					f.packets++
					f.used = at
				}
			default:
				settle() // a reset is to find what was before it
				var mods []FlowMod
				for range rapid.IntRange(1, 3).Draw(t, "mods") {
					mods = append(mods, genMod(t))
				}
				try, young := m.clone(), map[*modelFlow]bool{}
				wantAt, want := -1, error(nil)
				for i := range mods {
					if want = try.mod(&mods[i], now, young); want != nil {
						wantAt = i
						break
					}
				}
				at, err := s.FlowMods(mods, nil)
				if at != wantAt || want != nil && !errors.Is(err, want) || want == nil && err != nil {
					t.Fatalf("mod %d: %v; want %d: %v\n%+v", at, err, wantAt, want, mods)
				}
				if want == nil {
					m = try
				}
				said[fmt.Sprint(want)]++
			}
			settle()
			s.TellRemoved()
			compare(t, s, m, now)
			slices.Sort(removed)
			slices.Sort(m.removed)
			if !slices.Equal(removed, m.removed) {
				t.Fatalf("removed\n%s\nwant\n%s", strings.Join(removed, "\n"), strings.Join(m.removed, "\n"))
			}
			removed, m.removed = nil, nil
		}
	})
	for _, want := range []any{
		nil, ofperr.FlowModOverlap, ofperr.FlowModTableFull, ofperr.FlowModBadTable, ofperr.InstructionBadTable,
		"reason 0", "reason 1", "reason 2", "reason 5",
	} {
		if said[fmt.Sprint(want)] == 0 {
			t.Errorf("it never came to %v: %v", want, said)
		}
	}
}

// hit is the rules that a credit counts for.
func (c *credit) hit() []*Rule { return c.rules }

// compare compares all flows and their sums.
func compare(t *rapid.T, s *State, m *model, now int64) {
	var got, want []string
	var packets uint64
	seq, err := s.FlowStats(&everything)
	if err != nil {
		t.Fatal(err)
	}
	line := func(f *Flow, packets uint64, duration, hard, idle int64) string {
		return fmt.Sprintf("%s packets=%d duration=%d hard=%d idle=%d", f.String(), packets, duration, hard, idle)
	}
	for e := range seq {
		got = append(got, line(&e.Flow, e.Packets, e.Duration, e.HardAge, e.IdleAge))
	}
	for _, f := range m.flows {
		want = append(want, line(&f.Flow, f.packets, now-f.created, now-f.modified, now-f.used))
		packets += f.packets
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Fatalf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if sum, err := s.Aggregate(&everything); err != nil || int(sum.Flows) != len(m.flows) || sum.Packets != packets {
		t.Fatalf("%+v, %v; want %d flows, %d packets", sum, err, len(m.flows), packets)
	}
}

// TestFlowModEachIsOneAfterTheOther: the same flow mods, together and one by one, are refused
// alike, and leave and tell the same.
func TestFlowModEachIsOneAfterTheOther(t *testing.T) {
	refused := 0
	rapid.Check(t, func(t *rapid.T) {
		now := int64(0)
		var states [2]*State
		var logs [2][]string
		for i := range states {
			s, err := New(Config{Threads: 1, Now: func() int64 { return now }})
			if err != nil {
				t.Fatal(err)
			}
			for id := range uint8(3) {
				if err := s.TableMod(&TableMod{Table: id, MaxFlows: 3, Eviction: Switch(1 + id%2)}); err != nil {
					t.Fatal(err)
				}
			}
			s.OnFlowChange(func(c *FlowChange) {
				f := c.Flow()
				logs[i] = append(logs[i], fmt.Sprint(c.Kind, c.Reason, f.String()))
			})
			states[i] = s
		}
		for range rapid.IntRange(1, 6).Draw(t, "bursts") {
			now += 1e9
			var mods []FlowMod
			for range rapid.IntRange(1, 12).Draw(t, "mods") {
				mods = append(mods, genMod(t))
			}
			got := states[0].FlowModEach(mods, nil)
			for i := range mods {
				_, want := states[1].FlowMods(mods[i:i+1], nil)
				var one error
				if got != nil {
					one = got[i]
				}
				// Which of several flows it overlaps with is not said.
				var code, wantCode ofperr.Error
				errors.As(one, &code)
				errors.As(want, &wantCode)
				if code != wantCode || one == nil != (want == nil) {
					t.Fatalf("mod %d: %v, want %v", i, one, want)
				}
				if want != nil {
					refused++
				}
			}
		}
		// Rules of one table come in no particular order, and so do changes of one mod.
		for i := range logs {
			slices.Sort(logs[i])
		}
		if !slices.Equal(logs[0], logs[1]) {
			t.Fatalf("told\n%s\nwant\n%s", strings.Join(logs[0], "\n"), strings.Join(logs[1], "\n"))
		}
		if got, want := dump(states[0]), dump(states[1]); got != want {
			t.Fatalf("got\n%s\nwant\n%s", got, want)
		}
	})
	if refused == 0 {
		t.Error("nothing was refused")
	}
}
