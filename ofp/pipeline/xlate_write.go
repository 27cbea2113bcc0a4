package pipeline

import (
	"pollux/actions"
	"pollux/flow"
)

// setField writes v under m to f, where the packet has such a field.
func (x *xlate) setField(f flow.Field, v, m flow.Value) {
	if !x.has(f) {
		return
	}
	if f == flow.VlanVID && !x.tagged() {
		return
	}
	x.write(f, v, m)
}

// move copies a subfield. What it copies was looked at, so the copy is a constant.
func (x *xlate) move(src, dst Subfield) {
	if !x.has(src.Field) || !x.has(dst.Field) {
		return
	}
	x.needField(src.Field, src.mask())
	x.write(dst.Field, x.subfield(src).Shl(uint(dst.Lo)), dst.mask())
}

// write writes v under m to the working copy.
func (x *xlate) write(f flow.Field, v, m flow.Value) {
	switch f {
	case flow.VlanVID:
		x.setTCI(uint16(v.Lo), uint16(m.Lo))
		return
	case flow.DlVlanPCP:
		x.setTCI(uint16(v.Lo)<<13, uint16(m.Lo)<<13)
		return
	case flow.DlVlan:
		x.modVLAN(uint16(v.Lo), uint16(m.Lo))
		return
	case flow.VlanTCI:
		x.writeTCI(uint16(v.Lo), uint16(m.Lo))
		return
	case flow.InPort:
		v, m = flow.Value{Lo: uint64(widePort(v.And(m)))}, f.Full()
	}
	i := &flow.Fields[f]
	words := uint64(1) << i.Word
	if i.Bits == 128 {
		words |= 1 << (i.Word + 1)
		x.key.Set(i.Word, x.key.W[i.Word]&^m.Hi|v.Hi&m.Hi)
		x.key.Set(i.Word+1, x.key.W[i.Word+1]&^m.Lo|v.Lo&m.Lo)
		x.konst.Or(i.Word, m.Hi)
		x.konst.Or(i.Word+1, m.Lo)
	} else {
		b := m.Lo << i.Shift & inPlace[f]
		x.key.Set(i.Word, x.key.W[i.Word]&^b|v.Lo<<i.Shift&b)
		x.konst.Or(i.Word, b)
	}
	x.dirty |= words
	x.written |= words
	if x.hidden.Map != 0 {
		x.unhide()
	}
}

// unhide is what has to follow where hidden bits may have been written: they are constants now.
func (x *xlate) unhide() {
	for w := range flow.NumWords {
		x.hidden.Put(w, x.hidden.W[w]&^x.konst.W[w])
	}
}

// writeTCI writes the whole TCI as NXM_OF_VLAN_TCI means it: a clear CFI takes the
// tag away, a set one brings one about.
func (x *xlate) writeTCI(v, m uint16) {
	x.needVLAN(uint64(^m) << 48)
	tci := x.key.VlanTCI()&^m | v&m
	if tci&flow.VlanCFI == 0 {
		x.popVLAN()
		return
	}
	if !x.tagged() {
		x.push(tag{0x8100, flow.VlanCFI})
	}
	x.setTCI(tci, 0xffff)
}

// modVLAN writes bits of the outer tag, which it pushes where there is none.
func (x *xlate) modVLAN(v, m uint16) {
	if !x.tagged() {
		x.push(tag{0x8100, flow.VlanCFI})
	}
	x.setTCI(v, m)
}

func (x *xlate) push(t tag) {
	if !x.pushVLAN(t) {
		if x.tr != nil {
			x.tr.fail("more than %d VLAN tags pushed", maxTags)
		}
		x.fail(actions.DropTranslate)
	}
}
