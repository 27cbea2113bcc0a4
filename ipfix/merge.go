package ipfix

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"

	"pollux/ipfix/cache"
)

// merger holds records for a window, so that the parts of one flow that several
// loops recorded become one record, and with a biflow rule the two directions of a
// conversation too. Records leave in the order their first parts came. Its memory
// grows with what is held, up to a bound. It costs about 0.2 µs a record.
type merger struct {
	window int64 // ns
	rule   BiflowRule
	limit  int
	slots  []pending // a power of two
	index  []uint64  // hash:32 slot+1:32, 0 is empty; open addressing, twice as long as slots
	head   uint64    // records that ever left
	tail   uint64    // records that ever came; slot = number modulo len(slots)
	secret [4]uint64 // collectors' friends must not choose what collides
	parts  parts
}

// pending is a record that is held. The members of the reverse direction count if it
// is a biflow.
type pending struct {
	rec  record
	hash uint32
	due  int64
	rkey cache.Key
	rend cache.EndReason
	from *feed // that the record came from; of several the first
	rev  *feed // the same of the other direction
}

// fate is what became of a record that was added.
type fate uint8

const (
	held   fate = iota // it waits by itself
	merged             // it became part of one that waits
)

func newMerger(window int64, limit int, rule BiflowRule) *merger {
	m := &merger{window: window, rule: rule, limit: limit, parts: parts{}}
	for i := range m.secret {
		m.secret[i] = rand.Uint64()
	}
	m.resize(64)
	return m
}

func (m *merger) slot(n uint64) *pending { return &m.slots[n&uint64(len(m.slots)-1)] }

// add takes a record of a feed. The merger must not be full.
func (m *merger) add(r *cache.Record, from *feed, now int64) fate {
	h := m.hash(&r.Key)
	if p := m.find(&r.Key, h); p != nil {
		switch {
		case p.rec.Key == r.Key:
			m.parts.begin(&r.Key, &p.rec.Total, p.rec.End, p.from, now)
		case p.rec.Biflow:
			m.parts.begin(&r.Key, &p.rec.Rev.Total, p.rend, p.rev, now)
		default:
			p.rev = from
		}
		m.parts.note(r, from, now)
		p.join(r)
		return merged
	}
	m.parts.note(r, from, now)
	if m.tail-m.head == uint64(len(m.slots)) {
		m.resize(2 * len(m.slots))
	}
	p := m.slot(m.tail)
	p.rec.Record, p.rec.Biflow, p.hash, p.due, p.from = *r, false, h, now+m.window, from
	m.insert(h, m.tail)
	m.tail++
	return held
}

// find returns the record that r's flow is part of: the same flow's, or with a biflow
// rule one of the other direction that has none yet.
func (m *merger) find(k *cache.Key, h uint32) *pending {
	mask := uint32(len(m.index) - 1)
	var other *pending
	for at := h & mask; m.index[at] != 0; at = (at + 1) & mask {
		v := m.index[at]
		if uint32(v>>32) != h {
			continue
		}
		p := &m.slots[uint32(v)-1]
		if p.rec.Key == *k {
			return p
		}
		if m.rule == BiflowOff {
			continue
		}
		if p.rec.Biflow {
			if p.rkey == *k {
				return p
			}
		} else if other == nil && opposite(&p.rec.Key, k) {
			other = p
		}
	}
	return other
}

// join adds a record to the one that is held. The end of the part that went on longest
// is the flow's.
func (p *pending) join(r *cache.Record) {
	switch {
	case p.rec.Key == r.Key:
		if r.Last >= p.rec.Last {
			p.rec.End = r.End
		}
		p.rec.Counters.Merge(&r.Counters)
	case p.rec.Biflow:
		if r.Last >= p.rec.Rev.Last {
			p.rend = r.End
		}
		p.rec.Rev.Merge(&r.Counters)
	default:
		p.rec.Biflow = true
		p.rec.Rev, p.rkey, p.rend = r.Counters, r.Key, r.End
	}
}

func (m *merger) full() bool { return m.tail-m.head >= uint64(m.limit) }

func (m *merger) empty() bool { return m.tail == m.head }

