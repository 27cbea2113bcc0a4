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

// copyTTLIn copies the TTL of the outermost label into the next, or into the IP header that is
// under the last one, as far as there are such headers.
func (e *Exec) copyTTLIn(b *packet.Batch, idx []uint16) {
	for _, i := range idx {
		f := e.Mem.Frame(b.Desc[i])
		o := int(b.L25[i])
		if o+4 > len(f) {
			continue
		}
		ttl, in := f[o+3], f[o+4:]
		switch {
		case f[o+2]&1 == 0:
			if len(in) >= 4 {
				in[3] = ttl
			}
		case len(in) >= 20 && in[0]>>4 == 4:
			was := be.Uint16(in[8:])
			is := uint16(ttl)<<8 | was&0xff
			be.PutUint16(in[8:], is)
			mend(in[10:], diff16(was, is))
		case len(in) >= 40 && in[0]>>4 == 6:
			in[7] = ttl
		}
	}
}
