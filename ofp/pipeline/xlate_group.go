package pipeline

import "pollux/actions"

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
	if x.failed != actions.DropNone {
		return
	}
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
// none, or if the translation ends to ask which.
func (x *xlate) choose(e *groupEntry) int {
	if e.Type == GroupFastFailover {
		for i := range e.Buckets {
			if x.live(&e.Buckets[i]) {
				return i
			}
		}
		return -1
	}
	c := x.choiceBy(e.hash)
	for i := range e.Buckets {
		if b := &e.Buckets[i]; b.Weight != 0 && x.live(b) {
			c.Places = append(c.Places, actions.Place{ID: b.ID, N: uint16(i), Weight: b.Weight})
		}
	}
	return x.chosen(c)
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

// hashOf is the hash of a select group: of the fields that it names, or else of addresses and
// ports, the same in both directions; of what is not IP, Ethernet addresses and VLAN.
func (g *Group) hashOf() actions.Hash {
	p := g.SelectionParam
	h := actions.Hash{Of: actions.HashFlow, Basis: uint16(p) ^ uint16(p>>16) ^ uint16(p>>32) ^ uint16(p>>48)}
	for _, f := range g.Fields {
		h.Of = actions.HashList
		h.Fields = append(h.Fields, actions.HashField(f))
	}
	return h
}
