package pipeline

import (
	"cmp"
	"slices"
	"sync/atomic"

	"pollux/actions"
)

// groupEntry is a group of a snapshot. A change makes another entry; buckets that stay, by
// their number and what they do, keep their counters.
type groupEntry struct {
	Group
	created int64 // ns, monotonic
	counts  *groupCounts
	buckets []*groupCounts // by place in Buckets
	ordered [][]Action     // of each bucket, in the order of execution
	hash    actions.Hash   // by which a select group chooses
}

// groupCounts counts packets that a group or a bucket processed. Loops add by credits.
type groupCounts struct{ packets, bytes atomic.Uint64 }

// groupShards is in how many parts the set of groups is copied.
const groupShards = 256

// groupSet is the groups of a snapshot, in shards that snapshots share: a change copies one.
type groupSet struct {
	shard [groupShards]map[uint32]*groupEntry
	n     int
	types [4]int // how many of each type
}

func (s *groupSet) get(id uint32) *groupEntry {
	if s == nil {
		return nil
	}
	return s.shard[id%groupShards][id]
}

// with returns s with e as group id, or without it if e is nil.
func (s *groupSet) with(id uint32, e *groupEntry) *groupSet {
	next := &groupSet{}
	if s != nil {
		*next = *s
	}
	old := next.shard[id%groupShards]
	m := make(map[uint32]*groupEntry, len(old)+1)
	for k, v := range old {
		m[k] = v
	}
	if was := m[id]; was != nil {
		next.n--
		next.types[was.Type]--
	}
	delete(m, id)
	if e != nil {
		m[id] = e
		next.n++
		next.types[e.Type]++
	}
	next.shard[id%groupShards] = m
	return next
}

// ofType is how many groups there are of a type.
func (s *groupSet) ofType(t GroupType) int {
	if s == nil || int(t) >= len(s.types) {
		return 0
	}
	return s.types[t]
}

func (s *groupSet) len() int {
	if s == nil {
		return 0
	}
	return s.n
}

// all returns the groups by number.
func (s *groupSet) all() (out []*groupEntry) {
	if s == nil {
		return nil
	}
	for _, m := range s.shard {
		for _, e := range m {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b *groupEntry) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// eachGroup calls f with every group that the actions lead to.
func eachGroup(list []Action, f func(uint32)) {
	someAction(list, func(a *Action) bool {
		if a.Kind == ActGroup {
			f(a.Group)
		}
		return false
	})
}
