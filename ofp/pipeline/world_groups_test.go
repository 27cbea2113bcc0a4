package pipeline

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"pollux/actions"
	"pollux/flow"
)

// worldGroups is how many groups a random switch has, numbered from 1, and worldMeters the same
// of meters. Those never have a packet dropped: they are wide enough for any.
const (
	worldGroups = 6
	worldMeters = 2
)

// groupLists is what buckets do. Those behind a prefix need packets of that kind to be written,
// and not to be executed.
var groupLists = []string{
	"2", "3", "4", "1", "in_port", "output:9", "NORMAL", "flood", "resubmit(,3)", "drop",
	"mod_vlan_vid:6,1", "mod_dl_dst:02:00:00:00:00:02,2", "pop_vlan,3", "push_vlan:0x88a8,4", "load:5->reg0[],resubmit(,2)",
	"load:3->reg0[],output:reg0[0..15]", "CONTROLLER:60", "controller(id=3,max_len=40,userdata=01)", "mod_dl_src:02:00:00:00:00:02",
	"ip dec_ttl,2", "ip mod_nw_tos:32,1", "ip mod_nw_dst:10.0.0.1,1", "push_mpls:0x8847,set_mpls_label:16,2", "mpls pop_mpls:0x0800,3", "mpls dec_mpls_ttl,1",
	"group:1", "group:2", "group:3,2", "group:1,mod_vlan_vid:5", "push_vlan:0x8100,group:4",
}

// randomGroup is a group that leads and looks to groups of lower numbers alone.
func randomGroup(tb fataler, r *rand.Rand, id uint32) Group {
	g := Group{ID: id, Type: GroupType(r.IntN(4))}
	n := r.IntN(4)
	if g.Type == GroupIndirect {
		n = 1
	}
	if g.Type == GroupSelect && r.IntN(3) == 0 {
		g.Selection, g.SelectionParam = "hash", r.Uint64N(3)
		for _, f := range []flow.Field{flow.EthSrc, flow.IPv4Dst, flow.IPv6Src, flow.TCPDst} {
			if r.IntN(2) == 0 {
				g.Fields = append(g.Fields, GroupField{f, f.Full()})
			}
		}
		if len(g.Fields) > 0 && r.IntN(2) == 0 {
			g.Fields[0].Mask = flow.Value{Lo: 0xf}
		}
	}
	for i := range n {
		g.Buckets = append(g.Buckets, randomBucket(tb, r, &g, uint32(10*i)))
	}
	return g
}

// randomBucket is a bucket for g.
func randomBucket(tb fataler, r *rand.Rand, g *Group, id uint32) Bucket {
	b := Bucket{ID: id, WatchPort: AnyPort, WatchGroup: AnyGroup}
	for {
		match, list := "", groupLists[r.IntN(len(groupLists))]
		if n, err := fmt.Sscanf(list, "%s %s", &match, &list); n < 2 || err != nil {
			match = ""
		}
		f, err := ParseFlow(match+" actions="+list, nil)
		if err != nil {
			tb.Fatalf("%s: %v", list, err)
		}
		lower := true
		eachGroup(f.Do.Apply, func(to uint32) { lower = lower && to < g.ID })
		if b.Actions = f.Do.Apply; lower {
			break
		}
	}
	if g.Type == GroupSelect {
		b.Weight = uint16(r.IntN(4))
	}
	if g.Type == GroupFastFailover || g.Type == GroupSelect && r.IntN(2) == 0 {
		if g.ID > 1 && r.IntN(2) == 0 {
			b.WatchGroup = 1 + r.Uint32N(g.ID-1)
		}
		if b.WatchGroup == AnyGroup || r.IntN(3) == 0 {
			b.WatchPort = 1 + r.Uint32N(5)
		}
	}
	return b
}

// addGroups gives the switch its groups and meters, before it has flows.
func (w *world) addGroups(tb fataler, r *rand.Rand) {
	w.or.groups = map[uint32]*Group{}
	for id := uint32(1); id <= worldGroups; id++ {
		g := randomGroup(tb, r, id)
		if err := w.state.GroupMod(&GroupMod{Command: GroupAdd, Group: g}, nil); err != nil {
			tb.Fatal(err)
		}
		w.or.groups[id] = &g
		w.lines = append(w.lines, fmt.Sprintf("%+v", g))
	}
	for id := uint32(1); id <= worldMeters; id++ {
		if err := w.state.MeterMod(&MeterMod{MeterAdd, randomMeter(r, id)}); err != nil {
			tb.Fatal(err)
		}
	}
}

