package pipeline

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"pollux/actions"
	"pollux/classifier"
	"pollux/flow"
	"pollux/ofp/ofperr"
	"pollux/pmd"
)

// kept is a cached decision that is judged by the log of changes, as loops do.
type kept struct {
	mega
	credit *credit
	path   *classifier.Path
	fdb    bool
	gen    uint64
}

// keeper is a cache of decisions of one switch under change.
type keeper struct {
	w     *world
	r     *rand.Rand
	spoil func(*classifier.Path) // edits what each decision remembers, unless nil
	all   []*kept
	keys  []flow.Key

	renewed, again int
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (c *keeper) decide(k *flow.Key) *kept {
	u := pmd.Upcall{Key: k, Thread: 0}
	snap := c.w.state.Snapshot()
	snap.Translate(&u)
	var path *classifier.Path
	if u.Path != nil {
		of := *u.Path
		path = &of
	}
	d := &kept{mega{mask: u.Mask, prog: u.Program}, u.Credit.(*credit), path, u.FDB, snap.generations()[b2i(u.FDB)]}
	u.Mask.Apply(&d.key, k)
	if c.spoil != nil && path != nil {
		c.spoil(path)
	}
	return d
}

// same says whether two decisions are one to a packet and to the counters.
func (d *kept) same(o *kept) bool {
	return actions.Equal(d.prog, o.prog) && d.prog.Drop == o.prog.Drop && d.fdb == o.fdb &&
		slices.Equal(d.credit.rules, o.credit.rules) && slices.Equal(d.credit.missed, o.credit.missed) && slices.Equal(d.credit.groups, o.credit.groups) && slices.Equal(d.credit.young, o.credit.young) && d.credit.seen == o.credit.seen
}

// packet treats a packet by the cache and compares with a fresh translation.
func (c *keeper) packet() error {
	k := &c.keys[c.r.IntN(len(c.keys))]
	at := slices.IndexFunc(c.all, func(d *kept) bool { return d.mask.Match(k, &d.key) })
	fresh := c.decide(k)
	if at < 0 {
		c.all = append(c.all, fresh)
		return nil
	}
	d, snap := c.all[at], c.w.state.Snapshot()
	if gen := snap.generations()[b2i(d.fdb)]; d.gen != gen {
		if snap.Changes().Touched(d.gen, b2i(d.fdb), k, &d.mask, d.path, d.credit) {
			c.again++
			c.all[at] = fresh
			return nil
		}
		c.renewed++
		d.gen = gen
	}
	if !d.same(fresh) {
		return fmt.Errorf("a decision stands that is wrong:\n%v drop %v\nwant\n%v drop %v\n%s\n%s", d.prog, d.prog.Drop, fresh.prog, fresh.prog.Drop,
			FormatMegaflow(&d.key, &d.mask), snap.Trace(k))
	}
	return nil
}

// change changes the switch in one of the ways there are.
func (c *keeper) change(tb fataler) string {
	s := c.w.state
	var have []FlowEntry
	all, err := s.FlowStats(&everything)
	if err != nil {
		tb.Fatal(err)
	}
	have = slices.AppendSeq(have, all)
	what := ""
	switch n := c.r.IntN(48); {
	case n >= 46:
		k := c.r.IntN(3)
		what = fmt.Sprintf("punting changes in respect %d", k)
		s.UpdatePunting(func(p *Punting) {
			switch k {
			case 0:
				p.Miss = !p.Miss
			case 1:
				p.MissLen = uint16(64 * (1 + c.r.IntN(2)))
			case 2:
				p.InvalidTTL = !p.InvalidTTL
			}
		})
	case n >= 40:
		k := c.keys[c.r.IntN(len(c.keys))]
		what = "the switch learns of a packet of port " + fmt.Sprint(k.InPort())
		s.Snapshot().Translate(&pmd.Upcall{Key: &k, Commit: true})
		s.Snapshot().Settle()
	case n == 0:
		what, err = c.changePort()
	case n >= 36:
		what, err = c.changeGroup(tb)
	case n == 35:
		m := &MeterMod{MeterModify, randomMeter(c.r, 1+c.r.Uint32N(worldMeters))}
		what, err = fmt.Sprintf("%+v", m), s.MeterMod(m)
	case n == 1:
		what = "addresses are learned"
		s.loops.notes[0].Push(note{makeFDBKey(5, 0x020000000001+c.r.Uint64N(3)), uint32(1 + c.r.IntN(5)), 0})
		s.Tick()
	case n == 2:
		what = "some flows are replaced at once"
		var flows []Flow
		for _, f := range have {
			if c.r.IntN(10) != 0 {
				flows = append(flows, f.Flow)
			}
		}
		err = s.Replace(flows)
	case n == 3 && c.r.IntN(3) == 0:
		what = "many are added at once"
		var mods []FlowMod
		for range 75 {
			if f, err := ParseFlow(c.w.line(c.r), nil); err == nil {
				throughMeters(c.r, &f)
				f.Cookie = 0x77
				mods = append(mods, FlowMod{Command: FlowAdd, Flow: f})
			}
		}
		_, err = s.FlowMods(mods, nil)
	case n == 4:
		what = "many are deleted or changed at once"
		m := FlowMod{Command: FlowDelete, Flow: Flow{Table: AllTables, Cookie: 0x77}, CookieMask: ^uint64(0), OutPort: AnyPort, OutGroup: AnyGroup}
		if c.r.IntN(4) == 0 {
			m.Command, m.Flow.Do.Apply = FlowModify, []Action{{Kind: ActOutput, Port: 2}}
		}
		if c.r.IntN(4) == 0 {
			m.Flow.Table, m.CookieMask = uint8(c.r.IntN(6)), 0
		}
		_, err = s.FlowMods([]FlowMod{m}, nil)
	case n < 20 && len(have) > 0:
		f := have[c.r.IntN(len(have))].Flow
		what = "delete " + f.String()
		err = s.Delete(f.Table, f.Priority, f.Match)
	default:
		f, perr := ParseFlow(c.w.line(c.r), nil)
		if perr != nil {
			return "" // it contradicts itself by chance
		}
		if n < 26 && len(have) > 0 {
			// The actions may not suit the match: then it stays as it was.
			old := have[c.r.IntN(len(have))].Flow
			f = Flow{Table: old.Table, Priority: old.Priority, Match: old.Match, Do: Instructions{Apply: []Action{{Kind: ActOutput, Port: uint32(1 + c.r.IntN(5))}}}}
		}
		what = "add " + f.String()
		err = s.Add(f)
	}
	if errors.Is(err, ofperr.ActionBadOutGroup) || errors.Is(err, ofperr.GroupModChained) {
		return "" // the group has gone, or is to stay
	}
	if err != nil {
		tb.Fatalf("%s: %v", what, err)
	}
	return what
}

// changePort changes a port, or takes one away or brings it back.
func (c *keeper) changePort() (what string, err error) {
	s, n := c.w.state, 1+c.r.Uint32N(5)
	if s.Snapshot().HasPort(n) && c.r.IntN(4) != 0 {
		k := c.r.IntN(7)
		return fmt.Sprintf("port %d changes in respect %d", n, k), s.UpdatePort(n, func(p *Port) {
			switch k {
			case 0, 1:
				p.Up = !p.Up
			case 2:
				p.Down = !p.Down
			case 3:
				p.NoFlood = !p.NoFlood
			case 4:
				p.NoRecv = !p.NoRecv
			case 5:
				p.NoFwd = !p.NoFwd
			case 6:
				p.Mode, p.Tag = VLANMode(c.r.IntN(4)), uint16(5+c.r.IntN(2))
			}
		})
	}
	ports := []Port{}
	for _, p := range s.Snapshot().Ports() {
		if p.OFPort != n {
			ports = append(ports, p)
		}
	}
	if len(ports) == len(s.Snapshot().Ports()) {
		ports = append(ports, Port{OFPort: n, Slot: n + c.r.Uint32N(2)*10, Name: fmt.Sprintf("p%d", n), Up: true})
	}
	return fmt.Sprintf("port %d comes or goes", n), s.Apply(Change{Ports: ports})
}

// changeGroup changes, removes or adds a group, or a bucket of one.
func (c *keeper) changeGroup(tb fataler) (what string, err error) {
	s, id := c.w.state, 1+c.r.Uint32N(worldGroups)
	m := &GroupMod{Command: GroupAddOrModify, Group: randomGroup(tb, c.r, id)}
	if have := s.Groups(id); len(have) > 0 {
		switch c.r.IntN(6) {
		case 0:
			m = &GroupMod{Command: GroupDelete, Group: Group{ID: id}}
		case 1:
			m.Command, m.Bucket = GroupRemoveBucket, BucketFirst
		case 2:
			b := randomBucket(tb, c.r, &have[0], uint32(100+c.r.IntN(10_000)))
			if have[0].Type != GroupIndirect {
				m = &GroupMod{Command: GroupInsertBucket, Group: Group{ID: id, Buckets: []Bucket{b}}, Bucket: BucketFirst}
			}
		}
	}
	err = s.GroupMod(m, nil)
	if errors.Is(err, ofperr.GroupModInvalid) || errors.Is(err, ofperr.GroupModBadWatch) {
		err = nil // an indirect group keeps its bucket, and who is to be watched may have gone
	}
	return fmt.Sprintf("%+v", m), err
}

// teach adds flows of which packets of two ports have the switch learn: one and the same, and
// different ones for one match, and no more than a few.
func (c *keeper) teach(tb fataler) {
	for _, text := range []string{
		"in_port=2 actions=learn(table=3,priority=5,hard_timeout=10,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[]),resubmit(,3)",
		"in_port=3 actions=learn(table=3,priority=5,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],load:1->reg0[],output:NXM_OF_IN_PORT[]),2",
		"in_port=4 actions=learn(table=2,priority=9,limit=2,cookie=0x9,result_dst=reg0[0],NXM_OF_ETH_SRC[0..7]),output:reg0",
	} {
		f, err := ParseFlow("priority=60000,"+text, nil)
		if err != nil {
			tb.Fatal(err)
		}
		if err := c.w.state.Add(f); err != nil {
			tb.Fatal(err)
		}
		c.w.lines = append(c.w.lines, f.String())
	}
}

// run is packets and changes in turn. It returns the first decision that was kept and
// should not have been.
func (c *keeper) run(tb fataler, rounds int) error {
	for range 40 {
		var meta flow.Key
		meta.Set(flow.WPort, uint64(1+c.r.IntN(5)))
		c.keys = append(c.keys, extract(randomFrame(c.r), &meta))
	}
	var log []string
	for range rounds {
		for range c.r.IntN(4) { // decisions are older than one change, too
			log = append(log, c.change(tb))
		}
		for range 20 {
			if err := c.packet(); err != nil {
				return fmt.Errorf("%w\nafter\n%s\n%s", err, strings.Join(c.w.lines, "\n"), strings.Join(log, "\n"))
			}
		}
	}
	return nil
}

// TestUntouchedDecisionsStand is design law 1 for decisions that outlive changes: what
// Changes does not call touched is what a fresh translation gives, to the packet and to
// the counters of rules, tables and addresses.
func TestUntouchedDecisionsStand(t *testing.T) {
	renewed, again := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 5))
		c := &keeper{w: newWorld(t, r, rapid.IntRange(1, 40).Draw(t, "flows")), r: r}
		if r.IntN(2) == 0 {
			c.teach(t)
		}
		if err := c.run(t, 40); err != nil {
			t.Fatal(err)
		}
		renewed, again = renewed+c.renewed, again+c.again
	})
	if renewed == 0 || again == 0 {
		t.Errorf("%d decisions were renewed, %d translated again; want some of both", renewed, again)
	}
	t.Logf("%d decisions were renewed, %d translated again", renewed, again)
}

