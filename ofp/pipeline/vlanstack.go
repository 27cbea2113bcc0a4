package pipeline

import (
	"pollux/actions"
	"pollux/flow"
)

// maxTags is how many tags actions may have pushed on top of a packet at once.
const maxTags = 8

// tag is one VLAN tag; tci has flow.VlanCFI set.
type tag struct{ tpid, tci uint16 }

// vlanStack is what has become of a packet's tags: some of its own are gone from
// the top, and some constant ones were pushed. The key's VLAN word is only a
// window on the two topmost.
//
// The top one of the packet's own tags may have been edited in place, but only
// while nothing lies on it: editMask is 0 when n is not.
type vlanStack struct {
	popped   uint8 // the packet's own tags that are gone
	n        uint8
	pushed   [maxTags]tag // bottom first
	editVal  uint16
	editMask uint16 // bits of the TCI of the packet's own top tag that were written
}

// ownTag returns tag i (0 the outermost) of the key as a packet brought it; a key
// knows two. Absent tags are zero.
func ownTag(k *flow.Key, i uint8) tag {
	switch w := k.W[flow.WVLAN]; i {
	case 0:
		return tag{uint16(w >> 32), uint16(w >> 48)}
	case 1:
		return tag{uint16(w), uint16(w >> 16)}
	}
	return tag{}
}

// ownBits places bits of a tag's TCI and TPID at tag i of the VLAN word.
func ownBits(i uint8, tpid, tci uint16) uint64 {
	b := uint64(tci)<<16 | uint64(tpid)
	switch i {
	case 0:
		return b << 32
	case 1:
		return b
	}
	return 0
}

// window returns the VLAN word and its constant bits that the stack shows on a
// packet with key k.
func (s *vlanStack) window(k *flow.Key) (word, konst uint64) {
	for i := range uint8(2) {
		shift := 32 * (1 - uint(i))
		var t tag
		fixed := ^uint64(0) >> 32
		switch {
		case i < s.n:
			t = s.pushed[s.n-1-i]
		case s.popped+i-s.n < 2:
			t = ownTag(k, s.popped+i-s.n)
			fixed = 0
			if i == 0 && s.n == 0 {
				t.tci = t.tci&^s.editMask | s.editVal&s.editMask
				fixed = uint64(s.editMask) << 16
			}
		}
		word |= (uint64(t.tci)<<16 | uint64(t.tpid)) << shift
		konst |= fixed << shift
	}
	return word, konst
}

// needVLAN un-wildcards those of the bits of the VLAN window that still are the
// packet's own.
func (x *xlate) needVLAN(bits uint64) {
	bits &^= x.konst.W[flow.WVLAN]
	for i := range uint8(2) {
		b := uint32(bits >> (32 * (1 - uint(i))))
		if b != 0 && i >= x.vlan.n {
			x.up.Mask.Or(flow.WVLAN, ownBits(x.vlan.popped+i-x.vlan.n, uint16(b), uint16(b>>16)))
		}
	}
}

// tagged says whether there is an outer tag now. It looks at the packet.
func (x *xlate) tagged() bool {
	x.needVLAN(flow.VlanCFI << 48)
	return x.key.W[flow.WVLAN]>>48&flow.VlanCFI != 0
}

// showVLAN brings the key's VLAN word in line with the stack.
func (x *xlate) showVLAN() {
	w, k := x.vlan.window(x.up.Key)
	x.key.Set(flow.WVLAN, w)
	x.dirty |= 1 << flow.WVLAN
	x.written |= 1 << flow.WVLAN
	x.konst.W[flow.WVLAN] = k
	if k != 0 {
		x.konst.Map |= 1 << flow.WVLAN
	} else {
		x.konst.Map &^= 1 << flow.WVLAN
	}
}

