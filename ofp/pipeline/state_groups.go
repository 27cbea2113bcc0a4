package pipeline

import (
	"fmt"
	"slices"

	"pollux/ofp/ofperr"
)

// Bounds of groups. The first is of each type.
const (
	maxGroups  = 65536
	maxBuckets = 4096
)

// GroupStats is a group with its counters (OpenFlow 1.3 section 7.3.5.9).
type GroupStats struct {
	Group    Group         `json:"group"`
	Refs     int           `json:"ref_count"` // flows and groups that lead to it
	Packets  uint64        `json:"packet_count"`
	Bytes    uint64        `json:"byte_count"`
	Duration int64         `json:"duration_ns"`
	Buckets  []BucketStats `json:"buckets"`
}

// BucketStats counts what a bucket processed.
type BucketStats struct {
	ID      uint32 `json:"bucket_id"`
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`
}

// MaxGroups is how many groups of each type there can be.
func (s *State) MaxGroups() uint32 { return maxGroups }

// GroupMod adds, changes or removes groups (OpenFlow 1.5 section 6.5). Removing one removes
// the flows that lead to it; removing none is no error. by is told to OnFlowChange.
func (s *State) GroupMod(mod *GroupMod, by any) error {
	_, err := s.Mods([]Mod{{Group: mod}}, by, nil)
	return err
}

func (tx *flowTx) groupMod(mod *GroupMod) error {
	next := tx.next
	g := mod.Group
	old := next.groups.get(g.ID)
	if mod.Command == GroupAddOrModify {
		mod = &GroupMod{GroupAdd, g, mod.Bucket}
		if old != nil {
			mod.Command = GroupModify
		}
	}
	// No flow leads to a group that does not exist, and no group does: so no decision that was
	// made before asked for a new one.
	if old != nil {
		tx.otherwise().Group(g.ID)
	}
	switch mod.Command {
	case GroupAdd:
		switch {
		case old != nil:
			return fmt.Errorf("group %d: %w", g.ID, ofperr.GroupModExists)
		case next.groups.ofType(g.Type) >= maxGroups:
			return fmt.Errorf("group %d: there are %d of its type already: %w", g.ID, maxGroups, ofperr.GroupModTableFull)
		}
	case GroupModify:
		if old == nil {
			return fmt.Errorf("group %d: %w", g.ID, ofperr.GroupModUnknown)
		}
	case GroupDelete:
		return tx.removeGroups(g.ID)
	case GroupInsertBucket, GroupRemoveBucket:
		if old == nil {
			return fmt.Errorf("group %d: %w", g.ID, ofperr.GroupModUnknown)
		}
		buckets, err := old.editBuckets(mod)
		if err != nil {
			return err
		}
		g = old.Group
		g.Buckets = buckets
	default:
		return fmt.Errorf("group command %d: %w", mod.Command, ofperr.GroupModBadCommand)
	}
	g.Buckets = slices.Clone(g.Buckets)
	if err := g.check(); err != nil {
		return err
	}
	if err := tx.checkBuckets(&g); err != nil {
		return err
	}
	tx.setGroup(g.ID, newGroup(g, old, tx.now))
	return nil
}

// newGroup makes an entry; buckets that old had keep their counters, as the group does.
func newGroup(g Group, old *groupEntry, now int64) *groupEntry {
	e := &groupEntry{Group: g, created: now, counts: new(groupCounts), hash: g.hashOf()}
	if old != nil {
		e.created, e.counts = old.created, old.counts
	}
	for i := range g.Buckets {
		c := new(groupCounts)
		if old != nil {
			if k := slices.IndexFunc(old.Buckets, func(b Bucket) bool { return b.ID == g.Buckets[i].ID }); k >= 0 {
				c = old.buckets[k]
			}
		}
		e.buckets = append(e.buckets, c)
		e.ordered = append(e.ordered, orderSet(nil, g.Buckets[i].Actions))
	}
	return e
}

// check refuses what is no group, whatever others there are.
func (g *Group) check() error {
	bad := func(e ofperr.Error, format string, args ...any) error {
		return fmt.Errorf("group %d: %s: %w", g.ID, fmt.Sprintf(format, args...), e)
	}
	switch {
	case g.ID > GroupMax:
		return fmt.Errorf("group %#x; groups are 0 to %#x: %w", g.ID, GroupMax, ofperr.GroupModInvalid)
	case g.Type > GroupFastFailover:
		return bad(ofperr.GroupModBadType, "type %d", g.Type)
	case len(g.Buckets) > maxBuckets:
		return bad(ofperr.GroupModTooManyBuckets, "%d buckets, %d at most", len(g.Buckets), maxBuckets)
	case g.Type == GroupIndirect && len(g.Buckets) != 1:
		return bad(ofperr.GroupModInvalid, "an indirect group has one bucket, not %d", len(g.Buckets))
	case g.Selection != "" && g.Type != GroupSelect:
		return bad(ofperr.PropertyBadValue, "a selection method is of select groups")
	case g.Selection != "" && g.Selection != "hash" && g.Selection != "dp_hash":
		return bad(ofperr.PropertyBadValue, "selection method %q, want hash or dp_hash", g.Selection)
	case len(g.Fields) > 0 && g.Selection != "hash":
		return bad(ofperr.PropertyBadValue, "fields are of selection method hash")
	}
	seen := map[uint32]bool{}
	for i := range g.Buckets {
		b := &g.Buckets[i]
		watches := b.WatchPort != AnyPort || b.WatchGroup != AnyGroup
		switch {
		case b.ID > BucketMax:
			return bad(ofperr.GroupModBadBucket, "bucket %#x; buckets are 0 to %#x", b.ID, BucketMax)
		case seen[b.ID]:
			return bad(ofperr.GroupModBucketExists, "two buckets %d", b.ID)
		case b.Weight != 0 && g.Type != GroupSelect:
			return bad(ofperr.GroupModInvalid, "bucket %d: a weight is of select groups", b.ID)
		case watches && (g.Type == GroupAll || g.Type == GroupIndirect):
			return bad(ofperr.GroupModWatchUnsupported, "bucket %d: only buckets of select and fast failover groups watch", b.ID)
		case !watches && g.Type == GroupFastFailover:
			return bad(ofperr.GroupModInvalid, "bucket %d: it must watch a port or a group", b.ID)
		}
		seen[b.ID] = true
	}
	return nil
}

// checkBuckets refuses buckets that lead, or look, to what is not there, or back to g.
func (tx *flowTx) checkBuckets(g *Group) error {
	s := tx.next
	for i := range g.Buckets {
		b := &g.Buckets[i]
		err := tx.checkBucket(b)
		if err != nil {
			err = fmt.Errorf("group %d, bucket %d: %w", g.ID, b.ID, err)
		}
		eachGroup(b.Actions, func(id uint32) {
			if id != g.ID && s.groups.get(id) == nil && err == nil {
				err = fmt.Errorf("group %d, bucket %d: there is no group %d: %w", g.ID, b.ID, id, ofperr.ActionBadOutGroup)
			}
		})
		if id := b.WatchGroup; err == nil && id != AnyGroup && id != g.ID && s.groups.get(id) == nil {
			err = fmt.Errorf("group %d, bucket %d: there is no group %d to watch: %w", g.ID, b.ID, id, ofperr.GroupModBadWatch)
		}
		if p := b.WatchPort; err == nil && p != AnyPort && s.ports.get(p) == nil {
			err = fmt.Errorf("group %d, bucket %d: there is no port %d to watch: %w", g.ID, b.ID, p, ofperr.GroupModBadWatch)
		}
		if err != nil {
			return err
		}
	}
	if s.leadsTo(g, g.ID, map[uint32]bool{}) {
		return fmt.Errorf("group %d leads to itself: %w", g.ID, ofperr.GroupModLoop)
	}
	return nil
}

// checkBucket refuses actions that no bucket can have.
func (tx *flowTx) checkBucket(b *Bucket) (err error) {
	if a, why := refused1(b.Actions, 0); a != nil {
		return fmt.Errorf("%s: %s: %w", formatAction(a, nil), why.words, why.err)
	}
	for i := range b.Actions {
		if a := &b.Actions[i]; !inSet(a) {
			return fmt.Errorf("%s cannot be part of a bucket: %w", formatAction(a, nil), ofperr.ActionUnsupportedOrder)
		}
	}
	someAction(b.Actions, func(a *Action) bool {
		if a.Kind != ActGroup { // which may be the group itself; that is looked at apart
			err = tx.checkAction(a)
		}
		return err != nil
	})
	return err
}

// leadsTo says whether packets, or looks, go from g to group id.
func (s *Snapshot) leadsTo(g *Group, id uint32, seen map[uint32]bool) (yes bool) {
	follow := func(to uint32) {
		switch next := s.groups.get(to); {
		case yes || to == AnyGroup:
		case to == id:
			yes = true
		case next != nil && !seen[to]:
			seen[to] = true
			yes = s.leadsTo(&next.Group, id, seen)
		}
	}
	for i := range g.Buckets {
		eachGroup(g.Buckets[i].Actions, follow)
		follow(g.Buckets[i].WatchGroup)
	}
	return yes
}

// removeGroups takes group id away, or all for GroupAllGroups, and the flows that lead
// there. One that another leads to stays (OpenFlow 1.3 section 6.4, OFPGMFC_CHAINED_GROUP).
func (tx *flowTx) removeGroups(id uint32) error {
	next := tx.next
	tx.bookUsers()
	var of []*users
	if id == GroupAllGroups {
		tx.otherwise().AllGroups()
		for _, e := range next.groups.all() {
			of = append(of, tx.s.users.groups[e.ID])
			tx.bookGroup(e, nil)
		}
		next.groups = nil
	} else {
		if id > GroupMax {
			return fmt.Errorf("group %#x; groups are 0 to %#x: %w", id, GroupMax, ofperr.GroupModInvalid)
		}
		if next.groups.get(id) == nil {
			return nil
		}
		u := tx.s.users.groups[id]
		if u != nil && u.buckets+u.watches > 0 {
			return fmt.Errorf("group %d leads to group %d: %w", next.leader(id), id, ofperr.GroupModChained)
		}
		of = append(of, u)
		tx.setGroup(id, nil)
	}
	tx.removeUsers(of, RemovedGroupDelete)
	return nil
}

// leader is a group that leads to id, or watches it; there is one.
func (s *Snapshot) leader(id uint32) uint32 {
	for _, e := range s.groups.all() {
		if s.leadsDirectly(&e.Group, id) {
			return e.ID
		}
	}
	return AnyGroup
}

func (s *Snapshot) leadsDirectly(g *Group, id uint32) (yes bool) {
	for i := range g.Buckets {
		eachGroup(g.Buckets[i].Actions, func(to uint32) { yes = yes || to == id })
		yes = yes || g.Buckets[i].WatchGroup == id
	}
	return yes
}

// editBuckets returns the group's buckets with some inserted or removed (OpenFlow 1.5
// section 7.3.4.3).
func (e *groupEntry) editBuckets(mod *GroupMod) ([]Bucket, error) {
	at := slices.IndexFunc(e.Buckets, func(b Bucket) bool { return b.ID == mod.Bucket })
	unknown := fmt.Errorf("group %d has no bucket %d: %w", e.ID, mod.Bucket, ofperr.GroupModBucketUnknown)
	n := len(e.Buckets)
	if mod.Command == GroupRemoveBucket {
		switch {
		case mod.Bucket == BucketAll:
			return nil, nil
		case n > 0 && mod.Bucket == BucketFirst:
			return e.Buckets[1:], nil
		case n > 0 && mod.Bucket == BucketLast:
			return e.Buckets[:n-1], nil
		case mod.Bucket == BucketFirst || mod.Bucket == BucketLast:
			return nil, nil
		case at < 0:
			return nil, unknown
		}
		return slices.Delete(slices.Clone(e.Buckets), at, at+1), nil
	}
	for i := range mod.Group.Buckets {
		id := mod.Group.Buckets[i].ID
		if slices.ContainsFunc(e.Buckets, func(b Bucket) bool { return b.ID == id }) {
			return nil, fmt.Errorf("group %d has a bucket %d: %w", e.ID, id, ofperr.GroupModBucketExists)
		}
	}
	switch {
	case mod.Bucket == BucketFirst:
		at = 0
	case mod.Bucket == BucketLast:
		at = n
	case at < 0:
		return nil, unknown
	default:
		at++
	}
	return slices.Insert(slices.Clone(e.Buckets), at, mod.Group.Buckets...), nil
}

// GroupStats returns group id, or all by number for GroupAllGroups, with counters as of now.
// Of a group that is not there it returns none.
func (s *State) GroupStats(id uint32) []GroupStats {
	s.mu.Lock()
	snap, now := s.snap.Load(), s.now()
	entries := snap.groupEntries(id)
	refs := make([]int, len(entries))
	for i, e := range entries {
		if u := s.users.groups[e.ID]; u != nil {
			refs[i] = u.times + u.buckets
		}
	}
	s.unlock()
	var out []GroupStats
	for i, e := range entries {
		st := GroupStats{
			Group: e.Group, Refs: refs[i], Duration: max(now-e.created, 0),
			Packets: e.counts.packets.Load(), Bytes: e.counts.bytes.Load(),
		}
		for i, c := range e.buckets {
			st.Buckets = append(st.Buckets, BucketStats{e.Buckets[i].ID, c.packets.Load(), c.bytes.Load()})
		}
		out = append(out, st)
	}
	return out
}

// Groups returns group id, or all by number for GroupAllGroups.
func (s *State) Groups(id uint32) (out []Group) {
	for _, e := range s.snap.Load().groupEntries(id) {
		out = append(out, e.Group)
	}
	return out
}

func (s *Snapshot) groupEntries(id uint32) []*groupEntry {
	if id == GroupAllGroups {
		return s.groups.all()
	}
	if e := s.groups.get(id); e != nil {
		return []*groupEntry{e}
	}
	return nil
}