// due says whether the oldest record's window has passed.
func (m *merger) due(now int64) bool { return !m.empty() && m.slot(m.head).due <= now }

// pop takes out the oldest record, which is valid until the next add.
func (m *merger) pop() *record {
	p := m.slot(m.head)
	m.remove(p.hash, m.head)
	m.head++
	m.parts.settle(&p.rec.Key, &p.rec.Total)
	if p.rec.Biflow {
		m.parts.settle(&p.rkey, &p.rec.Rev.Total)
		p.orient(m.rule)
	}
	return &p.rec
}

func (m *merger) entry(h uint32, n uint64) uint64 {
	return uint64(h)<<32 | (n&uint64(len(m.slots)-1) + 1)
}

func (m *merger) insert(h uint32, n uint64) {
	mask := uint32(len(m.index) - 1)
	at := h & mask
	for m.index[at] != 0 {
		at = (at + 1) & mask
	}
	m.index[at] = m.entry(h, n)
}

// remove takes record n out of the index, and moves up what follows and is not at
// home, so that no search meets a hole too early.
func (m *merger) remove(h uint32, n uint64) {
	mask := uint32(len(m.index) - 1)
	want := m.entry(h, n)
	i := h & mask
	for m.index[i] != want {
		i = (i + 1) & mask
	}
	for j := (i + 1) & mask; m.index[j] != 0; j = (j + 1) & mask {
		home := uint32(m.index[j]>>32) & mask
		if (j-home)&mask >= (j-i)&mask {
			m.index[i] = m.index[j]
			i = j
		}
	}
	m.index[i] = 0
}

// resize makes room for n records, a power of two.
func (m *merger) resize(n int) {
	slots := make([]pending, n)
	for i := m.head; i != m.tail; i++ {
		slots[i&uint64(n-1)] = *m.slot(i)
	}
	m.slots, m.index = slots, make([]uint64, 2*n)
	for i := m.head; i != m.tail; i++ {
		m.insert(m.slot(i).hash, i)
	}
}

func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// side hashes one end of a flow.
func (m *merger) side(addr *[16]byte, mac *[6]byte, port uint16) uint64 {
	a := mix(binary.LittleEndian.Uint64(addr[:])^m.secret[0], binary.LittleEndian.Uint64(addr[8:])^m.secret[1])
	e := uint64(binary.LittleEndian.Uint32(mac[:])) | uint64(binary.LittleEndian.Uint16(mac[4:]))<<32 | uint64(port)<<48
	return a ^ mix(e^m.secret[2], m.secret[3])
}

// hash hashes a key. With a biflow rule it is the same for both directions, and of
// what the other direction may have otherwise nothing goes in.
func (m *merger) hash(k *cache.Key) uint32 {
	src, dst := k.SrcPort, k.DstPort
	icmp := speaksICMP(k)
	if icmp {
		src, dst = 0, 0
	}
	a, b := m.side(&k.Src, &k.EthSrc, src), m.side(&k.Dst, &k.EthDst, dst)
	both := uint64(k.Point.Domain) | uint64(k.VLAN)<<32 | uint64(k.EthType)<<48
	kind := uint64(k.Proto) | uint64(k.Class)<<8 | uint64(k.TOS)<<16 | uint64(k.Point.Dir)<<24
	if icmp {
		t := k.SrcPort
		if reply, ok := icmpReply(k.Class, t); ok {
			t = min(t, reply)
		}
		kind |= uint64(t)<<32 | uint64(k.DstPort)<<48
	}
	if m.rule == BiflowOff {
		// Addresses may be no part of the key: then these tell flows apart.
		both ^= mix(uint64(k.InPort)|uint64(k.Point.Egress)<<32, m.secret[0]^k.Point.Verdict.Cookie)
		kind ^= mix(uint64(k.Label)|uint64(k.Point.ID)<<32, m.secret[1]^k.Tunnel.ID)
		a = bits.RotateLeft64(a, 17)
	}
	h := mix((a+b)^m.secret[2], (a^b)^m.secret[3]) ^ mix(both^m.secret[1], kind^m.secret[0])
	return uint32(h ^ h>>32)
}