// pushVLAN pushes t. It reports false when the stack is full.
func (x *xlate) pushVLAN(t tag) bool {
	s := &x.vlan
	if s.editMask != 0 {
		// The edited tag becomes a constant one, so that nothing below the top is
		// ever an edited tag.
		x.needVLAN(0xffff_ffff << 32)
		own := tag{uint16(x.key.W[flow.WVLAN] >> 32), uint16(x.key.W[flow.WVLAN] >> 48)}
		s.popped, s.editMask, s.editVal = s.popped+1, 0, 0
		s.pushed[s.n], s.n = own, s.n+1
	}
	if s.n == maxTags {
		return false
	}
	s.pushed[s.n], s.n = t, s.n+1
	x.showVLAN()
	return true
}

// popVLAN removes the outer tag if there is one.
func (x *xlate) popVLAN() {
	if !x.tagged() {
		return
	}
	s := &x.vlan
	if s.n > 0 {
		s.n--
		s.pushed[s.n] = tag{}
	} else {
		s.popped, s.editMask, s.editVal = s.popped+1, 0, 0
	}
	x.showVLAN()
}

// setTCI writes v under m to the TCI of the outer tag, which must be there. The
// mark that it is there cannot be written.
func (x *xlate) setTCI(v, m uint16) {
	s := &x.vlan
	m &^= flow.VlanCFI
	if s.n > 0 {
		t := &s.pushed[s.n-1]
		t.tci = t.tci&^m | v&m
	} else {
		s.editVal = s.editVal&^m | v&m
		s.editMask |= m
	}
	x.showVLAN()
}

// commitVLAN emits what turns the tags of the base into those of the working copy.
func (x *xlate) commitVLAN() {
	b, c := &x.baseVLAN, &x.vlan
	if *b == *c {
		return
	}
	keep := b.n // pushed tags of the base that stay
	if c.popped != b.popped || b.editMask != c.editMask || b.editVal != c.editVal {
		keep = 0
	}
	keep = min(keep, c.n)
	for i := range keep {
		if b.pushed[i] != c.pushed[i] {
			keep = i
			break
		}
	}
	if keep+1 == b.n && b.n == c.n && c.popped == b.popped && b.pushed[keep].tpid == c.pushed[keep].tpid {
		x.emitTCI(c.pushed[keep].tci&^flow.VlanCFI, 0xffff&^flow.VlanCFI)
		*b = *c
		return
	}
	for range b.n - keep {
		x.emit(actions.OpPopVLAN)
	}
	for b.popped < c.popped {
		x.emit(actions.OpPopVLAN)
		b.popped, b.editMask, b.editVal = b.popped+1, 0, 0
	}
	for b.popped > c.popped {
		// Back to tags that were there: they come again as constants.
		b.popped--
		x.up.Mask.Or(flow.WVLAN, ownBits(b.popped, 0xffff, 0xffff))
		x.emitPush(ownTag(x.up.Key, b.popped))
		b.editMask, b.editVal = 0, 0
	}
	x.commitEdit(b, c)
	for i := keep; i < c.n; i++ {
		x.emitPush(c.pushed[i])
	}
	*b = *c
}

// commitEdit brings the packet's own top tag from the edits in b to those in c.
func (x *xlate) commitEdit(b, c *vlanStack) {
	if back := b.editMask &^ c.editMask; back != 0 {
		// Written before, and the packet's own again now.
		x.up.Mask.Or(flow.WVLAN, ownBits(c.popped, 0, back))
		x.emitTCI(ownTag(x.up.Key, c.popped).tci&back, back)
	}
	if c.editMask&^(b.editMask&^(b.editVal^c.editVal)) != 0 {
		x.emitTCI(c.editVal&c.editMask, c.editMask)
	}
}

func (x *xlate) emitPush(t tag) {
	x.emit(actions.OpPushVLAN).A = uint32(t.tpid)<<16 | uint32(t.tci&^flow.VlanCFI)
}

// emitTCI emits the writing of v under m to the outer tag's TCI, by the plainest
// name that those bits have.
func (x *xlate) emitTCI(v, m uint16) {
	f, shift := flow.VlanTCI, 0
	switch m {
	case 0x0fff:
		f = flow.DlVlan
	case 0xe000:
		f, shift = flow.DlVlanPCP, 13
	}
	x.emitSet(f, flow.Value{Lo: uint64(v >> shift)}, flow.Value{Lo: uint64(m >> shift)})
}
