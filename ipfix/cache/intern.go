package cache

import (
	"encoding/binary"

	"pollux/flow"
)

// recent is how many points a cache remembers without hashing them.
const recent = 64

// points are the observation points of the flows held.
type points struct {
	pool   pool[Point]
	recent [recent]uint16 // a guess of the number
}

// guess returns where a point's number may be remembered.
func (p *points) guess(pt *Point) *uint16 {
	return &p.recent[(pt.ID^pt.Egress^uint32(pt.Dir)<<5^uint32(pt.Verdict.Cookie)^uint32(pt.Verdict.Drop)<<3)%recent]
}

// enter is pool.enter.
func (p *points) enter(pt *Point, s *secrets) (n uint32, ok bool) {
	g := p.guess(pt)
	if n := uint32(*g); n < uint32(len(p.pool.items)) {
		if i := &p.pool.items[n]; i.holders != 0 && i.value == *pt {
			i.holders++
			return n, true
		}
	}
	if n, ok = p.pool.enter(pt, pt.hash(s)); ok {
		*g = uint16(n)
	}
	return n, ok
}

func (p *Point) hash(s *secrets) uint32 {
	v := &p.Verdict
	h := mix(uint64(p.Domain)<<32|uint64(p.ID)^s[0], v.Cookie^s[1])
	small := uint64(p.Egress)<<32 | uint64(p.Probability)<<16 | uint64(v.Table)<<8 | uint64(v.Status)
	smaller := uint64(v.Drop)<<8 | uint64(p.Dir)
	if v.Known {
		smaller |= 1 << 16
	}
	h ^= mix(small^s[2], smaller^s[3])
	return uint32(h ^ h>>32)
}

func (t *Tunnel) hash(s *secrets) uint32 {
	be := binary.BigEndian
	h := mix(t.ID^s[0], be.Uint64(t.Src[:])^s[1]) ^ mix(be.Uint64(t.Src[8:])^s[2], be.Uint64(t.Dst[:])^s[3])
	h ^= mix(be.Uint64(t.Dst[8:])^s[4], s[5])
	return uint32(h ^ h>>32)
}

// The words of a key that say of a tunnel what a flow key may have.
const (
	tunV6    = 1<<flow.WTunSrcHi | 1<<flow.WTunSrcLo | 1<<flow.WTunDstHi | 1<<flow.WTunDstLo
	tunWords = 1<<flow.WTunID | 1<<flow.WTunIPv4 | tunV6
)

// tunnelOf returns the outer header that a key tells of, as far as mask looks.
func tunnelOf(k *flow.Key, mask *flow.Mask) (t Tunnel) {
	words := k.Map & mask.Map & tunWords
	if words == 0 {
		return t
	}
	be := binary.BigEndian
	w := func(i flow.Word) uint64 { return k.W[i] & mask.W[i] }
	t.On, t.ID = true, w(flow.WTunID)
	if v4 := w(flow.WTunIPv4); words&tunV6 == 0 || v4 != 0 {
		be.PutUint32(t.Src[:], uint32(v4>>32))
		be.PutUint32(t.Dst[:], uint32(v4))
		return t
	}
	t.IPv6 = true
	be.PutUint64(t.Src[:], w(flow.WTunSrcHi))
	be.PutUint64(t.Src[8:], w(flow.WTunSrcLo))
	be.PutUint64(t.Dst[:], w(flow.WTunDstHi))
	be.PutUint64(t.Dst[8:], w(flow.WTunDstLo))
	return t
}
