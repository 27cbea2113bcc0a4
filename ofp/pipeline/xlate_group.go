package pipeline

import (
	"math"

	"pollux/actions"
	"pollux/flow"
)

// group has a group process the packet (OpenFlow 1.3 section 5.6). Whatever its buckets do is
// done to copies: what follows sees the packet as it was.
func (x *xlate) group(id uint32) {
	x.path.Uses.Group(id)
	e := x.snap.groups.get(id)
	switch {
	case e == nil: // flows with it go when it goes
		x.note(actions.DropNoOutput)
		return
	case x.depth >= maxDepth:
		if x.tr != nil {
			x.tr.fail("over max translation depth %d", maxDepth)
		}
		x.fail(actions.DropResubmitDepth)
		return
	case len(x.groups) >= maxLookups:
		if x.tr != nil {
			x.tr.fail("over %d groups and buckets", maxLookups)
		}
		x.fail(actions.DropResubmitCount)
		return
	}
	x.groups = append(x.groups, e.counts)
	switch e.Type {
	case GroupAll, GroupIndirect:
		for i := range e.Buckets {
			x.bucket(e, i)
		}
		return
	}
	i := x.choose(e)
	if i < 0 {
		x.note(actions.DropNoOutput)
		if x.tr != nil {
			x.tr.warn("no bucket is live")
		}
		return
	}
	if x.tr != nil {
		x.tr.detail("using bucket %d", e.Buckets[i].ID)
	}
	x.bucket(e, i)
}

// bucket executes a bucket's actions, as an action set.
func (x *xlate) bucket(e *groupEntry, i int) {
	if x.failed != actions.DropNone {
		return
	}
	x.groups = append(x.groups, e.buckets[i])
	if list := e.ordered[i]; len(list) > 0 {
		x.inGroup++
		x.depth++
		x.clone(list)
		x.depth--
		x.inGroup--
	}
}

// choose returns which bucket of a select or fast failover group is for the packet, -1 for
// none.
func (x *xlate) choose(e *groupEntry) int {
	if e.Type == GroupFastFailover {
		for i := range e.Buckets {
			if x.live(&e.Buckets[i]) {
				return i
			}
		}
		return -1
	}
	// Rendezvous hashing by weight: each bucket draws a time by the flow's hash, as if it came
	// after an exponentially distributed wait, and the first has the flow. So flows spread by
	// weight, and only those of a bucket that comes or goes move.
	best, least, hash := -1, math.Inf(1), uint32(0)
	for i := range e.Buckets {
		b := &e.Buckets[i]
		if b.Weight == 0 || !x.live(b) {
			continue
		}
		if best < 0 {
			hash = x.groupHash(e)
		}
		u := (float64(weight(hash, b.ID)) + 0.5) / (1 << 32)
		if wait := -math.Log(u) / float64(b.Weight); wait < least {
			best, least = i, wait
		}
	}
	return best
}

// live says whether what a bucket watches is up.
func (x *xlate) live(b *Bucket) bool {
	if b.WatchPort != AnyPort && !x.memberUp(b.WatchPort) {
		return false
	}
	if b.WatchGroup == AnyGroup {
		return true
	}
	x.path.Uses.Group(b.WatchGroup)
	e := x.snap.groups.get(b.WatchGroup)
	if e == nil {
		return false
	}
	for i := range e.Buckets {
		if x.live(&e.Buckets[i]) {
			return true
		}
	}
	return false
}

// groupHash hashes the packet's flow: the fields that the group names, or else addresses and
// ports, the same in both directions; of what is not IP, Ethernet addresses and VLAN.
func (x *xlate) groupHash(e *groupEntry) uint32 {
	basis := uint16(e.SelectionParam) ^ uint16(e.SelectionParam>>16) ^ uint16(e.SelectionParam>>32) ^ uint16(e.SelectionParam>>48)
	if len(e.Fields) == 0 {
		if x.has(flow.IPv4Src) || x.has(flow.IPv6Src) {
			return x.hash(HashSymmetricL3L4UDP, basis)
		}
		return x.hash(HashSymmetricL4, basis)
	}
	h := uint64(basis)
	for i := range e.Fields {
		f := &e.Fields[i]
		if !x.has(f.Field) {
			continue
		}
		x.needField(f.Field, f.Mask)
		v := f.Field.Get(&x.key).And(f.Mask)
		h = mix64(mix64(h^v.Hi+0x9e3779b97f4a7c15) ^ v.Lo)
	}
	return uint32(mix64(h) >> 32)
}