// TestABrokenPathIsCaught has decisions forget a part of how they were found: the property
// above would notice.
func TestABrokenPathIsCaught(t *testing.T) {
	forget := func(w flow.Word) func(*classifier.Path) {
		return func(p *classifier.Path) { p.Written &^= 1 << w }
	}
	for _, c := range []struct {
		name  string
		spoil func(*classifier.Path)
	}{
		{"all that was written", func(p *classifier.Path) { p.Written = 0 }},
		{"another input port", forget(flow.WPort)},
		{"VLAN tags", forget(flow.WVLAN)},
		{"a table", func(p *classifier.Path) { p.Tables[0] &^= 1 << 2 }},
		{"the first table", func(p *classifier.Path) { p.Tables[0] &^= 1 }},
		{"ports", func(p *classifier.Path) { p.Uses.Ports = [4]uint64{} }},
		{"groups", func(p *classifier.Path) { p.Uses.Groups = [4]uint64{} }},
		{"what is learned", func(p *classifier.Path) { p.Uses.Marks &^= classifier.Named }},
		{"misses", func(p *classifier.Path) { p.Uses.Marks &^= classifier.Missed }},
		{"expired TTLs", func(p *classifier.Path) { p.Uses.Marks &^= classifier.Expired }},
		{"meters", func(p *classifier.Path) { p.Uses.Meters = [2]uint64{} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			for seed := range uint64(1000) {
				r := rand.New(rand.NewPCG(seed, 7))
				k := &keeper{w: newWorld(t, r, 25), r: r, spoil: c.spoil}
				if c.name == "what is learned" {
					k.teach(t)
				}
				if err := k.run(t, 40); err != nil {
					t.Logf("caught in world %d", seed)
					return
				}
			}
			t.Errorf("1000 worlds noticed nothing")
		})
	}
}

