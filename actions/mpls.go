package actions

import (
	"pollux/flow"
	"pollux/internal/packet"
)

// pushMPLS pushes the label stack entry lse behind the Ethernet header and its
// tags, under EtherType typ. Packets without room are dropped; the others are
// returned.
func (e *Exec) pushMPLS(typ uint16, lse uint32, b *packet.Batch, idx []uint16) []uint16 {
	var gone bitmap
	cramped := false
	low := uint64(e.Mem.ChunkSize - 1)
	for j, i := range idx {
		d := &b.Desc[i]
		if d.Len < 14 {
			continue
		}
		if d.Addr&low < 4 {
			gone.set(j)
			cramped = true
			continue
		}
		d.Addr -= 4
		d.Len += 4
		f := e.Mem.Frame(*d)
		o := typeOffset(f[4:])
		copy(f[:o], f[4:4+o])
		be.PutUint16(f[o:], typ)
		be.PutUint32(f[o+2:], lse)
		moved(&b.L3[i], 4)
		moved(&b.L4[i], 4)
		b.L25[i] = uint16(o + 2)
	}
	if cramped {
		return e.without(DropNoHeadroom, b, idx, &gone)
	}
	return idx
}

// popMPLS removes the outermost label of packets that have one. typ is the EtherType
// of what follows. What the label hid is found by parsing again, once the last is
// gone.
func (e *Exec) popMPLS(typ uint16, b *packet.Batch, idx []uint16) {
	for _, i := range idx {
		d := &b.Desc[i]
		f := e.Mem.Frame(*d)
		o := int(b.L25[i])
		if o < 14 || o+4 > len(f) {
			continue
		}
		be.PutUint16(f[o-2:], typ)
		copy(f[4:], f[:o])
		d.Addr += 4
		d.Len -= 4
		b.L25[i], b.L3[i], b.L4[i] = flow.ExtractOne(f[4:], b.InPort, &e.keys[i])
	}
}
