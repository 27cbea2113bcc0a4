package cache_test

import (
	"pgregory.net/rapid"

	"pollux/flow"
	"pollux/internal/packet"
	"pollux/ipfix/cache"
	"pollux/ipfix/internal/frames"
)

// pkt is a packet of the tests: a frame, and what frames do not have.
type pkt struct {
	frames.Spec
	cast   int    // of the destination: 0 one host, 1 a group, 2 all
	tunnel uint64 // number of the tunnel that it came by plus one; 0 none
}

func drawPkt(t *rapid.T) pkt {
	s := frames.Spec{
		Kind:    frames.Kind(rapid.IntRange(0, int(frames.NumKinds)-1).Draw(t, "kind")),
		Src:     uint8(rapid.IntRange(1, 3).Draw(t, "src")),
		Dst:     uint8(rapid.IntRange(1, 3).Draw(t, "dst")),
		TCI:     rapid.SampledFrom([]int{-1, -1, 0, 5, 5 | 3<<13}).Draw(t, "tci"),
		SrcPort: uint16(rapid.IntRange(1, 3).Draw(t, "sport")),
		DstPort: uint16(rapid.IntRange(1, 2).Draw(t, "dport")),
		TOS:     rapid.SampledFrom([]uint8{0, 0, 0xb9}).Draw(t, "tos"),
		TTL:     uint8(rapid.IntRange(1, 255).Draw(t, "ttl")),
		Label:   rapid.SampledFrom([]uint32{0, 0, 0xfffff}).Draw(t, "label"),
		Flags:   rapid.SampledFrom([]uint8{0x10, 0x10, 0x02, 0x11, 0x14, 0x3f, 0xd2}).Draw(t, "flags"),
		Payload: rapid.IntRange(0, 64).Draw(t, "payload"),
		Pad:     rapid.Bool().Draw(t, "pad"),
	}
	s.Inner = s.TCI >= 0 && rapid.Bool().Draw(t, "inner")
	return pkt{
		Spec:   s,
		cast:   rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(t, "cast"),
		tunnel: rapid.SampledFrom([]uint64{0, 0, 0, 1, 2, 1 << 63}).Draw(t, "tunnel"),
	}
}

func (p pkt) dst() [6]byte {
	switch p.cast {
	case 1:
		return [6]byte{1, 0, 0x5e, 0, 0, p.Dst}
	case 2:
		return [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	}
	return [6]byte{2, 0, 0, 0, 0, p.Dst}
}

// load writes the packets to a batch and takes their keys.
func load(b *frames.Batch, inPort uint32, pkts []pkt) {
	specs := make([]frames.Spec, len(pkts))
	for i, p := range pkts {
		specs[i] = p.Spec
	}
	b.Load(inPort, specs)
	for i, p := range pkts {
		d := p.dst()
		copy(b.Memory.Frame(b.Desc[i]), d[:])
	}
	flow.Extract(&b.Memory, &b.Batch, b.Keys[:])
	for i, p := range pkts {
		if p.tunnel != 0 {
			b.Keys[i].Set(flow.WTunID, p.tunnel-1)
			b.Keys[i].Set(flow.WTunIPv4, 0x01020304<<32|0x05060708)
		}
	}
}

// fiveTuple is a flow key without anything of layer 2, written down for both sides.
func fiveTuple() *flow.Mask {
	m := new(flow.Mask)
	for _, f := range []flow.Field{flow.IPProto, flow.IPv4Src, flow.IPv4Dst, flow.IPv6Src, flow.IPv6Dst, flow.TCPSrc, flow.TCPDst} {
		f.OrMask(m, f.Full())
	}
	return m
}

// key returns the key of the packet's flow.
func (p pkt) key(pt cache.Point, inPort uint32, five bool) cache.Key {
	k := p.Key(pt, inPort)
	k.EthDst = p.dst()
	if p.tunnel != 0 {
		k.Tunnel = cache.Tunnel{On: true, ID: p.tunnel - 1, Src: [16]byte{1, 2, 3, 4}, Dst: [16]byte{5, 6, 7, 8}}
	}
	if five {
		k = cache.Key{
			Point: pt, Class: k.Class, Proto: k.Proto, Src: k.Src, Dst: k.Dst,
			SrcPort: k.SrcPort, DstPort: k.DstPort,
		}
	}
	return k
}

// counters returns what the packet alone counts for.
func (p pkt) counters(now int64) cache.Counters {
	c := cache.Counters{Packets: 1, L2Octets: uint64(len(p.Frame())), First: now, Last: now}
	switch p.cast {
	case 1:
		c.Multicast = 1
	case 2:
		c.Broadcast = 1
	}
	if n := uint64(p.IPLen()); n != 0 {
		c.Octets, c.SumSq = n, n*n
		c.MinLen, c.MaxLen, c.MinTTL, c.MaxTTL = uint16(n), uint16(n), p.TTL, p.TTL
	}
	if p.Kind == frames.TCP4 || p.Kind == frames.TCP6 {
		c.TCPFlags = uint16(p.Flags)
		for f := range cache.NumFlags {
			c.TCP[f] = uint64(p.Flags >> f & 1)
		}
	}
	c.Total = cache.Total{
		Began: now, Packets: 1, Octets: c.Octets, L2Octets: c.L2Octets, SumSq: c.SumSq,
		Multicast: c.Multicast, Broadcast: c.Broadcast, TCP: c.TCP,
	}
	return c
}

// drop marks what the packet counts for as dropped.
func drop(c *cache.Counters, ip, l2 uint64, reason uint8) {
	c.Dropped++
	c.DroppedOctets += ip
	c.DroppedL2Octets += l2
	c.DropReason = reason
	c.Total.Dropped++
	c.Total.DroppedOctets += ip
	c.Total.DroppedL2Octets += l2
}

// exact stands for the exact-match cache of a loop: whole keys in slots.
type exact struct {
	keys []flow.Key // zero: the slot is empty
}

// slots chooses the slots of a batch's packets as a loop does: known keys have theirs,
// unknown ones sometimes take a slot, and then it is forgotten.
func (x *exact) slots(t *rapid.T, b *frames.Batch, forget func(int32)) []int32 {
	s := make([]int32, packet.MaxBatch)
	for i := range s {
		s[i] = -1
	}
	for i := range b.N {
		for j := range x.keys {
			if x.keys[j] == b.Keys[i] && rapid.IntRange(0, 7).Draw(t, "known") != 0 {
				s[i] = int32(j)
			}
		}
		if s[i] >= 0 || rapid.IntRange(0, 2).Draw(t, "insert") == 0 {
			continue
		}
		j := rapid.IntRange(0, len(x.keys)-1).Draw(t, "slot")
		for k := range x.keys {
			if x.keys[k] == b.Keys[i] {
				j = k // a key has one slot
			}
		}
		if x.keys[j] != b.Keys[i] {
			x.keys[j] = b.Keys[i]
			forget(int32(j))
			for k := range i {
				if s[k] == int32(j) {
					s[k] = -1
				}
			}
		}
		s[i] = int32(j)
	}
	return s
}