// TestRewrittenWordsMayMatch adds a rule that a packet matches only as it was rewritten,
// where the megaflow looks at what the packet brought.
func TestRewrittenWordsMayMatch(t *testing.T) {
	for _, c := range []struct {
		flows, packet, add string
		word               flow.Word // that tells
	}{
		{"dl_dst=02:00:00:00:00:01 actions=mod_dl_dst:02:00:00:00:00:02,resubmit(,1)", "in_port=1,dl_dst=02:00:00:00:00:01", "table=1,dl_dst=02:00:00:00:00:02 actions=3", flow.WEthDst},
		{"ip,nw_dst=10.0.0.1 actions=mod_nw_dst:10.0.0.2,resubmit(,1)", "in_port=1,ip,nw_dst=10.0.0.1", "table=1,ip,nw_dst=10.0.0.2 actions=3", flow.WIPv4},
		{"ip,nw_ttl=64 actions=dec_ttl,resubmit(,1)", "in_port=1,ip,nw_ttl=64", "table=1,ip,nw_ttl=63 actions=3", flow.WIP},
		{"ip,nw_tos=16 actions=mod_nw_tos:32,resubmit(,1)", "in_port=1,ip,nw_tos=16", "table=1,ip,nw_tos=32 actions=3", flow.WIP},
		{"tcp,tp_dst=80 actions=mod_tp_dst:443,resubmit(,1)", "in_port=1,tcp,tp_dst=80", "table=1,tcp,tp_dst=443 actions=3", flow.WL4},
		{"dl_vlan=5 actions=mod_vlan_vid:6,resubmit(,1)", "in_port=1,dl_vlan=5", "table=1,dl_vlan=6 actions=3", flow.WVLAN},
		{"dl_vlan=5 actions=strip_vlan,resubmit(,1)", "in_port=1,dl_vlan=5", "table=1,vlan_tci=0 actions=3", flow.WVLAN},
		{"vlan_tci=0 actions=push_vlan:0x8100,resubmit(,1)", "in_port=1", "table=1,vlan_tci=0x1000/0x1000 actions=3", flow.WVLAN},
		{"ipv6,ipv6_dst=2001:db8::1 actions=set_field:2001:db8::2->ipv6_dst,resubmit(,1)", "in_port=1,ipv6,ipv6_dst=2001:db8::1", "table=1,ipv6,ipv6_dst=2001:db8::2 actions=3", flow.WIPv6DstLo},
		{"in_port=1 actions=load:2->in_port[],resubmit(,1)", "in_port=1", "table=1,in_port=2 actions=3", flow.WPort},
		{"in_port=1 actions=resubmit(2,1)", "in_port=1", "table=1,in_port=2 actions=3", flow.WPort},
		{"in_port=1 actions=resubmit(2,1)\ntable=1,in_port=2 actions=resubmit(4,2)", "in_port=1", "table=2,in_port=4 actions=3", flow.WPort},
		{"mpls,mpls_label=16 actions=set_field:17->mpls_label,resubmit(,1)", "in_port=1,mpls,mpls_label=16", "table=1,mpls,mpls_label=17 actions=3", flow.WMPLS},
		{"arp,arp_op=1 actions=set_field:2->arp_op,resubmit(,1)", "in_port=1,arp,arp_op=1", "table=1,arp,arp_op=2 actions=3", flow.WIP},
	} {
		t.Run(c.flows, func(t *testing.T) {
			s := testState(t, c.flows)
			k := packetOf(t, s, c.packet)
			u := pmd.Upcall{Key: k, Thread: 0}
			before := s.Snapshot()
			before.Translate(&u)
			mask, path, by, was := u.Mask, *u.Path, u.Credit, u.Program
			f, err := ParseFlow(c.add, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Add(f); err != nil {
				t.Fatal(err)
			}
			s.Snapshot().Translate(&u)
			if actions.Equal(was, u.Program) {
				t.Fatalf("%s changes nothing", c.add)
			}
			if !s.Snapshot().Changes().Touched(before.gen, 0, k, &mask, &path, by) {
				t.Errorf("%s does not touch what becomes %v", c.add, u.Program)
			}
			path.Written &^= 1 << c.word
			if s.Snapshot().Changes().Touched(before.gen, 0, k, &mask, &path, by) {
				t.Errorf("word %d makes no difference", c.word)
			}
		})
	}
}

// TestSettingsTouchWhoAsked: of what is set beside flows, groups, meters and ports, which decisions
// are to be made again.
func TestSettingsTouchWhoAsked(t *testing.T) {
	packets := []string{
		"in_port=1,tcp,nw_dst=10.0.0.1,nw_ttl=64", // goes on
		"in_port=2,arp",                          // misses
		"in_port=1,tcp,nw_dst=10.0.0.1,nw_ttl=1", // expires
		"in_port=3,arp",                          // is resubmitted, and that misses
	}
	const none, missed, expired, all = "....", ".x..", "..x.", "xxxx"
	name := "acl"
	pipeline := func(c PipelineCommand, tables ...PipelineTable) func(*State) error {
		return func(s *State) error { return s.SetPipeline(&PipelineMod{Command: c, Tables: tables}) }
	}
	punting := func(p Punting) func(*State) error {
		return func(s *State) error { s.SetPunting(p); return nil }
	}
	s := testState(t, "tcp actions=dec_ttl,2\nin_port=3 actions=resubmit(,5),2")
	for _, c := range []struct { // each after those before it
		name string
		do   func(*State) error
		want string // of the packets, x those whose decision is touched
	}{
		{"misses are told", punting(Punting{Miss: true}), missed},
		{"and not any more", punting(Punting{}), missed},
		{"the length of what is not told", punting(Punting{MissLen: 128}), none},
		{"nothing new", punting(Punting{MissLen: 128}), none},
		{"expired TTLs are told", punting(Punting{InvalidTTL: true, MissLen: 128}), expired},
		{"misses, with expired TTLs", punting(Punting{Miss: true, InvalidTTL: true, MissLen: 128}), missed},
		{"the length of what is told", punting(Punting{Miss: true, InvalidTTL: true}), missed},
		{"a table's name", pipeline(PipelineModify, PipelineTable{Table: 1, Name: name}), none},
		{"a table's bound", pipeline(PipelineModify, PipelineTable{Table: 1, Name: name, MaxFlows: 9}), none},
		{"the same by a table mod", func(s *State) error { return s.TableMod(&TableMod{Table: 2, Name: &name, MaxFlows: 9}) }, none},
		{"a table is disabled", pipeline(PipelineDisable, PipelineTable{Table: 9}), all},
		{"and enabled", pipeline(PipelineEnable, PipelineTable{Table: 9}), all},
		{"egress tables", pipeline(PipelineModify, PipelineTable{Table: 200, FirstEgress: true}), all},
		{"fragments", func(s *State) error { s.SetFragments(FragDrop); return nil }, all},
	} {
		var us []*pmd.Upcall
		gen := s.Snapshot().Generation()
		for _, in := range packets {
			u := &pmd.Upcall{Key: packetOf(t, s, in)}
			s.Snapshot().Translate(u)
			us = append(us, u)
		}
		if err := c.do(s); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		got := ""
		for _, u := range us {
			got += map[bool]string{true: ".", false: "x"}[standsSince(s, gen, u)]
		}
		if got != c.want {
			t.Errorf("%s: touched %s, want %s", c.name, got, c.want)
		}
	}
}
