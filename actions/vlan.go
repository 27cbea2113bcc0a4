package actions

import "pollux/internal/packet"

// pushVLAN pushes a tag: the upper half of tag is the TPID, the lower the TCI. The
// MAC addresses move four bytes down into the headroom. Packets without room are
// dropped; the others are returned.
func (e *Exec) pushVLAN(tag uint32, b *packet.Batch, idx []uint16) []uint16 {
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
		addrs, rest := be.Uint64(f[4:]), be.Uint32(f[12:])
		be.PutUint64(f, addrs)
		be.PutUint32(f[8:], rest)
		be.PutUint32(f[12:], tag)
		shift(b, i, 4)
	}
	if cramped {
		return e.without(DropNoHeadroom, b, idx, &gone)
	}
	return idx
}

// popVLAN removes the outermost tag of packets that have one.
func (e *Exec) popVLAN(b *packet.Batch, idx []uint16) {
	for _, i := range idx {
		d := &b.Desc[i]
		f := e.Mem.Frame(*d)
		if len(f) < 18 || !isTag(be.Uint16(f[12:])) {
			continue
		}
		addrs, rest := be.Uint64(f), be.Uint32(f[8:])
		be.PutUint64(f[4:], addrs)
		be.PutUint32(f[12:], rest)
		d.Addr += 4
		d.Len -= 4
		shift(b, i, -4)
	}
}

// shift moves the offsets of packet i that are set by n bytes.
func shift(b *packet.Batch, i uint16, n int) {
	moved(&b.L25[i], n)
	moved(&b.L3[i], n)
	moved(&b.L4[i], n)
}

func moved(o *uint16, n int) {
	if *o != packet.None {
		*o += uint16(n)
	}
}
