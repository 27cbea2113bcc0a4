package flow

import (
	"encoding/binary"
	"math/bits"
	"unsafe"

	"pollux/internal/packet"
)

// leastShort is the length of the shortest frame that can have a Short: Ethernet, a tag,
// IPv4 and TCP, so that one check is good for all kinds.
const leastShort = 58

// oddHead are the bits of an IPv4 header's first eight bytes, the first lowest, that must be
// 0x45: version and header length; more fragments, and the offset.
const oddHead = 0xff3f<<48 | 0xff

// l4Kind is what has to be known of an IP protocol: the least length of a packet with its
// header and none of IP's options, and which bits of the header's 14th byte on are flags.
type l4Kind struct{ least, flags uint16 }

var l4Kinds = func() (k [256]l4Kind) {
	for i := range k {
		k[i].least = 0xffff // never short
	}
	k[protoUDP] = l4Kind{28, 0}
	k[protoTCP] = l4Kind{40, 0xfff}
	return
}()

// shortening is what is the same for all packets of a batch that shorten takes apart, and
// which of them it left: their Shorts, hashes and offsets mean nothing.
type shortening struct {
	buf     unsafe.Pointer // the memory
	limit   uint64         // the highest address where leastShort bytes are in it
	desc    *packet.Desc
	of      *Short
	offsets *uint16 // the batch's L25, and the other offsets behind it
	hashes  *uint64
	port    uint64 // as it is in a Short's word 2
	secrets Secrets
	odd     packetSet

	mem []byte
	b   *packet.Batch
}

// What the assembly has to know of others' layout.
const (
	descSize  = unsafe.Sizeof(packet.Desc{})
	descLen   = unsafe.Offsetof(packet.Desc{}.Len)
	shortSize = unsafe.Sizeof(Short{})
	toL3      = unsafe.Offsetof(packet.Batch{}.L3) - unsafe.Offsetof(packet.Batch{}.L25)
	toL4      = unsafe.Offsetof(packet.Batch{}.L4) - unsafe.Offsetof(packet.Batch{}.L25)
	toIPLen   = unsafe.Offsetof(packet.Batch{}.IPLen) - unsafe.Offsetof(packet.Batch{}.L25)
	cfiBit    = 48 + 4 // VlanCFI in a Short's word 1
)

func shorteningOf(buf []byte, b *packet.Batch, s *Shorts, secrets *Secrets, hashes *[packet.MaxBatch]uint64) shortening {
	a := shortening{
		desc: &b.Desc[0], of: &s.Of[0], offsets: &b.L25[0], hashes: &hashes[0],
		port: uint64(b.InPort) << 32, secrets: *secrets, mem: buf, b: b,
	}
	if len(buf) < leastShort {
		for i := range a.odd {
			a.odd[i] = ^uint64(0)
		}
		return a
	}
	a.buf, a.limit = unsafe.Pointer(&buf[0]), uint64(len(buf)-leastShort)
	return a
}

// shortenPlain makes the Shorts and offsets of the first n packets.
//
// Offsets are constants into arrays, so that each packet is checked against the bounds of
// memory once; nothing is called.
func (a *shortening) shortenPlain(n int) {
	b := a.b
	of := (*[packet.MaxBatch]Short)(unsafe.Pointer(a.of))
	for i := range b.Desc[:n] {
		at, length := b.Desc[i].Addr, uint64(b.Desc[i].Len)
		if length < leastShort || at > a.limit {
			a.odd.add(i)
			continue
		}
		p := (*[leastShort]byte)(a.mem[at : at+leastShort])
		w1 := binary.LittleEndian.Uint64(p[8:])
		typ := uint16(w1 >> 32)
		ip := (*[40]byte)(p[14:])
		l3 := uint64(14)
		if typ == lowFirst(etherVLAN) {
			typ = binary.LittleEndian.Uint16(p[16:])
			ip = (*[40]byte)(p[18:])
			l3 = 18
			w1 |= 1 << cfiBit // as in keys
		}
		head := binary.LittleEndian.Uint64(ip[:]) // version:8 TOS:8 length:16 id:16 flags and offset:16
		hops := binary.LittleEndian.Uint16(ip[8:])
		l4 := &l4Kinds[hops>>8]
		flags := uint64(binary.BigEndian.Uint16(ip[32:]) & l4.flags)
		total := uint64(bits.ReverseBytes16(uint16(head >> 16)))
		pad := length - l3 - total // huge when total is beyond the frame
		if typ != lowFirst(etherIPv4) || head&oddHead != 0x45 || pad > 255 || total < uint64(l4.least) {
			a.odd.add(i)
			continue
		}
		b.L25[i], b.L3[i], b.L4[i], b.IPLen[i] = packet.None, uint16(l3), uint16(l3+20), uint16(total)
		of[i] = Short{
			binary.LittleEndian.Uint64(p[:]),
			w1,
			uint64(hops) | a.port,
			binary.LittleEndian.Uint64(ip[12:]),
			uint64(binary.LittleEndian.Uint32(ip[20:])) | flags<<32 | head<<48,
		}
	}
}

// lowFirst is a 16-bit number of the wire as a little-endian load gives it.
func lowFirst(v uint16) uint16 { return v>>8 | v<<8 }

// hashPlain writes the hashes of the first n Shorts that mean anything.
func (a *shortening) hashPlain(n int) {
	of := (*[packet.MaxBatch]Short)(unsafe.Pointer(a.of))[:n]
	hashes := (*[packet.MaxBatch]uint64)(unsafe.Pointer(a.hashes))
	for i := range of {
		if !a.odd.has(i) {
			hashes[i] = of[i].Hash(&a.secrets)
		}
	}
}