// randomMeter is a meter that any packet passes.
func randomMeter(r *rand.Rand, id uint32) Meter {
	m := Meter{ID: id, Flags: MeterPktps, Bands: []Band{{Type: BandDrop, Rate: math.MaxUint32 - r.Uint32N(9)}}}
	if r.IntN(2) == 0 {
		m.Bands[0].Type, m.Bands[0].PrecLevel = BandDSCPRemark, 1
	}
	return m
}

// throughMeters has some flows go through meters.
func throughMeters(r *rand.Rand, f *Flow) {
	if f.Do.clauses() != nil {
		return
	}
	switch r.IntN(12) {
	case 0:
		f.Do.Meter = 1 + r.Uint32N(worldMeters)
	case 1:
		at := r.IntN(len(f.Do.Apply) + 1)
		f.Do.Apply = slices.Insert(slices.Clone(f.Do.Apply), at, Action{Kind: ActMeter, Meter: 1 + r.Uint32N(worldMeters)})
	}
}

// group has a group process the packet: one bucket after the other, each on a copy.
func (o *oracle) group(id uint32) error {
	g := o.groups[id]
	if g == nil {
		return nil
	}
	if o.depth >= 64 || len(o.passed) >= 4096 {
		return errLimit
	}
	o.passed = append(o.passed, bucketRef{id, -1})
	switch g.Type {
	case GroupAll, GroupIndirect:
		for i := range g.Buckets {
			if err := o.bucket(g, i); err != nil {
				return err
			}
		}
		return nil
	case GroupFastFailover:
		i := slices.IndexFunc(g.Buckets, func(b Bucket) bool { return o.live(&b) })
		if i < 0 {
			return nil
		}
		return o.bucket(g, i)
	}
	best, least := -1, math.Inf(1)
	for i := range g.Buckets {
		b := &g.Buckets[i]
		if b.Weight == 0 || !o.live(b) {
			continue
		}
		// An exponentially distributed time, drawn by the flow's hash.
		if wait := -math.Log((float64(weight(o.groupHash(g), b.ID))+0.5)/(1<<32)) / float64(b.Weight); wait < least {
			best, least = i, wait
		}
	}
	if best < 0 {
		return nil
	}
	return o.bucket(g, best)
}

// bucketRef is a bucket of a group by its place, or with -1 the group itself.
type bucketRef struct {
	group uint32
	place int
}

func (o *oracle) bucket(g *Group, i int) error {
	o.passed = append(o.passed, bucketRef{g.ID, i})
	list := ordered(g.Buckets[i].Actions)
	if len(list) == 0 {
		return nil
	}
	o.depth++
	defer func() { o.depth-- }()
	return o.clone(list)
}

// live says whether all that a bucket watches is up.
func (o *oracle) live(b *Bucket) bool {
	if b.WatchPort != AnyPort {
		if p := o.port(b.WatchPort); p == nil || !p.Up || p.Down {
			return false
		}
	}
	if b.WatchGroup == AnyGroup {
		return true
	}
	g := o.groups[b.WatchGroup]
	return g != nil && slices.ContainsFunc(g.Buckets, func(b Bucket) bool { return o.live(&b) })
}

func (o *oracle) groupHash(g *Group) uint32 {
	basis := uint16(g.SelectionParam)
	if len(g.Fields) > 0 {
		h := uint64(basis)
		for _, f := range g.Fields {
			if v, ok := o.get(f.Field); ok {
				v = v.And(f.Mask)
				h = mix64(mix64(h^v.Hi+0x9e3779b97f4a7c15) ^ v.Lo)
			}
		}
		return uint32(mix64(h) >> 32)
	}
	if k := extract(o.frame, &o.meta); flow.PreIP.Met(&k) {
		return o.hash(HashSymmetricL3L4UDP, basis)
	}
	return o.hash(HashSymmetricL4, basis)
}

// clone executes a list on a copy of the packet.
func (o *oracle) clone(list []Action) error {
	if o.clones == actions.MaxClones {
		return errLimit
	}
	was := *o
	o.clones++
	o.frame, o.set, o.stack, o.types = slices.Clone(o.frame), slices.Clone(o.set), slices.Clone(o.stack), slices.Clone(o.types)
	_, err := o.run(list)
	was.out, was.hits, was.passed, was.lookups, was.blind, was.learning = o.out, o.hits, o.passed, o.lookups, o.blind, o.learning
	was.shown, was.odd, was.paused = o.shown, o.odd, o.paused
	*o = was
	return err
}
